import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { Philox, type Program, ProgramBuilder, randomTensor, type StaticType, type ValueId } from '../../../ir/index.ts';
import { at, unwrap } from '../../../support/index.ts';
import { findCxx } from '../shim/index.ts';
import type { Platform } from '../driver/functions.ts';
import { emitHip, emitProgram } from './emit.ts';
import { BUILDS } from './makefile.ts';
import { cudaSource } from './source.ts';

const place = mkdtempSync(join(tmpdir(), 'cortexc-emit-gpu-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const INPUT: StaticType = { dtype: 'i8', shape: [1, 16, 9, 11] };

/** A conv over the templates with its rescale, an op of the SIMD machine, floats. */
const smallNet = (): Program => {
  const random = new Philox(11);
  const b = new ProgramBuilder('small net');
  const x = b.input('in', INPUT);
  const w = b.param('w', randomTensor({ dtype: 'i8', shape: [12, 16, 3, 3] }, random));
  const sums = b.emit('conv', [x, w], { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] });
  const factors = [
    b.param('m', { dtype: 'i32', shape: [1], data: Int32Array.of(20000) }),
    b.param('s', { dtype: 'i32', shape: [1], data: Int32Array.of(25) }),
  ];
  b.output('bytes', b.emit('rescale', [sums, ...factors], { dtype: 'i8', input_zero: 0, output_zero: 3, lo: -128, hi: 127 }));
  const scores = b.input('scores', { dtype: 'f32', shape: [3, 7] });
  b.output('probabilities', b.emit('softmax', [scores], { axis: 1 }));
  b.output('largest', b.emit('argmax', [scores], { axis: 1 }));
  return b.finish();
};

const LARGE: StaticType = { dtype: 'i8', shape: [1, 128, 48, 48] };

/** A layer that tensor cores of Hopper do better by wgmma, and one that is better by mma there, too. */
const hopperNet = (): Program => {
  const random = new Philox(7);
  const b = new ProgramBuilder('hopper');
  const x = b.input('in', LARGE);
  const conv = (value: ValueId, name: string, from: number, to: number, kernel: number): ValueId => {
    const w = b.param(name, randomTensor({ dtype: 'i8', shape: [to, from, kernel, kernel] }, random));
    const pad = (kernel - 1) / 2;
    const sums = b.emit('conv', [value, w], { stride: [1, 1], dilation: [1, 1], pads: [pad, pad, pad, pad] });
    const factors = [
      b.param(`${name}m`, { dtype: 'i32', shape: [1], data: Int32Array.of(20000) }),
      b.param(`${name}s`, { dtype: 'i32', shape: [1], data: Int32Array.of(28) }),
    ];
    return b.emit('rescale', [sums, ...factors], { dtype: 'i8', input_zero: 0, output_zero: 0, lo: -128, hi: 127 });
  };
  b.output('out', conv(conv(x, 'a', 128, 256, 3), 'b', 256, 16, 1));
  return b.finish();
};

const make = spawnSync('make', ['--version']).status === 0;
const canBuild = findCxx().ok && make && process.platform === 'linux';

interface Ran {
  readonly status: number | null;
  readonly text: string;
}

const MISSING = { cuda: 'error: no driver of CUDA', hip: 'error: no driver of HIP' } as const;
const DEVICES = {
  cuda: 'device Fake device: compute capability 9.0, 8192 MiB, CUDA 13.0',
  hip: 'device Fake AMD device: gfx90a:sramecc+:xnack-, 8192 MiB, HIP 6.2',
} as const;

(canBuild ? test : test.skip).each(['cuda', 'hip'] satisfies readonly Platform[])(
  'an emitted folder for %s builds for the CPU and checks its vectors; other bytes and a missing driver are told',
  (platform) => {
    const folder = join(place, platform);
    const run = (command: string, ...args: readonly string[]): Ran => {
      const ran = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
      return { status: ran.status, text: `${ran.stdout}${ran.stderr}` };
    };
    const random = new Philox(2);
    const vectors = [0, 1].map(() => [randomTensor(INPUT, random), randomTensor({ dtype: 'f32', shape: [3, 7] }, random)]);
    const files = unwrap((platform === 'cuda' ? emitProgram : emitHip)(smallNet(), vectors));
    for (const { name, content } of files) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    expect(files.map((f) => f.name)).toEqual(
      expect.arrayContaining(['README.md', 'Makefile', `program${BUILDS[platform].source}`, 'tables.c', 'parameters.bin']),
    );
    const checked = run('make', '-s', 'shim', 'SHIM_FLAGS=-O1', 'CFLAGS=-O1');
    expect(checked.text).toContain('2 of 2 vectors give the expected bytes');
    expect(checked.status).toBe(0);

    const listed = run('sh', '-c', 'cd build && ../run --driver ./libfake.so --suffix so --params ../parameters.bin --list');
    expect(listed.text).toContain(DEVICES[platform]);

    const shim = '../run --driver ./libfake.so --suffix so --params ../parameters.bin --vectors ../vectors --check';
    // the last kernel of the first run; a device that hangs says nothing by itself
    const hanging = run('sh', '-c', `cd build && CXG_FAKE_HANG_AT=3 ${shim} --time-limit 1`);
    expect([hanging.status, hanging.text]).toEqual([4, expect.stringContaining('error: the device takes longer than 1 s')]);

    const path = join(folder, 'vectors', 'v1', 'output0.npy');
    const wrong = readFileSync(path);
    wrong[wrong.length - 1] = (wrong[wrong.length - 1] ?? 0) ^ 1;
    writeFileSync(path, wrong);
    const differing = run('make', '-s', 'shim', 'SHIM_FLAGS=-O1', 'CFLAGS=-O1');
    expect(differing.text).toContain('mismatch: vector v1, output 0 (bytes): 1 of 1188 bytes differ; byte 1187 is');
    expect(differing.text).toContain('1 of 2 vectors');
    expect(differing.status).not.toBe(0);

    const alone = run('./run', '--driver', './no-such-driver.so', '--check');
    expect([alone.status, alone.text]).toEqual([4, expect.stringContaining(MISSING[platform])]);
    expect(run('./run', '--repeat', 'x').status).toBe(2);
  },
  5 * 60_000,
);

(canBuild ? test : test.skip)(
  'a folder for CUDA has kernels by wgmma for GPUs of capability 9.0, and others for all: the same bytes',
  () => {
    const written = unwrap(cudaSource(hopperNet(), { kernels: { engine: 'mma', hopper: true } }));
    const launches = written.steps.map(({ launches }) => at(launches, launches.length - 1));
    expect(launches.map(({ hopper }) => hopper !== undefined)).toEqual([true, false]);
    const folder = join(place, 'hopper');
    const inputs = [randomTensor(LARGE, new Philox(4))];
    for (const { name, content } of unwrap(emitProgram(hopperNet(), [inputs]))) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    const check = (capability: number): readonly [number | null, string] => {
      const env = { ...process.env, CXG_FAKE_CAPABILITY: String(capability) };
      const ran = spawnSync('make', ['-s', 'shim', 'SHIM_FLAGS=-O2', 'CFLAGS=-O1'], { cwd: folder, encoding: 'utf8', env });
      return [ran.status, `${ran.stdout}${ran.stderr}`];
    };
    for (const capability of [80, 90]) expect(check(capability)).toEqual([0, expect.stringContaining('1 of 1 vectors')]);
    // which of the two starts
    const tables = join(folder, 'tables.c');
    writeFileSync(tables, readFileSync(tables, 'utf8').replaceAll('_sm90"', '_none"'));
    expect(check(80)).toEqual([0, expect.stringContaining('1 of 1 vectors')]);
    expect(check(90)).toEqual([2, expect.stringContaining('cuModuleGetFunction gives 500')]);
  },
  5 * 60_000,
);
