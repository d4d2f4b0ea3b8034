import { beforeAll, describe, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeRescale, Philox, ProgramBuilder, randomTensor, type StaticType, type Tensor, type ValueId } from '../../../ir/index.ts';
import { expectSame } from '../../../../tests/support/same-as-reference.ts';
import { wasmBackend } from './index.ts';

beforeAll(() => wasmBackend.prepare?.());

const SEED = 20_240_607;
const int = (min: number, max: number) => fc.integer({ min, max });

interface Axis {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly begin: number;
  readonly end: number;
}

/** One spatial dimension; sizes so small that some windows see padding only are wanted, outputs of size 0 are not. */
const axis = (size: number, kernel: number): fc.Arbitrary<Axis> =>
  fc
    .record({ size: int(1, size), kernel: int(1, kernel), stride: int(1, 3), dilation: int(1, 2), begin: int(0, 3), end: int(0, 3) })
    .map((a) => ({ ...a, size: Math.max(a.size, a.dilation * (a.kernel - 1) + 1 - a.begin - a.end, 1) }));
const axes = fc.oneof(fc.tuple(axis(19, 5)), fc.tuple(axis(19, 5), axis(19, 5)), fc.tuple(axis(5, 3), axis(5, 3), axis(7, 3)));

interface ConvCase {
  readonly axes: readonly Axis[];
  readonly batch: number;
  readonly shape: { readonly groups: number; readonly inGroup: number; readonly outGroup: number };
  readonly dtype: 'i8' | 'u8' | 'f32';
  readonly bias: boolean;
  /** How the accumulator is rescaled, if at all. */
  readonly rescale: 'none' | 'narrow' | 'wide' | 'shared';
  readonly padValue: number;
  readonly seed: number;
}

const convCase: fc.Arbitrary<ConvCase> = fc.record({
  axes,
  batch: int(1, 2),
  shape: fc.oneof(
    fc.record({ groups: fc.constant(1), inGroup: int(1, 9), outGroup: int(1, 10) }),
    fc.record({ groups: int(2, 9), inGroup: fc.constant(1), outGroup: int(1, 2) }),
    fc.record({ groups: int(2, 3), inGroup: int(1, 9), outGroup: int(1, 6) }),
  ),
  dtype: fc.constantFrom('i8' as const, 'u8' as const, 'f32' as const),
  bias: fc.boolean(),
  rescale: fc.constantFrom('none' as const, 'narrow' as const, 'wide' as const, 'shared' as const),
  padValue: int(-128, 127),
  seed: int(0, 1e6),
});

const factors = (channels: number, how: 'narrow' | 'wide', random: Philox): [Tensor, Tensor] => {
  const encoded = Array.from({ length: channels }, () => encodeRescale((how === 'wide' ? 0.5 : 0.0001) * (0.5 + random.unit())));
  const tensor = (data: number[]): Tensor => ({ dtype: 'i32', shape: [channels], data: Int32Array.from(data) });
  return [tensor(encoded.map((e) => e.multiplier)), tensor(encoded.map((e) => e.shift))];
};

const emitRescale = (b: ProgramBuilder, x: ValueId, channels: number, how: 'narrow' | 'wide', random: Philox): ValueId => {
  const [m, s] = factors(channels, how, random);
  const unsigned = random.next() % 4 === 0;
  return b.emit('rescale', [x, b.constant(m), b.constant(s)], {
    input_zero: random.int(-900, 900),
    output_zero: random.int(-20, 20) + (unsigned ? 128 : 0),
    lo: unsigned ? 3 : -128,
    hi: unsigned ? 255 : 120,
    dtype: unsigned ? 'u8' : 'i8',
  });
};

const runConv = (c: ConvCase): void => {
  const random = new Philox(c.seed);
  const { groups, inGroup, outGroup } = c.shape;
  const float = c.dtype === 'f32';
  const b = new ProgramBuilder('conv');
  const x: StaticType = { dtype: c.dtype, shape: [c.batch, groups * inGroup, ...c.axes.map((a) => a.size)] };
  const xv = b.input('x', x);
  const outChannels = groups * outGroup;
  const w = b.param(
    'w',
    randomTensor({ dtype: float ? 'f32' : 'i8', shape: [outChannels, inGroup, ...c.axes.map((a) => a.kernel)] }, random),
  );
  const bias = c.bias ? [b.param('b', randomTensor({ dtype: float ? 'f32' : 'i32', shape: [outChannels] }, random, -5000, 5000))] : [];
  const acc = b.emit('conv', [xv, w, ...bias], {
    stride: c.axes.map((a) => a.stride),
    dilation: c.axes.map((a) => a.dilation),
    pads: [...c.axes.map((a) => a.begin), ...c.axes.map((a) => a.end)],
    groups,
    pad_value: float ? 0 : c.dtype === 'u8' ? c.padValue + 128 : c.padValue,
  });
  const how = c.rescale === 'shared' ? 'narrow' : c.rescale;
  const result = float || how === 'none' ? acc : emitRescale(b, acc, c.rescale === 'shared' ? 1 : outChannels, how, random);
  b.output('y', result);
  expectSame(wasmBackend, b.finish(), [randomTensor(x, random)]);
};

