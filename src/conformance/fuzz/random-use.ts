import {
  type AnyAttrs,
  arity,
  attrNames,
  type AttrScalar,
  type AttrSpec,
  completeAttrs,
  type DType,
  DTYPES,
  opOf,
  type OpName,
  parseType,
  isStaticType,
  type Philox,
  type Sample,
  type StaticType,
} from '../../ir/index.ts';
import { at, invariant } from '../../support/index.ts';
import type { OperandSpec } from '../case.ts';
import { inferUse } from './draft.ts';

/** One use of an op: operands and complete attributes. */
export interface RandomUse {
  readonly op: OpName;
  readonly operands: readonly OperandSpec[];
  readonly attrs: AnyAttrs;
}

export const pick = <T>(random: Philox, items: readonly T[]): T => at(items, random.int(0, items.length - 1));
/** True in one of `n` cases. */
export const oneIn = (random: Philox, n: number): boolean => random.int(1, n) === 1;

const specOf = (operand: Sample['operands'][number]): OperandSpec => {
  const type = parseType(typeof operand === 'string' ? operand : operand.type);
  invariant(type !== undefined && isStaticType(type), 'operands of samples have sizes');
  if (typeof operand === 'string') return { type, constant: false };
  if ('data' in operand) return { type, given: operand.data, constant: false };
  return { type, bounds: { lo: operand.lo, hi: operand.hi }, constant: false };
};

const sampleUses = (op: OpName): readonly RandomUse[] =>
  opOf(op).samples.flatMap((sample): RandomUse[] => {
    const attrs = completeAttrs(op, sample.attrs ?? {});
    return attrs.ok ? [{ op, operands: sample.operands.map(specOf), attrs: attrs.value }] : [];
  });

/** Sizes around the widths of vectors and blocks; 0 and 1 are the edges. */
const SIZES = [0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33];

const withShapes = (use: RandomUse, shape: (shape: readonly number[], k: number) => readonly number[]): RandomUse => ({
  ...use,
  operands: use.operands.map((o, k) => ({ ...o, type: { ...o.type, shape: shape(o.type.shape, k) } })),
});

/** Another size in place of one wherever it occurs: operands mostly agree in it, and some attributes repeat it. */
const resizeEverywhere = (random: Philox, use: RandomUse): RandomUse => {
  const sizes = [...new Set(use.operands.flatMap((o) => o.type.shape))];
  if (sizes.length === 0) return use;
  const [from, to] = [pick(random, sizes), pick(random, SIZES)];
  const replace = (list: readonly number[]): readonly number[] => list.map((d) => (d === from ? to : d));
  const attrs = oneIn(random, 2)
    ? use.attrs
    : Object.fromEntries(
        Object.entries(use.attrs).map(([name, v]): [string, AttrScalar] => [name, typeof v === 'object' ? replace(v) : v]),
      );
  return withShapes({ ...use, attrs }, replace);
};

const resizeOne = (random: Philox, use: RandomUse): RandomUse => {
  const k = random.int(0, use.operands.length - 1);
  const rank = use.operands[k]?.type.shape.length ?? 0;
  if (rank === 0) return use;
  const axis = random.int(0, rank - 1);
  const to = pick(random, SIZES);
  return withShapes(use, (shape, other) => (other === k ? shape.with(axis, to) : shape));
};

const otherRank = (random: Philox, use: RandomUse): RandomUse => {
  const only = oneIn(random, 2) ? random.int(0, use.operands.length - 1) : undefined;
  const how = random.int(0, 2);
  const size = pick(random, [1, 1, 2, 3]);
  return withShapes(use, (shape, k) => {
    if (only !== undefined && only !== k) return shape;
    return how === 0 ? shape.slice(1) : how === 1 ? [size, ...shape] : [...shape, size];
  });
};

/** Another dtype, for all operands that have it or for one. The interval and given elements go: they are of the old one. */
const otherDtype = (random: Philox, use: RandomUse): RandomUse => {
  const k = random.int(0, use.operands.length - 1);
  const from = use.operands[k]?.type.dtype;
  const to = pick(random, DTYPES);
  const all = oneIn(random, 2);
  const change = (o: OperandSpec, other: number): OperandSpec =>
    (all && o.type.dtype === from) || other === k ? { type: { ...o.type, dtype: to }, constant: o.constant } : o;
  return { ...use, operands: use.operands.map(change) };
};

