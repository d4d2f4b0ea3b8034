import { rshr } from '../numeric/index.ts';

// bound once: a look-up of the global in every step of an inner loop is slow where globals are proxied (jest)
const { floor, fround, trunc } = Math;

/** How values between cells are made, and what lies outside. */
export interface Interpolation {
  readonly mode: 'nearest' | 'linear' | 'cubic';
  readonly outside: 'zeros' | 'border' | 'reflection';
  /** Reflection is about the centres of the outer cells, not about their outer edges. */
  readonly align_corners: boolean;
}

/** Cells along one axis that a value is made of: the first `count` entries. An offset below 0 stands for a cell that is 0. */
export interface AxisTaps {
  count: number;
  readonly offsets: Int32Array;
  readonly weights: Float64Array;
}

export const axisTaps = (): AxisTaps => ({ count: 0, offsets: new Int32Array(4), weights: new Float64Array(4) });

/** Nearest integer, ties to even. */
const nearest = (p: number): number => {
  const low = floor(p);
  const rest = p - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 !== 0) ? low + 1 : low;
};

/** Clamp to [lo, hi]; NaN becomes lo. */
const limit = (p: number, lo: number, hi: number): number => (p >= lo ? (p <= hi ? p : hi) : lo);

/** Mirrors a position at lo and hi until it lies between, each step rounded to float32. */
const reflect = (p: number, lo: number, hi: number): number => {
  const [border, sign] = p < lo ? [lo, 1] : [hi, -1];
  const range = hi - lo;
  const distance = fround(p < lo ? lo - p : p - hi);
  const turns = trunc(fround(distance / range));
  const rest = fround(distance - fround(turns * range));
  const even = turns - 2 * floor(turns / 2) === 0;
  return even ? fround(border + sign * rest) : fround((p < lo ? hi : lo) - sign * rest);
};

/** The position inside the axis, or far enough outside for every cell around it to be absent. */
const placed = (p: number, n: number, how: Interpolation): number => {
  const [lo, hi] = how.align_corners ? [0, n - 1] : [-0.5, n - 0.5];
  const inside = p >= lo && p <= hi;
  switch (how.outside) {
    case 'zeros':
      return limit(p, -3, n + 2);
    case 'border':
      return inside ? p : limit(p, 0, n - 1);
    case 'reflection':
      return limit(inside ? p : reflect(p, lo, hi), lo, hi);
    default:
      return how.outside satisfies never;
  }
};

/** The cell that index i of an axis of n reads; -1 when there is none. */
const cellOf = (i: number, n: number, how: Interpolation): number => {
  if (i >= 0 && i < n) return i;
  if (how.outside === 'zeros') return -1;
  if (how.outside === 'border') return i < 0 ? 0 : n - 1;
  const period = how.align_corners ? 2 * n - 2 : 2 * n;
  if (period === 0) return 0;
  const j = ((i % period) + period) % period;
  return j < n ? j : how.align_corners ? period - j : period - 1 - j;
};

/** Keys' kernel with a = -0.75 for distances up to 1, and for distances from 1 to 2. */
const nearWeight = (t: number): number => fround(fround(fround(fround(fround(1.25 * t) - 2.25) * t) * t) + 1);
const farWeight = (t: number): number => fround(fround(fround(fround(fround(fround(-0.75 * t) + 3.75) * t) - 6) * t) + 3);

/** Taps of position p (float32) along an axis of n cells, `stride` elements apart. */
export const floatTaps = (p: number, n: number, stride: number, how: Interpolation, taps: AxisTaps): void => {
  const at = placed(how.mode === 'nearest' ? nearest(p) : p, n, how);
  const low = floor(at);
  const f = fround(at - low);
  const put = (k: number, index: number, weight: number): void => {
    const cell = cellOf(index, n, how);
    taps.offsets[k] = cell < 0 ? -1 : cell * stride;
    taps.weights[k] = weight;
  };
  switch (how.mode) {
    case 'nearest':
      taps.count = 1;
      put(0, low, 1);
      break;
    case 'linear':
      taps.count = 2;
      put(0, low, fround(1 - f));
      put(1, low + 1, f);
      break;
    case 'cubic': {
      taps.count = 4;
      const rest = fround(1 - f);
      put(0, low - 1, farWeight(fround(f + 1)));
      put(1, low, nearWeight(f));
      put(2, low + 1, nearWeight(rest));
      put(3, low + 2, farWeight(fround(2 - f)));
      break;
    }
    default:
      how.mode satisfies never;
  }
};

/** Taps of position p in sixteenths of a cell: weights are sixteenths. */
export const fixedTaps = (p: number, n: number, stride: number, taps: AxisTaps): void => {
  const low = p >> 4;
  const f = p & 15;
  taps.count = 2;
  for (let k = 0; k < 2; k++) {
    const cell = low + k;
    taps.offsets[k] = cell >= 0 && cell < n ? cell * stride : -1;
    taps.weights[k] = k === 0 ? 16 - f : f;
  }
};

/** Products of the taps of all axes in row-major order; absent cells are left out. */
export const combineTaps = (axes: readonly AxisTaps[], offsets: Int32Array, weights: Float64Array): number => {
  let count = 1;
  offsets[0] = 0;
  weights[0] = 1;
  for (const axis of axes) {
    // from the last product to the first, so that none is overwritten before it is read
    for (let t = count - 1; t >= 0; t--)
      for (let k = axis.count - 1; k >= 0; k--) {
        const to = t * axis.count + k;
        const absent = offsets[t]! < 0 || axis.offsets[k]! < 0;
        weights[to] = fround(weights[t]! * axis.weights[k]!);
        offsets[to] = absent ? -1 : offsets[t]! + axis.offsets[k]!;
      }
    count *= axis.count;
  }
  return count;
};

/** The value in float32: sum from +0 in the order of the taps, each product and sum rounded. */
export const floatValue = (data: Float32Array, base: number, count: number, offsets: Int32Array, weights: Float64Array): number => {
  let sum = 0;
  for (let t = 0; t < count; t++) {
    const offset = offsets[t]!;
    if (offset >= 0) sum = fround(sum + fround(weights[t]! * data[base + offset]!));
  }
  return sum;
};

/** The value minus zero, in sixteenths: rshr(sum w (v - zero), 4 (axes - 1)). */
export const fixedValue = (
  data: Int8Array | Uint8Array,
  base: number,
  count: number,
  offsets: Int32Array,
  weights: Float64Array,
  zero: number,
  axes: number,
): number => {
  let sum = 0;
  for (let t = 0; t < count; t++) {
    const offset = offsets[t]!;
    if (offset >= 0) sum += weights[t]! * (data[base + offset]! - zero);
  }
  return rshr(sum, 4 * (axes - 1));
};
