import { DTYPE_INFO, type DType, type Tensor } from './types.ts';

/**
 * An interval that contains every element of a tensor, and, where known, one interval per index of axis 1
 * (the channel axis). Numbers are exact integers, |v| <= 2^53.
 */
export interface Range {
  readonly lo: number;
  readonly hi: number;
  readonly channels?: { readonly lo: Float64Array; readonly hi: Float64Array };
}

export const range = (lo: number, hi: number): Range => ({ lo, hi });
export const dtypeRange = (dtype: DType): Range => range(DTYPE_INFO[dtype].lo, DTYPE_INFO[dtype].hi);

/** One interval per channel, with its hull. */
export const channelRange = (lo: Float64Array, hi: Float64Array): Range => {
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (const v of lo) if (v < least) least = v;
  for (const v of hi) if (v > greatest) greatest = v;
  return lo.length === 0 ? range(0, 0) : { lo: least, hi: greatest, channels: { lo, hi } };
};

/** The smallest interval around all: a loop, since spreading many operands into Math.min overflows the stack. */
export const hull = (ranges: readonly Range[]): Range => {
  const [first] = ranges;
  if (first === undefined) return range(0, 0);
  let { lo, hi } = first;
  for (const r of ranges) {
    lo = Math.min(lo, r.lo);
    hi = Math.max(hi, r.hi);
  }
  return range(lo, hi);
};

export const widen = (r: Range, value: number): Range => range(Math.min(r.lo, value), Math.max(r.hi, value));

/** Interval of channel `c`. */
export const loOf = (r: Range, c: number): number => r.channels?.lo[c] ?? r.lo;
export const hiOf = (r: Range, c: number): number => r.channels?.hi[c] ?? r.hi;

/** Applies a non-decreasing function to every bound. */
export const mapMonotone = (r: Range, f: (v: number) => number): Range =>
  r.channels === undefined ? range(f(r.lo), f(r.hi)) : channelRange(r.channels.lo.map(f), r.channels.hi.map(f));

/** The exact range of constant data. */
export const rangeOfTensor = (tensor: Tensor): Range => {
  const { data } = tensor;
  if (data.length === 0) return range(0, 0);
  let lo = data[0]!;
  let hi = lo;
  for (let i = 1; i < data.length; i++) {
    const v = data[i]!;
    if (v < lo) lo = v;
    if (v > hi) hi = v;
  }
  return range(lo, hi);
};

const corners = (a: Range, b: Range, f: (x: number, y: number) => number): Range => {
  const values = [f(a.lo, b.lo), f(a.lo, b.hi), f(a.hi, b.lo), f(a.hi, b.hi)];
  return range(Math.min(...values), Math.max(...values));
};

export const addRange = (a: Range, b: Range): Range => range(a.lo + b.lo, a.hi + b.hi);
export const subRange = (a: Range, b: Range): Range => range(a.lo - b.hi, a.hi - b.lo);
export const mulRange = (a: Range, b: Range): Range => corners(a, b, (x, y) => x * y);
