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

/** Columns from `from` on of a layer's input, least variance first. */
interface Block {
  readonly from: number;
  readonly order: Int32Array;
  /** Row-major L^T of the Cholesky factor of the damped covariance H = L L^T, in that order. */
  readonly upper: Float64Array;
}

/** Sum of a[ai + k] b[bi + k] over n terms, in four strands. */
const dot = (a: Float64Array, ai: number, b: Float64Array, bi: number, n: number): number => {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  const whole = n - (n % 4);
  for (let k = 0; k < whole; k += 4) {
    s0 += a[ai + k]! * b[bi + k]!;
    s1 += a[ai + k + 1]! * b[bi + k + 1]!;
    s2 += a[ai + k + 2]! * b[bi + k + 2]!;
    s3 += a[ai + k + 3]! * b[bi + k + 3]!;
  }
  for (let k = whole; k < n; k++) s0 += a[ai + k]! * b[bi + k]!;
  return s0 + s1 + (s2 + s3);
};

/** Lower half of the covariance of n columns: each column's deviations lie in a row, so that an element is a dot product. */
const covariance = (x: InputRows, means: Float64Array, from: number, n: number): Float64Array => {
  const { rows } = x;
  const centred = new Float64Array(n * rows);
  for (let r = 0; r < rows; r++) {
    const row = r * x.stride + x.start + from;
    for (let i = 0; i < n; i++) centred[i * rows + r] = x.data[row + i]! - means[from + i]!;
  }
  const h = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let k = 0; k <= i; k++) h[i * n + k] = dot(centred, i * rows, centred, k * rows, rows) / Math.max(1, rows);
  return h;
};

/** L of H = L L^T, in place, lower half; H is positive definite by its damping. */
const cholesky = (h: Float64Array, n: number): void => {
  for (let i = 0; i < n; i++) {
    for (let k = 0; k <= i; k++) {
      const rest = h[i * n + k]! - dot(h, i * n, h, k * n, k);
      h[i * n + k] = i === k ? Math.sqrt(rest) : rest / h[k * n + k]!;
    }
  }
};

const transposed = (lower: Float64Array, n: number): Float64Array => {
  const upper = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let k = 0; k <= i; k++) upper[k * n + i] = lower[i * n + k]!;
  return upper;
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
  return { from, order, upper: transposed(lower, n) };
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
    for (const { from, order, upper } of this.blocks) {
      const n = order.length;
      const errors = new Float64Array(n);
      for (let j = n - 1; j >= 0; j--) {
        const i = from + order[j]!;
        const value = w[i]!;
        const place = j * n + j;
        const wanted = value + dot(upper, place + 1, errors, j + 1, n - 1 - j) / upper[place]!;
        const q = Math.min(limit, Math.max(-limit, Math.floor(wanted / scale + 0.5)));
        row[i] = q;
        errors[j] = value - q * scale;
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
