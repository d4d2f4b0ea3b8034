import { at } from '../../support/index.ts';
import { powerOfTwoAbove } from './affine.ts';
import { entropyRange } from './entropy.ts';
import { centreOf, type Histogram } from './histogram.ts';

export type { Histogram } from './histogram.ts';

/** How the range of an activation is chosen from what calibration saw. */
export const RANGE_METHODS = ['minmax', 'percentile', 'entropy', 'mse'] as const;
export type RangeMethod = (typeof RANGE_METHODS)[number];

export interface ChosenRange {
  readonly lo: number;
  readonly hi: number;
  /** `function`: by the error behind the functions that read the value. */
  readonly method: RangeMethod | 'function';
  /** Share of the calibrated elements outside [lo, hi]. */
  readonly clipped: number;
}

/** Steps of an 8-bit code. */
const STEPS_OF_CODE = 255;

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

/** Elements beyond a limit: how many, and the sum of their squared distances from it. */
interface Beyond {
  readonly limit: number;
  readonly count: number;
  readonly error: number;
}

/** Squared error of a histogram under a clip: S^2 / 12 for elements inside, the square of the distance outside; zeros are exact. */
class ClipError {
  readonly total: number;
  private readonly sums: ReturnType<typeof prefixSums>;
  private readonly h: Histogram;

  constructor(h: Histogram) {
    this.h = h;
    this.sums = prefixSums(h);
    this.total = at(this.sums.n, this.sums.bins);
  }

  below(limit: number): Beyond {
    if (limit <= this.h.min) return { limit, count: 0, error: 0 };
    const { n, x1, x2, below } = this.sums;
    const i = below(limit);
    return { limit, count: at(n, i), error: at(x2, i) - 2 * limit * at(x1, i) + limit * limit * at(n, i) };
  }

  above(limit: number): Beyond {
    if (limit >= this.h.max) return { limit, count: 0, error: 0 };
    const { bins, n, x1, x2, below } = this.sums;
    const i = below(limit);
    const count = this.total - at(n, i);
    return { limit, count, error: at(x2, bins) - at(x2, i) - 2 * limit * (at(x1, bins) - at(x1, i)) + limit * limit * count };
  }

  of(low: Beyond, high: Beyond, step: number): number {
    return low.error + high.error + ((this.total - low.count - high.count) * step * step) / 12;
  }
}

/** The clip that makes the expected squared error least, on a grid over both sides (NUMERICS §5). */
const mse = (h: Histogram): ChosenRange => {
  const errors = new ClipError(h);
  const lows = limitsOf(Math.min(h.min, 0)).map((lo) => errors.below(lo));
  const highs = limitsOf(Math.max(h.max, 0)).map((hi) => errors.above(hi));
  let best = { lo: h.min, hi: h.max, clipped: 0, error: Number.POSITIVE_INFINITY };
  for (const low of lows)
    for (const high of highs) {
      const error = errors.of(low, high, (high.limit - low.limit) / STEPS_OF_CODE);
      if (error < best.error) best = { lo: low.limit, hi: high.limit, clipped: (low.count + high.count) / h.count, error };
    }
  return { lo: best.lo, hi: best.hi, method: 'mse', clipped: best.clipped };
};

/** Halvings of the least power of two that needs no clip which are tried. */
const HALVINGS = 3;

/**
 * The range of 255 steps of a power of two, 0 among them, that makes the expected squared error least: a finer step against
 * what it clips.
 */
export const powerOfTwoRange = (h: Histogram): ChosenRange => {
  const errors = new ClipError(h);
  const [lo, hi] = [Math.min(h.min, 0), Math.max(h.max, 0)];
  if (h.bins.length === 0) return minmax(h);
  let step = powerOfTwoAbove((hi - lo) / STEPS_OF_CODE);
  let best: { readonly range: ChosenRange; readonly error: number } | undefined;
  for (let k = 0; k <= HALVINGS; k++, step /= 2) {
    for (let zero = 0; zero <= STEPS_OF_CODE; zero++) {
      const low = errors.below(0 - zero * step);
      const high = errors.above((STEPS_OF_CODE - zero) * step);
      const error = errors.of(low, high, step);
      if (best !== undefined && error >= best.error) continue;
      const clipped = h.count === 0 ? 0 : (low.count + high.count) / h.count;
      best = { range: { lo: low.limit, hi: high.limit, method: 'mse', clipped }, error };
    }
  }
  return best?.range ?? minmax(h);
};

/** Chooses the range of one activation. A range of one point, or one whose histogram is empty, stays as it is. */
export const chooseRange = (h: Histogram, method: RangeMethod): ChosenRange => {
  if (method === 'minmax' || !(h.max > h.min) || h.bins.length === 0) return minmax(h);
  if (method === 'entropy') return { ...entropyRange(h), method };
  return method === 'mse' ? mse(h) : percentile(h);
};
