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

/** Above this many wanted elements sorting all of them is quicker than keeping the best in order. */
const MOST_KEPT = 256;

/** Indices of the `count` greatest elements, greatest first; of equal ones the lower index first (NUMERICS §1.5). */
const greatest = (data: ArrayLike<number>, count: number): readonly number[] => {
  if (count > MOST_KEPT) {
    const all = Array.from({ length: data.length }, (_, i) => i);
    return all.sort((a, b) => at(data, b) - at(data, a) || a - b).slice(0, count);
  }
  const kept: number[] = [];
  for (let i = 0; i < data.length; i++) {
    const value = at(data, i);
    const last = kept.at(-1);
    if (kept.length >= count && (last === undefined || value <= at(data, last))) continue;
    let place = kept.length;
    while (place > 0 && value > at(data, at(kept, place - 1))) place--;
    kept.splice(place, 0, i);
    if (kept.length > count) kept.pop();
  }
  return kept;
};

/** The `count` best entries of a tensor. */
export const topOf = (tensor: Tensor, count: number, quantization?: Quantization, labels?: readonly string[]): readonly Scored[] =>
  greatest(tensor.data, count).map((index) => {
    const label = labels?.[index];
    return { index, ...(label === undefined ? {} : { label }), score: realValue(at(tensor.data, index), quantization) };
  });

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
  other = 'reference',
): Result<undefined> => {
  const problems: Diagnostic[] = [];
  names.forEach((name, i) => {
    const got = canonicalBytes(at(results, i));
    const want = canonicalBytes(at(reference, i));
    const first = got.length === want.length ? got.findIndex((b, k) => b !== want[k]) : Math.min(got.length, want.length);
    if (first >= 0) problems.push(resultsDiffer(name, backend, other, `first at byte ${first} of ${want.length}`));
  });
  return problems.length > 0 ? fail(...problems) : ok(undefined);
};
