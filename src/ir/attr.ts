import { compareCodeUnits } from '../support/index.ts';
import { DTYPES, type DType } from './types.ts';

/** Largest integer an attribute may hold; keeps stride * index products inside int32 checks. */
const INT_LIMIT = 2 ** 31 - 1;

export type AttrSpec =
  | { readonly kind: 'int'; readonly min: number; readonly max: number; readonly default?: number }
  | { readonly kind: 'ints'; readonly min: number; readonly max: number; readonly default?: readonly number[] }
  | { readonly kind: 'f32'; readonly default?: number }
  | { readonly kind: 'bool'; readonly default?: boolean }
  | { readonly kind: 'enum'; readonly values: readonly string[]; readonly default?: string }
  | { readonly kind: 'dtype'; readonly default?: DType };

export type AttrSchema = Readonly<Record<string, AttrSpec>>;
export type AttrScalar = number | boolean | string | readonly number[];

type AttrValue<S extends AttrSpec> = S extends { readonly kind: 'int' | 'f32' }
  ? number
  : S extends { readonly kind: 'ints' }
    ? readonly number[]
    : S extends { readonly kind: 'bool' }
      ? boolean
      : S extends { readonly kind: 'enum'; readonly values: readonly (infer V)[] }
        ? V
        : DType;

/** Attributes as ops, passes and backends see them: every one present. */
export type AttrsOf<A extends AttrSchema> = { readonly [K in keyof A]: AttrValue<A[K]> };

type Defaulted<A extends AttrSchema> = { [K in keyof A]: A[K] extends { readonly default: unknown } ? K : never }[keyof A];

/** Attributes as one writes them: those with a default may be left out. */
export type AttrsInput<A extends AttrSchema> = { readonly [K in Exclude<keyof A, Defaulted<A>>]: AttrValue<A[K]> } & {
  readonly [K in Defaulted<A>]?: AttrValue<A[K]>;
};

export interface Limits<D> {
  readonly min?: number;
  readonly max?: number;
  readonly default?: D;
}

const intLimits = <D>(o: Limits<D>): { min: number; max: number } => ({ min: o.min ?? -INT_LIMIT - 1, max: o.max ?? INT_LIMIT });

/** Constructors of attribute specs; `const` type parameters keep literal types. */
export const attr = {
  int: <const O extends Limits<number>>(o: O = {} as O) =>
    ({ kind: 'int', ...intLimits(o), ...o }) as { kind: 'int'; min: number; max: number } & O,
  ints: <const O extends Limits<readonly number[]>>(o: O = {} as O) =>
    ({ kind: 'ints', ...intLimits(o), ...o }) as { kind: 'ints'; min: number; max: number } & O,
  f32: <const O extends { readonly default?: number }>(o: O = {} as O) => ({ kind: 'f32', ...o }) as { kind: 'f32' } & O,
  bool: <const O extends { readonly default?: boolean }>(o: O = {} as O) => ({ kind: 'bool', ...o }) as { kind: 'bool' } & O,
  oneOf: <const V extends readonly string[], const O extends { readonly default?: V[number] }>(values: V, o: O = {} as O) =>
    ({ kind: 'enum', values, ...o }) as { kind: 'enum'; values: V } & O,
  dtype: <const O extends { readonly default?: DType }>(o: O = {} as O) => ({ kind: 'dtype', ...o }) as { kind: 'dtype' } & O,
};

/** The canonical order of attributes: by name, code units. Printer and bytecode codec both follow it. */
export const attrNames = (schema: AttrSchema): readonly string[] => Object.keys(schema).sort(compareCodeUnits);

/** Says why `value` does not fit `spec`; undefined when it fits. */
export const attrProblem = (spec: AttrSpec, value: unknown): string | undefined => {
  const isInt = (v: unknown, min: number, max: number): boolean => Number.isInteger(v) && (v as number) >= min && (v as number) <= max;
  switch (spec.kind) {
    case 'int':
      return isInt(value, spec.min, spec.max) ? undefined : `is ${String(value)} but takes an integer from ${spec.min} to ${spec.max}`;
    case 'ints': {
      if (!Array.isArray(value)) return `is ${String(value)} but takes a list of integers`;
      const bad: unknown = value.find((v) => !isInt(v, spec.min, spec.max));
      return bad === undefined ? undefined : `holds ${String(bad)} but takes integers from ${spec.min} to ${spec.max}`;
    }
    case 'f32':
      return typeof value === 'number' && Number.isFinite(value) && Math.fround(value) === value
        ? undefined
        : `is ${String(value)} but takes a finite float32`;
    case 'bool':
      return typeof value === 'boolean' ? undefined : `is ${String(value)} but takes true or false`;
    case 'enum':
      return spec.values.includes(value as string) ? undefined : `is ${String(value)} but takes one of ${spec.values.join(', ')}`;
    case 'dtype':
      return DTYPES.includes(value as DType) ? undefined : `is ${String(value)} but takes one of ${DTYPES.join(', ')}`;
    default:
      return spec satisfies never;
  }
};

export const sameAttr = (a: AttrScalar, b: AttrScalar): boolean =>
  typeof a === 'object' && typeof b === 'object' ? a.length === b.length && a.every((v, i) => Object.is(v, b[i])) : Object.is(a, b);
