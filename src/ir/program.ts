import type { AttrScalar } from './attr.ts';
import type { Attrs, OpName } from './ops/index.ts';
import type { Tensor, TensorType } from './types.ts';

declare const brand: unique symbol;
/** Index into `Program.types`. Inputs, parameters and results share one numbering, in order of definition. */
export type ValueId = number & { readonly [brand]: 'ValueId' };
export const valueId = (n: number): ValueId => n as ValueId;

/** One use of an op. `origin` is the user's own name for it (ONNX node, source line): for diagnostics, never for identity. */
export type OpNode<K extends OpName = OpName> = {
  [P in K]: {
    readonly op: P;
    /** Trailing optional operands that are absent are left out. */
    readonly operands: readonly ValueId[];
    readonly attrs: Attrs<P>;
    readonly results: readonly ValueId[];
    readonly origin?: string;
  };
}[K];

/** A named input or output. */
export interface Port {
  readonly name: string;
  readonly value: ValueId;
}

/**
 * A named constant tensor of the type of its value; nobody writes to it. Its elements may be a view into a larger buffer (zero
 * copy), or stand in a file and be read when they are asked for (`StoredTensor`).
 */
export interface Param {
  readonly name: string;
  readonly value: ValueId;
  readonly tensor: Tensor;
}

/**
 * A model as a typed SSA graph; float-level or integer-level by its dtypes. Immutable: passes return a new one.
 * Nodes stand in topological order.
 */
export interface Program {
  readonly name: string;
  readonly inputs: readonly Port[];
  readonly params: readonly Param[];
  readonly nodes: readonly OpNode[];
  readonly outputs: readonly Port[];
  /** Type of each value, by ValueId. */
  readonly types: readonly TensorType[];
}

export type AnyAttrs = Readonly<Record<string, AttrScalar>>;

/** A node seen without its op-specific types, for code that treats all ops alike. */
export interface AnyNode {
  readonly op: OpName;
  readonly operands: readonly ValueId[];
  readonly attrs: AnyAttrs;
  readonly results: readonly ValueId[];
  readonly origin?: string;
}

export const typeOf = (program: Program, value: ValueId): TensorType => {
  const type = program.types[value];
  if (type === undefined) throw new RangeError(`value ${value} is not in the program`);
  return type;
};

/** The parameter tensors by value. */
export const paramTensors = (program: Program): ReadonlyMap<ValueId, Tensor> => new Map(program.params.map((p) => [p.value, p.tensor]));

/** How often each value is used as an operand or output. */
export const useCounts = (program: Program): Uint32Array => {
  const counts = new Uint32Array(program.types.length);
  const use = (v: ValueId): void => {
    counts[v] = (counts[v] ?? 0) + 1;
  };
  for (const node of program.nodes) node.operands.forEach(use);
  for (const output of program.outputs) use(output.value);
  return counts;
};

/** The node that defines each value; inputs and parameters are absent. */
export const producers = (program: Program): ReadonlyMap<ValueId, OpNode> =>
  new Map(program.nodes.flatMap((node) => node.results.map((r) => [r, node] as const)));

/** True when no value is f32: the program may go on chain. */
export const isIntegerProgram = (program: Program): boolean => program.types.every((t) => t.dtype !== 'f32');