describe('conv', () => {
  test('any geometry', () => {
    fc.assert(fc.property(convCase, runConv), { seed: SEED, numRuns: 300 });
  });
  test.each(Array.from({ length: 19 }, (_, i) => i + 1))('3x3 and 1x1 over images of side %i', (side) => {
    for (const kernel of [1, 3]) {
      for (const stride of [1, 2]) {
        if (kernel > side) continue;
        const a = { size: side, kernel, stride, dilation: 1, begin: kernel >> 1, end: kernel >> 1 };
        const base = { axes: [a, { ...a, size: side + 1 }], batch: 1, bias: true, padValue: 3, seed: side } as const;
        for (const dtype of ['i8', 'f32'] as const) {
          runConv({ ...base, dtype, rescale: 'narrow', shape: { groups: 1, inGroup: 5, outGroup: 9 } });
          runConv({ ...base, dtype, rescale: 'none', shape: { groups: 6, inGroup: 1, outGroup: 1 } });
        }
      }
    }
  });
  test('panels of several blocks', () => {
    const a = { size: 13, kernel: 3, stride: 1, dilation: 1, begin: 1, end: 1 };
    const shape = { groups: 1, inGroup: 100, outGroup: 6 };
    for (const dtype of ['u8', 'f32'] as const) {
      runConv({ axes: [a, a], batch: 1, bias: true, padValue: 9, seed: 5, dtype, rescale: 'narrow', shape });
      const point = { ...a, kernel: 1, begin: 0, end: 0 };
      runConv({
        axes: [point, point],
        batch: 2,
        bias: true,
        padValue: 9,
        seed: 5,
        dtype,
        rescale: 'narrow',
        shape: { ...shape, inGroup: 800 },
      });
    }
  });
});

const layer = fc.record({
  kind: fc.constantFrom('conv', 'depthwise', 'residual', 'max', 'average', 'concat', 'table', 'transpose'),
  channels: int(1, 9),
  kernel: int(1, 3),
  stride: int(1, 2),
});
const network = fc.record({
  layers: fc.array(layer, { minLength: 1, maxLength: 7 }),
  channels: int(1, 6),
  height: int(3, 13),
  width: int(3, 13),
  outputs: int(1, 11),
  seed: int(0, 1e6),
});
type Layer = typeof layer extends fc.Arbitrary<infer T> ? T : never;

const channelsOf = (b: ProgramBuilder, x: ValueId): number => Number(b.typeOf(x).shape[1]);
const square = (n: number): number[] => [n, n];

const convLayer = (b: ProgramBuilder, x: ValueId, l: Layer, groups: number, channels: number, random: Philox): ValueId => {
  const w = randomTensor({ dtype: 'i8', shape: [channels, channelsOf(b, x) / groups, l.kernel, l.kernel] }, random, -127, 127);
  const bias = randomTensor({ dtype: 'i32', shape: [channels] }, random, -3000, 3000);
  const pad = l.kernel >> 1;
  const attrs = { stride: square(l.stride), dilation: [1, 1], pads: [pad, pad, pad, pad], groups, pad_value: random.int(-9, 9) };
  const [m, s] = factors(channels, 'narrow', random);
  const acc = b.emit('conv', [x, b.constant(w), b.constant(bias)], attrs);
  return b.emit('rescale', [acc, b.constant(m), b.constant(s)], { output_zero: random.int(-9, 9), lo: -128, hi: 120, dtype: 'i8' });
};

