import { elementCount } from '../../../ir/index.ts';
import { ELEMS } from '../elem.ts';
import { f32, i8, single, type TestModel, type TestTensor } from './build.ts';

/** A model of one operator and values of its inputs. What TensorFlow Lite makes of them is in litert.json (record.py). */
export interface Case {
  readonly name: string;
  readonly model: TestModel;
}

export type Tensors = Readonly<Record<string, TestTensor>>;
type Options = Parameters<typeof single>[3];

export const u8 = (shape: readonly number[], scale: number, zero: number, data?: readonly number[]): TestTensor => ({
  ...i8(shape, scale, zero, data),
  elem: 'uint8',
});
export const i16 = (shape: readonly number[], scale: number, data?: readonly number[]): TestTensor => ({
  ...i8(shape, scale, 0, data),
  elem: 'int16',
});
export const bool = (shape: readonly number[]): TestTensor => ({ elem: 'bool', shape });

/** Numbers of a linear congruential generator (Numerical Recipes), for constants and inputs. */
export const numbers = (count: number, seed: number, scale = 1): readonly number[] => {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return Math.fround((state / 2 ** 31) * scale);
  });
};
export const whole = (count: number, seed: number, lo: number, hi: number): readonly number[] =>
  numbers(count, seed).map((v) => lo + Math.floor(((v + 1) / 2) * (hi - lo + 1)));

/** Values of input k of a case: -2 to 2, the whole range of integers of 8 and 16 bits, small integers. */
export const inputOf = (t: TestTensor, k: number): readonly number[] => {
  const n = elementCount(t.shape);
  switch (ELEMS[t.elem].kind) {
    case 'float':
      return numbers(n, 7 + k, 2);
    case 'bool':
      return whole(n, 11 + k, 0, 1);
    default:
      return t.scales === undefined ? whole(n, 13 + k, 0, 2) : whole(n, 13 + k, ELEMS[t.elem].lo, ELEMS[t.elem].hi);
  }
};

export const weights = (shape: readonly number[], seed: number): TestTensor => f32(shape, numbers(elementCount(shape), seed));
/** int8 weights with a scale for each index of a dimension. */
export const qweights = (shape: readonly number[], axis: number, seed: number): TestTensor => {
  const count = shape[axis] ?? 1;
  return {
    elem: 'int8',
    shape,
    data: whole(elementCount(shape), seed, -127, 127),
    scales: Array.from({ length: count }, (_, i) => 0.01 + 0.002 * i),
    zeros: new Array<number>(count).fill(0),
    axis,
  };
};
/** A bias with the scales of x times those of the weights. */
export const qbias = (x: TestTensor, w: TestTensor, seed: number, elem: 'int32' | 'int64' = 'int32'): TestTensor => {
  const scales = (w.scales ?? []).map((s) => Math.fround(s * (x.scales?.[0] ?? 1)));
  return { elem, shape: [scales.length], data: whole(scales.length, seed, -2000, 2000), scales, zeros: scales.map(() => 0), axis: 0 };
};

export const one = (name: string, op: Parameters<typeof single>[0], inputs: Tensors, output: TestTensor, options?: Options): Case => ({
  name,
  model: single(op, inputs, { y: output }, options),
});
