import { afterAll, describe, expect, test } from '@jest/globals';
import { type ConvCase, emit, Layers } from '../../../../../tests/support/layers.ts';
import { type Program, ProgramBuilder, runProgram, type Tensor, tensorBytes, type ValueId } from '../../../../ir/index.ts';
import { at, unwrap } from '../../../../support/index.ts';
import { FakeDevice, testOptions } from '../../shim/testing/fake-device.ts';
import { buildProgram, runOnShim } from '../../shim/testing/run-program.ts';
import type { GpuProgram } from '../program.ts';
import { cudaSource } from '../source.ts';
import type { KernelOptions } from './index.ts';
import { type Choice, chooseTile, type Engine, type Tile } from './tiles.ts';

// Layers end in the templates, run on the shim in several orders, and give what the reference gives, byte for byte.

const CONVS: readonly ConvCase[] = [
  { name: 'pointwise', x: [2, 20, 9, 9], w: [13, 20, 1, 1] },
  { name: 'picture 7x7', x: [1, 3, 31, 33], w: [16, 3, 7, 7], stride: 2, pad: 3 },
  { name: 'picture 3x3', x: [2, 3, 9, 10], w: [8, 3, 3, 3], pad: 1, end: 'one factor' },
  { name: 'odd channels', x: [1, 7, 11, 13], w: [9, 7, 3, 3], pad: 1, end: 'wide' },
  { name: 'wide channels', x: [1, 33, 6, 5], w: [70, 33, 3, 3], stride: 2, dilation: 2, pad: 2 },
  { name: 'groups', x: [1, 24, 7, 7], w: [30, 8, 3, 3], pad: 1, groups: 3, stride: 2 },
  { name: 'small groups', x: [2, 24, 7, 7], w: [48, 3, 3, 3], pad: 1, groups: 8, end: 'wide' },
  { name: 'depthwise twice', x: [1, 12, 9, 8], w: [24, 1, 3, 3], pad: 1, groups: 12 },
  { name: 'unsigned', x: [1, 20, 7, 9], w: [24, 20, 3, 3], pad: 1, dtype: 'u8' },
  { name: 'unsigned picture', x: [1, 3, 17, 18], w: [8, 3, 5, 5], stride: 2, pad: 2, dtype: 'u8', end: 'wide' },
  { name: 'one position', x: [3, 12, 4, 4], w: [11, 12, 4, 4] },
  { name: 'long sum', x: [1, 200, 6, 6], w: [9, 200, 3, 3], stride: 2, pad: 1, end: 'i16' },
  { name: 'sums', x: [1, 16, 5, 5], w: [8, 16, 3, 3], end: 'sums' },
  { name: 'one dimension', x: [2, 6, 50], w: [8, 6, 5], stride: 3, pad: 2, end: 'wide' },
  { name: 'three dimensions', x: [1, 4, 5, 6, 7], w: [6, 4, 2, 3, 3], pad: 1 },
  { name: 'depthwise', x: [2, 8, 15, 14], w: [8, 1, 3, 3], pad: 1, groups: 8 },
  { name: 'depthwise 5x5 stride 2', x: [1, 12, 15, 14], w: [12, 1, 5, 5], pad: 2, groups: 12, stride: 2, end: 'wide' },
  { name: 'depthwise odd, lifted', x: [1, 5, 8, 8], w: [5, 1, 3, 3], pad: 1, groups: 5 },
];

const layersOf = (seed: number): Layers =>
  new Layers(seed, {
    extremes: 1 / 3,
    narrow: { lo: 0, hi: (1 << 15) - 1, least: 17, most: 30 },
    padValue: { i8: -7, u8: 201 },
  });

interface Case {
  readonly program: Program;
  readonly inputs: readonly Tensor[];
}

const layers = (): Case => {
  const made = layersOf(12345);
  const b = new ProgramBuilder('layers');
  const inputs = CONVS.map((c) => made.convAlone(b, c));
  inputs.push(made.denseAlone(b, 'dense 1', [1], [1003, 37], 'narrow'), made.denseAlone(b, 'dense 13', [13], [64, 10], 'wide'));
  inputs.push(made.denseAlone(b, 'dense 2x5', [2, 5], [17, 6], 'sums'));
  return { program: b.finish(), inputs };
};

