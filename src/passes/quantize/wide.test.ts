import { beforeAll, describe, expect, test } from '@jest/globals';
import { loadBackend } from '../../backends/index.ts';
import {
  isIntegerProgram,
  Philox,
  type Program,
  ProgramBuilder,
  proveProgram,
  randomTensor,
  runProgram,
  type StaticType,
  type Tensor,
  type ValueId,
} from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import {
  type Compile,
  type LayerBits,
  measureSqnr,
  type QuantizedModel,
  quantizeInputs,
  type QuantizeOptions,
  quantizeProgram,
} from '../index.ts';
import { randomCnn } from '../testing/random-cnn.ts';
import type { Linear } from './layer-weights.ts';
import { quantizeWide } from './wide-weights.ts';

const reference: Compile = (program) => (inputs) => runProgram(program, inputs);
let wasm: Compile = reference;
beforeAll(async () => {
  const backend = unwrap(await loadBackend('wasm'));
  wasm = (program) => {
    const executable = unwrap(backend.compile(program));
    return (inputs) => executable.run(inputs);
  };
});

const f32 = (shape: readonly number[], seed: number, lo = -1, hi = 1): Tensor =>
  randomTensor({ dtype: 'f32', shape }, new Philox(seed, 9), lo, hi);
const samplesFor = (program: Program, count: number): readonly (readonly Tensor[])[] =>
  Array.from({ length: count }, (_, s) =>
    program.inputs.map((port, i) => randomTensor(at(program.types, port.value) as StaticType, new Philox(s, i), -2, 2)),
  );

/** Quantizes, compares the bytes of both backends on the samples, and returns the model with the least SQNR of its layers. */
const quantized = (program: Program, options: Omit<QuantizeOptions, 'samples'>): { model: QuantizedModel; least: number } => {
  const samples = samplesFor(program, 3);
  const model = unwrap(quantizeProgram(program, { samples, compile: reference, ...options }));
  expect(isIntegerProgram(model.program) && proveProgram(model.program).ok).toBe(true);
  const [a, b] = [reference(model.program), wasm(model.program)];
  for (const sample of samples) {
    const inputs = quantizeInputs(model, sample);
    expect(b(inputs)).toEqual(a(inputs));
  }
  const layers = measureSqnr(model, samples, reference);
  return { model, least: layers.reduce((n, l) => Math.min(n, l.decibels), Number.POSITIVE_INFINITY) };
};

test('random networks in 16 bits: no value of 8 bits, every layer within 72 dB, the same bytes everywhere', () => {
  for (let seed = 0; seed < 6; seed++) {
    const { model, least } = quantized(randomCnn(seed), { bits: 16 });
    expect(model.layers.filter((l) => l.bits === 8).map((l) => l.origin)).toEqual([]);
    expect({ seed, good: least > 72, least }).toMatchObject({ good: true });
  }
});

const SHAPE = [1, 3, 6, 6];
const square = { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] };
const constant = (b: ProgramBuilder, shape: readonly number[], seed: number, lo = -1, hi = 1): ValueId =>
  b.constant(f32(shape, seed, lo, hi));
type Body = (b: ProgramBuilder, p: ValueId, q: ValueId) => readonly ValueId[] | ValueId;

/** Two convs of the input, `first` and `second`, and what an op makes of them. */
const around = (body: Body): Program => {
  const b = new ProgramBuilder('around');
  const x = b.input('x', { dtype: 'f32', shape: SHAPE });
  const conv = (seed: number, name: string): ValueId =>
    b.emit('conv', [x, constant(b, [3, 3, 3, 3], seed, -0.5, 0.5), constant(b, [3], seed + 50)], square, name);
  [body(b, conv(1, 'first'), conv(2, 'second'))].flat().forEach((v, i) => b.output(`y${i}`, v));
  return b.finish();
};

