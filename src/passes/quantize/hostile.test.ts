import { describe, expect, test } from '@jest/globals';
import { Philox, type Program, ProgramBuilder, randomTensor, runProgram, type Tensor } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import type { CalibrationSample, Compile } from './calibrate.ts';
import { dequantizeTensor } from './affine.ts';
import { quantizeProgram, type QuantizeOptions } from './quantize.ts';
import { quantizeInputs } from './sqnr.ts';

const compile: Compile = (program) => (inputs) => runProgram(program, inputs);
const random = (shape: readonly number[], seed: number, most = 1): Tensor =>
  randomTensor({ dtype: 'f32', shape }, new Philox(seed), -most, most);
const filled = (shape: readonly number[], value: number): Tensor => {
  const { data } = random(shape, 0);
  return { dtype: 'f32', shape, data: Float32Array.from(data, () => value) };
};
const window = { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] };

/** conv, relu, conv, global mean, dense: with the given parameters of the first layer. */
const network = (weights: Tensor, bias: Tensor): Program => {
  const b = new ProgramBuilder('net');
  const x = b.input('x', { dtype: 'f32', shape: [1, 3, 6, 6] });
  const first = b.emit('relu', [b.emit('conv', [x, b.constant(weights), b.constant(bias)], window, 'first')], {});
  const second = b.emit('conv', [first, b.constant(random([4, 4, 3, 3], 2)), b.constant(random([4], 3))], window, 'second');
  const mean = b.emit('reduce_mean', [second], { axes: [2, 3] }, 'mean');
  b.output('y', b.emit('dense', [mean, b.constant(random([5, 4], 4)), b.constant(random([5], 5))], {}, 'classifier'));
  return b.finish();
};

const WAYS: readonly Pick<QuantizeOptions, 'bits' | 'method' | 'powerOfTwo' | 'rounding' | 'equalize'>[] = [
  { bits: 8, method: 'auto', rounding: 'auto', equalize: 'auto' },
  { bits: 6, method: 'auto', rounding: 'auto', equalize: 'auto' },
  { bits: 8, method: 'entropy' },
  { bits: 8, method: 'percentile' },
  { bits: 8, powerOfTwo: true },
];

/** Every way of quantizing gives a program whose results are near the float ones, as a share of the greatest float result: three times that for 6 bits and powers of two. */
const expectNear = (program: Program, samples: readonly CalibrationSample[], share: number): void => {
  for (const way of WAYS) {
    const model = unwrap(quantizeProgram(program, { samples, compile, ...way }));
    for (const sample of samples) {
      const [wanted, given] = [at(runProgram(program, sample), 0), at(runProgram(model.program, quantizeInputs(model, sample)), 0)];
      const real = dequantizeTensor(given, at(model.outputs, 0));
      const greatest = Math.max(1e-30, ...Array.from(wanted.data, Math.abs));
      const allowed = (way.bits === 6 || way.powerOfTwo === true ? 3 : 1) * share * greatest;
      real.data.forEach((v, i) => expect(Math.abs(v - at(wanted.data, i))).toBeLessThan(allowed));
    }
  }
};

describe('whatever calibration shows, the integers stay near', () => {
  const weights = random([4, 3, 3, 3], 1);
  const bias = random([4], 6);
  const samples = Array.from({ length: 3 }, (_, i) => [random([1, 3, 6, 6], 20 + i)]);

  test('constant inputs: no variance anywhere', () => {
    expectNear(network(weights, bias), [[filled([1, 3, 6, 6], 0.75)], [filled([1, 3, 6, 6], 0.75)]], 0.05);
  });
  test('inputs that are all zero: only biases speak', () => {
    expectNear(network(weights, bias), [[filled([1, 3, 6, 6], 0)]], 0.05);
  });
  test('dead channels: weights of zero, with and without a bias, and one that relu always cuts', () => {
    const dead = { ...weights, data: Float32Array.from(weights.data, (v: number, i: number) => (i < 54 ? 0 : v)) };
    expectNear(network(dead, { ...bias, data: Float32Array.of(0, 0.5, -1000, 0.25) }), samples, 0.05);
  });
  test('a network of zeros', () => {
    const program = network(filled([4, 3, 3, 3], 0), filled([4], 0));
    expectNear(program, samples, 0.05);
  });
  test('tiny and huge numbers', () => {
    for (const scale of [1e-30, 1e-12, 1e12, 1e25]) {
      const scaled = samples.map(([x]) => [{ ...at([x!], 0), data: Float32Array.from(x!.data, (v: number) => v * scale) }]);
      const program = network(weights, { ...bias, data: Float32Array.from(bias.data, (v: number) => v * scale) });
      const greatest = at(runProgram(program, at(scaled, 0)), 0).data.every(Number.isFinite);
      expect(greatest).toBe(true);
      expectNear(program, scaled, 0.08);
    }
  });
  test('one outlier a thousand times what the rest is', () => {
    const spiked = samples.map(([x], i) => {
      const data = Float32Array.from(x!.data);
      if (i === 0) data[7] = 1000;
      return [{ ...x!, data }];
    });
    // the outlier itself is kept: inputs keep their extremes, and everything else is small beside it
    for (const way of WAYS) {
      const model = unwrap(quantizeProgram(network(weights, bias), { samples: spiked, compile, ...way }));
      expect(model.layers.every((l) => Number.isFinite(l.scale) && l.scale > 0)).toBe(true);
      const input = at(model.inputs, 0);
      expect((127 - input.zero) * input.scale).toBeGreaterThan(990);
    }
  });
});
