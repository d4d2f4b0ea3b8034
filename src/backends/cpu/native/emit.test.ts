import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { Philox, type Program, ProgramBuilder, randomTensor, type StaticType } from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import { emitProgram } from './emit.ts';
import { findCompiler } from './toolchain.ts';

const folder = mkdtempSync(join(tmpdir(), 'cortexc-emit-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const INPUT: StaticType = { dtype: 'i8', shape: [1, 16, 9, 11] };

/** A conv that goes through Winograd, one that does not, and an op of the SIMD machine. */
const smallNet = (): Program => {
  const random = new Philox(11);
  const b = new ProgramBuilder('small net');
  const x = b.input('in', INPUT);
  const conv = (from: typeof x, channels: readonly [number, number], kernel: number, pad: number): typeof x => {
    const w = b.param(`w${kernel}`, randomTensor({ dtype: 'i8', shape: [channels[1], channels[0], kernel, kernel] }, random));
    const attrs = { stride: [1, 1], dilation: [1, 1], pads: [pad, pad, pad, pad] };
    return b.emit('conv', [from, w], attrs);
  };
  const wide = conv(x, [16, 12], 3, 1);
  const factors = [
    b.param('m', { dtype: 'i32', shape: [1], data: Int32Array.of(20000) }),
    b.param('s', { dtype: 'i32', shape: [1], data: Int32Array.of(25) }),
  ];
  const bytes = b.emit('rescale', [wide, ...factors], { dtype: 'i8', input_zero: 0, output_zero: 3, lo: -128, hi: 127 });
  b.output('sums', conv(bytes, [12, 5], 2, 0));
  b.output('largest', b.emit('reduce_max', [wide], { axes: [1] }));
  return b.finish();
};

const compiler = findCompiler();
const make = spawnSync('make', ['--version']).status === 0;

(compiler.ok && make ? test : test.skip)(
  'an emitted folder builds, gives the reference bytes with every instruction set, and tells a wrong byte',
  () => {
    const program = smallNet();
    const vectors = [1, 2].map((seed) => [randomTensor(INPUT, new Philox(seed))]);
    for (const { name, content } of unwrap(emitProgram(program, vectors))) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    const check = (): { readonly code: number | null; readonly text: string } => {
      const ran = spawnSync('make', ['-j2', 'check', 'CFLAGS=-O0'], { cwd: folder, encoding: 'utf8' });
      return { code: ran.status, text: ran.stdout + ran.stderr };
    };
    const first = check();
    expect(first.text).toContain('2 of 2 vectors give the expected bytes (portable, ');
    expect(first.code).toBe(0);
    const path = join(folder, 'vectors/v1/output0.npy');
    const bytes = readFileSync(path);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    writeFileSync(path, bytes);
    const second = check();
    expect(second.text).toContain('mismatch: vector v1, output sums');
    expect(second.code).not.toBe(0);
  },
  120_000,
);

/** Words that make would run, with a compiler that only tells what it makes code for. */
const commandsFor = (machine: string): string => {
  const place = mkdtempSync(join(folder, 'machine-'));
  for (const { name, content } of unwrap(emitProgram(smallNet(), []))) {
    mkdirSync(dirname(join(place, name)), { recursive: true });
    writeFileSync(join(place, name), content);
  }
  const answer = machine === '' ? 'exit 1' : `echo ${machine}`;
  writeFileSync(join(place, 'fake-cc'), `#!/bin/sh\ncase "$*" in *-dumpmachine*) ${answer} ;; esac\n`, { mode: 0o755 });
  const ran = spawnSync('make', ['-n', 'run', 'CC=./fake-cc'], { cwd: place, encoding: 'utf8' });
  expect(ran.stderr).toBe('');
  return ran.stdout;
};

(make ? test : test.skip).each([
  ['aarch64-linux-gnu', ['PORTABLE', 'NEON', 'NEONDOT']],
  ['arm64-apple-darwin23.1.0', ['PORTABLE', 'NEON', 'NEONDOT']],
  ['x86_64-w64-mingw32', ['PORTABLE', 'SSE41', 'AVX2', 'AVXVNNI', 'AVX512VNNI']],
  ['riscv64-linux-gnu', ['PORTABLE']],
])('a compiler for %s builds the levels of that processor', (machine, levels) => {
  const built = new Set([...commandsFor(machine).matchAll(/-DCX_ISA_(\w+)/g)].map((m) => m[1]));
  expect(built).toEqual(new Set(levels));
});

(make ? test : test.skip)('a compiler that does not tell what it makes code for: this machine', () => {
  const levels: Readonly<Record<string, string>> = { x64: 'AVX2', arm64: 'NEON' };
  expect(commandsFor('')).toContain(`-DCX_ISA_${levels[process.arch] ?? 'PORTABLE'} `);
});
