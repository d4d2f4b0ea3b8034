import { at } from '../../support/index.ts';
import type { Values } from './constant.ts';

/** A matrix of weights: a row for each output channel. */
export interface Rows {
  readonly count: number;
  readonly length: number;
  readonly values: Values;
}

export interface RowMatch {
  /** Row r of A is row order[r] of B. */
  readonly order: Int32Array;
  /** What row r of A is multiplied by to be row order[r] of B. */
  readonly factor: Float64Array;
  /** Some rows are equal, so that other orders would do as well. */
  readonly ties: boolean;
}

const norm = ({ length, values }: Rows, row: number): number => {
  let sum = 0;
  for (let i = row * length; i < (row + 1) * length; i++) {
    const v = values[i] ?? 0;
    sum += v * v;
  }
  return Math.sqrt(sum);
};

/** A pseudo-random direction that depends on the position alone. */
const direction = (i: number): number => {
  const x = Math.imul(i + 1, 0x9e3779b1) ^ ((i + 1) >>> 15);
  return ((Math.imul(x, 0x85ebca6b) >>> 8) & 0xffff) / 0x8000 - 1;
};

/** Each row's place along the direction, after its length is made 1: near rows have near places. */
const projections = (rows: Rows, norms: Float64Array): Float64Array => {
  const weights = Float64Array.from({ length: rows.length }, (_, i) => direction(i));
  return Float64Array.from({ length: rows.count }, (_, r) => {
    const scale = 1 / (at(norms, r) || 1);
    let sum = 0;
    for (let i = 0; i < rows.length; i++) sum += (rows.values[r * rows.length + i] ?? 0) * at(weights, i);
    return sum * scale;
  });
};

/** The greatest difference of two rows of length 1. */
const distance = (a: Rows, b: Rows, r: number, s: number, na: number, nb: number): number => {
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs((a.values[r * a.length + i] ?? 0) / (na || 1) - (b.values[s * b.length + i] ?? 0) / (nb || 1));
    if (d > worst) worst = d;
  }
  return worst;
};

/** Rows beyond this many places from the nearest are not compared. */
const WINDOW = 24;

/**
 * The rows of B that are the rows of A up to a positive factor each: rows are sorted along one direction, where equal ones stand
 * together, then assigned to the nearest that is free. Undefined when a row has no counterpart within the tolerance.
 */
export const matchRows = (a: Rows, b: Rows, tolerance: number): RowMatch | undefined => {
  if (a.count !== b.count || a.length !== b.length) return undefined;
  const [na, nb] = [a, b].map((m) => Float64Array.from({ length: m.count }, (_, r) => norm(m, r))) as [Float64Array, Float64Array];
  const [pa, pb] = [projections(a, na), projections(b, nb)];
  const sorted = Array.from({ length: b.count }, (_, i) => i).sort((s, t) => at(pb, s) - at(pb, t) || s - t);
  const free = new Uint8Array(b.count).fill(1);
  const order = new Int32Array(a.count);
  const factor = new Float64Array(a.count);
  let ties = false;
  const rows = Array.from({ length: a.count }, (_, i) => i).sort((s, t) => at(pa, s) - at(pa, t) || s - t);
  let start = 0;
  for (const r of rows) {
    const reach = 4 * tolerance * Math.sqrt(a.length) + 1e-9;
    while (start < sorted.length && at(pb, at(sorted, start)) < at(pa, r) - reach) start++;
    let [best, nearest, seen] = [-1, tolerance, 0];
    for (let k = start; k < sorted.length && seen < WINDOW; k++) {
      const s = at(sorted, k);
      if (at(pb, s) > at(pa, r) + reach) break;
      if (free[s] === 0) continue;
      seen++;
      const d = (at(na, r) === 0) === (at(nb, s) === 0) ? distance(a, b, r, s, at(na, r), at(nb, s)) : 1;
      if (best >= 0 && d <= tolerance) ties = true;
      if (d < nearest || (d === nearest && best < 0)) [best, nearest] = [s, d];
    }
    if (best < 0) return undefined;
    free[best] = 0;
    order[r] = best;
    factor[r] = at(na, r) === 0 ? 1 : at(nb, best) / at(na, r);
  }
  return { order, factor, ties };
};

/** Rows in the same order that differ by a positive factor each; undefined when they differ in more. */
export const scaledRows = (a: Rows, b: Rows, tolerance: number): RowMatch | undefined => {
  if (a.count !== b.count || a.length !== b.length) return undefined;
  const factor = new Float64Array(a.count);
  let [worst, greatest] = [0, 0];
  for (let r = 0; r < a.count; r++) {
    const [na, nb] = [norm(a, r), norm(b, r)];
    const k = na === 0 || nb === 0 ? 1 : nb / na;
    factor[r] = k;
    for (let i = r * a.length; i < (r + 1) * a.length; i++) {
      const [x, y] = [(a.values[i] ?? 0) * k, b.values[i] ?? 0];
      worst = Math.max(worst, Math.abs(x - y));
      greatest = Math.max(greatest, Math.abs(x), Math.abs(y));
    }
  }
  return worst <= tolerance * greatest ? { order: Int32Array.from({ length: a.count }, (_, i) => i), factor, ties: false } : undefined;
};
