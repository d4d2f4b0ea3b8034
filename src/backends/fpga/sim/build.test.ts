import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { MrlError, unwrap } from '../../../support/index.ts';
import { Cache, sharedCache } from '../../cpu/cache/cache.ts';
import { DEFAULT_CONFIG } from '../isa/config.ts';
import { readImage } from '../isa/image.ts';
import type { FpgaProgram } from '../program.ts';
import { rtlFiles } from '../rtl-files.ts';
import { buildSimulator } from './build.ts';
import { examineSimulators } from './examine.ts';
import { Simulator } from './process.ts';
import { RtlProgram } from './rtl-program.ts';
import { smallImage } from './testing/small-image.ts';
import { findTool } from './toolchain.ts';

const has = findTool('verilator').ok;
if (!has) console.warn('The simulator of the FPGA core is not built: there is no verilator (apt-get install verilator).');
const simulated = has ? test : test.skip;

const folder = mkdtempSync(join(tmpdir(), 'cortexc-fpga-sim-test-'));
const cache = new Cache({ folder: join(folder, 'cache') });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Codes of what is thrown. */
const thrown = (work: () => unknown): readonly string[] => {
  try {
    work();
    return [];
  } catch (error) {
    if (error instanceof MrlError) return error.diagnostics.map((d) => `${d.code} ${d.message}`);
    throw error;
  }
};

const script = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
};

test('without verilator the packages are named', () => {
  const built = buildSimulator(DEFAULT_CONFIG, { cache, env: { PATH: '/nowhere' } });
  expect(built).toMatchObject({
    ok: false,
    diagnostics: [{ code: 'FPG0030', notes: [expect.stringContaining('apt-get install verilator g++ make')] }],
  });
  expect(findTool('verilator', { VERILATOR: '/nowhere/verilator' })).toMatchObject({ ok: false, diagnostics: [{ code: 'FPG0030' }] });
  expect(examineSimulators({ PATH: '/nowhere' })).toMatchObject([
    { name: 'verilator', value: 'none: verilator is not on PATH', problem: { code: 'FPG0030', severity: 'warning' } },
    { name: 'iverilog', value: 'none: iverilog is not on PATH', problem: { code: 'FPG0030', severity: 'warning' } },
  ]);
});

simulated('what verilator says of wrong Verilog is told, and nothing is kept', () => {
  const rtl = rtlFiles().map((f) => (f.name === 'cx_crc.v' ? { ...f, text: f.text.replace('endmodule', 'endmodul') } : f));
  for (let i = 0; i < 2; i++) {
    const built = buildSimulator(DEFAULT_CONFIG, { cache, rtl });
    expect(built).toMatchObject({
      ok: false,
      diagnostics: [{ code: 'FPG0031', message: expect.stringMatching(/verilator ends with status \d+\n%Error.*cx_crc/) }],
    });
  }
  expect(cache.takeWarnings()).toEqual([]);
});

test('a simulator that does not start, and one that ends', () => {
  expect(thrown(() => new Simulator(join(folder, 'missing')).ask('OPEN'))[0]).toMatch(/^FPG0032 the simulation of the core is over: /);
  const dying = new Simulator(script('dying', 'echo out of order >&2'));
  expect(thrown(() => dying.ask('OPEN', 0, [4096]))).toEqual([expect.stringMatching(/^FPG0032 (.|\n)*out of order$/)]);
  expect(dying.isClosed).toBe(true);
  expect(thrown(() => dying.ask('OPEN'))).toEqual(['FPG0032 the simulation of the core is over: it was closed']);
});

simulated('a run without an end is ended at its time limit, and an error of the core is told', () => {
  const simulator = new Simulator(unwrap(buildSimulator(DEFAULT_CONFIG, { cache: sharedCache() })));
  const programOf = (lines: readonly string[]): FpgaProgram => {
    const bytes = smallImage(lines);
    const header = unwrap(readImage(bytes));
    return {
      name: 'p',
      header,
      parts: [{ address: 0, bytes }],
      instructionBytes: 64,
      inputs: [],
      outputs: [],
      steps: [],
      labels: new Map(),
    };
  };
  const endless = new RtlProgram(simulator, programOf(['mark 4', 'jmp 1']), { timeoutMs: 1 });
  expect(thrown(() => endless.run([]))).toEqual([expect.stringMatching(/^FPG0033 the core is at step 4 after \d+ cycles/)]);
  endless.close();
  const trapping = new RtlProgram(simulator, programOf(['trap 77']));
  expect(thrown(() => trapping.run([]))).toEqual([
    'FPG0034 the core ended the run with PROGRAM_TRAP: ERROR_INFO is 0x4d, the pc 0x48, the step 0',
  ]);
  trapping.close();
  expect(thrown(() => trapping.core.read('STATUS'))).toEqual([expect.stringMatching(/^FPG0032 .*there is no instance/)]);
  expect(thrown(() => endless.core.readMemory(0, 1))).toHaveLength(1);
  expect(simulator.isClosed).toBe(false);
  simulator.close();
});