const window = { kernel: [3, 3], stride: [2, 2], dilation: [1, 1], pads: [1, 1, 1, 1] };
const epsilon = Math.fround(1e-5);
const CASES: Readonly<Record<string, Body>> = {
  'sum of two': (b, p, q) => b.emit('add', [p, q], {}),
  'difference, relu': (b, p, q) => b.emit('relu', [b.emit('sub', [p, q], {})], {}),
  'product of two': (b, p, q) => b.emit('mul', [p, q], {}),
  'product with means': (b, p, q) => b.emit('mul', [p, b.emit('reduce_mean', [q], { axes: [2, 3], keep: true })], {}),
  'quotient of two': (b, p, q) => b.emit('div', [p, b.emit('add', [b.emit('abs', [q], {}), constant(b, [], 1, 0.5, 0.5)], {})], {}),
  'quotient by a tensor': (b, p) => b.emit('div', [p, constant(b, SHAPE, 3, 1, 3)], {}),
  'greater of two': (b, p, q) => b.emit('maximum', [p, q], {}),
  'sum with a tensor': (b, p) => b.emit('add', [p, constant(b, SHAPE, 3)], {}),
  'factor and term a channel, relu': (b, p) =>
    b.emit('relu', [b.emit('add', [b.emit('mul', [p, constant(b, [3, 1, 1], 4, -2, 2)], {}), constant(b, [3, 1, 1], 5)], {})], {}),
  prelu: (b, p) => b.emit('prelu', [p, constant(b, [3, 1, 1], 6, 0, 0.5)], {}),
  'silu of a factor a channel': (b, p) => {
    const m = b.emit('mul', [p, constant(b, [3, 1, 1], 7, 0.5, 2)], {});
    return b.emit('mul', [m, b.emit('sigmoid', [m], {})], {});
  },
  'exp of a limit a channel': (b, p) => b.emit('exp', [b.emit('minimum', [p, constant(b, [3, 1, 1], 8)], {})], {}),
  'functions of one': (b, p) =>
    (['sigmoid', 'tanh', 'gelu', 'silu', 'hard_swish', 'abs', 'neg', 'floor', 'sign'] as const).map((op) => b.emit(op, [p], {})),
  'root of a magnitude': (b, p) => b.emit('sqrt', [b.emit('abs', [p], {})], {}),
  'leaky relu': (b, p) => b.emit('leaky_relu', [p], { alpha: 0.125 }),
  clip: (b, p) => b.emit('clip', [b.emit('neg', [p], {})], { min: -0.75, max: 0.875 }),
  softmax: (b, p) => b.emit('softmax', [p], { axis: 1 }),
  'log softmax': (b, p) => b.emit('log_softmax', [p], { axis: 1 }),
  pools: (b, p) => [b.emit('max_pool', [p], window), b.emit('average_pool', [p], { ...window, include_pad: true })],
  reductions: (b, p) => (['reduce_sum', 'reduce_mean', 'reduce_max'] as const).map((op) => b.emit(op, [p], { axes: [2, 3], keep: true })),
  'concat, and a reader of one part': (b, p, q) => [b.emit('concat', [p, q], { axis: 1 }), b.emit('sigmoid', [p], {})],
  pad: (b, p) => b.emit('pad', [p], { pads: [0, 0, 1, 1, 0, 0, 1, 1], value: 0.25 }),
  'product of matrices': (b, p, q) => b.emit('matmul', [p, b.emit('transpose', [q], { perm: [0, 1, 3, 2] })], {}),
  'product with a constant matrix': (b, p) => b.emit('matmul', [p, constant(b, [6, 5], 12)], {}),
  'dense over the last of three dimensions': (b, p) =>
    b.emit('dense', [b.emit('reshape', [p], { shape: [3, 6, 6] }), constant(b, [7, 6], 13), constant(b, [7], 14)], {}),
  'depthwise conv': (b, p) => b.emit('conv', [p, constant(b, [3, 1, 3, 3], 18), constant(b, [3], 19)], { ...square, groups: 3 }),
  'layer norm': (b, p) => b.emit('layer_norm', [p, constant(b, [6], 15, 0.5, 1.5), constant(b, [6], 16)], { axis: -1, epsilon }),
  'instance norm': (b, p) => b.emit('instance_norm', [p, constant(b, [3], 15, 0.5, 1.5), constant(b, [3], 16)], { epsilon }),
  'response normalization': (b, p) => b.emit('lrn', [p], { size: 5, alpha: 0.25, beta: 0.75, bias: 1 }),
};

describe('an op between two layers', () => {
  const bits = (weights: LayerBits['weights'], activations: LayerBits['activations']): LayerBits => ({ weights, activations });
  /** Settings and the least SQNR that they promise, in decibels: by the fewest bits on the way. */
  const settings: readonly (readonly [Omit<QuantizeOptions, 'samples'>, number])[] = [
    [{ bits: 16 }, 60],
    [{ bits: 16, powerOfTwo: true }, 50],
    [{ bits: 8, layers: new Map([['first', bits(16, 16)]]) }, 15],
    [{ bits: 16, layers: new Map([['second', bits(8, 8)]]) }, 15],
    [
      {
        bits: 8,
        layers: new Map([
          ['first', bits(6, 8)],
          ['second', bits(8, 16)],
        ]),
      },
      8,
    ],
  ];
  test.each(Object.entries(CASES))('%s', (_name, body) => {
    const program = around(body);
    for (const [options, floor] of settings) {
      const { least } = quantized(program, options);
      expect({ options, good: least > floor, least }).toMatchObject({ good: true });
    }
  });
});

