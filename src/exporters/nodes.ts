import {
  type AnyNode,
  completeAttrs,
  decompositionOf,
  elementCount,
  evaluateNode,
  expandInto,
  inferNode,
  isStaticType,
  type LoweringTable,
  type OpName,
  opOf,
  type OpNode,
  type Program,
  ProgramBuilder,
  refusalReason,
  type Rule,
  sampleTensors,
  type Tensor,
  type TensorType,
  UnsupportedError,
  type ValueId,
  zeros,
} from '../ir/index.ts';
import { at, type Diagnostic, unwrap } from '../support/index.ts';
import { opRefused, useRefused } from './diagnostics.ts';
import type { ExportStatus } from './exporter.ts';

/** Any table of rows, seen without the types of its ops. */
type AnyTable = Readonly<Partial<Record<OpName, unknown>>>;

const isEmpty = (type: TensorType): boolean => isStaticType(type) && elementCount(type.shape) === 0;

/** Results that no element decides on: those without elements, and those of operands without elements. */
const emptyResults = (builder: ProgramBuilder, node: AnyNode, operands: readonly ValueId[]): readonly Tensor[] | undefined => {
  const types = operands.map((v) => builder.typeOf(v));
  const made = unwrap(inferNode(node.op, types, node.attrs, node.origin));
  const [givenStatic, madeStatic] = [types.filter(isStaticType), made.filter(isStaticType)];
  if (madeStatic.length < made.length) return undefined;
  if (made.every(isEmpty)) return madeStatic.map(zeros);
  return types.length > 0 && types.every(isEmpty) ? evaluateNode(node.op, givenStatic.map(zeros), node.attrs, madeStatic) : undefined;
};

/** @returns the same program when nothing is to be done */
const expandOnce = (program: Program, isOpen: (node: AnyNode) => boolean): Program => {
  const builder = new ProgramBuilder(program.name);
  const map = new Map<ValueId, ValueId>();
  const mapped = (value: ValueId): ValueId => map.get(value) ?? value;
  let changed = false;
  for (const { name, value } of program.inputs) map.set(value, builder.input(name, at(program.types, value)));
  for (const { name, value, tensor } of program.params) map.set(value, builder.param(name, tensor));
  const write = (node: AnyNode, operands: readonly ValueId[]): readonly ValueId[] => {
    const empty = emptyResults(builder, node, operands);
    if (empty === undefined && !isOpen(node)) return builder.copy(node, operands);
    changed = true;
    return empty?.map((t) => builder.constant(t)) ?? expandInto(builder, node.op, operands, node.attrs, node.origin);
  };
  for (const node of program.nodes as readonly AnyNode[]) {
    const results = write(node, node.operands.map(mapped));
    node.results.forEach((r, i) => map.set(r, at(results, i)));
  }
  for (const { name, value } of program.outputs) builder.output(name, mapped(value));
  return changed ? builder.finish() : program;
};

/**
 * Replaces composites by their definitions until all that are left have a row that takes them, and results of nothing by constants, since
 * frameworks differ about tensors without elements. Parameters keep their names;
 * constants of definitions get names that no parameter has.
 * @param takes - whether the row of a composite does this use of it; absent: all of them
 */
export const expandForTable = (
  program: Program,
  table: AnyTable,
  takes: (node: AnyNode, program: Program) => boolean = () => true,
): Program => {
  let current = program;
  const isOpen = (node: AnyNode): boolean => opOf(node.op).kind === 'composite' && (table[node.op] === undefined || !takes(node, current));
  for (;;) {
    const next = expandOnce(current, isOpen);
    if (next === current) return current;
    current = next;
  }
};

/**
 * Gives every node of an expanded program to its row, in order.
 * @param done - gets what the row made
 * @returns one diagnostic for every node whose row refuses: EXP0001 for refused ops, EXP0002 for uses (rows throw UnsupportedError)
 */
export const writeNodes = <Ctx, Out>(
  framework: string,
  program: Program,
  table: LoweringTable<Ctx, Out>,
  ctx: Ctx,
  done: (node: AnyNode, out: Out) => void,
): readonly Diagnostic[] =>
  (program.nodes as readonly AnyNode[]).flatMap((node, place) => {
    const row = (table as Readonly<Partial<Record<OpName, Rule<Ctx, Out, OpName>>>>)[node.op];
    const refused = refusalReason(row);
    if (row === undefined || refused !== undefined) return [opRefused(framework, node, place, refused ?? 'it has no row')];
    try {
      done(node, row(ctx, node as OpNode));
      return [];
    } catch (error) {
      if (error instanceof UnsupportedError) return [useRefused(framework, node, place, error.message)];
      throw error;
    }
  });

/** Why the definition of a composite cannot be written; undefined when it can, for one of its samples. */
const definitionRefusal = (op: OpName, refusal: (op: OpName) => string | undefined): string | undefined => {
  let reason: string | undefined;
  for (const [i, sample] of opOf(op).samples.entries()) {
    const definition = decompositionOf(op, sampleTensors(sample, i + 1), unwrap(completeAttrs(op, sample.attrs ?? {})));
    // nothing is computed where there are no elements
    if (definition.nodes.length === 0) continue;
    const refused = definition.nodes.map((node) => [node.op, refusal(node.op)] as const).find(([, why]) => why !== undefined);
    if (refused === undefined) return undefined;
    reason ??= `its definition has ${refused[0]}: ${refused[1]}`;
  }
  return reason;
};

/** What a table of rows can do, op by op; composites without a row by their definitions. */
export const tableSupport = (
  table: AnyTable,
): { readonly refusal: (op: OpName) => string | undefined; readonly support: (op: OpName) => ExportStatus } => {
  const known = new Map<OpName, string | undefined>();
  const refusal = (op: OpName): string | undefined => {
    if (!known.has(op)) known.set(op, table[op] === undefined ? definitionRefusal(op, refusal) : refusalReason(table[op]));
    return known.get(op);
  };
  const support = (op: OpName): ExportStatus => {
    if (refusal(op) !== undefined) return 'refused';
    if (table[op] === undefined) return 'composite';
    return opOf(op).kind === 'primitive' ? 'primitive' : 'fast';
  };
  return { refusal, support };
};
