import {
  type AnyNode,
  DTYPE_INFO,
  elementCount,
  inferNode,
  isStaticType,
  nodeCost,
  type OpNode,
  type Port,
  type Program,
  type StaticType,
  valueId,
  formatType,
} from '../ir/index.ts';
import { at, diagnostic, type Diagnostic, fail, ok, type Result } from '../support/index.ts';
import { atByte, limitProblem, LIMITS } from './format.ts';
import { byteSize, expansionProblem, peakBytes } from './memory.ts';
import { canonicalOrderProblem } from './order.ts';
import type { RawModule, RawNode } from './read.ts';

/** What running the program takes, from types and code alone. */
export interface Cost {
  /** Arithmetic operations, one multiply-accumulate = 1. */
  readonly operations: number;
  /** Decoded bytes of all parameters. */
  readonly parameterBytes: number;
  /** Parameters plus the greatest set of run-time values alive at once, in program order, without reuse inside an op. */
  readonly memoryBytes: number;
}

/** Bytecode that passed every check that needs no parameter data. */
export interface CheckedModule {
  readonly raw: RawModule;
  /** The program without parameter data: every tensor is empty. Not to be run. */
  readonly skeleton: Program;
  readonly cost: Cost;
}

const typeNode = (raw: RawNode, types: StaticType[]): Result<AnyNode> => {
  const where = atByte(raw.offset, raw.op);
  const wrong = raw.operands.find((v) => v >= types.length);
  if (wrong !== undefined)
    return fail(diagnostic('CVM1006', `${raw.op} uses value ${wrong} but only ${types.length} values stand before it`, { where }));
  const inferred = inferNode(
    raw.op,
    raw.operands.map((v) => at(types, v)),
    raw.attrs,
    where,
  );
  if (!inferred.ok) return inferred;
  const results: StaticType[] = [];
  for (const type of inferred.value) {
    if (!isStaticType(type)) return fail(diagnostic('CVM1010', `${raw.op} has a result of type ${formatType(type)}`, { where }));
    if (type.shape.some((d) => d > LIMITS.dimension))
      return fail(limitProblem('size of a dimension', Math.max(...type.shape), LIMITS.dimension, where));
    results.push(type);
  }
  const first = types.length;
  types.push(...results);
  if (types.length > LIMITS.values) return fail(limitProblem('values', types.length, LIMITS.values, where));
  return ok({
    op: raw.op,
    operands: raw.operands.map(valueId),
    attrs: raw.attrs,
    results: results.map((_, i) => valueId(first + i)),
  });
};

/** Types of all values; stops at the first node that does not fit, since nothing after it has types. */
const buildSkeleton = (raw: RawModule): Result<Program> => {
  const types: StaticType[] = [...raw.inputs.map((p) => p.type), ...raw.params.map((p) => p.type)];
  const nodes: AnyNode[] = [];
  for (const rawNode of raw.nodes) {
    const node = typeNode(rawNode, types);
    if (!node.ok) return node;
    nodes.push(node.value);
  }
  const outputs: Port[] = [];
  for (const output of raw.outputs) {
    if (output.value >= types.length) {
      return fail(
        diagnostic('CVM1006', `output ${output.name} is value ${output.value} of ${types.length}`, { where: atByte(output.offset) }),
      );
    }
    outputs.push({ name: output.name, value: valueId(output.value) });
  }
  if (outputs.length === 0) return fail(diagnostic('IR0009', 'the program has no output'));
  return ok({
    name: 'main',
    inputs: raw.inputs.map((p, i) => ({ name: p.name, value: valueId(i) })),
    params: raw.params.map((p, i) => ({
      name: `p${i}`,
      value: valueId(raw.inputs.length + i),
      tensor: { dtype: p.type.dtype, shape: p.type.shape, data: DTYPE_INFO[p.type.dtype].make(0) },
    })),
    nodes: nodes as unknown as readonly OpNode[],
    outputs,
    types,
  });
};

/** The type table is the types of inputs, then parameters, each once, in order of first use. */
const typeTableProblem = (raw: RawModule): Diagnostic | undefined => {
  let next = 0;
  const seen = new Set<StaticType>();
  for (const { type } of [...raw.inputs, ...raw.params]) {
    if (seen.has(type)) continue;
    if (raw.types[next] !== type)
      return diagnostic('CVM1008', `type ${next} of the table is not the one used next, ${formatType(type)}`, {
        where: atByte(at(raw.sections, 0).start),
      });
    seen.add(type);
    next++;
  }
  return next === raw.types.length
    ? undefined
    : diagnostic('CVM1008', `${raw.types.length - next} types of the table are used by no input or parameter`, {
        where: atByte(at(raw.sections, 0).start),
      });
};

