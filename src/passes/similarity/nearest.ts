import { at } from '../../support/index.ts';
import { bucketsOf, type LayerPrint } from './fingerprint.ts';
import type { IndexFile } from './index-file.ts';
import { sketchDistance } from './sketch.ts';

/** A known model that is near. */
export interface Neighbour {
  readonly name: string;
  readonly identity: string;
  /** Share of the weights asked about whose layers have a counterpart of the same sizes there. */
  readonly covered: number;
  /** Mean distance of the sketches of these layers, by weights: 0 for copies however channels are put, see docs/similarity.md. */
  readonly distance: number;
  /** Share of the hashes of rows that are the same: rows that are equal but for order and scale. */
  readonly rows: number;
  /** Sort key, 0 to 1. */
  readonly nearness: number;
}

/** Postings of a bucket that are read, models that are looked at closely, and layers of these. */
const [MOST_POSTINGS, MOST_MODELS, MOST_LAYERS] = [4096, 1024, 400_000];
/** A bucket of layers of the same sizes says little. */
const WEAK_VOTE = 0.01;
/** Sketches at this distance are about as likely those of a copy as not. */
const HALF_DISTANCE = 0.05;

/** Candidates by how much of the weights asked about share buckets with theirs, the likeliest first. */
const candidates = (index: IndexFile, prints: readonly LayerPrint[]): readonly number[] => {
  const votes = new Map<number, number>();
  const owners = new Map<number, number>();
  const total = prints.reduce((n, p) => n + p.weights, 0);
  for (const print of prints) {
    const { near, alike } = bucketsOf(print);
    // a model is voted for once by a layer and table
    const vote = (key: number, weight: number): void => {
      const models = new Set<number>();
      for (const layer of index.bucket(key, MOST_POSTINGS)) {
        const owner = owners.get(layer) ?? index.ownerOf(layer);
        owners.set(layer, owner);
        models.add(owner);
      }
      for (const m of models) votes.set(m, (votes.get(m) ?? 0) + (weight * print.weights) / total);
    };
    for (const key of near) vote(key, 1);
    vote(alike, WEAK_VOTE);
  }
  return [...votes]
    .sort(([m, v], [n, w]) => w - v || m - n)
    .slice(0, MOST_MODELS)
    .map(([m]) => m);
};

interface Compared {
  readonly covered: number;
  readonly distance: number;
  readonly rows: number;
  readonly nearness: number;
}

/** Each layer with the nearest free one of its sizes. */
const compared = (asked: readonly LayerPrint[], known: readonly LayerPrint[]): Compared => {
  const free = new Map<number, LayerPrint[]>();
  for (const k of known) free.set(k.shape, [...(free.get(k.shape) ?? []), k]);
  let [total, covered, distance, rows, nearness] = [0, 0, 0, 0, 0];
  for (const a of asked) {
    total += a.weights;
    const others = free.get(a.shape) ?? [];
    let [best, least] = [-1, Number.POSITIVE_INFINITY];
    others.forEach((k, i) => {
      const d = sketchDistance(a.sketch, k.sketch);
      if (d < least) [best, least] = [i, d];
    });
    const [chosen] = best < 0 ? [] : others.splice(best, 1);
    if (chosen === undefined) continue;
    covered += a.weights;
    distance += a.weights * least;
    rows += (a.weights * a.rows.filter((h, k) => h === at(chosen.rows, k)).length) / a.rows.length;
    nearness += a.weights / (1 + (least * least) / (HALF_DISTANCE * HALF_DISTANCE));
  }
  return {
    covered: covered / Math.max(1, total),
    distance: covered === 0 ? Number.POSITIVE_INFINITY : distance / covered,
    rows: covered === 0 ? 0 : rows / covered,
    nearness: nearness / Math.max(1, total),
  };
};

/**
 * The known models that are nearest to a model, the nearest first. Reads buckets and what stands in them, not the whole index.
 * @throws {DamagedIndex} when what is read cannot be
 */
export const nearestModels = (index: IndexFile, prints: readonly LayerPrint[], most: number): readonly Neighbour[] => {
  const found: Neighbour[] = [];
  let budget = MOST_LAYERS;
  for (const m of candidates(index, prints)) {
    const { name, identity, first, layers } = index.model(m);
    budget -= layers;
    if (budget < 0) break;
    found.push({ name, identity, ...compared(prints, index.prints(first, layers)) });
  }
  return found.sort((x, y) => y.nearness - x.nearness || y.rows - x.rows).slice(0, most);
};
