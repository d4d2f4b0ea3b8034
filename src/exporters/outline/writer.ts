import {
  type AnyNode,
  elementCount,
  paramTensors,
  type Program,
  stridesOf,
  type Tensor,
  type TensorType,
  UnsupportedError,
  type ValueId,
} from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { type Code, type Field, field, type FieldRef, py, type Step, type ValueRef } from './code.ts';
import { float } from './python-names.ts';

export type Perm = readonly number[];

export const identity = (rank: number): Perm => Array.from({ length: rank }, (_, i) => i);
export const samePerm = (a: Perm, b: Perm): boolean => a.length === b.length && a.every((v, i) => v === b[i]);

/** The elements of a tensor with dimension i of the result being dimension perm[i]. */
export const permuted = (tensor: Tensor, perm: Perm): Tensor => {
  if (samePerm(perm, identity(perm.length))) return tensor;
  const shape = perm.map((p) => at(tensor.shape, p));
  const strides = stridesOf(tensor.shape);
  const steps = perm.map((p) => at(strides, p));
  const data = tensor.data.slice();
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    data[to] = at(tensor.data, from);
    for (let d = shape.length - 1; d >= 0; d--) {
      index[d] = at(index, d) + 1;
      from += at(steps, d);
      if (at(index, d) < at(shape, d)) break;
      from -= at(steps, d) * at(shape, d);
      index[d] = 0;
    }
  }
  return { dtype: tensor.dtype, shape, data };
};

/** What a tensor of the block is to the op. */
const BROADCAST_LEAVES: Readonly<Partial<Record<string, string>>> = {
  add: 'offset',
  sub: 'offset',
  mul: 'scale',
  div: 'divisor',
  prelu: 'slope',
};

/** How a framework writes what every row needs. */
export interface Style {
  /** The expression that makes a tensor field, and what the framework calls the tensor inside it. */
  readonly tensorField: (leaf: string, tensor: Tensor) => Field;
  /** The size of a dimension that is known when the model runs. */
  readonly size: (value: Code, axis: number) => Code;
}

/**
 * Values of the program as the generated code holds them. A transpose writes no code: its result is the same tensor with its
 * dimensions in another order, and who needs them in order permutes.
 */
export class Layouts {
  readonly program: Program;
  readonly style: Style;
  private readonly tensors: ReadonlyMap<ValueId, Tensor>;
  private readonly perms = new Map<ValueId, Perm>();
  private readonly aliases = new Map<ValueId, ValueId>();

  constructor(program: Program, style: Style) {
    this.program = program;
    this.style = style;
    this.tensors = paramTensors(program);
  }

  type(value: ValueId): TensorType {
    return at(this.program.types, value);
  }

  tensor(value: ValueId): Tensor | undefined {
    return this.tensors.get(value);
  }

  /** Dimension i of the value as it is stored is dimension perm[i] of the value. */
  perm(value: ValueId): Perm {
    return this.perms.get(value) ?? identity(this.type(value).shape.length);
  }

  setPerm(value: ValueId, perm: Perm): void {
    this.perms.set(value, perm);
  }

  /** The value is the other one under another name. */
  alias(value: ValueId, other: ValueId): void {
    this.aliases.set(value, this.source(other));
  }

  source(value: ValueId): ValueId {
    return this.aliases.get(value) ?? value;
  }

  /** The value with its dimensions in the wanted order (absent: as the program means them). */
  ref(value: ValueId, wanted: Perm = identity(this.type(value).shape.length)): ValueRef {
    const stored = this.perm(value);
    const perm = wanted.map((w) => stored.indexOf(w));
    return { kind: 'value', value: this.source(value), ...(samePerm(perm, identity(perm.length)) ? {} : { perm }) };
  }

  writer(node: AnyNode): Writer {
    return new Writer(this, node);
  }
}

/** What a row writes a node with. */
export class Writer {
  readonly layouts: Layouts;
  readonly node: AnyNode;
  private readonly fields: Field[] = [];

  constructor(layouts: Layouts, node: AnyNode) {
    this.layouts = layouts;
    this.node = node;
  }

  value(operand: number): ValueId {
    return at(this.node.operands, operand);
  }

  has(operand: number): boolean {
    return this.node.operands.length > operand;
  }

  type(operand: number): TensorType {
    return this.layouts.type(this.value(operand));
  }

  rank(operand: number): number {
    return this.type(operand).shape.length;
  }

  resultType(result = 0): TensorType {
    return this.layouts.type(at(this.node.results, result));
  }

  /** The sizes of an operand. @throws {UnsupportedError} when one has no number */
  sizes(operand: number): readonly number[] {
    return this.type(operand).shape.map((d) => {
      if (typeof d !== 'number') throw new UnsupportedError(`dimension ${d} has no number`);
      return d;
    });
  }

