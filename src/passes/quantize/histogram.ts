import { pow2, type TensorData } from '../../ir/index.ts';
import { invariant } from '../../support/index.ts';

/**
 * What calibration saw of one value. Exact zeros (the half of a ReLU output) are counted apart from the bins.
 *
 * Bins are anchored at 0 and their width is a power of two: bin i holds the values v with floor(v / width) = first + i. When a
 * value lies outside, the width doubles and bins join in pairs; floor(v / 2w) = floor(floor(v / w) / 2), so that is exact and
 * the histogram depends on the values alone: not on their order, nor on how they were divided among chunks and threads.
 */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly count: number;
  readonly zeros: number;
  readonly width: number;
  readonly first: number;
  /** Counts from the bin of `min` to the bin of `max`; empty when only extremes were wanted or every value is 0. */
  readonly bins: Float64Array;
}

/** The middle of bin i. */
export const centreOf = (h: Histogram, i: number): number => (h.first + i + 0.5) * h.width;

/**
 * Bins on either side of 0. The greatest magnitude lies in the outer half, so that a range from 0 has 2048 bins or more
 * (NUMERICS §5), and one around 0 has twice as many.
 */
export const HALF = 4096;
const HALF_BITS = 12;

/** Below every bin width: 2^-149 is the least float32. */
const LEAST_EXPONENT = -149 - HALF_BITS;

const exponentBits = new DataView(new ArrayBuffer(8));

/** The least e with magnitude < HALF 2^e. Magnitudes are float32 values, so normal as float64, or 0. */
const exponentFor = (magnitude: number): number => {
  if (magnitude === 0) return LEAST_EXPONENT;
  exponentBits.setFloat64(0, magnitude);
  return (exponentBits.getUint32(0) >>> 20) - 1023 + 1 - HALF_BITS;
};

/** A histogram that is being filled. Plain data: it crosses threads and files. */
export interface Tally {
  min: number;
  max: number;
  count: number;
  zeros: number;
  /** Bins are 2^exponent wide. */
  exponent: number;
  /** Bin k, from -HALF to HALF - 1, at place HALF + k; undefined when only extremes are wanted. */
  bins: Float64Array | undefined;
}

export const newTally = (withBins: boolean): Tally => ({
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
  count: 0,
  zeros: 0,
  exponent: LEAST_EXPONENT,
  bins: withBins ? new Float64Array(2 * HALF) : undefined,
});

/** Bin k goes into bin k >> steps. Inwards from 0, so that in place no count is overwritten before it has moved. */
const widen = (bins: Float64Array, steps: number): void => {
  const move = (k: number): void => {
    const count = bins[HALF + k] ?? 0;
    const to = k >> Math.min(31, steps);
    if (count === 0 || to === k) return;
    bins[HALF + k] = 0;
    bins[HALF + to] = (bins[HALF + to] ?? 0) + count;
  };
  for (let k = 0; k < HALF; k++) move(k);
  for (let k = -1; k >= -HALF; k--) move(k);
};

const reach = (tally: Tally, exponent: number): void => {
  if (exponent <= tally.exponent) return;
  if (tally.bins !== undefined && tally.count > tally.zeros) widen(tally.bins, exponent - tally.exponent);
  tally.exponent = exponent;
};

const countBins = (bins: Float64Array, data: TensorData, scale: number): void => {
  for (let i = 0; i < data.length; i++) {
    const v = data[i] ?? 0;
    if (v === 0) continue;
    const place = HALF + Math.floor(v * scale);
    bins[place] = (bins[place] ?? 0) + 1;
  }
};

/**
 * Adds the elements of a tensor.
 * @returns false, with the tally as it was, when an element is NaN or infinite
 */
export const addValues = (tally: Tally, data: TensorData): boolean => {
  let { min, max } = tally;
  let zeros = 0;
  let finite = true;
  for (let i = 0; i < data.length; i++) {
    const v = data[i] ?? 0;
    if (v < min) min = v;
    if (v > max) max = v;
    if (v === 0) zeros++;
    if (v - v !== 0) finite = false;
  }
  if (!finite) return false;
  if (data.length === 0) return true;
  if (tally.bins !== undefined) {
    reach(tally, exponentFor(Math.max(-min, max, 0)));
    if (zeros < data.length) countBins(tally.bins, data, pow2(-tally.exponent));
  }
  tally.min = min;
  tally.max = max;
  tally.zeros += zeros;
  tally.count += data.length;
  return true;
};

/** Adds what another tally counted; the other one is used up. */
export const addTally = (tally: Tally, other: Tally): void => {
  invariant((tally.bins === undefined) === (other.bins === undefined), 'both tallies have bins or neither has');
  if (tally.bins !== undefined && other.bins !== undefined) {
    reach(tally, other.exponent);
    reach(other, tally.exponent);
    for (let i = 0; i < tally.bins.length; i++) tally.bins[i] = (tally.bins[i] ?? 0) + (other.bins[i] ?? 0);
  }
  tally.min = Math.min(tally.min, other.min);
  tally.max = Math.max(tally.max, other.max);
  tally.zeros += other.zeros;
  tally.count += other.count;
};

/** The histogram of what was counted. No value at all has the extremes 0. */
export const finishTally = ({ min, max, count, zeros, exponent, bins }: Tally): Histogram => {
  const none = { count, zeros, width: 1, first: 0, bins: new Float64Array(0) };
  if (count === 0) return { ...none, min: 0, max: 0 };
  if (bins === undefined || zeros === count) return { ...none, min, max };
  const width = pow2(exponent);
  const first = Math.floor(min / width);
  const last = Math.floor(max / width);
  return { min, max, count, zeros, width, first, bins: bins.slice(HALF + first, HALF + last + 1) };
};

/** The histogram of some numbers that are float32 values. */
export const histogramOf = (values: Float32Array): Histogram => {
  const tally = newTally(true);
  invariant(addValues(tally, values), 'the values are finite');
  return finishTally(tally);
};
