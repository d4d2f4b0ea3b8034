import { at, diagnostic, fail, ok, type Result, unwrap } from '../support/index.ts';
import { type AttrScalar, attrNames, attrProblem, type AttrSpec } from './attr.ts';
import { opOf, type AttrsIn, type OpName } from './ops/index.ts';
import type { AnyAttrs, AnyNode, OpNode, Param, Port, Program, ValueId } from './program.ts';
import { valueId } from './program.ts';
import { type AnyOp, arity } from './schema.ts';
import { elementCount, formatType, MAX_ELEMENTS, MAX_RANK, type Tensor, type TensorType } from './types.ts';

/** An integer -0 is 0: it would print alike and yet be another program. Float attributes keep their sign. */
const withoutNegativeZero = (spec: AttrSpec, value: AttrScalar): AttrScalar => {
  if (spec.kind === 'int') return Number(value) + 0;
  return spec.kind === 'ints' && typeof value === 'object' && value.some((v) => Object.is(v, -0)) ? value.map((v) => v + 0) : value;
};

/** Fills in defaults and checks every attribute against the schema; lists all problems. */
export const completeAttrs = (op: OpName, given: AnyAttrs, where?: string): Result<AnyAttrs> => {
  const schema = opOf(op).attrs;
  const problems = Object.keys(given)
    .filter((name) => !Object.hasOwn(schema, name))
    .map((name) =>
      diagnostic('IR0002', `${op}: there is no attribute ${name}`, {
        where,
        notes: [`${op} takes: ${attrNames(schema).join(', ') || 'none'}.`],
      }),
    );
  const complete: Record<string, AttrScalar> = {};
  for (const name of attrNames(schema)) {
    const spec = schema[name];
    if (spec === undefined) continue;
    const value = given[name] ?? spec.default;
    if (value === undefined) {
      problems.push(diagnostic('IR0002', `${op}: attribute ${name} is missing`, { where }));
      continue;
    }
    const problem = attrProblem(spec, value);
    if (problem === undefined) complete[name] = withoutNegativeZero(spec, value);
    else problems.push(diagnostic('IR0002', `${op}: attribute ${name} ${problem}`, { where }));
  }
  return problems.length > 0 ? fail(...problems) : ok(complete);
};

const sizeProblem = (op: string, type: TensorType, where?: string): Result<never> | undefined => {
  const known = type.shape.filter((d) => typeof d === 'number');
  if (type.shape.length > MAX_RANK || elementCount(known) > MAX_ELEMENTS) {
    return fail(
      diagnostic('IR0007', `${op}: ${formatType(type)} is above the limit of ${MAX_RANK} dimensions and ${MAX_ELEMENTS} elements`, {
        where,
      }),
    );
  }
  return undefined;
};

/** Arity, constraints and result types of one use of an op. Attributes must be complete. */
export const inferNode = (op: OpName, operands: readonly TensorType[], attrs: AnyAttrs, where?: string): Result<readonly TensorType[]> => {
  const spec: AnyOp = opOf(op);
  const { min, max } = arity(spec.operands);
  if (operands.length < min || operands.length > max) {
    const wanted = min === max ? String(min) : `${min} to ${max}`;
    return fail(diagnostic('IR0001', `${op} takes ${wanted} operands (${spec.operands.join(', ')}) but has ${operands.length}`, { where }));
  }
  const inferred = spec.infer(operands, attrs);
  if (!inferred.ok) {
    return fail(
      diagnostic(`${op}_${inferred.constraint}`, `${op}: ${inferred.message}`, {
        where,
        notes: [`${op}_${inferred.constraint}: ${spec.constraints[inferred.constraint]?.text ?? ''}`],
      }),
    );
  }
  for (const type of inferred.types) {
    const problem = sizeProblem(op, type, where);
    if (problem) return problem;
  }
  return ok(inferred.types);
};

/** Builds a program node by node, inferring and checking as it goes. */
export class ProgramBuilder {
  readonly name: string;
  private readonly types: TensorType[] = [];
  private readonly inputs: Port[] = [];
  private readonly params: Param[] = [];
  private readonly nodes: AnyNode[] = [];
  private readonly outputs: Port[] = [];
  private readonly paramNames = new Set<string>();

  constructor(name: string) {
    this.name = name;
  }

