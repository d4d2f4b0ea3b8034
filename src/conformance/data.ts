import { DTYPE_INFO, elementCount, type Philox, type StaticType, type Tensor, type TensorData } from '../ir/index.ts';
import { at, invariant } from '../support/index.ts';

/** One operand of a shape class and where its elements come from. */
export interface OperandSpec {
  readonly type: StaticType;
  /** Interval of the elements when the whole dtype is too wide. */
  readonly bounds?: { readonly lo: number; readonly hi: number };
  /** Given elements, repeated as often as the type needs. */
  readonly given?: readonly number[];
  /** The verifier wants it as a parameter, so it is the same in all cases of the shape class. */
  readonly constant: boolean;
}

/**
 * How operands are filled. `lowest`, `highest`, `alternating`, `zeros` and `equal` are constant or periodic; `ties` draws from
 * few values; `edges` from the ends of the interval and around zero. The last four are for floats; integers are uniform there.
 */
export const DATA_CLASSES = [
  'uniform',
  'lowest',
  'highest',
  'alternating',
  'zeros',
  'equal',
  'ties',
  'edges',
  'subnormal',
  'infinite',
  'nan',
  'wide',
] as const;
export type DataClass = (typeof DATA_CLASSES)[number];

export const FLOAT_ONLY: ReadonlySet<DataClass> = new Set(['subnormal', 'infinite', 'nan', 'wide']);

/** Seeds of each class: what is drawn is drawn more than once. */
export const seedsOf = (data: DataClass): readonly number[] => (data === 'uniform' || data === 'ties' || data === 'edges' ? [1, 2] : [1]);

const MAX = 3.4028234663852886e38;
const LEAST_NORMAL = 2 ** -126;
const LEAST = 2 ** -149;
const { fround } = Math;

type Draw = (i: number, random: Philox) => number;
const pick =
  (values: readonly number[]): Draw =>
  (_i, random) =>
    at(values, random.int(0, values.length - 1));

/** One draw for the whole tensor. */
const same = (draw: Draw): Draw => {
  let value: number | undefined;
  return (i, random) => (value ??= draw(i, random));
};

const integerDraw = (data: DataClass, lo: number, hi: number): Draw => {
  const uniform: Draw = (_i, random) => random.int(lo, hi);
  const clamp = (v: number): number => Math.min(Math.max(v, lo), hi);
  switch (data) {
    case 'lowest':
      return () => lo;
    case 'highest':
      return () => hi;
    case 'alternating':
      return (i) => (i % 2 === 0 ? lo : hi);
    case 'zeros':
      return () => clamp(0);
    case 'equal':
      return same(uniform);
    case 'ties':
      return pick([-2, -1, 0, 1, 2].map(clamp));
    case 'edges':
      return pick([lo, lo + 1, -1, 0, 1, hi - 1, hi].map(clamp));
    case 'uniform':
    case 'subnormal':
    case 'infinite':
    case 'nan':
    case 'wide':
      return uniform;
    default:
      return data satisfies never;
  }
};

const EDGES = [
  Number.NaN,
  Infinity,
  -Infinity,
  -0,
  0,
  LEAST,
  -LEAST,
  LEAST_NORMAL,
  -LEAST_NORMAL,
  MAX,
  -MAX,
  1,
  -1,
  0.5,
  -0.5,
  2 ** 24,
  1e10,
];

/** Any float32 by its bits, but not NaN: exponents spread over the whole range. */
const anyBits: Draw = (_i, random) => {
  const bits = new DataView(new ArrayBuffer(4));
  bits.setUint32(0, random.next());
  const v = bits.getFloat32(0);
  return Number.isNaN(v) ? 1 : v;
};

const sometimes =
  (special: Draw, otherwise: Draw): Draw =>
  (i, random) =>
    random.int(0, 3) === 0 ? special(i, random) : otherwise(i, random);

const floatDraw = (data: DataClass, lo: number, hi: number): Draw => {
  const span = fround(hi - lo);
  // each step rounded, so that any language gives the same float
  const uniform: Draw = (_i, random) => fround(lo + fround(span * random.unit()));
  switch (data) {
    case 'uniform':
      return uniform;
    case 'lowest':
      return () => -MAX;
    case 'highest':
      return () => MAX;
    case 'alternating':
      return (i) => (i % 2 === 0 ? -MAX : MAX);
    case 'zeros':
      return (i) => (i % 3 === 1 ? -0 : 0);
    case 'equal':
      return same(uniform);
    case 'ties':
      // halves, and the floats next to them
      return pick([-2.5, -1.5, -1, -0.5, 0.5, 1, 1.5, 2.5, 0.49999997, 0.50000006, 1.4999999, 1.5000001, 2.4999998]);
    case 'edges':
      return pick(EDGES);
    case 'subnormal':
      return (_i, random) => (random.next() % 2 === 0 ? 1 : -1) * LEAST * random.int(0, 2 ** 23 + 2);
    case 'infinite':
      return sometimes(pick([Infinity, -Infinity]), uniform);
    case 'nan':
      return sometimes(() => Number.NaN, uniform);
    case 'wide':
      return anyBits;
    default:
      return data satisfies never;
  }
};

const fillGiven = (data: TensorData, given: readonly number[]): void => {
  invariant(given.length > 0 || data.length === 0, 'given elements are not empty');
  for (let i = 0; i < data.length; i++) data[i] = at(given, i % given.length);
};

/** The tensor of one operand. */
export const fillOperand = ({ type, bounds, given }: OperandSpec, kind: DataClass, random: Philox): Tensor => {
  const info = DTYPE_INFO[type.dtype];
  const data = info.make(elementCount(type.shape));
  if (given === undefined) {
    const draw = info.integer
      ? integerDraw(kind, bounds?.lo ?? info.lo, bounds?.hi ?? info.hi)
      : floatDraw(kind, bounds?.lo ?? -4, bounds?.hi ?? 4);
    for (let i = 0; i < data.length; i++) data[i] = draw(i, random);
  } else fillGiven(data, given);
  return { ...type, data };
};