  /** The sizes of an operand whose batch may have no number: it counts as 1. */
  sizesBehindBatch(operand: number): readonly number[] {
    return this.type(operand).shape.map((d, i) => {
      if (typeof d === 'number') return d;
      if (i > 0) throw new UnsupportedError(`dimension ${d} has no number`);
      return 1;
    });
  }

  /** The parameter that an operand is. */
  tensor(operand: number): Tensor | undefined {
    return this.layouts.tensor(this.value(operand));
  }

  perm(operand: number): Perm {
    return this.layouts.perm(this.value(operand));
  }

  /** Says in which order the dimensions of a result are stored. */
  store(perm: Perm, result = 0): void {
    this.layouts.setPerm(at(this.node.results, result), perm);
  }

  /** Adds a layer or tensor that the block owns. */
  field(made: Field): FieldRef {
    this.fields.push(made);
    return field(this.fields.length - 1);
  }

  /** A tensor that the block owns. */
  own(leaf: string, tensor: Tensor): Code {
    return [this.field(this.layouts.style.tensorField(leaf, tensor))];
  }

  /** An operand with its dimensions in the wanted order (absent: as the program means them). A parameter becomes a tensor of the block. */
  x(operand: number, wanted?: Perm, leaf = 'constant'): Code {
    const value = this.value(operand);
    const tensor = this.layouts.tensor(value);
    if (tensor === undefined) return [this.layouts.ref(value, wanted)];
    return this.own(leaf, wanted === undefined ? tensor : permuted(tensor, wanted));
  }

  /** An operand as it is stored; the result is stored alike where the row says so. */
  stored(operand: number): Code {
    return this.x(operand, this.perm(operand));
  }

  /** The number that an operand holds, when it is a parameter of one element. */
  scalar(operand: number): string | undefined {
    const tensor = this.tensor(operand);
    if (tensor === undefined || elementCount(tensor.shape) !== 1) return undefined;
    const value = at(tensor.data, 0);
    return tensor.dtype === 'f32' ? float(value) : tensor.dtype === 'bool' ? (value === 0 ? 'False' : 'True') : String(value);
  }

  /** Operands that broadcast, all in one order of dimensions, which the result has too. Numbers stand in the text. */
  broadcast(count: number): readonly Code[] {
    const operands = Array.from({ length: count }, (_, i) => i);
    const rank = this.resultType().shape.length;
    const live = operands.filter((i) => this.tensor(i) === undefined);
    const leading = live.find((i) => this.rank(i) === rank);
    const perm = leading === undefined ? identity(rank) : this.perm(leading);
    this.store(perm);
    const leaf = BROADCAST_LEAVES[this.node.op] ?? 'constant';
    return operands.map((i) => {
      const number = this.scalar(i);
      if (number !== undefined && live.some((l) => this.rank(l) === rank)) return [number];
      const tensor = this.tensor(i);
      const plain = samePerm(perm, identity(rank));
      if (tensor !== undefined) {
        if (plain || tensor.shape.length === 0) return this.own(leaf, tensor);
        const missing = rank - tensor.shape.length;
        return this.own(leaf, permuted({ ...tensor, shape: [...Array<number>(missing).fill(1), ...tensor.shape] }, perm));
      }
      if (this.rank(i) === rank) return this.x(i, perm);
      if (plain || this.rank(i) === 0) return this.x(i);
      throw new UnsupportedError('operands of different rank in different layouts');
    });
  }

  /** An operand whose elements alone count: as it is stored, where that has them in the same order. */
  elements(operand: number): Code {
    const { shape } = this.type(operand);
    const order = this.perm(operand).filter((d) => shape[d] !== 1);
    return order.every((d, i) => i === 0 || d > at(order, i - 1)) ? this.stored(operand) : this.x(operand);
  }

  /** The place of a dimension as the operand is stored. */
  axis(operand: number, axis: number): number {
    const rank = this.rank(operand);
    return this.perm(operand).indexOf(axis < 0 ? axis + rank : axis);
  }

  /** The size of a dimension of an operand: a number, or read when the model runs. */
  size(operand: number, axis: number): Code {
    const size = at(this.type(operand).shape, axis);
    return typeof size === 'number' ? [String(size)] : this.layouts.style.size([this.layouts.ref(this.value(operand))], axis);
  }

  step(code: Code, more: Omit<Step, 'fields' | 'code'> = {}): Step {
    return { fields: this.fields, code, ...more };
  }

  /** The call of a layer on operand 0. */
  layer(made: Field, x: Code): Step {
    return this.step(py`${this.field(made)}(${x})`, {
      isCall: x.length === 1 && typeof x[0] === 'object' && x[0].kind === 'value' && x[0].perm === undefined,
    });
  }
}
