import type { DType } from '../../ir/index.ts';
import { type Code, joinCode, py } from '../outline/code.ts';
import { tuple } from '../outline/python-names.ts';
import type { Perm } from '../outline/writer.ts';

/** How PyTorch holds the dtypes. */
export const TORCH_DTYPE: Readonly<Record<DType, string>> = {
  i8: 'torch.int8',
  i16: 'torch.int16',
  i32: 'torch.int32',
  u8: 'torch.uint8',
  bool: 'torch.bool',
  f32: 'torch.float32',
  i6: 'torch.int8',
};

/** One number where all are equal, as layers take it. */
export const same = (values: readonly number[]): string => (values.every((v) => v === values[0]) ? String(values[0] ?? 1) : tuple(values));

/** Pads of the spatial dimensions as `F.pad` takes them: the last dimension first, begin and end. */
export const padOrder = (pads: readonly number[]): readonly number[] => {
  const n = pads.length / 2;
  return Array.from({ length: n }, (_, i) => [pads[n - 1 - i] ?? 0, pads[2 * n - 1 - i] ?? 0]).flat();
};

export const isSymmetric = (pads: readonly number[]): boolean =>
  pads.slice(0, pads.length / 2).every((p, i) => p === pads[pads.length / 2 + i]);

export const permuteText = (value: string, perm: Perm): string => `${value}.permute(${perm.join(', ')})`;

/** A list of sizes, of which some are read when the model runs. */
export const sizes = (parts: readonly Code[]): Code => py`(${joinCode(parts, ', ')}${parts.length === 1 ? ',' : ''})`;

export const flag = (value: boolean): string => (value ? 'True' : 'False');
