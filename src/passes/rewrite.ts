import {
  type AnyAttrs,
  type AnyNode,
  type AttrsIn,
  elementCount,
  expandInto,
  formatType,
  type OpName,
  paramDigest,
  type Program,
  ProgramBuilder,
  type Tensor,
  type TensorType,
  type ValueId,
} from '../ir/index.ts';
import { at, invariant, unwrap } from '../support/index.ts';

/** A key that two tensors share exactly when dtype, shape and bytes are equal. */
export const tensorKey = (tensor: Tensor): string => `${formatType(tensor)}#${paramDigest(tensor)}`;

/** The parameter tensor behind a value; undefined for a run-time value. */
export type ConstantOf = (value: ValueId) => Tensor | undefined;

/**
 * Rebuilds a program node by node. Rules see operands already mapped into the new program, so one sweep lets a rewrite
 * build on the rewrites before it.
 */
export class Rewriter {
  readonly source: Program;
  private readonly builder: ProgramBuilder;
  private readonly mapping = new Map<ValueId, ValueId>();
  private readonly nodeOf = new Map<ValueId, AnyNode>();
  private readonly data = new Map<ValueId, Tensor>();
  private readonly names = new Set<string>();
  /** Constants made here, by content: equal ones are one parameter. */
  private readonly shared = new Map<string, ValueId>();

  constructor(source: Program) {
    this.source = source;
    this.builder = new ProgramBuilder(source.name);
  }

  input(name: string, from: ValueId): void {
    this.mapping.set(from, this.builder.input(name, at(this.source.types, from)));
  }

  param(name: string, from: ValueId, tensor: Tensor): void {
    this.names.add(name);
    const value = this.builder.param(name, tensor);
    this.data.set(value, tensor);
    this.mapping.set(from, value);
  }

  bind(from: ValueId, to: ValueId): void {
    this.mapping.set(from, to);
  }

  mapped(from: ValueId): ValueId {
    const to = this.mapping.get(from);
    invariant(to !== undefined, `value ${from} is used before it is defined`);
    return to;
  }

  typeOf(value: ValueId): TensorType {
    return this.builder.typeOf(value);
  }

  /** The node that defines a value of the new program. */
  producerOf(value: ValueId): AnyNode | undefined {
    return this.nodeOf.get(value);
  }

  readonly constantOf: ConstantOf = (value) => this.data.get(value);

  /** A parameter with a name like `wish`, which another may have. */
  named(wish: string, tensor: Tensor): ValueId {
    let name = wish;
    for (let n = 2; this.names.has(name); n++) name = `${wish}_${n}`;
    this.names.add(name);
    const value = this.builder.param(name, tensor);
    this.data.set(value, tensor);
    return value;
  }

  /** A parameter with this content; the same one when asked twice. */
  constant(tensor: Tensor): ValueId {
    const key = tensorKey(tensor);
    const known = this.shared.get(key);
    if (known !== undefined) return known;
    const value = this.builder.constant(tensor);
    this.shared.set(key, value);
    this.data.set(value, tensor);
    return value;
  }

  private record(op: OpName, operands: readonly ValueId[], attrs: AnyAttrs, results: readonly ValueId[], origin?: string): void {
    const node: AnyNode = { op, operands, attrs, results, ...(origin === undefined ? {} : { origin }) };
    for (const r of results) this.nodeOf.set(r, node);
  }

  /** Adds a node; undefined when its operands break one of the op's constraints. */
  tryEmit(op: OpName, operands: readonly ValueId[], attrs: AnyAttrs, origin?: string): ValueId | undefined {
    const emitted = this.builder.tryEmit(op, operands, attrs, origin);
    if (!emitted.ok) return undefined;
    this.record(op, operands, attrs, emitted.value, origin);
    return emitted.value[0];
  }

  /** Adds a node that is known to be right. */
  emit<K extends OpName>(op: K, operands: readonly ValueId[], attrs: AttrsIn<K>, origin?: string): ValueId {
    const results = unwrap(this.builder.tryEmit(op, operands, attrs as AnyAttrs, origin));
    this.record(op, operands, attrs as AnyAttrs, results, origin);
    return at(results, 0);
  }

  /** A node of the source, with mapped operands. */
  copy(node: AnyNode, operands: readonly ValueId[]): readonly ValueId[] {
    const results = this.builder.copy(node, operands);
    this.record(node.op, operands, node.attrs, results, node.origin);
    return results;
  }

  /** One level of a composite's definition. */
  expand(node: AnyNode, operands: readonly ValueId[]): readonly ValueId[] {
    return expandInto(this.builder, node.op, operands, node.attrs, node.origin);
  }

  finish(): Program {
    for (const output of this.source.outputs) this.builder.output(output.name, this.mapped(output.value));
    return this.builder.finish();
  }
}

/**
 * Says what stands for a node in the new program: the values of its results, or undefined to keep the node.
 * @param operands - the node's operands, mapped
 */
export type Rule = (node: AnyNode, operands: readonly ValueId[], rewriter: Rewriter) => readonly ValueId[] | undefined;

export interface RewriteOptions {
  /** Parameters to leave out, each with the equal parameter that stands for it. */
  readonly aliases?: ReadonlyMap<ValueId, ValueId>;
  /** Sees each node that the rule keeps, in the new program. */
  readonly kept?: (node: AnyNode, operands: readonly ValueId[], results: readonly ValueId[]) => void;
}

/** Applies a rule to every node once; the same program when the rule keeps all of them. */
export const rewrite = (program: Program, rule: Rule, { aliases, kept }: RewriteOptions = {}): Program => {
  const rewriter = new Rewriter(program);
  for (const port of program.inputs) rewriter.input(port.name, port.value);
  for (const param of program.params) {
    if (aliases?.has(param.value) !== true) rewriter.param(param.name, param.value, param.tensor);
  }
  for (const [from, to] of aliases ?? []) rewriter.bind(from, rewriter.mapped(to));
  let changed = (aliases?.size ?? 0) > 0;
  for (const node of program.nodes as readonly AnyNode[]) {
    const operands = node.operands.map((v) => rewriter.mapped(v));
    const replaced = rule(node, operands, rewriter);
    if (replaced !== undefined) changed = true;
    const results = replaced ?? rewriter.copy(node, operands);
    if (replaced === undefined) kept?.(node, operands, results);
    node.results.forEach((r, i) => rewriter.bind(r, at(results, i)));
  }
  return changed ? rewriter.finish() : program;
};

/** Repeats a pass until nothing changes; every rule makes the program smaller or more canonical, so this ends. */
export const untilStable = (program: Program, pass: (program: Program) => Program): Program => {
  let current = program;
  for (let round = 0; round <= program.nodes.length + 8; round++) {
    const next = pass(current);
    if (next === current) return current;
    current = next;
  }
  return current;
};

/**
 * A constant that differs only along one axis when it is broadcast to `shape`: its values along that axis (one value
 * when it is the same everywhere). Undefined when it varies elsewhere or would make the result larger than `shape`.
 */
export const alongAxis = (tensor: Tensor, shape: readonly number[], axis: number): ArrayLike<number> | undefined => {
  if (elementCount(tensor.shape) === 1 && tensor.shape.length <= shape.length) return tensor.data;
  const lead = shape.length - tensor.shape.length;
  if (lead < 0) return undefined;
  const fits = tensor.shape.every((d, i) => d === 1 || (lead + i === axis && d === shape[axis]));
  return fits ? tensor.data : undefined;
};
