import { py } from '../outline/code.ts';
import type { Style } from '../outline/writer.ts';

/** Tensors beside layers are read from the file of weights; layers are written without their name and closing bracket. */
export const KERAS_STYLE: Style = {
  tensorField: (leaf, tensor) => ({ leaf, isTensor: true, make: [], tensors: [{ key: '', tensor }] }),
  size: (value, axis) => py`ops.shape(${value})[${axis}]`,
};
