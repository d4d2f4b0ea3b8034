import {
  DTYPE_INFO,
  elementCount,
  formatType,
  mulHi32,
  philoxFill,
  type StaticType,
  type Tensor,
  type TensorData,
} from '../../ir/index.ts';
import { type Code, sha256 } from '../../support/index.ts';
import { CHUNK, fillUniform } from '../uniform.ts';
import { describeValue, isNumber, type Value } from './values.ts';

export type Made = { readonly tensor: Tensor } | { readonly code: Code; readonly message: string; readonly notes?: readonly string[] };

const refuse = (code: Code, message: string, notes: readonly string[] = []): Made => ({ code, message, notes });

/** Why a number is no element of the dtype; undefined when it is one. */
const elementProblem = (type: StaticType, v: Value): string | undefined => {
  const { lo, hi, integer } = DTYPE_INFO[type.dtype];
  if (v.kind === 'bool' && type.dtype === 'bool') return undefined;
  if (!isNumber(v)) return `${describeValue(v)} is no element of ${type.dtype}`;
  if (!integer) {
    if (v.value !== v.value) return 'an element is NaN';
    return Number.isFinite(v.value) && !Number.isFinite(Math.fround(v.value)) ? `${v.value} is beyond float32` : undefined;
  }
  if (v.kind === 'float') return `${v.value} is a float but ${type.dtype} holds integers`;
  return v.value < lo || v.value > hi ? `${v.value} is outside ${type.dtype}, which holds ${lo} to ${hi}` : undefined;
};

const numberOf = (v: Value): number => (v.kind === 'bool' ? Number(v.value) : isNumber(v) ? v.value : 0);

/** Writes the elements of a list, flat or nested as the shape is. Returns what is wrong. */
const writeItems = (type: StaticType, items: readonly Value[], data: TensorData): string | undefined => {
  const { shape } = type;
  let next = 0;
  const element = (v: Value): string | undefined => {
    const problem = elementProblem(type, v);
    if (problem === undefined) data[next++] = numberOf(v);
    return problem === undefined ? undefined : `element ${next}: ${problem}`;
  };
  const nested = (level: readonly Value[], axis: number): string | undefined => {
    if (level.length !== (shape[axis] ?? -1))
      return `a list at depth ${axis + 1} has ${level.length} elements but the dimension is ${shape[axis]}`;
    for (const v of level) {
      const problem =
        axis === shape.length - 1
          ? element(v)
          : v.kind === 'list'
            ? nested(v.items, axis + 1)
            : `the list is not nested ${shape.length} deep`;
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
  if (items.some((v) => v.kind === 'list')) return nested(items, 0);
  if (items.length !== data.length) return `the list has ${items.length} elements but ${formatType(type)} has ${data.length}`;
  for (const v of items) {
    const problem = element(v);
    if (problem !== undefined) return problem;
  }
  return undefined;
};

/** A parameter written out: a list, or one number for a scalar. */
export const inlineTensor = (type: StaticType, v: Value): Made => {
  if (v.kind === 'tensor') return refuse('MRL2003', 'a parameter holds constants but this is a tensor', ['Use let for what ops compute.']);
  const items = v.kind === 'list' ? v.items : [v];
  if (v.kind !== 'list' && type.shape.length > 0) {
    return refuse('MRL2009', `${formatType(type)} takes a list but has ${describeValue(v)}`, ['To repeat one value write fill(value).']);
  }
  // A list can only fill what it is long enough for: nothing is allocated on the word of the type alone.
  const known = v.kind === 'list' ? countLeaves(items) : 1;
  if (known !== elementCount(type.shape))
    return refuse('MRL2009', `the list has ${known} elements but ${formatType(type)} has ${elementCount(type.shape)}`);
  const data = DTYPE_INFO[type.dtype].make(known);
  const problem = writeItems(type, items, data);
  return problem === undefined ? { tensor: { ...type, data } } : refuse('MRL2009', problem);
};

const countLeaves = (items: readonly Value[]): number => items.reduce((n, v) => n + (v.kind === 'list' ? countLeaves(v.items) : 1), 0);

/** Every element is `value`. */
export const filledTensor = (type: StaticType, value: Value): Made => {
  const problem = elementProblem(type, value);
  if (problem !== undefined) return refuse('MRL2009', problem);
  const data = DTYPE_INFO[type.dtype].make(elementCount(type.shape));
  const element = numberOf(value);
  if (!Object.is(element, 0)) data.fill(element);
  return { tensor: { ...type, data } };
};

/** Integers lo + high word of (word * (hi - lo + 1)): uniform without rejection, as `Philox.int`. */
const fillIntegers = (data: TensorData, key: readonly [number, number], lo: number, hi: number): void => {
  const words = new Uint32Array(CHUNK);
  const n = hi - lo + 1;
  for (let start = 0; start < data.length; start += CHUNK) {
    philoxFill(key, start / 4, words);
    const count = Math.min(CHUNK, data.length - start);
    for (let i = 0; i < count; i++) data[start + i] = lo + (n >= 2 ** 32 ? (words[i] ?? 0) : mulHi32(words[i] ?? 0, n));
  }
};

/** Uniform elements from lo to hi by Philox4x32-10: integers include hi, floats do not. */
export const randomTensor = (type: StaticType, seed: Value, lo: Value, hi: Value): Made => {
  if (seed.kind !== 'int' || seed.value < 0)
    return refuse('MRL2003', `seed is an integer from 0 to 2^53 - 1 but is ${describeValue(seed)}`);
  const problem = elementProblem(type, lo) ?? elementProblem(type, hi);
  if (problem !== undefined) return refuse('MRL2009', problem);
  const [low, high] = [numberOf(lo), numberOf(hi)];
  if (!Number.isFinite(low) || !Number.isFinite(high) || low > high)
    return refuse('MRL2009', `lo is ${low} but hi is ${high}`, ['Write finite lo <= hi.']);
  const data = DTYPE_INFO[type.dtype].make(elementCount(type.shape));
  const key = [(seed.value % 2 ** 32) >>> 0, Math.floor(seed.value / 2 ** 32)] as const;
  (type.dtype === 'f32' ? fillUniform : fillIntegers)(data, key, low, high);
  return { tensor: { ...type, data } };
};

/** First 48 bits of the digest of a name: the seed of a parameter that nothing binds. */
const seedOf = (name: string): number =>
  sha256(name)
    .slice(0, 6)
    .reduce((n, byte) => n * 256 + byte, 0);

/**
 * Data for trying a model out without its weights, from the parameter's name and type: matrices and kernels uniform within
 * sqrt(6 / fan-in), float vectors and scalars (scales, variances, …) from 0.5 to 1.5, integers in the range of their dtype.
 */
export const placeholderTensor = (type: StaticType, name: string): Made => {
  const seed: Value = { kind: 'int', value: seedOf(name) };
  const number = (kind: 'int' | 'float', value: number): Value => ({ kind, value });
  const { lo, hi, integer } = DTYPE_INFO[type.dtype];
  if (integer) return randomTensor(type, seed, number('int', lo), number('int', hi));
  if (type.shape.length < 2) return randomTensor(type, seed, number('float', 0.5), number('float', 1.5));
  const bound = Math.fround(Math.sqrt(6 / Math.max(1, elementCount(type.shape.slice(1)))));
  return randomTensor(type, seed, number('float', -bound), number('float', bound));
};
