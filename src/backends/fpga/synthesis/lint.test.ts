import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { findProgram } from '../../programs.ts';
import type { SourceFile } from '../../source-folder.ts';
import { rtlFiles } from '../rtl-files.ts';
import { withFiles } from './yosys.ts';

// Three tools have nothing to say about the Verilog of the core: without the array, with the usual one, and with one of another size.

const FILES = rtlFiles();

type Parameters = Readonly<Record<string, number>>;
const NONE: Parameters = { ARRAY: 0 };
const USUAL: Parameters = { ARRAY: 1 };
const OTHER: Parameters = { ARRAY: 1, GROUPS: 4, INPUTS: 8, PACK: 1, ACC: 24 };

/** Each parameter as an argument. */
const each = (parameters: Parameters, form: (name: string, value: number) => string): readonly string[] =>
  Object.entries(parameters).map(([name, value]) => form(name, value));

/** Commands by tool, given parameters of cx_core and the Verilog files. */
const TOOLS: Readonly<Record<string, (parameters: Parameters, files: readonly string[]) => readonly string[]>> = {
  verilator: (parameters, files) => [
    '--lint-only',
    '-Wall',
    '-I.',
    '--top-module',
    'cx_core',
    ...each(parameters, (name, value) => `-G${name}=${value}`),
    ...files,
  ],
  iverilog: (parameters, files) => [
    '-g2005',
    '-Wall',
    '-I.',
    '-s',
    'cx_core',
    '-o',
    '/dev/null',
    ...each(parameters, (name, value) => `-Pcx_core.${name}=${value}`),
    ...files,
  ],
  yosys: (parameters, files) => [
    '-q',
    '-p',
    `read_verilog -I. ${files.join(' ')}; chparam ${each(parameters, (name, value) => `-set ${name} ${value}`).join(' ')} cx_core; hierarchy -check -top cx_core; proc; check -assert`,
  ],
};

/** What a tool says. */
const said = (tool: string, parameters: Parameters, files: readonly SourceFile[]): string =>
  withFiles(files, (folder) => {
    const names = files.map((f) => f.name).filter((name) => name.endsWith('.v'));
    const { status, stdout, stderr } = spawnSync(tool, TOOLS[tool]?.(parameters, names) ?? [], { cwd: folder, encoding: 'utf8' });
    return `${stdout}${stderr}${status === 0 ? '' : `exit status ${status ?? 'none'}`}`.trim();
  });

for (const tool of Object.keys(TOOLS)) {
  const there = findProgram(tool, process.env) !== undefined;
  if (!there) console.warn(`The Verilog of the FPGA core is not looked at by ${tool} (Debian: apt-get install ${tool}).`);
  (there ? describe : describe.skip)(tool, () => {
    // yosys takes long
    test.each(tool === 'yosys' ? [USUAL] : [NONE, USUAL, OTHER])(
      'has nothing to say, %j',
      (parameters) => {
        expect(said(tool, parameters, FILES)).toBe('');
      },
      60_000,
    );

    test('has something to say about a signal that nobody drives', () => {
      const broken = FILES.map((f) =>
        f.name === 'cx_crc.v' ? { name: f.name, text: f.text.replace('endmodule', 'wire stray;\nwire other = stry;\nendmodule') } : f,
      );
      expect(said(tool, NONE, broken)).not.toBe('');
    }, 60_000);
  });
}