/** One operand less, or more where the op takes any number. */
const otherArity = (random: Philox, use: RandomUse): RandomUse => {
  const { max } = arity(opOf(use.op).operands);
  const last = use.operands.at(-1);
  if (last === undefined) return use;
  const more = use.operands.length < max && max === Number.POSITIVE_INFINITY && oneIn(random, 2);
  return { ...use, operands: more ? [...use.operands, last] : use.operands.slice(0, -1) };
};

const swapOperands = (random: Philox, use: RandomUse): RandomUse => {
  const [i, j] = [random.int(0, use.operands.length - 1), random.int(0, use.operands.length - 1)];
  const operands = [...use.operands];
  [operands[i], operands[j]] = [at(use.operands, j), at(use.operands, i)];
  return { ...use, operands };
};

const FLOATS = [0, -0, 1, -1, 0.5, -0.25, 2, 1e-3, 6, 1e10, -1e-10].map(Math.fround);

const otherInt = (random: Philox, min: number, max: number, value: number): number => {
  const wish = pick(random, [value + 1, value - 1, value + 2, -value, 0, 1, 2, 3, min, max, random.int(-4, 20)]);
  return Math.min(Math.max(wish, min), max);
};

const otherValue = (random: Philox, spec: AttrSpec, value: AttrScalar): AttrScalar => {
  switch (spec.kind) {
    case 'int':
      return otherInt(random, spec.min, spec.max, Number(value));
    case 'ints': {
      const list = typeof value === 'object' ? value : [];
      if (oneIn(random, 6)) return list.slice(1);
      if (oneIn(random, 6)) return [...list, pick(random, [...list, 1])];
      if (oneIn(random, 3)) return [...list].reverse();
      const i = random.int(0, Math.max(0, list.length - 1));
      return list.map((v, k) => (k === i ? otherInt(random, spec.min, spec.max, v) : v));
    }
    case 'f32':
      return oneIn(random, 3) ? Math.fround(Number(value) * pick(random, [0.5, -1, 3])) : pick(random, FLOATS);
    case 'bool':
      return value !== true;
    case 'enum':
      return pick(random, spec.values);
    case 'dtype':
      return pick<DType>(random, DTYPES);
    default:
      return spec satisfies never;
  }
};

const otherAttr = (random: Philox, use: RandomUse): RandomUse => {
  const schema = opOf(use.op).attrs;
  const names = attrNames(schema);
  if (names.length === 0) return use;
  const name = pick(random, names);
  const [spec, value] = [schema[name], use.attrs[name]];
  return spec === undefined || value === undefined ? use : { ...use, attrs: { ...use.attrs, [name]: otherValue(random, spec, value) } };
};

const MUTATIONS = [
  resizeEverywhere,
  resizeEverywhere,
  resizeEverywhere,
  resizeOne,
  resizeOne,
  otherRank,
  otherDtype,
  otherArity,
  swapOperands,
  otherAttr,
  otherAttr,
  otherAttr,
  otherAttr,
];

const isTaken = (use: RandomUse): boolean =>
  inferUse(
    use.op,
    use.operands.map((o) => o.type),
    use.attrs,
  ) !== undefined;

/** A use of the op that inference accepts: one of its samples, and up to four steps away from it. */
export const randomUse = (random: Philox, op: OpName): RandomUse | undefined => {
  const uses = sampleUses(op);
  if (uses.length === 0) return undefined;
  let use = pick(random, uses);
  const steps = random.int(0, 4);
  for (let i = 0, tries = 0; i < steps && tries < 12; tries++) {
    const next = use.operands.length === 0 ? otherAttr(random, use) : pick(random, MUTATIONS)(random, use);
    if (next === use || !isTaken(next)) continue;
    use = next;
    i++;
  }
  // samples may be larger than programs of the fuzzer are
  return isTaken(use) ? use : undefined;
};

/**
 * The use on an operand of another type, in the place of the first: sizes of the other operands follow those of the first
 * that they agree with. Undefined when the op does not take it.
 */
export const adopted = (use: RandomUse, type: StaticType): RandomUse | undefined => {
  const [first, ...rest] = use.operands;
  if (first === undefined) return undefined;
  const sizes = new Map(first.type.shape.map((d, axis) => [d, type.shape[axis] ?? d]));
  const follow = (o: OperandSpec): OperandSpec => {
    const same = o.type.shape.length === first.type.shape.length && o.type.shape.every((d, i) => d === first.type.shape[i]);
    const shape = same ? type.shape : o.type.shape.map((d) => sizes.get(d) ?? d);
    return { ...o, type: { ...o.type, shape } };
  };
  const changed = { ...use, operands: [{ ...first, type }, ...rest.map(follow)] };
  return isTaken(changed) ? changed : undefined;
};
