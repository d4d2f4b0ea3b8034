import {
  type AnyAttrs,
  type AnyNode,
  opOf,
  paramTensors,
  type OpNode,
  type Program,
  type Shape,
  type Tensor,
  type TensorType,
  typeOf,
  UnsupportedError,
  useCounts,
  type ValueId,
} from '../../ir/index.ts';
import { at, invariant } from '../../support/index.ts';
import { Names } from '../names.ts';
import type { FunctionDef } from './functions/define.ts';
import { findWraps, type Wraps } from './wraps.ts';
import { FUNCTION_DOMAIN, FUNCTIONS } from './functions/index.ts';
import {
  attributeMessage,
  type Attributes,
  type AttrValue,
  ELEM,
  ELEM_OF,
  int64Tensor,
  type NodeMessage,
  type TensorMessage,
  tensorMessage,
  valueInfo,
} from './message.ts';

/** The oldest operator set that everything but a few operators stands in. */
const BASE_OPSET = 21;

/** How integers are written: exactly, or as reals between quantizers. */
export type OnnxForm = 'exact' | 'qdq';

/** A value that a row has made and that has no name yet. */
interface Draft {
  /** What it is for, or the operator that makes it. */
  readonly hint: string;
}

interface DraftNode {
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

export interface NodeOptions {
  /** Number of results; 1 when absent. */
  readonly outputs?: number;
  /** First operator set that has the operator as it is used here. */
  readonly opset?: number;
  readonly domain?: string;
}

/** Attributes of one of our ops, by its schema, as attributes of a node. */
const schemaAttributes = (op: AnyNode['op'], attrs: AnyAttrs): Attributes => {
  const list: [string, AttrValue][] = [];
  for (const [name, spec] of Object.entries(opOf(op).attrs)) {
    const value = attrs[name];
    if (value === undefined) continue;
    if (typeof value === 'boolean') list.push([name, value ? 1 : 0]);
    else if (spec.kind === 'f32') list.push([name, { float: Number(value) }]);
    else if (spec.kind === 'dtype') list.push([name, ELEM_OF[value as keyof typeof ELEM_OF]]);
    else list.push([name, value]);
  }
  return Object.fromEntries(list);
};

/**
 * An ONNX graph while it is written. Rows add nodes; results and constants have working names until the row is done, when the
 * program's value gives its name to the result, and to everything else that the row made as a prefix.
 */
export class OnnxGraph {
  opset = BASE_OPSET;
  readonly nodes: NodeMessage[] = [];
  readonly initializers: TensorMessage[] = [];
  readonly valueInfos: object[] = [];
  readonly functions = new Map<string, FunctionDef>();
  readonly program: Program;
  readonly form: OnnxForm;
  readonly wraps: Wraps;
  private readonly params: ReadonlyMap<ValueId, Tensor>;
  private readonly values = new Names();
  private readonly nodeNames = new Names();
  private readonly names: string[] = [];
  private readonly drafts = new Map<string, Draft>();
  /** Nodes that are written where their results are read. */
  readonly deferred = new Map<ValueId, OpNode>();
  private readers: ReadonlyMap<ValueId, OpNode> | undefined;
  private pending: DraftNode[] = [];
  private constants: TensorMessage[] = [];

  constructor(program: Program, form: OnnxForm) {
    this.program = program;
    this.form = form;
    this.wraps = findWraps(program);
    this.params = paramTensors(program);
  }

  /** A parameter of the program. */
  param(value: ValueId): Tensor | undefined {
    return this.params.get(value);
  }
  /** The one node that reads a value which is no output; undefined where others do too. */
  onlyReader(value: ValueId): OpNode | undefined {
    this.readers ??= readersOf(this.program);
    return this.readers.get(value);
  }

  /** Names a value of the program for good. */
  define(value: ValueId, wanted: string): string {
    const name = this.values.take(wanted);
    this.names[value] = name;
    return name;
  }
  /** A name of a value that the program does not have. */
  fresh(wanted: string): string {
    return this.values.take(wanted);
  }

