import type binaryen from 'binaryen';
import { type Kind, type Machine, NAMESPACES, type NamespaceName, type Ref } from './machine.ts';

/** An expression; used once, as the trees of code generators demand. */
export class Ex {
  readonly ref: Ref;
  constructor(ref: Ref) {
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
/** The names and arities of the instructions are those of binaryen's builders. */
type Namespace<K extends keyof binaryen.Module> = Omit<Lift<binaryen.Module[K]>, Special>;

export type Lifted = { readonly [K in NamespaceName]: Namespace<K> };

type ScalarKind = Exclude<Kind, 'v128'>;

/** The type of a plain number as an argument of a namespace: lanes for splat, counts for shifts. */
const numberKind = (name: NamespaceName): ScalarKind =>
  name === 'f32' || name === 'f32x4' ? 'f32' : name === 'f64' || name === 'f64x2' ? 'f64' : name === 'i64' ? 'i64' : 'i32';

export const refOf = (m: Machine, value: Val, kind: Kind): Ref =>
  value instanceof Ex
    ? value.ref
    : value instanceof Local
      ? m.get(value.index, value.kind)
      : m.constant(kind === 'v128' ? 'i32' : kind, value);

type Instruction = (...args: readonly Val[]) => Ex;

/** The instruction under a path, which has the longer paths as properties: `i32.trunc_s_sat` and `i32.trunc_s_sat.f32`. */
const instruction = (m: Machine, space: NamespaceName, path: string): object => {
  const kind = numberKind(space);
  const build: Instruction = (...args) =>
    new Ex(
      m.op(
        space,
        path,
        args.map((a) => refOf(m, a, kind)),
      ),
    );
  return membersOf(m, space, `${path}.`, build);
};

const membersOf = (m: Machine, space: NamespaceName, prefix: string, target: object): object => {
  const known = new Map<string, object>();
  return new Proxy(target, {
    get: (_, name) => {
      const key = String(name);
      let member = known.get(key);
      if (member === undefined) known.set(key, (member = instruction(m, space, prefix + key)));
      return member;
    },
  });
};

/** The instructions of a machine as functions that take locals, expressions and numbers alike. */
export const lift = (m: Machine): Lifted =>
  Object.fromEntries(NAMESPACES.map((name) => [name, membersOf(m, name, '', {})])) as unknown as Lifted;
