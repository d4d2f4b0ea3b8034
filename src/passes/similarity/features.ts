import { at } from '../../support/index.ts';
import type { Rows } from '../isomorphism/rows.ts';
import type { ScaledLayer } from './canonical.ts';

/** Longer features are folded to this many numbers, with signs that keep inner products on average (Charikar et al. 2002). */
const FOLDED = 1024;

const hash = (x: number): number => {
  let h = Math.imul(x ^ (x >>> 16), 0x45d9f3b);
  h = Math.imul(h ^ (h >>> 16), 0x45d9f3b);
  return (h ^ (h >>> 16)) >>> 0;
};

type Places = readonly (readonly number[])[];

/** Length 1, when it has one. */
const normalized = (values: Float32Array, count: number, length: number): void => {
  for (let r = 0; r < count; r++) {
    let sum = 0;
    for (let i = r * length; i < (r + 1) * length; i++) sum += (values[i] ?? 0) * (values[i] ?? 0);
    const k = sum > 0 ? 1 / Math.sqrt(sum) : 0;
    for (let i = r * length; i < (r + 1) * length; i++) values[i] = (values[i] ?? 0) * k;
  }
};

/** What channels of a group in A and in B weigh, in one system of coordinates: those of A. */
export class Features {
  private readonly countA: number;
  private readonly countB: number;
  private readonly a: Float32Array;
  private readonly b: Float32Array;
  private salt = 0;

  constructor(countA: number, countB: number) {
    this.countA = countA;
    this.countB = countB;
    this.a = new Float32Array(countA * FOLDED);
    this.b = new Float32Array(countB * FOLDED);
  }

  get isEmpty(): boolean {
    return this.salt === 0;
  }

  get rowsA(): Rows {
    return { count: this.countA, length: FOLDED, values: this.a };
  }

  get rowsB(): Rows {
    return { count: this.countB, length: FOLDED, values: this.b };
  }

  /** Adds one kind of evidence: each kind counts alike, however large its weights are. */
  private add(fill: (side: 'a' | 'b', into: Float32Array) => void): void {
    this.salt = hash(this.salt + 1) | 1;
    for (const side of ['a', 'b'] as const) {
      const [count, whole] = side === 'a' ? [this.countA, this.a] : [this.countB, this.b];
      const own = new Float32Array(count * FOLDED);
      fill(side, own);
      let energy = 0;
      for (const v of own) energy += v * v;
      const k = energy > 0 ? Math.sqrt(count / energy) : 0;
      for (let i = 0; i < own.length; i++) whole[i] = (whole[i] ?? 0) + (own[i] ?? 0) * k;
    }
  }

  /**
   * The rows that make the channels.
   * @param inputs - for each input channel of A that of B; undefined compares taps alone
   */
  rows(a: ScaledLayer, b: ScaledLayer, placesA: Places, placesB: Places, inputs: Int32Array | undefined): void {
    const group = (layer: ScaledLayer, row: number): number => Math.floor(row / (layer.rows / layer.groups));
    this.add((side, into) => {
      const [layer, places] = side === 'a' ? [a, placesA] : [b, placesB];
      const { weights, perGroup, area } = layer;
      places.forEach((rows, member) => {
        for (const row of rows) {
          // coordinates are those of the input channels of A, in the group that the row belongs to
          const first = group(layer, row) * a.perGroup;
          for (let i = 0; i < a.perGroup; i++) {
            const to = inputs === undefined ? 0 : at(inputs, first + i);
            const column = side === 'a' || inputs === undefined ? i : to < 0 ? -1 : to - group(layer, row) * perGroup;
            if (column < 0 || column >= perGroup || to < 0) continue;
            for (let k = 0; k < area; k++) {
              const h = hash((i * area + k) ^ this.salt);
              const place = member * FOLDED + (h % FOLDED);
              const v = weights[(row * perGroup + column) * area + k] ?? 0;
              into[place] = (into[place] ?? 0) + (h & 0x10000 ? v : -v);
            }
          }
        }
      });
    });
  }

  /**
   * The columns of a layer that takes the channels.
   * @param rows - for each row of A that of B
   */
  columns(a: ScaledLayer, b: ScaledLayer, placesA: Places, placesB: Places, rows: Int32Array): void {
    this.add((side, into) => {
      const [layer, places] = side === 'a' ? [a, placesA] : [b, placesB];
      const { weights, perGroup, area, groups } = layer;
      const rowsPerGroup = a.rows / a.groups;
      places.forEach((inputs, member) => {
        inputs.forEach((input, p) => {
          const group = Math.floor(input / perGroup);
          for (let i = 0; i < rowsPerGroup; i++) {
            const rowA = (groups === 1 ? 0 : group * rowsPerGroup) + i;
            const to = at(rows, rowA);
            const row = side === 'a' ? rowA : to;
            if (to < 0 || Math.floor(row / (layer.rows / groups)) !== group) continue;
            for (let k = 0; k < area; k++) {
              const h = hash(((p * a.rows + rowA) * area + k) ^ this.salt);
              const place = member * FOLDED + (h % FOLDED);
              const v = weights[(row * perGroup + (input - group * perGroup)) * area + k] ?? 0;
              into[place] = (into[place] ?? 0) + (h & 0x10000 ? v : -v);
            }
          }
        });
      });
    });
  }

  private scaled = false;

  /** f32[a, b]: the cosine of each channel of A with each of B. */
  cosines(): Float32Array {
    const [n, m] = [this.countA, this.countB];
    if (!this.scaled) {
      normalized(this.a, n, FOLDED);
      normalized(this.b, m, FOLDED);
      this.scaled = true;
    }
    const result = new Float32Array(n * m);
    for (let i = 0; i < n; i++) {
      const x = this.a.subarray(i * FOLDED, (i + 1) * FOLDED);
      for (let j = 0; j < m; j++) {
        let dot = 0;
        for (let k = 0, o = j * FOLDED; k < FOLDED; k++, o++) dot += (x[k] ?? 0) * (this.b[o] ?? 0);
        result[i * m + j] = dot;
      }
    }
    return result;
  }
}
