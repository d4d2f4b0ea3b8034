import type binaryen from 'binaryen';

export type Kind = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** An expression; used once, as binaryen's trees demand. */
export class Ex {
  readonly ref: binaryen.ExpressionRef;
  constructor(ref: binaryen.ExpressionRef) {
    this.ref = ref;
  }
}

/** A local variable or parameter; may be used any number of times. */
export class Local {
  readonly index: number;
  readonly kind: Kind;
  constructor(index: number, kind: Kind) {
    this.index = index;
    this.kind = kind;
  }
}

/** What instructions take: an expression, a local, or a constant of the type that the instruction works on. */
export type Val = Ex | Local | number;

type Lift<T> = {
  [K in keyof T]: T[K] extends (value: number) => number
    ? (value: Val) => Ex
    : T[K] extends (left: number, right: number) => number
      ? (left: Val, right: Val) => Ex
      : T[K] extends (...args: never[]) => unknown
        ? never
        : Lift<T[K]>;
};

/** Instructions whose arguments are not all expressions; `Fn` has methods for them. */
type Special = 'const' | 'const_bits' | 'pop' | 'extract_lane' | 'extract_lane_s' | 'extract_lane_u' | 'atomic';
type Namespace<K extends keyof binaryen.Module> = Omit<Lift<binaryen.Module[K]>, Special>;

const NAMESPACES = ['i32', 'i64', 'f32', 'f64', 'v128', 'i8x16', 'i16x8', 'i32x4', 'i64x2', 'f32x4', 'f64x2'] as const;
type NamespaceName = (typeof NAMESPACES)[number];
export type Lifted = { readonly [K in NamespaceName]: Namespace<K> };

/** The type of a plain number as an argument of a namespace: lanes for splat, counts for shifts. */
const numberKind = (name: NamespaceName): Kind =>
  name === 'f32' || name === 'f32x4' ? 'f32' : name === 'f64' || name === 'f64x2' ? 'f64' : name === 'i64' ? 'i64' : 'i32';

export const constant = (m: binaryen.Module, kind: Kind, value: number): binaryen.ExpressionRef =>
  kind === 'f32'
    ? m.f32.const(value)
    : kind === 'f64'
      ? m.f64.const(value)
      : kind === 'i64'
        ? m.i64.const(BigInt(value))
        : m.i32.const(value | 0);

export const refOf = (m: binaryen.Module, value: Val, kind: Kind, typeOf: (kind: Kind) => number): binaryen.ExpressionRef =>
  value instanceof Ex ? value.ref : value instanceof Local ? m.local.get(value.index, typeOf(value.kind)) : constant(m, kind, value);

const liftOne = (m: binaryen.Module, source: object, kind: Kind, typeOf: (kind: Kind) => number): object =>
  Object.fromEntries(
    Object.entries(source).map(([key, value]: [string, unknown]) => [
      key,
      typeof value === 'function'
        ? (...args: Val[]) => new Ex(value(...args.map((a) => refOf(m, a, kind, typeOf))) as number)
        : typeof value === 'object' && value !== null
          ? liftOne(m, value, kind, typeOf)
          : value,
    ]),
  );

/** Wraps binaryen's builders so that they take locals, expressions and numbers alike. */
export const lift = (m: binaryen.Module, typeOf: (kind: Kind) => number): Lifted =>
  Object.fromEntries(NAMESPACES.map((name) => [name, liftOne(m, m[name], numberKind(name), typeOf)])) as unknown as Lifted;
