import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findTool, fpgaSimBackend, rtlFiles } from '../../src/backends/fpga/index.ts';
import { readVectors, runCases, selectCases } from '../../src/conformance/index.ts';
import { OP_NAMES } from '../../src/ir/index.ts';
import { unwrap } from '../../src/support/index.ts';
import { ROOT } from '../data.ts';
import type { Bench } from '../rows.ts';
import { NNGEN_LINES, NNGEN_WARNINGS } from './published.ts';

/** Cases of all, about so many. */
const CASES = 1000;
const QUICK_CASES = 150;

/** Conformance cases on fpga-sim. */
export const conformanceRows = async (bench: Bench): Promise<void> => {
  const set = unwrap(readVectors());
  const { cases, available } = selectCases(set, OP_NAMES, bench.quick ? QUICK_CASES : CASES);
  const results = await runCases(fpgaSimBackend, cases, { digests: set.digests });
  const count = (status: string): number => results.filter((r) => r.outcome.status === status).length;
  const [passed, refused] = [count('passed'), count('refused')];
  const claimed = results.length - refused;
  bench.row({
    name: 'conformance cases equal on fpga-sim',
    value: passed,
    unit: 'cases',
    goal: `= ${claimed}`,
    met: passed === claimed,
    peer: `${cases.length} of ${available} cases, ${refused} in float32 are refused; all of them: npm run fpga-conformance`,
  });
};

/** The goal of a core for all models. */
const MOST_LINES = 3000;

const WAYS = {
  verilator: ['--lint-only', '-Wall', '-I.', '--top-module', 'cx_core'],
  iverilog: ['-g2005', '-Wall', '-I.', '-s', 'cx_core', '-o', 'out.vvp'],
} as const;

