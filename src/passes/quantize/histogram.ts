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

const magnitudeBits = (magnitude: number): DataView => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, magnitude);
  return view;
};

/**
 * The least e for which the bins of width 2^e hold v: -HALF 2^e <= v < HALF 2^e. Float32 values are 0 or normal as float64, so
 * the exponent field tells.
 */
const exponentFor = (v: number): number => {
  if (v === 0) return LEAST_EXPONENT;
  const bits = magnitudeBits(Math.abs(v));
  const e = (bits.getUint32(0) >>> 20) - 1023 + 1 - HALF_BITS;
  return v === -pow2(e - 1) * HALF ? e - 1 : e;
};

/** A histogram that is being filled. Plain data: it crosses threads and files. */
export interface Tally {
  min: number;
  max: number;
  count: number;
  zeros: number;
  /** Bins are 2^exponent wide. */
  exponent: number;
  /** Bin k, from -HALF to HALF - 1, at place HALF + k, zeros too; undefined when only extremes are wanted. */
  readonly bins: Float64Array | undefined;
}

export const newTally = (withBins: boolean): Tally => ({
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
  count: 0,
  zeros: 0,
  exponent: LEAST_EXPONENT,
  bins: withBins ? new Float64Array(2 * HALF) : undefined,
});

/** Bin k goes into bin k >> steps. Outwards from 0, so that a place is left before a farther bin moves into it. */
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
  if (tally.bins !== undefined) widen(tally.bins, exponent - tally.exponent);
  tally.exponent = exponent;
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
  const own = bins.slice(HALF + first, HALF + last + 1);
  if (first <= 0 && last >= 0) own[-first] = (own[-first] ?? 0) - zeros;
  return { min, max, count, zeros, width, first, bins: own };
};

/** Consecutive elements count in tables of their own: one table would wait for its last store when values repeat. */
const LANES = 4;
const LANE = 2 * HALF;
/** Elements after which 32-bit counts are moved. */
const MOST_PENDING = 2 ** 31;

/** Fills a tally. */
export class Counter {
  readonly tally: Tally;
  private readonly lanes: Int32Array;
  private pending = 0;

  constructor(withBins: boolean) {
    this.tally = newTally(withBins);
    this.lanes = new Int32Array(withBins ? LANES * LANE : 0);
  }

  /**
   * Adds the elements of a tensor.
   * @returns false when an element is NaN or infinite; the tally is of no use then
   */
  add(values: TensorData): boolean {
    const data = values instanceof Float32Array ? values : Float32Array.from(values);
    const words = new Int32Array(data.buffer, data.byteOffset, data.length);
    if (this.pending + data.length > MOST_PENDING) this.flush();
    this.pending += data.length;
    const { tally } = this;
    let i = 0;
    while (i < data.length) {
      i = this.tally.bins === undefined ? extremesWithin(tally, data, words, i) : countWithin(tally, this.lanes, data, words, i);
      const v = data[i];
      if (v === undefined) break;
      if (v - v !== 0) return false;
      this.include(v);
    }
    tally.count += data.length;
    return true;
  }

  /** Makes v one of the values that the tally holds. */
  private include(v: number): void {
    const { tally } = this;
    tally.min = Math.min(tally.min, v);
    tally.max = Math.max(tally.max, v);
    const exponent = exponentFor(v);
    if (exponent <= tally.exponent) return;
    this.flush();
    reach(tally, exponent);
  }

  /** Moves all counts into the tally. */
  flush(): Tally {
    const { lanes, tally } = this;
    if (tally.bins !== undefined) {
      for (let k = 0; k < LANE; k++) {
        let count = 0;
        for (let lane = k; lane < LANES * LANE; lane += LANE) count += lanes[lane] ?? 0;
        if (count !== 0) tally.bins[k] = (tally.bins[k] ?? 0) + count;
      }
      lanes.fill(0);
    }
    this.pending = 0;
    return tally;
  }
}

/** 1 for the word of a float32 that is not 0 or -0. */
const isNonzero = (word: number): number => {
  const magnitude = word << 1;
  return (magnitude | -magnitude) >>> 31;
};

/** Counts elements from place i on as long as they lie between the tally's extremes. @returns the place of the first that does not */
const countWithin = (tally: Tally, lanes: Int32Array, data: Float32Array, words: Int32Array, start: number): number => {
  const { min, max } = tally;
  const scale = pow2(-tally.exponent);
  const fours = data.length - 3;
  let i = start;
  let nonzero = 0;
  for (; i < fours; i += 4) {
    const [a, b, c, d] = [data[i]!, data[i + 1]!, data[i + 2]!, data[i + 3]!];
    if (!(a >= min && a <= max && b >= min && b <= max && c >= min && c <= max && d >= min && d <= max)) break;
    nonzero += isNonzero(words[i]!) + isNonzero(words[i + 1]!) + isNonzero(words[i + 2]!) + isNonzero(words[i + 3]!);
    lanes[(HALF + Math.floor(a * scale)) | 0]! += 1;
    lanes[(HALF + LANE + Math.floor(b * scale)) | 0]! += 1;
    lanes[(HALF + 2 * LANE + Math.floor(c * scale)) | 0]! += 1;
    lanes[(HALF + 3 * LANE + Math.floor(d * scale)) | 0]! += 1;
  }
  for (; i < data.length; i++) {
    const v = data[i]!;
    if (!(v >= min && v <= max)) break;
    nonzero += isNonzero(words[i]!);
    lanes[(HALF + Math.floor(v * scale)) | 0]! += 1;
  }
  tally.zeros += i - start - nonzero;
  return i;
};

/** The same without bins. */
const extremesWithin = (tally: Tally, data: Float32Array, words: Int32Array, start: number): number => {
  const { min, max } = tally;
  let i = start;
  let nonzero = 0;
  for (; i < data.length; i++) {
    const v = data[i]!;
    if (!(v >= min && v <= max)) break;
    nonzero += isNonzero(words[i]!);
  }
  tally.zeros += i - start - nonzero;
  return i;
};

/** The histogram of some numbers that are float32 values. */
export const histogramOf = (values: Float32Array): Histogram => {
  const counter = new Counter(true);
  invariant(counter.add(values), 'the values are finite');
  return finishTally(counter.flush());
};
