import { at } from '../../support/index.ts';
import { centreOf, type Histogram } from './histogram.ts';

export type { Histogram } from './histogram.ts';

/** How the range of an activation is chosen from what calibration saw. */
export const RANGE_METHODS = ['minmax', 'percentile', 'mse'] as const;
export type RangeMethod = (typeof RANGE_METHODS)[number];

export interface ChosenRange {
  readonly lo: number;
  readonly hi: number;
  readonly method: RangeMethod;
  /** Share of the calibrated elements outside [lo, hi]. */
  readonly clipped: number;
}

/** Sums over the bins below each edge: how many elements, their sum, their sum of squares. */
const prefixSums = (h: Histogram) => {
  const bins = h.bins.length;
  const n = new Float64Array(bins + 1);
  const x1 = new Float64Array(bins + 1);
  const x2 = new Float64Array(bins + 1);
  for (let i = 0; i < bins; i++) {
    const centre = centreOf(h, i);
    const count = at(h.bins, i);
    n[i + 1] = at(n, i) + count;
    x1[i + 1] = at(x1, i) + count * centre;
    x2[i + 1] = at(x2, i) + count * centre * centre;
  }
  /** Bins whose centre lies below v. */
  const below = (v: number): number => Math.min(bins, Math.max(0, Math.floor(v / h.width - h.first + 0.5)));
  return { bins, n, x1, x2, below };
};

const minmax = (h: Histogram): ChosenRange => ({ lo: h.min, hi: h.max, method: 'minmax', clipped: 0 });

/** Share of elements that percentile clips in all. */
const TAIL = 0.0001;

const percentile = (h: Histogram): ChosenRange => {
  const { bins, n } = prefixSums(h);
  const sides = (h.min < 0 ? 1 : 0) + (h.max > 0 ? 1 : 0);
  const allowed = (h.count * TAIL) / Math.max(1, sides);
  let first = 0;
  while (h.min < 0 && first < bins - 1 && at(n, first + 1) <= allowed) first++;
  let last = bins;
  while (h.max > 0 && last > first + 1 && at(n, bins) - at(n, last - 1) <= allowed) last--;
  const clipped = at(n, first) + at(n, bins) - at(n, last);
  const edge = (i: number): number => Math.min(h.max, Math.max(h.min, (h.first + i) * h.width));
  return { lo: edge(first), hi: edge(last), method: 'percentile', clipped: clipped / h.count };
};

/** Clip limits tried on each side: the extreme times 0.97^k, down to a fiftieth of it. */
const STEPS = 129;
const RATIO = 0.97;

const limitsOf = (extreme: number): readonly number[] => {
  if (extreme === 0) return [0];
  const limits = [extreme];
  for (let i = 1; i < STEPS; i++) limits.push(at(limits, i - 1) * RATIO);
  return limits;
};

/**
 * The clip that makes the expected squared error least: S^2 / 12 for elements inside, the square of the distance for
 * elements outside; zeros are exact. Grid over both sides (NUMERICS §5).
 */
const mse = (h: Histogram): ChosenRange => {
  const { bins, n, x1, x2, below } = prefixSums(h);
  const total = at(n, bins);
  const lows = limitsOf(Math.min(h.min, 0)).map((lo) => {
    const i = below(lo);
    return { lo, count: at(n, i), error: at(x2, i) - 2 * lo * at(x1, i) + lo * lo * at(n, i) };
  });
  const highs = limitsOf(Math.max(h.max, 0)).map((hi) => {
    const i = below(hi);
    const count = total - at(n, i);
    return { hi, count, error: at(x2, bins) - at(x2, i) - 2 * hi * (at(x1, bins) - at(x1, i)) + hi * hi * count };
  });
  let best = { lo: h.min, hi: h.max, clipped: 0, error: Number.POSITIVE_INFINITY };
  for (const low of lows)
    for (const high of highs) {
      const step = (high.hi - low.lo) / 255;
      const outside = low.count + high.count;
      const error = low.error + high.error + ((total - outside) * step * step) / 12;
      if (error < best.error) best = { lo: low.lo, hi: high.hi, clipped: outside / h.count, error };
    }
  return { lo: best.lo, hi: best.hi, method: 'mse', clipped: best.clipped };
};

/** Chooses the range of one activation. A range of one point, or one whose histogram is empty, stays as it is. */
export const chooseRange = (h: Histogram, method: RangeMethod): ChosenRange => {
  if (method === 'minmax' || !(h.max > h.min) || h.bins.length === 0) return minmax(h);
  return method === 'mse' ? mse(h) : percentile(h);
};