/** Warnings about the Verilog of the core. */
export const lintRows = (bench: Bench): void => {
  const folder = mkdtempSync(join(tmpdir(), 'cortexc-lint-'));
  try {
    const files = rtlFiles();
    for (const { name, text } of files) writeFileSync(join(folder, name), text);
    const verilog = files.flatMap(({ name }) => (name.endsWith('.v') ? [name] : []));
    const lines = files.reduce((n, f) => n + f.text.split('\n').length - 1, 0);
    bench.row({
      name: 'lines of Verilog, the same for all models',
      value: lines,
      unit: 'lines',
      goal: `< ${MOST_LINES}`,
      met: lines < MOST_LINES,
      peer: `NNgen's own example, one small network: ${NNGEN_LINES}; ours has a processor for all other ops`,
    });
    for (const [name, flags] of Object.entries(WAYS)) {
      const tool = findTool(name as keyof typeof WAYS);
      if (!tool.ok) {
        bench.row({ name: `lint: warnings of ${name} -Wall`, unit: '', skipped: tool.diagnostics[0]?.message ?? 'missing' });
        continue;
      }
      const { stdout, stderr, status } = spawnSync(tool.value.path, [...flags, ...verilog], { cwd: folder, encoding: 'utf8' });
      const warnings = `${stdout}${stderr}`.split('\n').filter((line) => /warning|error/i.test(line)).length;
      bench.row({
        name: `lint: warnings of ${name} -Wall`,
        value: warnings,
        unit: '',
        goal: '= 0',
        met: warnings === 0 && status === 0,
        peer: `NNgen's own example has ${NNGEN_WARNINGS} of verilator`,
      });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Runs a script of conformance in a process of its own; undefined where it is not in this checkout. */
const script = (
  path: string,
  words: readonly string[],
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } | undefined => {
  const main = join(ROOT, 'dist', 'conformance', path);
  if (!existsSync(main)) return undefined;
  return spawnSync(process.execPath, [main, ...words], { encoding: 'utf8', maxBuffer: 2 ** 28 });
};

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';

interface SynthesisRow {
  readonly family: string;
  readonly part: string;
  readonly luts: number;
  readonly alms?: number;
  readonly registers: number;
  readonly dsps: number;
  readonly memories: number;
}

/** Resources by yosys, kept by the digest of the Verilog. */
export const synthesisRows = (bench: Bench): void => {
  const name = 'synthesis by yosys';
  if (bench.quick) {
    bench.row({ name, unit: '', skipped: 'takes minutes the first time: left out by --quick' });
    return;
  }
  const ran = script('fpga/synth.js', ['--json']);
  if (ran?.status !== 0) {
    bench.row({ name, unit: '', skipped: ran === undefined ? 'conformance/fpga is not built' : lastLine(ran.stderr) });
    return;
  }
  const { rows } = JSON.parse(ran.stdout) as { readonly rows: readonly SynthesisRow[] };
  for (const { family, part, luts, alms, registers, dsps, memories } of rows)
    bench.row({
      name: `synthesis for ${family}: ${part}`,
      value: luts,
      unit: alms === undefined ? 'LUT' : 'ALUT',
      peer: `${registers} registers, ${dsps} DSP blocks, ${memories} memory blocks${alms === undefined ? '' : `, about ${alms} ALM`}; before placing and routing`,
    });
  for (const family of new Set(rows.map((r) => r.family))) {
    const dsps = (part: string): number => rows.find((r) => r.family === family && r.part === part)?.dsps ?? Number.NaN;
    const ratio = dsps('plain8') / dsps('packed6');
    if (Number.isFinite(ratio))
      bench.row({
        name: `synthesis for ${family}: MAC a DSP block, INT6 packed against INT8`,
        value: ratio,
        unit: 'x',
        ...(family === 'cyclonev'
          ? { peer: 'its blocks of 9 x 9 bits hold three products as they are' }
          : { goal: '>= 1.5', met: ratio >= 1.5 }),
      });
  }
};

interface MutationReport {
  readonly mutations: readonly { readonly name: string }[];
  readonly survivors: readonly string[];
}

/** Bugs planted in the Verilog. */
export const mutationRows = (bench: Bench): void => {
  const name = 'planted bugs of the Verilog caught';
  if (bench.quick) {
    bench.row({ name, unit: '', skipped: 'takes many minutes: left out by --quick (npm run fpga-mutations)' });
    return;
  }
  const ran = script('fpga-mutations/run.js', ['--json']);
  if (ran === undefined || (ran.status !== 0 && ran.status !== 1)) {
    bench.row({ name, unit: '', skipped: ran === undefined ? 'conformance/fpga-mutations is not built' : lastLine(ran.stderr) });
    return;
  }
  const report = JSON.parse(ran.stdout) as MutationReport;
  bench.row({
    name,
    value: report.mutations.length - report.survivors.length,
    unit: 'bugs',
    goal: `= ${report.mutations.length}`,
    met: report.survivors.length === 0,
    ...(report.survivors.length === 0 ? {} : { peer: `not caught: ${report.survivors.join(', ')}` }),
  });
};

/** ResNet-8 on the netlist of the core. @param path - its package */
export const gatesRows = (bench: Bench, path: string | undefined): void => {
  const name = 'ResNet-8 on the synthesised netlist (Cyclone V)';
  if (bench.quick || path === undefined) {
    bench.row({
      name,
      unit: '',
      skipped: bench.quick ? 'takes minutes: left out by --quick (npm run fpga-gates)' : 'its model is not on this machine',
    });
    return;
  }
  const ran = script('fpga/gates.js', [path]);
  if (ran === undefined || ran.status === 2) {
    bench.row({ name, unit: '', skipped: ran === undefined ? 'conformance/fpga is not built' : lastLine(ran.stderr) });
    return;
  }
  bench.row({
    name,
    value: ran.status === 0 ? 'equal' : 'wrong',
    unit: '',
    goal: 'equal',
    met: ran.status === 0,
    peer: lastLine(ran.status === 0 ? ran.stdout : ran.stderr),
  });
};