  /** A value of a node that was refused has no name; the model is not written then. */
  nameOf(value: ValueId): string {
    return this.names[value] ?? '';
  }
  typeOf(value: ValueId): TensorType {
    return typeOf(this.program, value);
  }
  /** The name of operand i. */
  x(node: OpNode, i = 0): string {
    return this.nameOf(at(node.operands, i));
  }
  xs(node: OpNode): readonly string[] {
    return node.operands.map((v) => this.nameOf(v));
  }
  /** The type of operand i. */
  t(node: OpNode, i = 0): TensorType {
    return this.typeOf(at(node.operands, i));
  }
  result(node: OpNode, i = 0): TensorType {
    return this.typeOf(at(node.results, i));
  }
  has(node: OpNode, i: number): boolean {
    return i < node.operands.length;
  }
  /** Sizes of an operand that has to have numbers. */
  sizes(node: OpNode, i = 0): readonly number[] {
    return this.t(node, i).shape.map((d) =>
      typeof d === 'number' ? d : refuse(`dimension ${d} has to be a number; bind it with --bind ${d}=1`),
    );
  }

  private draft(hint: string): string {
    const name = `\u0000${this.drafts.size}`;
    this.drafts.set(name, { hint });
    return name;
  }

  /** Adds a node; gives the working names of its results. */
  all(opType: string, inputs: readonly string[], attributes: Attributes = {}, options: NodeOptions = {}): readonly string[] {
    const outputs = Array.from({ length: options.outputs ?? 1 }, () => this.draft(opType));
    this.opset = Math.max(this.opset, options.opset ?? 0);
    this.pending.push({ opType, domain: options.domain ?? '', inputs, outputs, attributes });
    return outputs;
  }
  /** Adds a node with one result. */
  one(opType: string, inputs: readonly string[], attributes: Attributes = {}, options: NodeOptions = {}): string {
    return at(this.all(opType, inputs, attributes, options), 0);
  }
  cast(x: string, elem: number): string {
    return this.one('Cast', [x], { to: elem });
  }

  /** A constant beside the parameters of the program. */
  constant(hint: string, make: (name: string) => TensorMessage): string {
    const name = this.draft(hint);
    this.constants.push(make(name));
    return name;
  }
  /** int64[n] */
  ints(hint: string, values: readonly number[]): string {
    return this.constant(hint, (name) => int64Tensor(name, [values.length], values));
  }
  /** int64[] */
  int(hint: string, value: number): string {
    return this.constant(hint, (name) => int64Tensor(name, [], [value]));
  }
  float(hint: string, value: number): string {
    return this.constant(hint, (name) => tensorMessage(name, { dtype: 'f32', shape: [], data: Float32Array.of(value) }));
  }

  /** int32[] */
  int32(hint: string, value: number): string {
    return this.constant(hint, (name) => tensorMessage(name, { dtype: 'i32', shape: [], data: Int32Array.of(value) }));
  }
  long(x: string): string {
    return this.cast(x, ELEM.int64);
  }

  /** Operand 1 is a parameter whose vectors of indices all lie within the sizes. */
  isWithin(node: OpNode, sizes: Shape): boolean {
    const data = this.params.get(at(node.operands, 1))?.data;
    return data !== undefined && data.every((v, i) => v >= 0 && v < Number(sizes[i % sizes.length]));
  }
  /** Limited to 0 … size - 1. */
  bounded(x: string, sizes: Shape): string {
    const last = sizes.map((d) =>
      typeof d === 'number' ? d - 1 : refuse(`dimension ${d} has to be a number; bind it with --bind ${d}=1`),
    );
    if (last.length === 1) return this.one('Clip', [x, this.int32('min', 0), this.int32('max', at(last, 0))]);
    const most = this.constant('max', (name) => tensorMessage(name, { dtype: 'i32', shape: [last.length], data: Int32Array.from(last) }));
    return this.one('Max', [this.one('Min', [x, most]), this.int32('min', 0)]);
  }

