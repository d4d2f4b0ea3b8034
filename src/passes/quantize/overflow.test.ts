import { describe, expect, test } from '@jest/globals';
import { Philox, ProgramBuilder, proveProgram, randomTensor, type Tensor } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { Affine } from './affine.ts';
import { encodeSum } from './lower/join.ts';
import { quantizeLinear } from './layer-weights.ts';

const INT32_MAX = 2 ** 31 - 1;
const f32 = (shape: readonly number[], data: readonly number[]): Tensor => ({ dtype: 'f32', shape, data: Float32Array.from(data) });

/** Least and greatest accumulator of each channel over every int8 input, and what the proof says of the layer. */
const bounds = (weights: Int8Array, bias: Int32Array, channel: number): readonly [number, number] => {
  const per = weights.length / bias.length;
  let lo = at(bias, channel);
  let hi = lo;
  for (const w of weights.subarray(channel * per, (channel + 1) * per)) {
    lo += w >= 0 ? w * -128 : w * 127;
    hi += w >= 0 ? w * 127 : w * -128;
  }
  return [lo, hi];
};

describe('quantizeLinear', () => {
  const x: Affine = { scale: 0.25, zero: -128, dtype: 'i8' };

  test('weights are symmetric per channel, bias is in accumulator units with the zero point folded in', () => {
    const layer = quantizeLinear({ weights: f32([2, 3], [1, -2, 0.5, 0, 0.25, 0.125]), bias: f32([2], [3, -1]), input: x, bits: 8 });
    expect([...layer.weights]).toEqual([64, -127, 32, 0, 127, 64]);
    const sums = [64 - 127 + 32, 127 + 64];
    layer.scales.forEach((s, c) => {
      expect(at(layer.bias, c) - 128 * at(sums, c)).toBe(Math.floor((c === 0 ? 3 : -1) / s + 0.5));
    });
  });

  test('never -128, never past 31 with six bits', () => {
    const w = randomTensor({ dtype: 'f32', shape: [8, 64] }, new Philox(5), -1, 1);
    expect(Math.min(...quantizeLinear({ weights: w, bias: undefined, input: x, bits: 8 }).weights)).toBe(-127);
    expect(Math.min(...quantizeLinear({ weights: w, bias: undefined, input: x, bits: 6 }).weights)).toBe(-31);
    expect(Math.max(...quantizeLinear({ weights: w, bias: undefined, input: x, bits: 6 }).weights)).toBe(31);
  });

  test('a channel of zeros keeps its bias; without bias it is dead', () => {
    const layer = quantizeLinear({ weights: f32([3, 2], [0, 0, 0, 0, 1, 1]), bias: f32([3], [5, 0, 0]), input: x, bits: 8 });
    expect(at(layer.bias, 0) * at(layer.scales, 0)).toBeCloseTo(5, 4);
    expect(layer.scales[1]).toBe(0);
    expect(layer.bias[1]).toBe(0);
  });

  test('a bias far above the weights, and a row long enough to overflow, widen the scale until int32 suffices', () => {
    const bias = quantizeLinear({ weights: f32([1, 2], [1e-6, -1e-6]), bias: f32([1], [1e6]), input: x, bits: 8 });
    expect(Math.abs(at(bias.bias, 0))).toBeLessThanOrEqual(2 ** 30);
    expect(at(bias.bias, 0) * at(bias.scales, 0)).toBeCloseTo(1e6, -2);
    const k = 140_000;
    for (const zero of [127, -128]) {
      const weights = f32([2, k], new Array<number>(2 * k).fill(1));
      const long = quantizeLinear({ weights, bias: undefined, input: { ...x, zero }, bits: 8 });
      for (const c of [0, 1])
        for (const bound of bounds(long.weights, long.bias, c)) expect(Math.abs(bound)).toBeLessThanOrEqual(INT32_MAX);
      // 60 is the greatest weight whose sum times 255 stays below 2^31
      expect(at(long.weights, 0)).toBeGreaterThan(55);
    }
  });
});