test('layers of a mixed model have the bits that they are given', () => {
  const program = around((b, p, q) => b.emit('add', [p, q], {}));
  const { model } = quantized(program, { bits: 8, outputBits: 8, layers: new Map([['first', { weights: 16, activations: 16 }]]) });
  expect(model.layers.map((l) => [l.origin.split(' ')[0], l.bits, l.weightBits])).toEqual([
    ['first', 16, 16],
    ['second', 8, 8],
    ['add', 8, undefined],
  ]);
});

describe('quantizeWide', () => {
  const layer = (weights: readonly number[], bias: number | undefined, bits: Linear['bits'] = 16): Linear => ({
    weights: { dtype: 'f32', shape: [1, weights.length], data: Float32Array.from(weights) },
    bias: bias === undefined ? undefined : { dtype: 'f32', shape: [1], data: Float32Array.of(bias) },
    input: { scale: 2 ** -15, zero: 0, dtype: 'i16' },
    bits,
  });

  test('the shift is the least with which no sum leaves int32', () => {
    // 32767 * 2^15 is below 2^30, so two such products fit, three do not
    expect(quantizeWide(layer([1], undefined)).shift).toBe(0);
    expect(quantizeWide(layer([1, -1], undefined)).shift).toBe(0);
    expect(quantizeWide(layer([1, -1, 1], undefined)).shift).toBe(1);
    expect(quantizeWide(layer(new Array<number>(1000).fill(1), undefined)).shift).toBe(9);
    expect(quantizeWide(layer(new Array<number>(100).fill(1), undefined, 8)).shift).toBe(0);
  });

  test('bias and scale are in units of the shifted sum', () => {
    const { bias, scales, shift } = quantizeWide(layer([1, -1, 1], 3));
    expect(at(bias, 0) * at(scales, 0)).toBeCloseTo(3, 6);
    expect(at(scales, 0)).toBeCloseTo((2 ** shift * 2 ** -15) / 32767, 15);
  });

  test('a bias far above the weights leaves room', () => {
    const { bias, scales } = quantizeWide(layer([1e-9, -1e-9], 1e6));
    expect(Math.abs(at(bias, 0))).toBeLessThanOrEqual(2 ** 30);
    expect(at(bias, 0) * at(scales, 0)).toBeCloseTo(1e6, 0);
  });
});

describe('the overflow proof of an i16 layer at the bound', () => {
  const K = 1000;
  const SHIFT = 9;
  const INT32_MAX = 2 ** 31 - 1;
  const weights = Int16Array.from({ length: 3 * K }, (_, i) => (i < K ? 1 : i % 2 === 0 ? 32767 : -32767));
  /** The greatest shifted sum of channels 1 and 2. */
  const greatest = Math.floor(((K / 2) * (32767 * 32767 + 32767 * 32768) + 2 ** (SHIFT - 1)) / 2 ** SHIFT);
  const layer = (most: number): Program => {
    const b = new ProgramBuilder('edge');
    const x = b.input('x', { dtype: 'i16', shape: [1, K, 1, 1] });
    const w = b.param('w', { dtype: 'i16', shape: [3, K, 1, 1], data: weights });
    const bias = b.param('bias', { dtype: 'i32', shape: [3], data: Int32Array.of(0, 0, most - greatest) });
    const attrs = { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0], accumulator_shift: SHIFT };
    b.output('y', b.emit('conv', [x, w, bias], attrs, 'block3/conv'));
    return b.finish();
  };

  test('2^31 - 1 is accepted, and reached on both backends', () => {
    const program = layer(INT32_MAX);
    const proof = unwrap(proveProgram(program));
    expect(proof.ranges.at(-1)?.hi).toBe(INT32_MAX);
    const worst = Int16Array.from({ length: K }, (_, i) => (i % 2 === 0 ? 32767 : -32768));
    const inputs: readonly Tensor[] = [{ dtype: 'i16', shape: [1, K, 1, 1], data: worst }];
    const [a, b] = [reference(program)(inputs), wasm(program)(inputs)];
    expect(b).toEqual(a);
    expect([...at(a, 0).data].at(2)).toBe(INT32_MAX);
  });

  test('2^31 is refused, naming layer, channel and bound', () => {
    const proof = proveProgram(layer(INT32_MAX + 1));
    expect(proof.ok ? [] : proof.diagnostics.map((d) => [d.code, d.where, d.message])).toEqual([
      ['IR0011', 'block3/conv (conv)', expect.stringMatching(/2147483648\] in channel 2 but i32 holds/)],
    ]);
  });
});
