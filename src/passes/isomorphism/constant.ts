import { elementCount, type StaticType, type Tensor } from '../../ir/index.ts';
import { invariant } from '../../support/index.ts';

/** Numbers of a constant; real values are held in double precision once a rule has computed with them. */
export type Values = ArrayLike<number>;

/**
 * A constant tensor of a graph: a parameter of the model, or what rules made of parameters. Its numbers are computed when they
 * are asked for, so that a comparison of structures alone never touches weights.
 */
export interface Constant {
  readonly type: StaticType;
  /** Equal for constants made alike from the same parameters, and only for those. */
  readonly key: string;
  /** The parameters that it comes from, in the user's own names. */
  readonly names: readonly string[];
  /** Row-major elements. */
  readonly values: () => Values;
}

/** More names than this are not told. */
const MAX_NAMES = 4;

export const mergeNames = (...lists: readonly (readonly string[])[]): readonly string[] => [...new Set(lists.flat())].slice(0, MAX_NAMES);

/** Larger constants are kept only as long as memory allows. */
const KEPT_ELEMENTS = 1 << 16;

const lazily = (count: number, compute: () => Values): (() => Values) => {
  let kept: Values | undefined;
  let held: WeakRef<Values> | undefined;
  return () => {
    const known = kept ?? held?.deref();
    if (known !== undefined) return known;
    const values = compute();
    invariant(values.length === count, `a constant of ${count} elements was computed with ${values.length}`);
    if (count <= KEPT_ELEMENTS) kept = values;
    else held = new WeakRef(values);
    return values;
  };
};

/** A parameter of the program. */
export const parameterConstant = (name: string, index: number, tensor: Tensor): Constant => ({
  type: { dtype: tensor.dtype, shape: tensor.shape },
  key: `p${index}`,
  names: [name],
  values: () => tensor.data,
});

/** A constant that a rule computes; `key` names the rule and its operands. */
export const derivedConstant = (type: StaticType, key: string, names: readonly string[], compute: () => Values): Constant => ({
  type,
  key,
  names,
  values: lazily(elementCount(type.shape), compute),
});

/** A number that stands in the definition of an op. */
export const scalarConstant = (value: number): Constant => ({
  type: { dtype: 'f32', shape: [] },
  key: `s${Object.is(value, -0) ? '-0' : value}`,
  names: [],
  values: () => [value],
});

export const isScalar = (constant: Constant): boolean => elementCount(constant.type.shape) === 1;

/** The number of a constant of one element. */
export const scalarOf = (constant: Constant): number => {
  const [value] = Array.from(constant.values());
  invariant(value !== undefined, 'a scalar has one element');
  return value;
};
