import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { findProgram } from '../../programs.ts';
import type { SourceFile } from '../../source-folder.ts';
import { rtlFiles } from '../rtl-files.ts';
import { withFiles } from './yosys.ts';

// Three tools have nothing to say about the Verilog of the core, with the array and without.

const FILES = rtlFiles();

/** Commands by tool, given the value of parameter ARRAY and the Verilog files. */
const TOOLS: Readonly<Record<string, (array: number, files: readonly string[]) => readonly string[]>> = {
  verilator: (array, files) => ['--lint-only', '-Wall', '-I.', '--top-module', 'cx_core', `-GARRAY=${array}`, ...files],
  iverilog: (array, files) => ['-g2005', '-Wall', '-I.', '-s', 'cx_core', `-Pcx_core.ARRAY=${array}`, '-o', '/dev/null', ...files],
  yosys: (array, files) => [
    '-q',
    '-p',
    `read_verilog -I. ${files.join(' ')}; chparam -set ARRAY ${array} cx_core; hierarchy -check -top cx_core; proc; check -assert`,
  ],
};

/** What a tool says. */
const said = (tool: string, array: number, files: readonly SourceFile[]): string =>
  withFiles(files, (folder) => {
    const names = files.map((f) => f.name).filter((name) => name.endsWith('.v'));
    const { status, stdout, stderr } = spawnSync(tool, TOOLS[tool]?.(array, names) ?? [], { cwd: folder, encoding: 'utf8' });
    return `${stdout}${stderr}${status === 0 ? '' : `exit status ${status ?? 'none'}`}`.trim();
  });

for (const tool of Object.keys(TOOLS)) {
  const there = findProgram(tool, process.env) !== undefined;
  if (!there) console.warn(`The Verilog of the FPGA core is not looked at by ${tool} (Debian: apt-get install ${tool}).`);
  (there ? describe : describe.skip)(tool, () => {
    // yosys takes long
    test.each(tool === 'yosys' ? [1] : [0, 1])(
      'has nothing to say, ARRAY = %i',
      (array) => {
        expect(said(tool, array, FILES)).toBe('');
      },
      60_000,
    );

    test('has something to say about a signal that nobody drives', () => {
      const broken = FILES.map((f) =>
        f.name === 'cx_crc.v' ? { name: f.name, text: f.text.replace('endmodule', 'wire stray;\nwire other = stry;\nendmodule') } : f,
      );
      expect(said(tool, 0, broken)).not.toBe('');
    }, 60_000);
  });
}
