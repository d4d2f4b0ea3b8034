import { expect, test } from '@jest/globals';
import { Philox, type Program, ProgramBuilder, randomTensor, runProgram, type Tensor, type ValueId } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import type { Compile } from './calibrate.ts';
import { equalize } from './equalize.ts';
import { quantizeProgram } from './quantize.ts';
import { measureSqnr } from './sqnr.ts';

const compile: Compile = (program) => (inputs) => runProgram(program, inputs);
const random = (shape: readonly number[], seed: number, most = 1): Tensor =>
  randomTensor({ dtype: 'f32', shape }, new Philox(seed), -most, most);

/** 2^-6, 2^-3, 1, 8 in turn: how uneven batch norm leaves the channels of depthwise networks. */
const unevenness = (channel: number): number => 2 ** (3 * (channel % 4) - 6);
const scaled = (w: Tensor, factor: (i: number) => number): Tensor => ({
  ...w,
  data: Float32Array.from(w.data, (v: number, i: number) => v * factor(i)),
});

const window = { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] };

const network = (body: (b: ProgramBuilder, x: ValueId) => ValueId): Program => {
  const b = new ProgramBuilder('net');
  b.output('y', body(b, b.input('x', { dtype: 'f32', shape: [1, 3, 8, 8] })));
  return b.finish();
};

const expandDepthwise = network((b, x) => {
  const expanded = b.emit(
    'relu',
    [b.emit('conv', [x, b.constant(scaled(random([8, 3, 3, 3], 1), (i) => unevenness(Math.floor(i / 27))))], window, 'expand')],
    {},
  );
  const depthwise = b.emit(
    'relu',
    [
      b.emit(
        'conv',
        [expanded, b.constant(scaled(random([8, 1, 3, 3], 3), (i) => 1 / unevenness(Math.floor(i / 9) + 1)))],
        { ...window, groups: 8 },
        'depthwise',
      ),
    ],
    {},
  );
  const pooled = b.emit('max_pool', [depthwise], { kernel: [2, 2], stride: [2, 2], dilation: [1, 1], pads: [0, 0, 0, 0] });
  const flat = b.emit('reshape', [pooled], { shape: [1, 128] });
  return b.emit(
    'dense',
    [
      flat,
      b.constant(scaled(random([5, 128], 5), (i) => unevenness(Math.floor((i % 128) / 16) + 1) / unevenness(Math.floor((i % 128) / 16)))),
      b.constant(random([5], 6)),
    ],
    {},
    'classifier',
  );
});

const samples = Array.from({ length: 4 }, (_, i) => [random([1, 3, 8, 8], 100 + i)]);

test('the float result stays, through depthwise conv, pooling and flattening', () => {
  const { program, layers } = equalize(expandDepthwise, samples, compile);
  expect(layers).toEqual(['expand', 'depthwise']);
  for (const sample of samples) {
    const [before, after] = [at(runProgram(expandDepthwise, sample), 0), at(runProgram(program, sample), 0)];
    const size = Math.max(...Array.from(before.data, Math.abs));
    before.data.forEach((v, i) => expect(Math.abs(v - at(after.data, i))).toBeLessThan(1e-5 * size));
  }
});

test('INT8 gains where the channels of an activation are uneven', () => {
  const decibels = [expandDepthwise, equalize(expandDepthwise, samples, compile).program].map((program) => {
    const model = unwrap(quantizeProgram(program, { samples, compile }));
    return measureSqnr(model, samples, compile).at(-1)?.decibels ?? 0;
  });
  expect(at(decibels, 1)).toBeGreaterThan(at(decibels, 0) + 10);
});

test('a clip, a second reader or a shared weight between the layers ends the chain', () => {
  const layer = (b: ProgramBuilder, x: ValueId, w: ValueId): ValueId => b.emit('conv', [x, w], window);
  const weights = (b: ProgramBuilder, seed: number): ValueId => b.constant(random([3, 3, 3, 3], seed));
  const clipped = network((b, x) => layer(b, b.emit('clip', [layer(b, x, weights(b, 1))], { min: 0, max: 6 }), weights(b, 2)));
  const twice = network((b, x) => {
    const y = layer(b, x, weights(b, 1));
    return b.emit('add', [layer(b, y, weights(b, 2)), y], {});
  });
  const shared = network((b, x) => {
    const w = weights(b, 1);
    return layer(b, layer(b, x, w), w);
  });
  for (const program of [clipped, twice, shared]) expect(equalize(program, samples, compile)).toEqual({ program, layers: [] });
});