describe('bias correction', () => {
  test('keeps the mean output of a layer where rounding the weights would move it', () => {
    const x: Affine = { scale: 1 / 64, zero: -10, dtype: 'i8' };
    const weights = randomTensor({ dtype: 'f32', shape: [4, 6, 2] }, new Philox(8), -1, 1);
    const means = Float64Array.of(0.5, -0.25, 1, 0.75, -1, 0.125);
    const input = Array.from(means, (m) => m / x.scale + x.zero);
    /** Greatest difference of a channel's output from the float one, for an input that equals its mean; 2 groups of 3 channels. */
    const error = (given: Float64Array | undefined): number => {
      const grouped: Tensor = { ...weights, shape: [4, 3, 4] };
      const layer = quantizeLinear({ weights: grouped, bias: undefined, input: x, means: given, groups: 2, bits: 6 });
      let worst = 0;
      for (let c = 0; c < 4; c++) {
        let acc = at(layer.bias, c);
        let float = 0;
        for (let i = 0; i < 12; i++) {
          const channel = (c < 2 ? 0 : 3) + Math.floor(i / 4);
          acc += at(layer.weights, c * 12 + i) * at(input, channel);
          float += at(weights.data, c * 12 + i) * at(means, channel);
        }
        worst = Math.max(worst, Math.abs(acc * at(layer.scales, c) - float));
      }
      return worst;
    };
    expect(error(undefined)).toBeGreaterThan(0.005);
    expect(error(means)).toBeLessThan(0.001);
  });
});

describe('encodeSum', () => {
  test('keeps the int32 bound of add_rescale and the ratio of the factors', () => {
    for (const factors of [[1, 1], [0.001, 1000], [3, -0.7, 0.2], new Array<number>(8).fill(1.9), [1e9, 1], [0, 0.5], [2e6, -3e-9]]) {
      const { multipliers, shift } = encodeSum(factors);
      expect(multipliers.reduce((n, m) => n + Math.abs(m) * 255, 2 ** (shift - 1))).toBeLessThanOrEqual(INT32_MAX);
      const usual = factors.every((f) => Math.abs(f) < 1e4);
      if (usual) factors.forEach((f, i) => expect(Math.abs(at(multipliers, i) / 2 ** shift - f)).toBeLessThanOrEqual(2 ** -shift));
    }
  });
});

describe('the overflow proof of a layer at the bound', () => {
  /** conv over `k` channels of int8 with weights 127 and -127, so that the sum reaches 127 * 127 or 127 * 128 each. */
  const layer = (bias: number) => {
    const k = 1000;
    const b = new ProgramBuilder('edge');
    const x = b.input('x', { dtype: 'i8', shape: [1, k, 1, 1] });
    const weights = Int8Array.from({ length: 3 * k }, (_, i) => (i < k ? 1 : i % 2 === 0 ? 127 : -127));
    const w = b.param('w', { dtype: 'i8', shape: [3, k, 1, 1], data: weights });
    const greatest = (k / 2) * (127 * 127 + 127 * 128);
    const data = Int32Array.of(0, 0, bias - greatest);
    const acc = b.emit(
      'conv',
      [x, w, b.param('bias', { dtype: 'i32', shape: [3], data })],
      { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] },
      'block3/conv',
    );
    b.output('y', acc);
    return proveProgram(b.finish());
  };

  test('2^31 - 1 is accepted', () => {
    const proof = layer(INT32_MAX);
    expect(proof.ok && proof.value.ranges.at(-1)?.hi).toBe(INT32_MAX);
  });

  test('2^31 is refused, naming layer and channel', () => {
    const proof = layer(INT32_MAX + 1);
    expect(proof.ok ? [] : proof.diagnostics.map((d) => [d.code, d.where, d.message])).toEqual([
      ['IR0011', 'block3/conv (conv)', expect.stringContaining('in channel 2')],
    ]);
  });

  test('a rescale whose input zero point takes the accumulator out of int32 is refused', () => {
    const rescale = (inputZero: number) => {
      const b = new ProgramBuilder('zero');
      const x = b.input('x', { dtype: 'i32', shape: [2] });
      const one = (name: string, v: number) => b.param(name, { dtype: 'i32', shape: [1], data: Int32Array.of(v) });
      b.output(
        'y',
        b.emit('rescale', [x, one('m', 16384), one('s', 30)], { input_zero: inputZero, lo: -128, hi: 127, dtype: 'i8' }, 'mean'),
      );
      return proveProgram(b.finish());
    };
    expect(rescale(0).ok).toBe(true);
    expect(rescale(1).ok).toBe(false);
    expect(rescale(-1).ok).toBe(false);
  });
});
