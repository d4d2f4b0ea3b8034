import type { TensorData } from '../../ir/index.ts';
import { at } from '../../support/index.ts';

/** Columns that are rounded together; beyond them errors are not passed on. It bounds memory (2 MB) and time (512 products per weight). */
const BLOCK = 512;
/** Added to the diagonal, as a share of its mean: input columns that calibration hardly moved stay well-conditioned. */
const DAMPING = 0.01;

/** What calibration saw of the inputs of one group of a layer: `rows` samples of `width` values, row after row. */
export interface InputRows {
  readonly data: Float32Array;
  readonly rows: number;
  /** Values from one row to the next, and where the group's begin in a row. */
  readonly stride: number;
  readonly start: number;
  readonly width: number;
}

/** The mean of each column. */
export const columnMeans = ({ data, rows, stride, start, width }: InputRows): Float64Array => {
  const means = new Float64Array(width);
  for (let r = 0; r < rows; r++) for (let k = 0; k < width; k++) means[k] = at(means, k) + at(data, r * stride + start + k);
  return means.map((sum) => sum / Math.max(1, rows));
};

/** Columns [from, to) of a layer's input, in the order in which `lower` has them, least variance first. */
interface Block {
  readonly from: number;
  readonly order: Int32Array;
  /** Row-major Cholesky factor L of the damped covariance H = L L^T, in that order. */
  readonly lower: Float64Array;
}

const covariance = (x: InputRows, means: Float64Array, from: number, n: number): Float64Array => {
  const centred = new Float64Array(n);
  const h = new Float64Array(n * n);
  for (let r = 0; r < x.rows; r++) {
    const row = r * x.stride + x.start + from;
    for (let i = 0; i < n; i++) centred[i] = x.data[row + i]! - means[from + i]!;
    for (let i = 0; i < n; i++) {
      const c = centred[i]!;
      if (c !== 0) for (let k = 0, o = i * n; k <= i; k++) h[o + k]! += c * centred[k]!;
    }
  }
  const scale = 1 / Math.max(1, x.rows);
  for (let i = 0; i < h.length; i++) h[i]! *= scale;
  return h;
};

/** In place, lower half; H is positive definite by its damping. */
const cholesky = (h: Float64Array, n: number): void => {
  for (let i = 0; i < n; i++) {
    for (let k = 0; k <= i; k++) {
      let sum = h[i * n + k]!;
      for (let j = 0, a = i * n, b = k * n; j < k; j++) sum -= h[a + j]! * h[b + j]!;
      h[i * n + k] = i === k ? Math.sqrt(sum) : sum / h[k * n + k]!;
    }
  }
};

const blockOf = (x: InputRows, means: Float64Array, from: number): Block => {
  const n = Math.min(BLOCK, x.width - from);
  const h = covariance(x, means, from, n);
  const variance = Float64Array.from({ length: n }, (_, i) => h[i * n + i]!);
  const order = Int32Array.from({ length: n }, (_, i) => i).sort((a, b) => variance[a]! - variance[b]! || a - b);
  const damping = (DAMPING * variance.reduce((a, b) => a + b, 0)) / n + Number.MIN_VALUE;
  const lower = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let k = 0; k <= i; k++) {
      const [a, b] = [order[i]!, order[k]!];
      lower[i * n + k] = a >= b ? h[a * n + b]! : h[b * n + a]!;
    }
  for (let i = 0; i < n; i++) lower[i * n + i]! += damping;
  cholesky(lower, n);
  return { from, order, lower };
};

/**
 * Rounds the rows of a layer so that the error of its output, and not that of its weights, is least.
 *
 * The error of an output is e^T H e, e the error of the weights and H the covariance of the inputs (the mean is the bias'
 * affair). With H = L L^T the columns are rounded one after another, last first, each after it took over what the errors
 * behind it can be made good with: q_j = round((w_j + sum over k > j of L_kj / L_jj e_k) / scale). This is GPTQ (Frantar et
 * al., ICLR 2023) with its columns in order of variance, in the form of Babai's nearest plane (Chen et al. 2025).
 */
export class ErrorFeedback {
  readonly means: Float64Array;
  private readonly blocks: readonly Block[];

  constructor(x: InputRows) {
    this.means = columnMeans(x);
    const starts = Array.from({ length: Math.ceil(x.width / BLOCK) }, (_, i) => i * BLOCK);
    this.blocks = starts.map((from) => blockOf(x, this.means, from));
  }

  round(w: TensorData, scale: number, limit: number, row: Int8Array | Int16Array): void {
    for (const { from, order, lower } of this.blocks) {
      const n = order.length;
      // what the errors of the columns behind ask of each column, times L_jj
      const asked = new Float64Array(n);
      for (let j = n - 1; j >= 0; j--) {
        const i = from + order[j]!;
        const value = w[i]!;
        const wanted = value + asked[j]! / lower[j * n + j]!;
        const q = Math.min(limit, Math.max(-limit, Math.floor(wanted / scale + 0.5)));
        row[i] = q;
        const error = value - q * scale;
        for (let k = 0, o = j * n; k < j; k++) asked[k]! += lower[o + k]! * error;
      }
    }
  }
}

/** Rounds the rows of one layer, and keeps them: the ways of quantizing a model that are compared share most of their rows. */
export class LayerFeedback {
  private readonly rowsOf: (group: number) => InputRows;
  private readonly means = new Map<number, Float64Array>();
  private readonly known = new Map<string, Int8Array | Int16Array>();
  /** The group that was rounded last: factors are large, and rows of a group follow one another. */
  private last: { readonly group: number; readonly feedback: ErrorFeedback } | undefined;

  /** @param rowsOf - what calibration saw of the inputs of a group */
  constructor(rowsOf: (group: number) => InputRows) {
    this.rowsOf = rowsOf;
  }

  /** Mean of each input of the rows of a group. */
  meansOf(group: number): Float64Array {
    const means = this.means.get(group) ?? columnMeans(this.rowsOf(group));
    this.means.set(group, means);
    return means;
  }

  private feedbackOf(group: number): ErrorFeedback {
    if (this.last?.group !== group) this.last = { group, feedback: new ErrorFeedback(this.rowsOf(group)) };
    return this.last.feedback;
  }

  round(channel: number, group: number, w: TensorData, scale: number, limit: number, row: Int8Array | Int16Array): void {
    const key = `${channel}/${limit}/${scale}`;
    const known = this.known.get(key);
    if (known !== undefined) {
      row.set(known);
      return;
    }
    this.feedbackOf(group).round(w, scale, limit, row);
    this.known.set(key, row.slice());
  }

  /** Lets go of what only makes rounding of further rows faster. */
  rest(): void {
    this.last = undefined;
  }
}

/** Each weight to its nearest code. */
export const roundNearest = (w: TensorData, scale: number, limit: number, row: Int8Array | Int16Array): void => {
  for (let i = 0; i < row.length; i++) row[i] = Math.min(limit, Math.max(-limit, Math.floor((w[i] ?? 0) / scale + 0.5)));
};
