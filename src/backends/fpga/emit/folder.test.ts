import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { inputsOf } from '../../../../tests/support/emitted-folder.ts';
import { type Program, ProgramBuilder, runProgram } from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import type { EmittedFile } from '../../backend.ts';
import { findProgram } from '../../programs.ts';
import { chooseCore } from '../devices/index.ts';
import { compileForFpga } from '../lower.ts';
import { folderFiles } from './folder.ts';

// An emitted folder checks itself: with verilator alone, driven by the driver in C, and in iverilog.

const folder = mkdtempSync(join(tmpdir(), 'cortexc-fpga-emit-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A matrix product and a transpose: two inputs, two outputs, a size that is no multiple of a beat. */
const small = (): Program => {
  const b = new ProgramBuilder('small model');
  const x = b.input('x', { dtype: 'i8', shape: [3, 5] });
  const y = b.input('y', { dtype: 'i8', shape: [5, 3] });
  b.output('product', b.emit('matmul', [x, y], {}));
  b.output('turned', b.emit('transpose', [x], { perm: [1, 0] }));
  return b.finish();
};

const filesOf = (program: Program, device: string): readonly EmittedFile[] => {
  const vectors = [1, 2].map((seed) => {
    const inputs = inputsOf(program, seed);
    return { inputs, outputs: runProgram(program, inputs) };
  });
  return folderFiles({ program: unwrap(compileForFpga(program)), chosen: unwrap(chooseCore(device, { array: false })), vectors });
};

const write = (name: string, files: readonly EmittedFile[]): string => {
  const root = join(folder, name);
  for (const f of files) {
    mkdirSync(dirname(join(root, f.name)), { recursive: true });
    writeFileSync(join(root, f.name), f.content);
  }
  return root;
};

const tools = ['make', 'g++', 'verilator'].every((tool) => findProgram(tool, process.env) !== undefined);
if (!tools)
  console.warn('Emitted FPGA folders are not simulated: make, g++ and verilator are needed (Debian: apt-get install make g++ verilator).');

test('folders for both makers have what their README names', () => {
  for (const [device, scripts] of [
    ['xc7z020', 'vivado/ooc.tcl'],
    ['cyclone-v', 'quartus/project.tcl'],
  ] as const) {
    const names = filesOf(small(), device).map((f) => f.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining([
        'README.md',
        'Makefile',
        'registers.md',
        'rtl/cx_top.v',
        'image/image.bin',
        'image/image.hex',
        'driver/cxf.c',
        'digests.txt',
        'report.html',
        scripts,
      ]),
    );
  }
});

(tools ? describe : describe.skip)('make in an emitted folder', () => {
  const root = write('small', filesOf(small(), 'xc7z020'));
  const make = (...args: string[]): string => execFileSync('make', ['-s', ...args], { cwd: root, encoding: 'utf8', stdio: 'pipe' });

  test('sim: every byte of every vector, through the driver in C', () => {
    const said = make('sim');
    expect(said).toContain('small model: 2 vectors, 102 bytes compared, 0 outputs wrong');
    make('driver');
    // a byte that is wrong is found
    const path = join(root, 'vectors/v1/output0.bin');
    const bytes = readFileSync(path);
    bytes[7] = (bytes[7] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const again = spawnSync('make', ['-s', 'sim'], { cwd: root, encoding: 'utf8' });
    expect(again.status).not.toBe(0);
    expect(again.stdout).toContain('vector 1, output product: byte 7 differs');
  }, 120_000);

  (findProgram('iverilog', process.env) === undefined ? test.skip : test)(
    'sim-iverilog: the first vector',
    () => {
      expect(make('sim-iverilog')).toContain('vectors/v0/output0.bin: 36 bytes compared, 0 wrong');
    },
    120_000,
  );
});
