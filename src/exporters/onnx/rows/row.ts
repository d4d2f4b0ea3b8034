import type { LoweringTable, OpName, OpNode } from '../../../ir/index.ts';
import type { OnnxGraph } from '../graph.ts';

/** Names of the results of a node. */
export type Made = string | readonly string[];
export type Rows<K extends OpName> = LoweringTable<OnnxGraph, Made, K>;

/** One operator of the default domain over the operands, without attributes. */
export const plain =
  (opType: string, opset?: number) =>
  (g: OnnxGraph, node: OpNode): Made =>
    g.one(opType, g.xs(node), {}, opset === undefined ? {} : { opset });

/** The operator for f32, our function for integers. */
export const plainForFloat =
  (opType: string) =>
  (g: OnnxGraph, node: OpNode): Made =>
    g.t(node).dtype === 'f32' ? g.one(opType, g.xs(node)) : g.call(node);

/** A row of an op that may be a part of indices that an operator counts from the end itself. */
export const unlessSpelled =
  <N extends OpNode>(row: (g: OnnxGraph, node: N) => Made) =>
  (g: OnnxGraph, node: N): Made =>
    g.wraps.spelled.has(node) ? '' : row(g, node);

/** One of our functions. */
export const called =
  (variant?: string) =>
  (g: OnnxGraph, node: OpNode): Made =>
    g.call(node, variant);