/** A network whose images stay channels last, with every other template, a sum that a conv takes in and one that none can. */
const network = (): Case => {
  const made = layersOf(777);
  const b = new ProgramBuilder('network');
  const shape = [2, 3, 17, 15];
  const conv = (name: string, from: ValueId, w: readonly number[], more: Partial<ConvCase> = {}): ValueId =>
    made.conv(b, from, { name, x: [0, 0, 0, 0], w, ...more });
  const first = conv('first', b.input('x', { dtype: 'i8', shape }), [16, 3, 3, 3], { stride: 2, pad: 1 });
  const window = { kernel: [3, 3], stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] };
  const a = conv('a', emit(b, 'max_pool', [first], window), [16, 16, 3, 3], { pad: 1 });
  const skip = { multipliers: [1000000, -700000], zeros: [-5, 7], shift: 20, output_zero: 3 };
  const sum = emit(b, 'add_rescale', [a, first], skip);
  const deep = conv('deep', sum, [16, 1, 3, 3], { pad: 1, groups: 16 });
  const mean = emit(b, 'average_pool', [deep], { ...window, include_pad: true, pad_value: -9 });
  const plain = emit(b, 'add_rescale', [mean, deep], { ...skip, lo: -100 });
  const looked = emit(b, 'table', [plain, b.param('table', made.filled('i8', [256], -128, 127))], {});
  // parts that a conv and a pool write at once, and parts that are copied
  const pooled = emit(b, 'max_pool', [looked], window);
  const joined = emit(b, 'concat', [looked, pooled, sum, conv('odd', looked, [8, 16, 1, 1])], { axis: 1 });
  const last = conv('last', joined, [13, 56, 1, 1]);
  b.output('odd channels', last);
  const sums = emit(b, 'reduce_sum', [joined], { axes: [2, 3], keep: true });
  const factors = [b.param('m', made.filled('i32', [1], 20000, 20000)), b.param('s', made.filled('i32', [1], 22, 22))];
  b.output('means', emit(b, 'rescale', [sums, ...factors], { input_zero: -6272, lo: -128, hi: 127, dtype: 'i8', output_zero: -128 }));
  b.output(
    'planes',
    emit(b, 'max_pool', [emit(b, 'transpose', [b.input('t', { dtype: 'i8', shape: [2, 5, 6, 8] })], { perm: [0, 3, 1, 2] })], window),
  );
  b.output('deep planes', conv('deep planes', sum, [16, 1, 3, 3], { groups: 16 }));
  // read by an op that knows nothing of channels last
  b.output('turned', emit(b, 'transpose', [conv('side', sum, [8, 16, 1, 1])], { perm: [0, 2, 3, 1] }));
  return { program: b.finish(), inputs: [made.filled('i8', shape, -128, 127), made.filled('i8', [2, 5, 6, 8], -128, 127)] };
};

const tile = (
  engine: Engine,
  pixels: number,
  channels: number,
  inner: 64 | 128,
  warps: readonly [number, number],
  stages: number,
): Tile => ({
  engine,
  pixels,
  channels,
  inner,
  warps,
  stages,
});
/** Small tiles, so that small layers have several, and blocks that share the longer ones. */
const small =
  (t: Tile) =>
  ({ inner }: { readonly inner: number }): Choice => ({ tile: t, splits: inner > 400 ? 3 : 1 });

const OPTIONS: Readonly<Record<string, KernelOptions>> = {
  mma: { engine: 'mma', choose: small(tile('mma', 32, 32, 64, [2, 1], 3)) },
  'mma, wide steps': { engine: 'mma', choose: small(tile('mma', 64, 32, 128, [4, 1], 2)) },
  dp4a: { engine: 'dp4a', choose: small(tile('dp4a', 32, 32, 64, [4, 1], 2)) },
  wgmma: { engine: 'wgmma', choose: small(tile('wgmma', 64, 64, 128, [1, 1], 4)) },
  'as chosen': { engine: 'wgmma' },
};

