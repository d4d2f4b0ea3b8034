import { importTflite } from '../../src/frontend/tflite/index.ts';
import type { Program, Tensor } from '../../src/ir/index.ts';
import { at, invariant, unwrap } from '../../src/support/index.ts';
import { readBytes } from '../models.ts';

export interface TfliteModel {
  readonly program: Program;
  /** A real input as the integers of the model's input: q = clamp(round(x / scale) + zero), ties to even. */
  readonly toIntegers: (sample: Tensor) => Tensor;
  /** The integers of the model's input as reals: x = scale (q - zero). */
  readonly toReals: (sample: Tensor) => Tensor;
}

const roundHalfEven = (x: number): number => {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
};

/** A TensorFlow Lite file; for the conversions, its first input is int8 with one scale. */
export const tflite = (path: string): TfliteModel => {
  const { program, inputs } = unwrap(importTflite(readBytes(path)));
  const { quantization } = at(inputs, 0);
  const affine = (): readonly [number, number] => {
    invariant(quantization !== undefined, `the input of ${path} has no scale`);
    return [at(quantization.scales, 0), at(quantization.zeros, 0)];
  };
  return {
    program,
    toIntegers: (sample) => {
      const [scale, zero] = affine();
      const code = (x: number): number => Math.min(127, Math.max(-128, roundHalfEven(x / scale) + zero));
      return { dtype: 'i8', shape: sample.shape, data: Int8Array.from(sample.data, code) };
    },
    toReals: (sample) => {
      const [scale, zero] = affine();
      return { dtype: 'f32', shape: sample.shape, data: Float32Array.from(sample.data, (q) => (q - zero) * scale) };
    },
  };
};
