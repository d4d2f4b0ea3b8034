import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { mergeUses } from '../../../../tests/support/merged-uses.ts';
import { type OpUse, opUses } from '../../../../tests/support/op-uses.ts';
import { Philox, type Program, ProgramBuilder, randomTensor, type ValueId } from '../../../ir/index.ts';
import { MrlError, unwrap } from '../../../support/index.ts';
import { cudaSource } from '../cuda/source.ts';
import type { DeviceInfo } from '../driver/device.ts';
import { kernelFolder } from '../folders.ts';
import { moduleName } from '../toolchain/compiler.ts';
import { findHipcc, hipccCompiler } from '../toolchain/hipcc.ts';

// What hipcc makes of the kernels, where it is installed (Debian: apt-get install hipcc). No GPU is needed. By default one op in
// ten is compiled for one architecture; CORTEXC_ALL_ARCHITECTURES=1 takes all of both.

const ALL = process.env['CORTEXC_ALL_ARCHITECTURES'] === '1';

const hipcc = findHipcc();
if (!hipcc.ok) console.warn('What hipcc makes of GPU kernels is not tested: hipcc is not installed.');

const folder = mkdtempSync(join(tmpdir(), 'cortexc-hipcc-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const cases = fileURLToPath(new URL('../../../../bench/gpu/prims', import.meta.url));

const deviceOf = (architecture: string): DeviceInfo => ({
  platform: 'hip',
  index: 0,
  name: 'none',
  capability: 0,
  architecture,
  memoryBytes: 0,
  processors: 1,
});

/** Compiles a program as `run --backend hip` does. @returns bytes of each module */
const compile = (program: Program, architecture: string): readonly number[] => {
  const { units } = unwrap(cudaSource(program, { kernels: { engine: 'dp4a' } }));
  const draft = mkdtempSync(join(folder, 'modules-'));
  hipccCompiler(unwrap(hipcc), deviceOf(architecture)).compile(units, draft);
  return units.map((_, i) => statSync(join(draft, moduleName(i))).size);
};

/** The layers of SqueezeNet (arXiv:1602.07360) in small: a strided conv, pools, fire modules, an average. */
const network = (): Program => {
  const random = new Philox(5);
  const b = new ProgramBuilder('small squeezenet');
  let layers = 0;
  const end = { input_zero: 0, output_zero: 0, lo: 0, hi: 127, dtype: 'i8' } as const;
  const conv = (x: ValueId, from: number, to: number, kernel: number, stride = 1): ValueId => {
    const name = `l${layers++}`;
    const w = b.param(`${name}w`, randomTensor({ dtype: 'i8', shape: [to, from, kernel, kernel] }, random));
    const pad = (kernel - 1) / 2;
    const sums = b.emit('conv', [x, w], { stride: [stride, stride], dilation: [1, 1], pads: [pad, pad, pad, pad] });
    const factors = [
      b.param(`${name}m`, { dtype: 'i32', shape: [1], data: Int32Array.of(20_000) }),
      b.param(`${name}s`, { dtype: 'i32', shape: [1], data: Int32Array.of(24) }),
    ];
    return b.emit('rescale', [sums, ...factors], end);
  };
  const pool = { kernel: [3, 3], stride: [2, 2], dilation: [1, 1], pads: [0, 0, 0, 0] };
  const fire = (x: ValueId, from: number, squeeze: number, expand: number): ValueId => {
    const squeezed = conv(x, from, squeeze, 1);
    return b.emit('concat', [conv(squeezed, squeeze, expand, 1), conv(squeezed, squeeze, expand, 3)], { axis: 1 });
  };
  const x = b.input('image', { dtype: 'i8', shape: [1, 3, 63, 63] });
  let y = b.emit('max_pool', [conv(x, 3, 64, 3, 2)], pool);
  y = fire(fire(y, 64, 16, 64), 128, 16, 64);
  y = fire(b.emit('max_pool', [y], pool), 128, 32, 128);
  b.output('sums', b.emit('reduce_sum', [conv(y, 256, 10, 1)], { axes: [2, 3] }));
  return b.finish();
};

/** One in so many ops is compiled where not all are: an op takes hipcc a second. */
const SOME = 10;

/** Ops once each. */
const oneOfEach = (): readonly OpUse[] => {
  const seen = new Set<string>();
  const all = opUses().filter(({ name }) => {
    const op = name.split(' ')[0] ?? '';
    if (!name.endsWith(', parameters behind the first') || seen.has(op)) return false;
    seen.add(op);
    return true;
  });
  return ALL ? all : all.filter((_, i) => i % SOME === 0);
};

const NETWORK_ARCHITECTURES = ['gfx906', 'gfx90a', 'gfx1030'];
const OP_ARCHITECTURES = ALL ? [...NETWORK_ARCHITECTURES, 'gfx908'] : ['gfx90a'];

(hipcc.ok ? describe : describe.skip)('what hipcc makes of', () => {
  /** Processors with 64 lanes in a wave, and one with 32. */
  test.each([
    ['gfx906', 64],
    ['gfx90a', 64],
    ['gfx1030', 32],
  ] as const)(
    'the primitives for %s: products of four bytes, nothing left to call, waves of %d lanes, denormal floats',
    (architecture, lanes) => {
      const work = join(folder, architecture);
      mkdirSync(work);
      const [source, assembly] = [join(work, 'cases.hip.cpp'), join(work, 'cases.s')];
      writeFileSync(source, '#include "cases.cuh"\n');
      const args = ['-std=c++17', '-O3', `--offload-arch=${architecture}`, '--cuda-device-only', '-S', `-I${kernelFolder()}`, `-I${cases}`];
      // without HIP_PLATFORM hipcc takes NVIDIA's tools where nvcc is
      const env = { ...process.env, HIP_PLATFORM: 'amd' };
      const ran = spawnSync(unwrap(hipcc), [...args, source, '-o', assembly], { encoding: 'utf8', env });
      expect([ran.status, ran.stderr.split('\n').filter((line) => /\berror\b/.test(line))]).toEqual([0, []]);
      const text = readFileSync(assembly, 'utf8');
      expect(/v_dot4c?_i32_i8/.test(text)).toBe(true);
      expect([...text.matchAll(/s_swappc_b64/g)]).toEqual([]);
      expect(new Set(Array.from(text.matchAll(/\.wavefront_size: +(\d+)/g), ([, n]) => Number(n)))).toEqual(new Set([lanes]));
      expect(new Set(Array.from(text.matchAll(/float_denorm_mode_32 (\d)/g), ([, n]) => n))).toEqual(new Set(['3']));
    },
    120_000,
  );

  test.each(NETWORK_ARCHITECTURES)(
    'a network for %s: a module',
    (architecture) => {
      const sizes = compile(network(), architecture);
      expect(sizes.length).toBeGreaterThan(0);
      expect(Math.min(...sizes)).toBeGreaterThan(1000);
    },
    10 * 60_000,
  );

  test.each(OP_ARCHITECTURES)(
    'samples of ops for %s: modules',
    (architecture) => {
      const uses = oneOfEach();
      expect(uses.length).toBeGreaterThan(ALL ? 100 : 10);
      expect(Math.min(...compile(mergeUses(uses).program, architecture))).toBeGreaterThan(1000);
    },
    20 * 60_000,
  );

  test('a processor that it does not know is told with a remedy', () => {
    const b = new ProgramBuilder('none');
    b.output('y', b.emit('abs', [b.input('x', { dtype: 'f32', shape: [4] })], {}));
    const told = (() => {
      try {
        return compile(b.finish(), 'gfx9999');
      } catch (error) {
        return error instanceof MrlError ? error.diagnostics.map((d) => `${d.code}: ${d.message.split('\n')[0]}`) : error;
      }
    })();
    expect(told).toEqual(['GPU0003: hipcc does not know gfx9999 (none)']);
  });
});