const addLayer = (b: ProgramBuilder, x: ValueId, l: Layer, random: Philox): ValueId => {
  const window = {
    kernel: square(l.kernel),
    stride: square(l.stride),
    dilation: [1, 1],
    pads: [0, 0, l.kernel >> 1, l.kernel >> 1],
    ceil: l.stride === 2,
  };
  const [, , h = 0, w = 0] = b.typeOf(x).shape.map(Number);
  const fits = Math.min(h, w) >= l.kernel;
  switch (l.kind) {
    case 'conv':
      return convLayer(b, x, l, 1, l.channels, random);
    case 'depthwise':
      return convLayer(b, x, l, channelsOf(b, x), channelsOf(b, x), random);
    case 'residual': {
      const side = convLayer(b, x, { ...l, stride: 1, kernel: 1 }, 1, channelsOf(b, x), random);
      return b.emit('add_rescale', [x, side], { multipliers: [500_000, -700_000], zeros: [3, -4], shift: 20, output_zero: 1 });
    }
    case 'max':
      return fits ? b.emit('max_pool', [x], window) : x;
    case 'average':
      return fits ? b.emit('average_pool', [x], { ...window, include_pad: l.channels % 2 === 0, pad_value: 5 }) : x;
    case 'concat':
      return b.emit('concat', [x, convLayer(b, x, { ...l, stride: 1, kernel: 1 }, 1, l.channels, random), x], { axis: 1 });
    case 'table':
      return b.emit('table', [x, b.constant(randomTensor({ dtype: 'i8', shape: [256] }, random))], {});
    default:
      return b.emit('transpose', [x], { perm: [0, 1, 3, 2] });
  }
};

test('chains of quantized layers', () => {
  const property = fc.property(network, (n) => {
    const random = new Philox(n.seed);
    const b = new ProgramBuilder('network');
    const type: StaticType = { dtype: 'i8', shape: [1, n.channels, n.height, n.width] };
    let x = b.input('x', type);
    for (const l of n.layers) if (channelsOf(b, x) < 64) x = addLayer(b, x, l, random);
    const flat = b.emit('flatten', [b.emit('global_average_pool', [x], {})], {});
    const w = randomTensor({ dtype: 'i8', shape: [n.outputs, channelsOf(b, x)] }, random, -127, 127);
    const y = emitRescale(b, b.emit('dense', [flat, b.constant(w)], {}), n.outputs, 'narrow', random);
    b.output('features', x);
    b.output('y', y);
    expectSame(wasmBackend, b.finish(), [randomTensor(type, random)]);
  });
  fc.assert(property, { seed: SEED, numRuns: 150 });
});

test('results that are inputs, parameters, aliases and each other', () => {
  const b = new ProgramBuilder('aliases');
  const x = b.input('x', { dtype: 'f32', shape: [2, 3] });
  const p = b.param('p', { dtype: 'i32', shape: [2], data: Int32Array.of(7, -7) });
  const unused = b.input('unused', { dtype: 'i8', shape: [5] });
  const r = b.emit('reshape', [x], { shape: [6] });
  const n = b.emit('neg', [r], {});
  for (const [i, v] of [x, r, p, b.emit('reshape', [p], { shape: [1, 2] }), n, n, b.emit('neg', [p], {}), unused].entries())
    b.output(`y${i}`, v);
  const words = Uint32Array.of(0x7fc12345, 0xffc00001, 0x80000000, 0x3f800000, 0x7f800000, 0x00000001);
  const inputs: Tensor[] = [
    { dtype: 'f32', shape: [2, 3], data: new Float32Array(words.buffer) },
    { dtype: 'i8', shape: [5], data: Int8Array.of(1, 2, 3, 4, 5) },
  ];
  expectSame(wasmBackend, b.finish(), inputs);
});

test.each([
  [0, 255],
  [255, 0],
])('add_rescale whose sum reaches the bound of c4: zeros %d, elements %d', (zero, element) => {
  const b = new ProgramBuilder('sum');
  const type: StaticType = { dtype: 'u8', shape: [21] };
  const xs = [0, 1, 2, 3].map((i) => b.input(`x${i}`, type));
  b.output('y', b.emit('add_rescale', xs, { multipliers: xs.map(() => 2 ** 21), zeros: xs.map(() => zero), shift: 23, output_zero: 0 }));
  const random = new Philox(1);
  const near = [Math.max(0, element - 3), Math.min(255, element + 3)] as const;
  expectSame(
    wasmBackend,
    b.finish(),
    xs.map(() => randomTensor(type, random, ...near)),
  );
});

test('an accumulator that is rescaled and read elsewhere too', () => {
  const random = new Philox(4);
  const b = new ProgramBuilder('shared');
  const type: StaticType = { dtype: 'i8', shape: [1, 3, 5, 5] };
  const w = b.constant(randomTensor({ dtype: 'i8', shape: [4, 3, 3, 3] }, random));
  const acc = b.emit('conv', [b.input('x', type), w], { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] });
  const twice = b.emit('conv', [b.input('z', type), w], { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] });
  b.output('acc', acc);
  b.output('a', emitRescale(b, acc, 4, 'narrow', random));
  b.output('b', emitRescale(b, twice, 4, 'narrow', random));
  b.output('c', emitRescale(b, twice, 1, 'wide', random));
  expectSame(wasmBackend, b.finish(), [randomTensor(type, random), randomTensor(type, random)]);
});
