import {
  type AnyNode,
  type LoweringTable,
  type OpName,
  type OpNode,
  type Program,
  refusalReason,
  type Rule,
  UnsupportedError,
  type ValueId,
} from '../../ir/index.ts';
import { fail, ok, type Result } from '../../support/index.ts';
import { expandForTable, writeNodes } from '../nodes.ts';
import { type Outline, outlineOf } from './classes.ts';
import { type Code, field, type Step } from './code.ts';
import { withFoldedConstants } from './fold.ts';
import { nodePaths } from './paths.ts';
import { scopesOf, type Written } from './scopes.ts';
import { Layouts, type Style } from './writer.ts';

/** A program as a person would write it: blocks, the body of the model, and where its values are. */
export interface Model {
  readonly program: Program;
  readonly outline: Outline;
  readonly layouts: Layouts;
  /** The results in the order of the program's outputs. */
  readonly outputs: readonly Code[];
  /** Helpers that steps call, each once, in the order of the table. */
  readonly helpers: readonly string[];
}

/** Names of classes that blocks do not get. */
const RESERVED = ['Model', 'Path'];

/** A node whose row would throw is written by its definition. */
const takes =
  (table: LoweringTable<Layouts, Step>, style: Style) =>
  (node: AnyNode, program: Program): boolean => {
    const row = (table as Readonly<Partial<Record<OpName, Rule<Layouts, Step, OpName>>>>)[node.op];
    if (row === undefined || refusalReason(row) !== undefined) return row !== undefined;
    try {
      row(new Layouts(program, style), node as OpNode);
      return true;
    } catch (error) {
      if (error instanceof UnsupportedError) return false;
      throw error;
    }
  };

/**
 * Writes every node by its row, and finds the structure.
 * @param helpers - names of helpers, in the order in which they can be defined
 * @returns every node that cannot be written
 */
export const modelOf = (
  framework: string,
  source: Program,
  table: LoweringTable<Layouts, Step>,
  style: Style,
  helpers: readonly string[],
): Result<Model> => {
  const program = expandForTable(withFoldedConstants(source), table, takes(table, style));
  const folded = withFoldedConstants(program);
  const layouts = new Layouts(folded, style);
  const names = new Map<ValueId, string>(folded.params.map((p) => [p.value, p.name]));
  const paths = nodePaths(folded, names);
  const steps: { readonly node: AnyNode; readonly step: Step }[] = [];
  const problems = writeNodes(framework, folded, table, layouts, (node, step) => steps.push({ node, step }));
  if (problems.length > 0) return fail(...problems);
  // a transpose is its operand in another order
  const written: Written[] = steps.flatMap(({ node, step }, i) => (node.op === 'transpose' ? [] : [{ node, step, path: paths[i] }]));
  const values = folded.outputs.map((o) => layouts.source(o.value));
  for (const value of new Set(values)) {
    const tensor = layouts.tensor(value);
    if (tensor === undefined) continue;
    const node: AnyNode = { op: 'reshape', operands: [], attrs: {}, results: [value] };
    written.push({ node, step: { fields: [style.tensorField('constant', tensor)], code: [field(0)] }, path: undefined });
  }
  const used = new Set(written.flatMap(({ step }) => step.helpers ?? []));
  return ok({
    program: folded,
    outline: outlineOf(scopesOf(values, written), [...helpers, ...RESERVED]),
    layouts,
    outputs: folded.outputs.map((o) => [layouts.ref(o.value)]),
    helpers: helpers.filter((name) => used.has(name)),
  });
};
