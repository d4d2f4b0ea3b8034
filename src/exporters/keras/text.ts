import type { DType } from '../../ir/index.ts';
import { tuple } from '../outline/python-names.ts';
import type { Perm } from '../outline/writer.ts';

/** How Keras calls the dtypes; i6 is held in bytes. */
export const KERAS_DTYPE: Readonly<Record<DType, string>> = {
  i8: '"int8"',
  i16: '"int16"',
  i32: '"int32"',
  u8: '"uint8"',
  bool: '"bool"',
  f32: '"float32"',
  i6: '"int8"',
};

export const transposeText = (value: string, perm: Perm): string => `ops.transpose(${value}, ${tuple(perm)})`;

/** Channels last, as TensorFlow has them on processors: batch, space, channels. */
export const lastPerm = (rank: number): Perm => [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];

/** One number where all are equal. */
export const same = (values: readonly number[]): string => (values.every((v) => v === values[0]) ? String(values[0] ?? 1) : tuple(values));

/** Pads of spatial dimensions as layers take them: begin and end of each. */
export const pairs = (pads: readonly number[]): string => {
  const n = pads.length / 2;
  const each = Array.from({ length: n }, (_, i) => `(${pads[i] ?? 0}, ${pads[n + i] ?? 0})`);
  return n === 1 ? (each[0] ?? '') : `(${each.join(', ')})`;
};

export const flag = (value: boolean): string => (value ? 'True' : 'False');
