import {
  type AnyNode,
  isStaticShape,
  type Program,
  type Tensor,
  type TensorType,
  typeOf,
  UnsupportedError,
  useCounts,
  type ValueId,
} from '../../ir/index.ts';
import { Names } from '../names.ts';
import { flagOf, hasFlag, heldShape, type NamedArray } from './params.ts';

/** An output of a node of the symbol. */
export interface Ref {
  readonly node: number;
  readonly output: number;
}
/** What a row makes: one reference for each result. */
export type Made = Ref | readonly Ref[];

export type AttrValue = number | boolean | string | readonly (number | undefined)[];

export interface SymbolNode {
  readonly op: string;
  name: string;
  readonly attrs?: Readonly<Record<string, string>>;
  readonly inputs: readonly (readonly [number, number, number])[];
}

/** A float32 with as few digits as tell it. */
export const floatText = (value: number): string => {
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(value);
};

const textOf = (value: AttrValue): string => {
  switch (typeof value) {
    case 'number':
      return String(value);
    case 'boolean':
      return value ? 'True' : 'False';
    case 'string':
      return value;
    case 'object': {
      const entries = value.map((v) => (v === undefined ? 'None' : String(v)));
      return entries.length === 1 ? `(${entries[0] ?? ''},)` : `(${entries.join(', ')})`;
    }
    default:
      return value satisfies never;
  }
};

export const refuse = (reason: string): never => {
  throw new UnsupportedError(reason);
};

export const NO_SCALARS = 'MXNet has no tensors without dimensions';

/** An operand by its place: there where the op has it. */
type Operand = ValueId | undefined;
const present = (value: Operand): ValueId => value ?? refuse('an operand is missing');

/** A symbol in the making, with its arrays. */
export class MxGraph {
  readonly program: Program;
  readonly nodes: SymbolNode[] = [];
  readonly arrays: NamedArray[] = [];
  private readonly names = new Names();
  private readonly refs = new Map<ValueId, Ref>();
  private readonly tensors: ReadonlyMap<ValueId, { readonly name: string; readonly tensor: Tensor }>;
  private readonly uses: Uint32Array;
  /** Where the nodes of the row at work start. */
  private mark = 0;

  constructor(program: Program) {
    this.program = program;
    this.tensors = new Map(program.params.map((p) => [p.value, p]));
    this.uses = useCounts(program);
  }

  reserve(name: string): string {
    return this.names.take(name);
  }

  private append(op: string, name: string, inputs: readonly Ref[], attrs: Readonly<Record<string, string>>): Ref {
    const links = inputs.map((r) => [r.node, r.output, 0] as const);
    this.nodes.push({ op, name, ...(Object.keys(attrs).length > 0 ? { attrs } : {}), inputs: links });
    return { node: this.nodes.length - 1, output: 0 };
  }

  /** A node of the row at work; it is named when the row is done. */
  op(op: string, inputs: readonly Ref[], attrs: Readonly<Record<string, AttrValue>> = {}): Ref {
    return this.append(op, '', inputs, Object.fromEntries(Object.entries(attrs).map(([k, v]) => [k, textOf(v)])));
  }

  input(name: string, value: ValueId): void {
    const { shape, dtype } = this.type(value);
    const dims = heldShape(shape.map((d) => (typeof d === 'number' ? d : 0)));
    const attrs = { __shape__: textOf(dims), ...(dtype === 'f32' ? {} : { __dtype__: String(flagOf(dtype)) }) };
    this.refs.set(value, this.append('null', this.reserve(name), [], attrs));
  }

  /** A constant as a variable with an array. */
  constant(name: string, tensor: Tensor, kind: 'arg' | 'aux' = 'arg'): Ref {
    const taken = this.reserve(name);
    this.arrays.push({ name: `${kind}:${taken}`, tensor });
    return this.append('null', taken, [], {});
  }
  /** A parameter that only a running mean or variance reads. */
  auxiliary(given: Operand): Ref | undefined {
    const value = present(given);
    const param = this.tensors.get(value);
    if (param === undefined) return undefined;
    if (this.uses[value] === 1) return this.constant(param.name, param.tensor, 'aux');
    return this.constant(`${param.name}_stored`, param.tensor, 'aux');
  }

