import { canonicalBytes, type Tensor } from '../../ir/index.ts';
import { at, type Diagnostic, fail, ok, type Result, sha256Hex } from '../../support/index.ts';
import { resultsDiffer } from '../diagnostics.ts';

/** How integers stand for real numbers: real = scale * (integer - zero). */
export interface Quantization {
  readonly scale: number;
  readonly zero: number;
}

/** SHA-256, in hex, of a tensor's elements, little-endian, row-major: equal on every backend and machine. */
export const tensorDigest = (tensor: Tensor): string => sha256Hex(canonicalBytes(tensor));

/** One entry of a ranking. */
export interface Scored {
  readonly index: number;
  readonly label?: string;
  /** The element, as a real number when the quantization is known. */
  readonly score: number;
}

/** The real value of an element. */
export const realValue = (value: number, quantization: Quantization | undefined): number =>
  quantization === undefined ? value : quantization.scale * (value - quantization.zero);

/** The `count` greatest elements, greatest first; of equal ones the lower index first (NUMERICS §1.5). */
export const topOf = (tensor: Tensor, count: number, quantization?: Quantization, labels?: readonly string[]): readonly Scored[] => {
  const order = Array.from(tensor.data, (_, i) => i).sort((a, b) => at(tensor.data, b) - at(tensor.data, a) || a - b);
  return order.slice(0, count).map((index) => {
    const label = labels?.[index];
    return { index, ...(label === undefined ? {} : { label }), score: realValue(at(tensor.data, index), quantization) };
  });
};

/** Index of the greatest element, the lowest of equal ones. */
export const argmax = (data: ArrayLike<number>, start = 0, count = data.length): number => {
  let best = 0;
  for (let i = 1; i < count; i++) if ((data[start + i] ?? 0) > (data[start + best] ?? 0)) best = i;
  return best;
};

/** Compares results byte by byte; tells the first difference of each output. */
export const compareResults = (
  names: readonly string[],
  results: readonly Tensor[],
  reference: readonly Tensor[],
  backend: string,
): Result<undefined> => {
  const problems: Diagnostic[] = [];
  names.forEach((name, i) => {
    const got = canonicalBytes(at(results, i));
    const want = canonicalBytes(at(reference, i));
    const first = got.length === want.length ? got.findIndex((b, k) => b !== want[k]) : Math.min(got.length, want.length);
    if (first >= 0) problems.push(resultsDiffer(name, backend, `first at byte ${first} of ${want.length}`));
  });
  return problems.length > 0 ? fail(...problems) : ok(undefined);
};
