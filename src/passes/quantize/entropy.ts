import { log64 } from '../../ir/index.ts';
import { centreOf, type Histogram } from './histogram.ts';

/** Codes that a range is divided into. */
const LEVELS = 255;
/** Shares of the extremes that are tried: 1, 0.98, … 0.1. */
const CANDIDATES = 46;
const STEP = 0.02;

/** Share of the elements that may be clipped: a value that is a few numbers only would lose some of them for nothing. */
const MOST_CLIPPED = 0.01;

/** Bins [first, last) of a histogram that lie inside a range. */
interface Window {
  readonly lo: number;
  readonly hi: number;
  readonly first: number;
  readonly last: number;
}

const windowOf = (h: Histogram, lo: number, hi: number): Window => {
  let first = 0;
  while (first < h.bins.length && centreOf(h, first) < lo) first++;
  let last = h.bins.length;
  while (last > first && centreOf(h, last - 1) > hi) last--;
  return { lo, hi, first, last };
};

const sumOf = (bins: Float64Array, from: number, to: number): number => {
  let sum = 0;
  for (let i = from; i < to; i++) sum += bins[i] ?? 0;
  return sum;
};

/**
 * Kullback-Leibler divergence of what quantization makes of the histogram: P is the histogram with everything outside moved
 * to the edges, Q gives the bins of a level that hold something equal shares of what the level holds inside.
 */
const divergence = (h: Histogram, { lo, hi, first, last }: Window): number => {
  const { bins } = h;
  const inside = sumOf(bins, first, last);
  const [below, above] = [sumOf(bins, 0, first), sumOf(bins, last, bins.length)];
  const total = below + inside + above;
  if (last - first < 2 || below + above > MOST_CLIPPED * total) return Number.POSITIVE_INFINITY;
  const width = (hi - lo) / LEVELS;
  let kl = 0;
  for (let from = first; from < last; ) {
    const level = Math.floor((centreOf(h, from) - lo) / width);
    let to = from + 1;
    while (to < last && Math.floor((centreOf(h, to) - lo) / width) === level) to++;
    let [sum, used] = [0, 0];
    for (let i = from; i < to; i++) {
      const count = bins[i] ?? 0;
      sum += count;
      if (count > 0) used++;
    }
    for (let i = from; i < to; i++) {
      const moved = (i === first ? below : 0) + (i === last - 1 ? above : 0);
      const p = ((bins[i] ?? 0) + moved) / total;
      if (p === 0) continue;
      // an edge bin that holds nothing of its own has no share in Q: what moved there counts as spread over its level
      const q = (bins[i] ?? 0) > 0 ? sum / used / inside : Math.max(sum, 1) / (to - from + 1) / inside;
      kl += p * log64(p / q);
    }
    from = to;
  }
  return kl;
};

/** Sweeps over the two sides: each side is settled again once the other one has moved. */
const SWEEPS = 2;

/**
 * The range that loses the least information (Migacz, "8-bit inference with TensorRT", GTC 2017), for asymmetric codes: one
 * side after the other shrinks. Zeros are left out: they have an exact code in every range.
 */
export const entropyRange = (h: Histogram): { readonly lo: number; readonly hi: number; readonly clipped: number } => {
  const [lo, hi] = [Math.min(h.min, 0), Math.max(h.max, 0)];
  let best = windowOf(h, lo, hi);
  let least = divergence(h, best);
  const settle = (extreme: number, window: (limit: number) => Window): void => {
    for (let k = 0; extreme !== 0 && k < CANDIDATES; k++) {
      const candidate = window(extreme * (1 - k * STEP));
      const kl = divergence(h, candidate);
      if (kl < least) [least, best] = [kl, candidate];
    }
  };
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    settle(hi, (limit) => windowOf(h, best.lo, limit));
    settle(lo, (limit) => windowOf(h, limit, best.hi));
  }
  const inside = sumOf(h.bins, best.first, best.last) + h.zeros;
  return { lo: best.lo, hi: best.hi, clipped: h.count === 0 ? 0 : (h.count - inside) / h.count };
};