  /** Elements of a parameter. */
  tensor(value: Operand): Tensor | undefined {
    return this.tensors.get(present(value))?.tensor;
  }
  nameOf(value: Operand): string {
    return this.tensors.get(present(value))?.name ?? 'constant';
  }
  /** The number of a parameter without dimensions. */
  number(value: Operand): number | undefined {
    const tensor = this.tensor(value);
    return tensor !== undefined && tensor.shape.length === 0 ? Number(tensor.data[0]) : undefined;
  }

  type(value: Operand): TensorType {
    return typeOf(this.program, present(value));
  }
  rank(value: Operand): number {
    return this.type(value).shape.length;
  }
  /** Refuses more dimensions than an operator of MXNet takes. */
  limit(most: number, ...values: readonly Operand[]): void {
    const rank = Math.max(...values.map((v) => this.rank(v)));
    if (rank > most) refuse(`MXNet takes at most ${most} dimensions here, and there are ${rank}`);
  }
  /** Sizes that have to be known. */
  sizes(value: Operand): readonly number[] {
    const { shape } = this.type(value);
    return isStaticShape(shape) ? shape : refuse(`its sizes [${shape.join(', ')}] have to be known`);
  }

  /** Refuses what MXNet cannot hold. */
  private held(value: ValueId): void {
    const refused = this.refusal(value);
    if (refused !== undefined) refuse(refused);
  }
  /** Why MXNet cannot hold a value. */
  refusal(value: ValueId): string | undefined {
    const { dtype, shape } = this.type(value);
    if (!hasFlag(dtype)) return `MXNet has no elements of type ${dtype}`;
    return shape.includes(0) ? 'MXNet reads a dimension of 0 as unknown' : undefined;
  }

  /** An operand; with `scalar`, one without dimensions too, which is held as a tensor of one element. */
  x(given: Operand, scalar: 'tensor' | 'scalar' = 'tensor'): Ref {
    const value = present(given);
    const { shape } = this.type(value);
    this.held(value);
    if (shape.length === 0 && scalar === 'tensor') return refuse(NO_SCALARS);
    const have = this.refs.get(value);
    if (have !== undefined) return have;
    const param = this.tensors.get(value);
    // its maker was refused, which is told already
    if (param === undefined) return { node: 0, output: 0 };
    const made = this.constant(param.name, { ...param.tensor, shape: heldShape(param.tensor.shape) });
    this.refs.set(value, made);
    return made;
  }

  /** Names the nodes of a row by the node of the program: the last one has its name, or that of an output. */
  finish(node: AnyNode, made: readonly Ref[], portNames: ReadonlyMap<ValueId, string>): void {
    node.results.forEach((value, i) => {
      this.held(value);
      const ref = made[i];
      if (ref !== undefined) this.refs.set(value, ref);
    });
    const wanted = node.origin ?? node.op;
    const [result] = node.results;
    const port = result === undefined ? undefined : portNames.get(result);
    for (const [i, n] of this.nodes.slice(this.mark).entries()) {
      if (n.name !== '') continue;
      const last = this.mark + i === made[0]?.node;
      n.name = last ? (port ?? this.reserve(wanted)) : this.reserve(`${wanted}_${n.op.replace(/^_(np[ix]?_)?/, '').toLowerCase()}`);
    }
    this.mark = this.nodes.length;
  }

  /** An output that is an input, a parameter, or one of several results. */
  copy(name: string, value: ValueId): Ref {
    this.mark = this.nodes.length + 1;
    return this.append('identity', name, [this.x(value, 'scalar')], {});
  }
}
