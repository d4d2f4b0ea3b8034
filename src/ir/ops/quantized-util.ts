import { clamp, POW2, RESCALE_LIMITS, rshr } from '../numeric/index.ts';
import { hiOf, loOf, type Range, range } from '../range.ts';
import type { RangeContext } from '../schema.ts';
import { DTYPE_INFO, type DType, type Tensor, type TensorType } from '../types.ts';

/** Float to integer, F5: NaN to `nan`, saturating. */
export const saturate = (v: number, dtype: DType, nan: number): number =>
  v !== v ? nan : clamp(v, DTYPE_INFO[dtype].lo, DTYPE_INFO[dtype].hi);

export const rescaled = (acc: number, multiplier: number, shift: number): number => rshr(acc * multiplier, shift);

/** Range of clamp(rshr((x - input_zero) * M, s) + output_zero, lo, hi) before and after the clamp. */
export const rescaleRange = (
  x: Range,
  a: { input_zero: number; output_zero: number; lo: number; hi: number },
  context: RangeContext,
): Range => {
  const ms = context.constant(1);
  const ss = context.constant(2);
  if (ms === undefined || ss === undefined) return range(a.lo, a.hi);
  // x - input_zero is taken in int32: where it could wrap, nothing is known
  if (x.lo - a.input_zero < -(2 ** 31) || x.hi - a.input_zero > 2 ** 31 - 1)
    return range(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  let lo = Number.POSITIVE_INFINITY;
  let hi = Number.NEGATIVE_INFINITY;
  const channels = Math.max(ms.data.length, x.channels?.lo.length ?? 1);
  for (let c = 0; c < channels; c++) {
    const m = ms.data[ms.data.length === 1 ? 0 : c]!;
    const s = ss.data[ss.data.length === 1 ? 0 : c]!;
    lo = Math.min(lo, rescaled(loOf(x, c) - a.input_zero, m, s) + a.output_zero);
    hi = Math.max(hi, rescaled(hiOf(x, c) - a.input_zero, m, s) + a.output_zero);
  }
  return range(clamp(lo, a.lo, a.hi), clamp(hi, a.lo, a.hi));
};

/** Table entries of i16 interpolation: y = rshr((T[i] << 7) + (T[i + 1] - T[i]) * f, 7). */
export const interpolate = (table: Tensor, x: number): number => {
  const i = (x + 32768) >> 7;
  const f = x & 127;
  const t = table.data[i]!;
  return rshr(t * 128 + (table.data[i + 1]! - t) * f, 7);
};

export const tableRange = (x: Range, xType: TensorType, table: Tensor | undefined, fallback: Range): Range => {
  if (table === undefined) return fallback;
  const rows = table.shape.length === 2 ? (table.shape[0] ?? 1) : 1;
  const wide = xType.dtype === 'i16';
  const width = wide ? 513 : 256;
  const offset = xType.dtype === 'i8' ? 128 : 0;
  const first = wide ? (x.lo + 32768) >> 7 : x.lo + offset;
  const last = wide ? Math.min(512, ((x.hi + 32768) >> 7) + 1) : x.hi + offset;
  let lo = Number.POSITIVE_INFINITY;
  let hi = Number.NEGATIVE_INFINITY;
  for (let r = 0; r < rows; r++)
    for (let i = first; i <= last; i++) {
      const v = table.data[r * width + i]!;
      lo = Math.min(lo, v);
      hi = Math.max(hi, v);
    }
  return range(lo, hi);
};

/** Says which multiplier or shift of a rescale lies outside its width; checked by the verifier on constant data. */
export const rescaleDataProblem = (m: Tensor, s: Tensor, width: 'n15' | 'w21'): string | undefined => {
  const { bits, maxShift } = RESCALE_LIMITS[width];
  for (let i = 0; i < m.data.length; i++) {
    const multiplier = m.data[i]!;
    const shift = s.data[i]!;
    const ok =
      multiplier >= 0 &&
      multiplier < POW2[bits]! &&
      shift >= 1 &&
      shift <= maxShift &&
      (width === 'w21' || shift >= 17 || multiplier >= 2 ** 14);
    if (!ok) return `entry ${i} is multiplier ${multiplier}, shift ${shift}`;
  }
  return undefined;
};