/** Work and memory of the interval proof, so that nobody can make a verifier work for hours with a small file. */
const proofProblem = (program: Program): Diagnostic | undefined => {
  const isParam = new Uint8Array(program.types.length);
  for (const param of program.params) isParam[param.value] = 1;
  let elements = 0;
  let channels = 0;
  for (const node of program.nodes as readonly AnyNode[]) {
    if (node.results.every((r) => at(program.types, r).dtype === 'f32')) continue;
    for (const v of node.operands) {
      const { shape } = at(program.types, v) as StaticType;
      if (isParam[v] === 1) elements += elementCount(shape);
      else if (v === node.operands[1]) channels += shape[0] ?? 1;
    }
    for (const r of node.results) {
      const { shape } = at(program.types, r) as StaticType;
      channels += Math.max(shape.length > 1 ? (shape[1] ?? 1) : 1, node.op === 'dense' ? (shape.at(-1) ?? 1) : 1);
    }
  }
  if (elements > LIMITS.proofElements) return limitProblem('elements that the interval proof visits', elements, LIMITS.proofElements);
  if (channels > LIMITS.proofChannels) return limitProblem('channels that the interval proof holds', channels, LIMITS.proofChannels);
  return undefined;
};

/** Cost of a program in canonical order whose dimensions are numbers, or every limit that it exceeds. */
export const costOf = (program: Program): Result<Cost> => {
  const parameterBytes = program.params.reduce((n, p) => n + byteSize(at(program.types, p.value) as StaticType), 0);
  const expansion = expansionProblem(program);
  if (expansion !== undefined) return fail(expansion);
  const peak = peakBytes(program);
  if (!peak.ok) return peak;
  const memoryBytes = parameterBytes + peak.value;
  let operations = 0;
  for (const node of program.nodes as readonly AnyNode[]) operations += nodeCost(program, node);
  const problems: Diagnostic[] = [];
  if (parameterBytes > LIMITS.parameterBytes) problems.push(limitProblem('bytes of parameters', parameterBytes, LIMITS.parameterBytes));
  if (memoryBytes > LIMITS.memoryBytes) problems.push(limitProblem('bytes of memory', memoryBytes, LIMITS.memoryBytes));
  if (!(operations <= LIMITS.operations)) problems.push(limitProblem('operations', operations, LIMITS.operations));
  const proof = proofProblem(program);
  if (proof !== undefined) problems.push(proof);
  return problems.length > 0 ? fail(...problems) : ok({ operations, parameterBytes, memoryBytes });
};

/** One interval per integer result, each within its dtype. Reports the first that is not. */
const boundsProblem = (raw: RawModule, program: Program): Diagnostic | undefined => {
  const where = atByte(at(raw.sections, 4).start);
  let next = 0;
  for (const node of program.nodes) {
    for (const r of node.results) {
      const { dtype } = at(program.types, r);
      if (dtype === 'f32') continue;
      const interval = raw.bounds[next++];
      const info = DTYPE_INFO[dtype];
      if (interval !== undefined && (interval[0] < info.lo || interval[1] > info.hi))
        return diagnostic('CVM1015', `interval ${next - 1} is [${interval[0]}, ${interval[1]}] but value ${r} is ${dtype}`, { where });
    }
  }
  return next === raw.bounds.length
    ? undefined
    : diagnostic('CVM1015', `${raw.bounds.length} intervals but the code has ${next} integer results`, { where });
};

/** Everything about bytecode that needs no parameter data, in linear time. */
export const checkModule = (raw: RawModule): Result<CheckedModule> => {
  const skeleton = buildSkeleton(raw);
  if (!skeleton.ok) return skeleton;
  const problems: Diagnostic[] = [];
  const table = typeTableProblem(raw);
  if (table !== undefined) problems.push(table);
  const order = canonicalOrderProblem(raw, skeleton.value);
  if (order !== undefined) problems.push(order);
  const bounds = boundsProblem(raw, skeleton.value);
  if (bounds !== undefined) problems.push(bounds);
  const cost = costOf(skeleton.value);
  if (!cost.ok) problems.push(...cost.diagnostics);
  return cost.ok && problems.length === 0 ? ok({ raw, skeleton: skeleton.value, cost: cost.value }) : fail(...problems);
};
