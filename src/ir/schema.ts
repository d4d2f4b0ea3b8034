import type { AttrScalar, AttrSchema, AttrsInput, AttrsOf } from './attr.ts';
import type { Range } from './range.ts';
import type { StaticType, Tensor, TensorData, TensorType } from './types.ts';

/**
 * The shape of an op's definition. Everything about what an op *is* stands in one object of this kind: types of
 * attributes and operands, `.mrl` reader and printer, bytecode codec, docs row and generators derive from it.
 *
 * Operand names: `'x'` required, `'bias?'` optional (only at the end), `'...xs'` one or more (only last).
 * Result names: `'y'`, or one `'...ys'` whose count `infer` decides.
 */
export type OperandsOf<O extends readonly string[], T> = O extends readonly [infer H extends string, ...infer R extends readonly string[]]
  ? H extends `...${string}`
    ? readonly T[]
    : H extends `${string}?`
      ? readonly [T | undefined, ...OperandsOf<R, T>]
      : readonly [T, ...OperandsOf<R, T>]
  : readonly [];

/** Types of the results, or the constraint that the operands break. `c4` of op `conv` is reported as `conv_c4`. */
export type InferResult =
  | { readonly ok: true; readonly types: readonly TensorType[] }
  | { readonly ok: false; readonly constraint: `c${number}`; readonly message: string };

export const types = (...results: readonly TensorType[]): InferResult => ({ ok: true, types: results });
export const violates = (constraint: `c${number}`, message: string): InferResult => ({ ok: false, constraint, message });

/** A value inside a decomposition. */
export interface Wire {
  readonly type: TensorType;
}

/** What a composite's `decompose` may do. Op names are strings here: the registry's type depends on this one. */
export interface Decomposer {
  emit(op: string, operands: readonly Wire[], attrs?: Readonly<Record<string, AttrScalar>>): Wire;
  emitAll(op: string, operands: readonly Wire[], attrs?: Readonly<Record<string, AttrScalar>>): readonly Wire[];
  constant(type: StaticType, data: TensorData | readonly number[]): Wire;
}

/** An operand of a sample: a type, and the interval its elements are drawn from when the whole dtype is too wide. */
export type SampleOperand =
  | string
  | { readonly type: string; readonly lo: number; readonly hi: number }
  | { readonly type: string; readonly data: readonly number[] };

export interface Sample {
  readonly operands: readonly SampleOperand[];
  readonly attrs?: Readonly<Record<string, AttrScalar>>;
}

/** A numbered constraint: its sentence for the docs, and a smallest program piece that breaks exactly it. */
export interface Constraint {
  readonly text: string;
  readonly broken: Sample;
}

export const constraint = (text: string, operands: readonly string[], attrs: Readonly<Record<string, AttrScalar>> = {}): Constraint => ({
  text,
  broken: { operands, attrs },
});

/**
 * Algebraic facts that passes use instead of op names.
 * - `pointwise`: one operand; each result element depends on the operand element at the same place only
 * - `movement`: results hold operand elements (or a constant attribute), unchanged, elsewhere; any dtype
 * - `commutative`: operands may be swapped   - `idempotent`: f(f(x)) = f(x)
 * - `monotone`: pointwise and non-decreasing
 */
export interface Traits {
  readonly pointwise?: boolean;
  readonly movement?: boolean;
  readonly commutative?: boolean;
  readonly idempotent?: boolean;
  readonly monotone?: boolean;
}

/** What an interval transfer function may look at besides the operand ranges. */
export interface RangeContext {
  readonly operandTypes: readonly StaticType[];
  readonly resultTypes: readonly StaticType[];
  /** Data of an operand that is a parameter; undefined for run-time values. */
  constant(operand: number): Tensor | undefined;
}

/**
 * An attribute that came after the op was on chain. Uses in which it has its default are written under the op's own
 * opcode, without it, as they were before; all others under `code`, with it.
 */
export interface AddedAttr {
  readonly attr: string;
  readonly code: number;
}

