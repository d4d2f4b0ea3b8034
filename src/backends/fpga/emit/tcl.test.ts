import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { EmittedFile } from '../../backend.ts';
import { findProgram } from '../../programs.ts';
import { type Device, DEVICES, FAMILIES } from '../devices/index.ts';
import type { Design } from './design.ts';
import { quartusFiles } from './quartus.ts';
import { vivadoFiles } from './vivado.ts';

// Scripts for Vivado and Quartus, run by tclsh with stubs: an unknown command, an option that the tool does not have or a missing file
// ends them. The tools themselves never ran.

const tclsh = findProgram('tclsh', process.env);
if (tclsh === undefined) console.warn('Tcl scripts for FPGA tools are not tested: there is no tclsh (Debian: apt-get install tcl).');
const stubs = fileURLToPath(new URL('./testing/vendor-stubs.tcl', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'cortexc-fpga-tcl-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const design = (device: Device): Design => ({
  name: 'model',
  top: 'cx_top',
  device,
  clockMhz: 100,
  sources: ['rtl/cx_top.v', 'rtl/cx_core.v'],
  headers: ['rtl/cx_isa.vh'],
});

const write = (root: string, files: readonly EmittedFile[]): void => {
  for (const { name, content } of files) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
};

interface Ran {
  readonly calls: readonly string[];
  readonly error: string;
}

const run = (root: string, script: string): Ran => {
  const { status, stdout, stderr } = spawnSync(tclsh ?? '', [stubs, join(root, script)], { encoding: 'utf8' });
  return { calls: stdout.trimEnd().split('\n'), error: status === 0 ? '' : stderr.trim() };
};

/** A folder with the scripts of a device and the files that they name. */
const prepared = (device: Device, change = (text: string): string => text): string => {
  const root = mkdtempSync(join(folder, 'design-'));
  const own = design(device);
  const scripts = FAMILIES[device.family].vendor === 'amd' ? vivadoFiles(own) : quartusFiles(own);
  write(root, [
    ...[...own.sources, ...own.headers].map((name): EmittedFile => ({ name, content: '' })),
    ...scripts.map(({ name, content }): EmittedFile => ({ name, content: change(content as string) })),
  ]);
  return root;
};

const SCRIPTS = {
  amd: ['vivado/project.tcl', 'vivado/ooc.tcl', 'vivado/package.tcl', 'vivado/cx_top.xdc'],
  altera: ['quartus/project.tcl', 'quartus/model.qsf', 'quartus/cx_top.sdc', 'quartus/cx_top_hw.tcl'],
} as const;

(tclsh === undefined ? describe.skip : describe)('scripts for tools of makers', () => {
  test.each(DEVICES.map((d) => [d.name, d] as const))('%s: every command and file is there, and the part is named', (_, device) => {
    const root = prepared(device);
    const ran = SCRIPTS[FAMILIES[device.family].vendor].map((script) => run(root, script));
    expect(ran.map((r) => r.error)).toEqual(['', '', '', '']);
    const calls = ran.flatMap((r) => r.calls);
    expect(calls.some((c) => c.includes(device.part))).toBe(true);
    expect(calls.filter((c) => c.startsWith('create_clock')).every((c) => c.includes('-period 10.000'))).toBe(true);
    expect(calls.some((c) => c.startsWith('create_clock'))).toBe(true);
  });

  test.each([
    ['place_design', 'place_desing', 'vivado/ooc.tcl', 'unknown command place_desing'],
    ['-include_dirs', '-include_folders', 'vivado/ooc.tcl', 'synth_design has no option -include_folders'],
    ['rtl/cx_core.v', 'rtl/cx_cores.v', 'vivado/project.tcl', 'cx_cores.v is missing'],
    ['cx_top.xdc', 'cx_topp.xdc', 'vivado/project.tcl', 'there is no file'],
  ])('a script with %s as %s is refused', (from, to, script, error) => {
    const xc7 = DEVICES.find((d) => d.name === 'xc7z020');
    const root = prepared(xc7 as Device, (text) => text.replaceAll(from, to));
    expect(run(root, script).error).toContain(error);
  });

  test.each([
    ['execute_flow -compile', 'execute_flow -all', 'quartus/project.tcl', 'execute_flow has no option -all'],
    ['../rtl/cx_core.v', '../rtl/cx_cores.v', 'quartus/model.qsf', 'there is no file ../rtl/cx_cores.v'],
  ])('a script with %s as %s is refused', (from, to, script, error) => {
    const cyclone = DEVICES.find((d) => d.family === 'cyclonev');
    const root = prepared(cyclone as Device, (text) => text.replaceAll(from, to));
    expect(run(root, script).error).toContain(error);
  });
});
