import type { AnyNode, DType, OpName, Rule } from '../../../ir/index.ts';
import { type Made, type MxGraph, refuse } from '../graph.ts';

/** Rows of a family. */
export type Rows = { readonly [P in OpName]?: Rule<MxGraph, Made, P> };

/** Refuses operands of other types. */
export const only = (g: MxGraph, node: AnyNode, ...dtypes: readonly DType[]): void => {
  for (const value of node.operands) {
    const { dtype } = g.type(value);
    if (!dtypes.includes(dtype)) refuse(`operands of type ${dtype} are not supported, ${dtypes.join(' and ')} are`);
  }
};
export const floats = (g: MxGraph, node: AnyNode): void => only(g, node, 'f32');