interface OpBase<O extends readonly string[], R extends readonly string[], A extends AttrSchema> {
  /** Number in the bytecode; append-only (conformance/opcodes.golden). */
  readonly code: number;
  /** One line. */
  readonly summary: string;
  /** Meaning with formula; one paragraph for docs/ops.md. */
  readonly doc: string;
  readonly operands: O;
  readonly results: R;
  readonly attrs: A;
  readonly constraints: Readonly<Record<`c${number}`, Constraint>>;
  readonly traits: Traits;
  readonly added?: AddedAttr;
  readonly infer: (operands: OperandsOf<O, TensorType>, attrs: AttrsOf<A>) => InferResult;
  /** Arithmetic operations (one multiply-accumulate = 1) for Endorphin, from types and attributes alone. */
  readonly cost: (operands: OperandsOf<O, StaticType>, attrs: AttrsOf<A>, results: readonly StaticType[]) => number;
  /** What one of the operations that `cost` counts takes, in multiply-accumulates of a convolution (docs/endorphin.md); 1 when left out. */
  readonly weight?: number;
  /** Valid uses that cover the branches; tests and conformance vectors derive from them. */
  readonly samples: readonly Sample[];
}

export interface PrimitiveSpec<O extends readonly string[], R extends readonly string[], A extends AttrSchema> extends OpBase<O, R, A> {
  readonly kind: 'primitive';
  /** The definition of the op's result: fills `out` (zero on entry), integer and strict-float alike. */
  readonly evaluate: (operands: OperandsOf<O, Tensor>, attrs: AttrsOf<A>, out: readonly Tensor[]) => void;
  /**
   * Exact interval of each integer result *before* wrapping, given operand intervals (NUMERICS §2). Only called when
   * the results are integers. The proof engine compares it with the dtype's range.
   */
  readonly range: (operands: OperandsOf<O, Range>, attrs: AttrsOf<A>, context: RangeContext) => readonly Range[];
}

export interface CompositeSpec<O extends readonly string[], R extends readonly string[], A extends AttrSchema> extends OpBase<O, R, A> {
  readonly kind: 'composite';
  /** The definition: the op means what these ops mean. */
  readonly decompose: (b: Decomposer, operands: OperandsOf<O, Wire>, attrs: AttrsOf<A>) => readonly Wire[];
}

type Rest<T, K extends string> = Omit<T, 'kind' | 'results' | 'traits' | K>;

/** Declares a primitive op; results default to one `y`, traits to none. */
export const primitive = <
  const O extends readonly string[],
  const A extends AttrSchema,
  const R extends readonly string[] = readonly ['y'],
>(
  spec: Rest<PrimitiveSpec<O, R, A>, never> & { readonly results?: R; readonly traits?: Traits },
): PrimitiveSpec<O, R, A> => ({ ...spec, kind: 'primitive', results: spec.results ?? (['y'] as unknown as R), traits: spec.traits ?? {} });

/** Declares a composite op. */
export const composite = <
  const O extends readonly string[],
  const A extends AttrSchema,
  const R extends readonly string[] = readonly ['y'],
>(
  spec: Rest<CompositeSpec<O, R, A>, never> & { readonly results?: R; readonly traits?: Traits },
): CompositeSpec<O, R, A> => ({ ...spec, kind: 'composite', results: spec.results ?? (['y'] as unknown as R), traits: spec.traits ?? {} });

/** Any op definition, for code that treats all ops alike (codec, printer, docs, tests). */
export interface AnyOp {
  readonly kind: 'primitive' | 'composite';
  readonly code: number;
  readonly summary: string;
  readonly doc: string;
  readonly operands: readonly string[];
  readonly results: readonly string[];
  readonly attrs: AttrSchema;
  readonly constraints: Readonly<Record<string, Constraint>>;
  readonly traits: Traits;
  readonly added?: AddedAttr;
  readonly samples: readonly Sample[];
  readonly infer: (operands: readonly TensorType[], attrs: Readonly<Record<string, AttrScalar>>) => InferResult;
  readonly cost: (operands: readonly StaticType[], attrs: Readonly<Record<string, AttrScalar>>, results: readonly StaticType[]) => number;
  /** What one of the operations that `cost` counts takes, in multiply-accumulates of a convolution (docs/endorphin.md); 1 when left out. */
  readonly weight?: number;
  readonly evaluate?: (operands: readonly Tensor[], attrs: Readonly<Record<string, AttrScalar>>, out: readonly Tensor[]) => void;
  readonly range?: (operands: readonly Range[], attrs: Readonly<Record<string, AttrScalar>>, context: RangeContext) => readonly Range[];
  readonly decompose?: (b: Decomposer, operands: readonly Wire[], attrs: Readonly<Record<string, AttrScalar>>) => readonly Wire[];
}

/** Least and greatest number of operands. */
export const arity = (operands: readonly string[]): { readonly min: number; readonly max: number } => {
  const required = operands.filter((o) => !o.endsWith('?')).length;
  return { min: required, max: operands.at(-1)?.startsWith('...') ? Number.POSITIVE_INFINITY : operands.length };
};

export type { AttrsInput };
