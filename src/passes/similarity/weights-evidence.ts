import { at } from '../../support/index.ts';
import type { Alignment, PairMaps } from './align.ts';
import type { ScaledLayer } from './canonical.ts';

/** What aligned weights of one layer have in common. */
export interface LayerEvidence {
  readonly a: string;
  readonly b: string;
  readonly weights: number;
  /** Mean over rows of the cosine with the counterpart. */
  readonly cosine: number;
  /** The same over places where neither is 0. */
  readonly support: number;
  /** Length of the difference over the length of A, once each row has its best factor. */
  readonly residual: number;
}

export interface WeightsEvidence {
  readonly layers: readonly LayerEvidence[];
  /** Means over layers by their weights. */
  readonly cosine: number;
  readonly support: number;
  readonly residual: number;
  /** Mean cosine of the biases, by rows; undefined where either network has none. */
  readonly biases: number | undefined;
  /** Share of the weights of each network that has a counterpart. */
  readonly covered: { readonly a: number; readonly b: number };
  /** Zeros among the weights compared, and what places that are not 0 have in common: Jaccard, and share of the sparser's. */
  readonly masks: { readonly zerosA: number; readonly zerosB: number; readonly jaccard: number; readonly contained: number };
  /** Share of channels that stand at another place. */
  readonly moved: number;
  /** Means over groups of channels by size. */
  readonly deviations: number;
  readonly mutual: number;
}

interface Tally {
  rows: number;
  cosine: number;
  support: number;
  difference: number;
  energy: number;
  count: number;
  nonzeroA: number;
  nonzeroB: number;
  both: number;
}

const ratio = (a: number, b: number): number => (b > 0 ? a / b : 0);

/** Compares the rows of a layer with their counterparts. */
const tallyOf = ({ a, b, rows, inputs }: PairMaps): Tally => {
  const t: Tally = { rows: 0, cosine: 0, support: 0, difference: 0, energy: 0, count: 0, nonzeroA: 0, nonzeroB: 0, both: 0 };
  const rowsPerGroup = a.rows / a.groups;
  for (let r = 0; r < a.rows; r++) {
    const s = at(rows, r);
    let [xy, xx, yy, sxx, syy] = [0, 0, 0, 0, 0];
    const seen = t.count;
    if (s < 0) continue;
    const [first, firstB] = [Math.floor(r / rowsPerGroup) * a.perGroup, Math.floor(s / (b.rows / b.groups)) * b.perGroup];
    for (let i = 0; i < a.perGroup; i++) {
      // the one channel of a depthwise row goes where the row goes
      const to = a.perGroup === 1 && b.perGroup === 1 ? 0 : at(inputs, first + i) - firstB;
      if (to < 0 || to >= b.perGroup) continue;
      for (let k = 0; k < a.area; k++) {
        const x = a.weights[(r * a.perGroup + i) * a.area + k] ?? 0;
        const y = b.weights[(s * b.perGroup + to) * b.area + k] ?? 0;
        t.count++;
        xx += x * x;
        yy += y * y;
        if (x !== 0) t.nonzeroA++;
        if (y !== 0) t.nonzeroB++;
        if (x === 0 || y === 0) continue;
        t.both++;
        xy += x * y;
        sxx += x * x;
        syy += y * y;
      }
    }
    if (t.count === seen) continue;
    // rows without weights are equal
    const empty = xx === 0 && yy === 0;
    t.rows++;
    t.cosine += empty ? 1 : ratio(xy, Math.sqrt(xx * yy));
    t.support += empty ? 1 : ratio(xy, Math.sqrt(sxx * syy));
    t.energy += xx;
    t.difference += xx - (yy > 0 ? (xy * xy) / yy : 0);
  }
  return t;
};

const biasCosine = (pairs: readonly PairMaps[]): number | undefined => {
  let [total, rows] = [0, 0];
  for (const { a, b, rows: map } of pairs) {
    if (a.biases === undefined || b.biases === undefined || a.rows < 2) continue;
    let [xy, xx, yy] = [0, 0, 0];
    for (let r = 0; r < a.rows; r++) {
      const [x, y] = [a.biases[r] ?? 0, at(map, r) < 0 ? 0 : (b.biases[at(map, r)] ?? 0)];
      xy += x * y;
      xx += x * x;
      yy += y * y;
    }
    if (xx === 0 || yy === 0) continue;
    total += (a.rows * xy) / Math.sqrt(xx * yy);
    rows += a.rows;
  }
  return rows === 0 ? undefined : total / rows;
};

const sizeOf = (layers: readonly ScaledLayer[]): number => layers.reduce((n, l) => n + l.weights.length, 0);

/** What aligned weights say. @param a - all layers of A, @param b - of B */
export const weightsEvidence = (
  { pairs, groups, moved, channels }: Alignment,
  a: readonly ScaledLayer[],
  b: readonly ScaledLayer[],
): WeightsEvidence => {
  const tallies = pairs.map((pair) => ({ pair, t: tallyOf(pair) }));
  const sum = (f: (t: Tally) => number): number => tallies.reduce((n, { t }) => n + f(t), 0);
  const layers = tallies.map(
    ({ pair, t }): LayerEvidence => ({
      a: pair.a.term.origin,
      b: pair.b.term.origin,
      weights: t.count,
      cosine: ratio(t.cosine, t.rows),
      support: ratio(t.support, t.rows),
      residual: Math.sqrt(Math.max(0, ratio(t.difference, t.energy))),
    }),
  );
  const weighted = (f: (l: LayerEvidence) => number): number =>
    ratio(
      layers.reduce((n, l) => n + f(l) * l.weights, 0),
      layers.reduce((n, l) => n + l.weights, 0),
    );
  const [nonzeroA, nonzeroB, both, count] = [sum((t) => t.nonzeroA), sum((t) => t.nonzeroB), sum((t) => t.both), sum((t) => t.count)];
  const members = groups.reduce((n, g) => n + g.size, 0);
  return {
    layers,
    cosine: weighted((l) => l.cosine),
    support: weighted((l) => l.support),
    residual: Math.sqrt(
      Math.max(
        0,
        ratio(
          sum((t) => t.difference),
          sum((t) => t.energy),
        ),
      ),
    ),
    biases: biasCosine(pairs),
    covered: {
      a: ratio(count, sizeOf(a)),
      b: ratio(count, sizeOf(b)),
    },
    masks: {
      zerosA: count === 0 ? 0 : 1 - nonzeroA / count,
      zerosB: count === 0 ? 0 : 1 - nonzeroB / count,
      jaccard: ratio(both, nonzeroA + nonzeroB - both),
      contained: ratio(both, Math.min(nonzeroA, nonzeroB)),
    },
    moved: ratio(moved, channels),
    deviations: ratio(
      groups.reduce((n, g) => n + g.deviations * g.size, 0),
      members,
    ),
    mutual: ratio(
      groups.reduce((n, g) => n + g.mutual * g.size, 0),
      members,
    ),
  };
};
