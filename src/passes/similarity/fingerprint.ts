import { Philox } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { ScaledLayer } from './canonical.ts';
import { SKETCH_LENGTH, sketchOf } from './sketch.ts';

/** What an index remembers of a layer. */
export interface LayerPrint {
  /** A hash of the sizes of the layer. */
  readonly shape: number;
  readonly weights: number;
  /** f32[64], see `sketchOf`; in steps of 1 / 4096. */
  readonly sketch: Float32Array;
  /** The least hashes of all rows, one for each of 8 functions: layers share as many as they share rows (Broder 1997). */
  readonly rows: Uint32Array;
}

export const ROW_HASHES = 8;
/** Sketches are kept to this step. */
export const SKETCH_STEP = 1 / 4096;

const mixed = (h: number, v: number): number => {
  let x = Math.imul(h ^ v, 0x9e3779b1);
  x = Math.imul(x ^ (x >>> 15), 0x85ebca6b);
  return (x ^ (x >>> 13)) >>> 0;
};

/** Numbers that tell rows apart and that neither order nor scale of channels changes, to 12 bits. */
const rowHash = (weights: Float32Array, start: number, end: number): number => {
  let [first, second, fourth, greatest] = [0, 0, 0, 0];
  for (let i = start; i < end; i++) {
    const v = Math.abs(weights[i] ?? 0);
    first += v;
    second += v * v;
    fourth += v * v * v * v;
    if (v > greatest) greatest = v;
  }
  if (!(second > 0)) return 0;
  const length = Math.sqrt(second);
  const bits = (v: number): number => Math.round(4095 * v);
  return mixed(
    mixed(mixed(17, bits(first / length / Math.sqrt(end - start))), bits(Math.sqrt(Math.sqrt(fourth)) / length)),
    bits(greatest / length),
  );
};

const quantized = (v: number): number => Math.max(-32768, Math.min(32767, Math.round(v / SKETCH_STEP))) * SKETCH_STEP;

const printOf = (layer: ScaledLayer): LayerPrint => {
  const { rows, groups, perGroup, area, weights } = layer;
  const least = new Uint32Array(ROW_HASHES).fill(0xffffffff);
  const per = perGroup * area;
  for (let r = 0; r < rows; r++) {
    const h = rowHash(weights, r * per, (r + 1) * per);
    for (let k = 0; k < ROW_HASHES; k++) least[k] = Math.min(at(least, k), mixed(h, 0x51ed270b + k));
  }
  const shape = [rows, groups, perGroup, area].reduce(mixed, 1);
  return { shape, weights: weights.length, sketch: sketchOf(layer).map(quantized), rows: least };
};

/** Layers of a model that are remembered at most. */
export const MAX_MODEL_LAYERS = 512;

/** Prints of a model, of its largest layers where it has more than are remembered; in order of execution. */
export const printsOf = (layers: readonly ScaledLayer[]): readonly LayerPrint[] => {
  if (layers.length <= MAX_MODEL_LAYERS) return layers.map(printOf);
  const kept = new Set([...layers].sort((a, b) => b.weights.length - a.weights.length).slice(0, MAX_MODEL_LAYERS));
  return layers.filter((l) => kept.has(l)).map(printOf);
};

/** Projections of a table, and tables. */
const [PER_TABLE, TABLES] = [3, 6];
/** Sketches that differ less than this along a direction often share a bucket. */
const WIDTH = 0.5;

/** Directions of all tables and where their buckets begin, the same everywhere: f64[tables, projections, 65]. */
const DIRECTIONS: Float64Array = (() => {
  const random = new Philox(0x5eed);
  const unit = (): number => random.next() / 2 ** 32;
  // sums of twelve uniform numbers are near enough to normal ones
  const normal = (): number => Array.from({ length: 12 }, unit).reduce((s, v) => s + v, -6);
  return Float64Array.from({ length: TABLES * PER_TABLE * (SKETCH_LENGTH + 1) }, (_, i) =>
    i % (SKETCH_LENGTH + 1) === SKETCH_LENGTH ? unit() : normal(),
  );
})();

/** The bucket of a layer in each table: by direction (Datar et al. 2004), by rows, and one for all layers of its sizes. */
export const bucketsOf = ({ shape, sketch, rows }: LayerPrint): { readonly near: readonly number[]; readonly alike: number } => {
  const near: number[] = [];
  for (let t = 0; t < TABLES; t++) {
    let key = mixed(shape, t + 1);
    for (let p = 0; p < PER_TABLE; p++) {
      const base = (t * PER_TABLE + p) * (SKETCH_LENGTH + 1);
      let dot = 0;
      for (let i = 0; i < SKETCH_LENGTH; i++) dot += (sketch[i] ?? 0) * at(DIRECTIONS, base + i);
      key = mixed(key, Math.floor(dot / WIDTH + at(DIRECTIONS, base + SKETCH_LENGTH)));
    }
    near.push(key);
  }
  for (let k = 0; k < ROW_HASHES / 2; k++) near.push(mixed(at(rows, k), 0x7f4a7c15 + k));
  return { near, alike: mixed(shape, 0) };
};
