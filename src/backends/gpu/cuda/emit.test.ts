import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { Philox, type Program, ProgramBuilder, randomTensor, type StaticType } from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import { findCxx } from '../shim/index.ts';
import type { Platform } from '../driver/functions.ts';
import { emitHip, emitProgram } from './emit.ts';
import { BUILDS } from './makefile.ts';

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