const device = new FakeDevice();
/** Forward and late, reverse and early, permuted and late. */
const ORDERS = [
  [0, 0],
  [1, 1],
  [2, 0],
] as const;

const differences = ({ program, inputs }: Case, source: GpuProgram): readonly string[] => {
  const expected = runProgram(program, inputs);
  const modules = buildProgram(source, testOptions());
  return ORDERS.flatMap(([order, timing]) =>
    runOnShim(device, source, modules, inputs, { order, timing, times: 2 }).flatMap((results, time) =>
      program.outputs.flatMap(({ name }, i) =>
        Buffer.compare(at(results, i), tensorBytes(at(expected, i))) === 0 ? [] : [`${name}, order ${order}, run ${time}`],
      ),
    ),
  );
};

/** Ops whose step has a kernel that is not a template's. */
const lifted = (source: GpuProgram): readonly string[] => {
  const text = source.units.map((u) => u.text).join('');
  const isLifted = (kernel: string): boolean => new RegExp(`CXG_KERNEL\\(${kernel}, \\d+\\) \\{[^}]*\\bf_step_`).test(text);
  return source.steps.filter((s) => s.launches.some((l) => isLifted(l.kernel))).map((s) => s.op);
};

describe.each(Object.entries(OPTIONS))('%s', (_name, kernels) => {
  test('layers give the bytes of the reference', () => {
    const one = layers();
    const source = unwrap(cudaSource(one.program, { kernels, mostUnits: 1 }));
    expect(differences(one, source)).toEqual([]);
    expect(lifted(source)).toEqual(['conv']);
  }, 300_000);
  test('a network gives the bytes of the reference', () => {
    const one = network();
    const source = unwrap(cudaSource(one.program, { kernels, mostUnits: 1 }));
    expect(differences(one, source)).toEqual([]);
    expect(lifted(source)).toEqual(['transpose', 'transpose']);
    // `sum` is done by the conv before it, `plain` by a kernel of its own
    expect(source.steps.filter((s) => s.op === 'add_rescale')).toHaveLength(1);
  }, 300_000);
});

test('pools of large images do more channels a thread', () => {
  const made = layersOf(99);
  const b = new ProgramBuilder('large');
  const shape = [1, 32, 261, 263];
  const window = { kernel: [2, 2], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 1, 1] };
  const x = b.input('x', { dtype: 'i8', shape });
  b.output('most', emit(b, 'max_pool', [x], window));
  b.output('mean', emit(b, 'average_pool', [x], window));
  const one = { program: b.finish(), inputs: [made.filled('i8', shape, -128, 127)] };
  const source = unwrap(cudaSource(one.program, { mostUnits: 1 }));
  expect(source.units.map((u) => u.text).join('')).toMatch(/cxg_max_pool<\w+, 16>/);
  expect(differences(one, source)).toEqual([]);
}, 300_000);

test('tiles follow the size of a layer', () => {
  const large = chooseTile('wgmma', { pixels: 32 * 56 * 56, channels: 256, inner: 2304, groups: 1 });
  expect([large.tile.engine, large.splits]).toEqual(['wgmma', 1]);
  const few = chooseTile('wgmma', { pixels: 49, channels: 512, inner: 4608, groups: 1 });
  expect(few.splits).toBeGreaterThan(1);
  // one step needs no more than the stage that it is in, and the one that would be filled next
  expect(chooseTile('mma', { pixels: 32 * 56 * 56, channels: 256, inner: 64, groups: 1 }).tile.stages).toBe(2);
  for (const inner of [64, 576, 4608]) {
    const { tile: t, splits } = chooseTile('mma', { pixels: 49, channels: 512, inner, groups: 1 });
    // no block is left without a step
    const steps = Math.ceil(inner / t.inner);
    expect(Math.ceil(steps / Math.ceil(steps / splits))).toBe(splits);
  }
});

afterAll(() => device.close());
