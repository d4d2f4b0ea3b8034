import { at } from '../../support/index.ts';

/**
 * The assignment of rows to columns with the greatest sum, by shortest augmenting paths with potentials (Jonker and Volgenant 1987).
 * @param gain - f32[n, n]
 * @returns for each row its column
 */
export const bestAssignment = (gain: Float32Array, n: number): Int32Array => {
  const [rowOf, previous] = [new Int32Array(n).fill(-1), new Int32Array(n)];
  const [u, v, distance] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
  const done = new Uint8Array(n);
  // columns are reduced first: most rows then find a column of their own at once
  const columnOf = new Int32Array(n).fill(-1);
  for (let j = n - 1; j >= 0; j--) {
    let best = 0;
    for (let i = 1; i < n; i++) if ((gain[i * n + j] ?? 0) > (gain[best * n + j] ?? 0)) best = i;
    v[j] = -(gain[best * n + j] ?? 0);
    if (columnOf[best] !== -1) continue;
    columnOf[best] = j;
    rowOf[j] = best;
  }
  for (let start = 0; start < n; start++) {
    if (columnOf[start] !== -1) continue;
    done.fill(0);
    for (let j = 0; j < n; j++) {
      distance[j] = -(gain[start * n + j] ?? 0) - at(u, start) - at(v, j);
      previous[j] = start;
    }
    const scanned: number[] = [];
    let end = -1;
    let reached = 0;
    while (end < 0) {
      let nearest = -1;
      for (let j = 0; j < n; j++) if (done[j] === 0 && (nearest < 0 || at(distance, j) < at(distance, nearest))) nearest = j;
      reached = at(distance, nearest);
      done[nearest] = 1;
      const row = at(rowOf, nearest);
      if (row < 0) {
        end = nearest;
        break;
      }
      scanned.push(nearest);
      const base = at(u, row) - reached;
      for (let j = 0; j < n; j++) {
        if (done[j] === 1) continue;
        const through = -(gain[row * n + j] ?? 0) - base - at(v, j);
        if (through < at(distance, j)) {
          distance[j] = through;
          previous[j] = row;
        }
      }
    }
    // potentials of what was scanned, before the path is flipped
    for (const j of scanned) {
      const row = at(rowOf, j);
      u[row] = at(u, row) + reached - at(distance, j);
      v[j] = at(v, j) - reached + at(distance, j);
    }
    u[start] = at(u, start) + reached;
    for (let j = end; ; ) {
      const row = at(previous, j);
      rowOf[j] = row;
      const next = at(columnOf, row);
      columnOf[row] = j;
      if (row === start) break;
      j = next;
    }
  }
  return columnOf;
};

/** Above this many rows the assignment is greedy: the exact one is cubic. */
const MAX_EXACT = 2048;

/** Rows take the column that gains most, the row with the clearest choice first. */
const greedyAssignment = (gain: Float32Array, n: number): Int32Array => {
  const best = Float32Array.from({ length: n }, (_, i) => gain.subarray(i * n, (i + 1) * n).reduce((m, g) => Math.max(m, g), -Infinity));
  const order = Array.from({ length: n }, (_, i) => i).sort((s, t) => at(best, t) - at(best, s) || s - t);
  const free = new Uint8Array(n).fill(1);
  const columnOf = new Int32Array(n).fill(-1);
  for (const i of order) {
    let chosen = -1;
    for (let j = 0; j < n; j++) if (free[j] === 1 && (chosen < 0 || (gain[i * n + j] ?? 0) > (gain[i * n + chosen] ?? 0))) chosen = j;
    columnOf[i] = chosen;
    free[chosen] = 0;
  }
  return columnOf;
};

/**
 * Which of `columns` each of `rows` is.
 * @param gain - f32[rows, columns]
 * @returns -1 for rows that are left over
 */
export const assign = (gain: Float32Array, rows: number, columns: number): Int32Array => {
  const n = Math.max(rows, columns);
  const square = rows === columns ? gain : new Float32Array(n * n);
  if (rows !== columns) for (let i = 0; i < rows; i++) square.set(gain.subarray(i * columns, (i + 1) * columns), i * n);
  const found = n <= MAX_EXACT ? bestAssignment(square, n) : greedyAssignment(square, n);
  return found.subarray(0, rows).map((j) => (j < columns ? j : -1));
};
