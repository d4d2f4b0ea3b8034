import { logOfProbability, logPotential, type TensorData } from '../../ir/index.ts';

/** What the numbers of a factor are. */
export const FORMS = ['probability', 'potential', 'log'] as const;
export type Form = (typeof FORMS)[number];
export const isForm = (word: string): word is Form => (FORMS as readonly string[]).includes(word);

/** Rows of probabilities may miss 1 by this much: a table of decimals with five digits passes, one with an error does not. */
export const ROW_TOLERANCE = 1e-5;

/** What is wrong with a table. */
export type TableProblem =
  | { readonly kind: 'element'; readonly index: number; readonly why: string }
  | { readonly kind: 'row'; readonly row: number; readonly sum: number };

const elementProblem = (form: Form, v: number): string | undefined => {
  if (v !== v) return 'is not a number';
  if (form === 'log') return v === Number.POSITIVE_INFINITY ? 'is infinite' : undefined;
  if (v < 0) return `is ${v}, below 0`;
  if (form === 'probability') return v > 1 + ROW_TOLERANCE ? `is ${v}, above 1` : undefined;
  return v === Number.POSITIVE_INFINITY ? 'is infinite' : undefined;
};

/** Checks a table whose last dimensions, `row` elements together, are the variables that a row distributes over. */
export const tableProblem = (form: Form, values: readonly number[], row: number): TableProblem | undefined => {
  for (const [index, v] of values.entries()) {
    const why = elementProblem(form, v);
    if (why !== undefined) return { kind: 'element', index, why };
  }
  if (form !== 'probability') return undefined;
  for (let start = 0; start < values.length; start += row) {
    let sum = 0;
    for (let i = start; i < start + row; i++) sum += values[i] ?? 0;
    if (Math.abs(sum - 1) > ROW_TOLERANCE) return { kind: 'row', row: start / row, sum: Math.floor(sum * 1e6 + 0.5) / 1e6 };
  }
  return undefined;
};

/** The numbers as logarithms in Q12 (NUMERICS §7), the same on every machine. */
export const toLogarithms = (form: Form, values: readonly number[]): Int32Array =>
  Int32Array.from(values, form === 'log' ? logPotential : logOfProbability);

/** Reorders the dimensions of a table: dimension i of the result is dimension perm[i]. */
export const permuteTable = (data: Int32Array, shape: readonly number[], perm: readonly number[]): Int32Array => {
  if (perm.every((p, i) => p === i)) return data;
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = (strides[i + 1] ?? 1) * (shape[i + 1] ?? 1);
  const sizes = perm.map((p) => shape[p] ?? 1);
  const steps = perm.map((p) => strides[p] ?? 0);
  const out = new Int32Array(data.length);
  const index = new Array<number>(sizes.length).fill(0);
  for (let e = 0, from = 0; e < out.length; e++) {
    out[e] = data[from] ?? 0;
    for (let d = sizes.length - 1; d >= 0; d--) {
      from += steps[d] ?? 0;
      index[d] = (index[d] ?? 0) + 1;
      if ((index[d] ?? 0) < (sizes[d] ?? 1)) break;
      from -= (steps[d] ?? 0) * (sizes[d] ?? 1);
      index[d] = 0;
    }
  }
  return out;
};

/** The greatest |element| that is possible: how far one more such factor can carry a product. */
export const driftOf = (data: TensorData): number => {
  let drift = 0;
  for (const v of data) if (v > -(2 ** 29) && Math.abs(v) > drift) drift = Math.abs(v);
  return drift;
};
