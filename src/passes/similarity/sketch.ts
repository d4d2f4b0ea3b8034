import { at } from '../../support/index.ts';
import type { ScaledLayer } from './canonical.ts';

/** Numbers of a sketch: four parts of this length. */
export const PART = 16;
export const SKETCH_LENGTH = 4 * PART;

/** Numbers, sorted, at evenly spaced places. */
const quantiles = (values: Float64Array, into: Float32Array, offset: number): void => {
  const sorted = values.sort();
  for (let q = 0; q < PART; q++) {
    const place = sorted.length < 2 ? 0 : (q * (sorted.length - 1)) / (PART - 1);
    const low = Math.floor(place);
    const [x, y] = [sorted[low] ?? 0, sorted[low + 1] ?? sorted[low] ?? 0];
    into[offset + q] = x + (y - x) * (place - low);
  }
};

/**
 * What stays of a layer's weights, roughly or exactly, when channels are put in another order, scaled, quantized, trained on or pruned:
 * shares of the taps of the kernel, then, each sorted and read at 16 places, the sums of rows, the lengths of columns, and the projections of
 * rows on the sum of all.
 * @returns f32[64]
 */
export const sketchOf = ({ weights, rows, groups, perGroup, area }: ScaledLayer): Float32Array => {
  const sketch = new Float32Array(SKETCH_LENGTH);
  const per = perGroup * area;
  const taps = new Float64Array(PART);
  const sums = new Float64Array(rows);
  const columns = new Float64Array(perGroup * groups);
  const total = new Float64Array(per);
  const bin = (k: number): number => (area <= PART ? k : Math.floor((k * PART) / area));
  const rowsPerGroup = rows / groups;
  let energy = 0;
  for (let r = 0; r < rows; r++) {
    const group = Math.floor(r / rowsPerGroup);
    let [sum, own] = [0, 0];
    for (let i = 0, e = r * per; i < perGroup; i++) {
      let column = 0;
      for (let k = 0; k < area; k++, e++) {
        const v = weights[e] ?? 0;
        const square = v * v;
        sum += v;
        column += square;
        total[i * area + k] = (total[i * area + k] ?? 0) + v;
        taps[bin(k)] = (taps[bin(k)] ?? 0) + square;
      }
      columns[group * perGroup + i] = (columns[group * perGroup + i] ?? 0) + column;
      own += column;
    }
    energy += own;
    sums[r] = own > 0 ? sum / Math.sqrt(own * per) : 0;
  }
  const length = Math.sqrt(total.reduce((s, v) => s + v * v, 0));
  const projections = new Float64Array(rows);
  for (let r = 0; r < rows && length > 0; r++) {
    let [dot, own] = [0, 0];
    for (let e = 0; e < per; e++) {
      const v = weights[r * per + e] ?? 0;
      dot += v * (total[e] ?? 0);
      own += v * v;
    }
    projections[r] = own > 0 ? dot / length / Math.sqrt(own) : 0;
  }
  const mean = energy / Math.max(1, columns.length);
  for (let k = 0; k < PART; k++) sketch[k] = energy > 0 ? at(taps, k) / energy : 0;
  quantiles(sums, sketch, PART);
  quantiles(
    columns.map((c) => (mean > 0 ? Math.sqrt(c / mean) : 0)),
    sketch,
    2 * PART,
  );
  quantiles(projections, sketch, 3 * PART);
  return sketch.map((v) => (Number.isFinite(v) ? v : 0));
};

/** Root mean square difference of two sketches. */
export const sketchDistance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < SKETCH_LENGTH; i++) {
    const d = (a[i] ?? 0) - (b[i] ?? 0);
    sum += d * d;
  }
  return Math.sqrt(sum / SKETCH_LENGTH);
};