  /**
   * Calls one of our functions with the operands of the node and all its attributes.
   * @param changed - attributes that the function gets instead; it computes the same with them
   */
  call(node: OpNode, variant?: string, changed: AnyAttrs = {}): readonly string[] {
    const name = variant === undefined ? node.op : `${node.op}__${variant}`;
    const def = FUNCTIONS[name];
    invariant(def !== undefined, `there is no function ${name}`);
    this.functions.set(name, def);
    this.opset = Math.max(this.opset, def.opset);
    return this.all(name, this.xs(node), schemaAttributes(node.op, { ...(node.attrs as AnyAttrs), ...changed }), {
      domain: FUNCTION_DOMAIN,
      outputs: node.results.length,
    });
  }

  /**
   * Gives names to what the row of a node has made.
   * @param made - names of its results, in order; an operand that is a result as it is, is passed through
   * @param reserved - names that results have as outputs of the model
   */
  finish(node: AnyNode, made: readonly string[], reserved: ReadonlyMap<ValueId, string>): void {
    const last = this.pending.at(-1)?.opType ?? node.op;
    // a call of our function, or several nodes, have no name that says what they are
    const own = this.pending.length === 1 && this.pending[0]?.domain === '' ? last : node.op;
    const base = node.origin === undefined || node.origin === '' ? own : node.origin;
    const rename = new Map<string, string>();
    node.results.forEach((value, i) => {
      let name = at(made, i);
      const reservedName = reserved.get(value);
      // a result that is an operand, or the same as another one, needs a node of its own where it is an output
      if (!this.drafts.has(name) || rename.has(name)) {
        if (reservedName === undefined) {
          this.names[value] = rename.get(name) ?? name;
          return;
        }
        name = this.one('Identity', [rename.get(name) ?? name]);
      }
      const final = reservedName ?? this.values.take(node.results.length === 1 ? base : `${base}/${opOf(node.op).results[i] ?? `y${i}`}`);
      rename.set(name, final);
      this.names[value] = final;
      if (reservedName === undefined) {
        const type = this.typeOf(value);
        this.valueInfos.push(valueInfo(final, ELEM_OF[type.dtype], type.shape));
      }
    });
    const finalOf = (name: string): string => {
      const draft = this.drafts.get(name);
      if (draft === undefined) return name;
      const known = rename.get(name);
      if (known !== undefined) return known;
      const taken = this.values.take(`${base}/${draft.hint}`);
      rename.set(name, taken);
      return taken;
    };
    for (const c of this.constants) this.initializers.push({ ...c, name: finalOf(c.name) });
    this.pending.forEach((n, i) => {
      const isLast = i === this.pending.length - 1;
      this.nodes.push({
        name: this.nodeNames.take(isLast ? base : `${base}/${n.opType}`),
        opType: n.opType,
        domain: n.domain,
        input: n.inputs.map(finalOf),
        output: n.outputs.map(finalOf),
        attribute: Object.entries(n.attributes).map(([name, v]) => attributeMessage(name, v)),
      });
    });
    this.discard();
  }

  /** Forgets what a row made before it refused. */
  discard(): void {
    this.pending = [];
    this.constants = [];
    this.drafts.clear();
  }

  /** A node outside of rows. */
  append(node: NodeMessage): void {
    this.nodes.push({ ...node, name: this.nodeNames.take(node.name) });
  }
}

/** Readers of values that are read once. */
const readersOf = (program: Program): ReadonlyMap<ValueId, OpNode> => {
  const counts = useCounts(program);
  return new Map(program.nodes.flatMap((node) => node.operands.filter((v) => counts[v] === 1).map((v) => [v, node] as const)));
};

/** Stops a row: the op is written, this use of it is not. */
export const refuse = (reason: string): never => {
  throw new UnsupportedError(reason);
};