  private define(type: TensorType): ValueId {
    this.types.push(type);
    return valueId(this.types.length - 1);
  }

  typeOf(value: ValueId): TensorType {
    return at(this.types, value);
  }

  input(name: string, type: TensorType): ValueId {
    const value = this.define(type);
    this.inputs.push({ name, value });
    return value;
  }

  param(name: string, tensor: Tensor): ValueId {
    const value = this.define({ dtype: tensor.dtype, shape: tensor.shape });
    this.params.push({ name, value, tensor });
    this.paramNames.add(name);
    return value;
  }

  /** A parameter whose name does not matter; gets the next free `c<n>`. */
  constant(tensor: Tensor): ValueId {
    let n = this.types.length;
    while (this.paramNames.has(`c${n}`)) n++;
    return this.param(`c${n}`, tensor);
  }

  /** Adds a node; all problems as diagnostics that name `origin`. */
  tryEmit(op: OpName, operands: readonly ValueId[], attrs: AnyAttrs = {}, origin?: string): Result<readonly ValueId[]> {
    const complete = completeAttrs(op, attrs, origin);
    if (!complete.ok) return complete;
    const inferred = inferNode(
      op,
      operands.map((v) => this.typeOf(v)),
      complete.value,
      origin,
    );
    if (!inferred.ok) return inferred;
    return ok(this.append(op, operands, complete.value, inferred.value, origin));
  }

  private append(
    op: OpName,
    operands: readonly ValueId[],
    attrs: AnyAttrs,
    types: readonly TensorType[],
    origin?: string,
  ): readonly ValueId[] {
    const results = types.map((t) => this.define(t));
    this.nodes.push({ op, operands, attrs, results, ...(origin === undefined ? {} : { origin }) });
    return results;
  }

  /** Adds a node that is known to be right; returns all its results. @throws {MrlError} when it is not */
  emitAll<K extends OpName>(op: K, operands: readonly ValueId[], attrs: AttrsIn<K>, origin?: string): readonly ValueId[] {
    return unwrap(this.tryEmit(op, operands, attrs as AnyAttrs, origin));
  }

  /** Adds a node with one result. */
  emit<K extends OpName>(op: K, operands: readonly ValueId[], attrs: AttrsIn<K>, origin?: string): ValueId {
    return at(this.emitAll(op, operands, attrs, origin), 0);
  }

  /** Copies a checked node of another program, operands already mapped; types are inferred anew. */
  copy(node: AnyNode, operands: readonly ValueId[]): readonly ValueId[] {
    const types = unwrap(
      inferNode(
        node.op,
        operands.map((v) => this.typeOf(v)),
        node.attrs,
        node.origin,
      ),
    );
    return this.append(node.op, operands, node.attrs, types, node.origin);
  }

  output(name: string, value: ValueId): void {
    this.outputs.push({ name, value });
  }

  finish(): Program {
    return {
      name: this.name,
      inputs: this.inputs,
      params: this.params,
      nodes: this.nodes as unknown as readonly OpNode[],
      outputs: this.outputs,
      types: this.types,
    };
  }
}

/** Replaces symbolic dimensions by numbers and infers every type anew. Symbols without a binding stay. */
export const bindDims = (program: Program, sizes: ReadonlyMap<string, number>): Result<Program> => {
  const builder = new ProgramBuilder(program.name);
  const map = new Map<ValueId, ValueId>();
  const bound = (type: TensorType): TensorType => ({
    dtype: type.dtype,
    shape: type.shape.map((d) => (typeof d === 'string' ? (sizes.get(d) ?? d) : d)),
  });
  const mapped = (v: ValueId): ValueId => map.get(v) ?? v;
  for (const input of program.inputs) map.set(input.value, builder.input(input.name, bound(at(program.types, input.value))));
  for (const param of program.params) map.set(param.value, builder.param(param.name, param.tensor));
  for (const node of program.nodes as readonly AnyNode[]) {
    const emitted = builder.tryEmit(node.op, node.operands.map(mapped), node.attrs, node.origin);
    if (!emitted.ok) return emitted;
    node.results.forEach((r, i) => map.set(r, at(emitted.value, i)));
  }
  for (const output of program.outputs) builder.output(output.name, mapped(output.value));
  return ok(builder.finish());
};
