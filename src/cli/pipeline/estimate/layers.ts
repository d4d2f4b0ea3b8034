import { type AnyNode, DTYPE_INFO, elementCount, isStaticType, nodeCost, placeOf, type Program, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';

/** What one node of a program costs. */
export interface LayerCost {
  readonly layer: string;
  readonly op: string;
  /** Units of cost: multiply-accumulates, and what the rest weighs against them. */
  readonly operations: number;
  /** Bytes of operands and results. */
  readonly bytes: number;
}

/** Costs of all nodes, in the order in which they run. */
export const layerCosts = (program: Program): readonly LayerCost[] => {
  const bytesOf = (v: ValueId): number => {
    const type = at(program.types, v);
    return isStaticType(type) ? elementCount(type.shape) * DTYPE_INFO[type.dtype].bytes : 0;
  };
  return (program.nodes as readonly AnyNode[]).map((node, i) => ({
    layer: placeOf(node, i),
    op: node.op,
    operations: nodeCost(program, node),
    bytes: [...node.operands, ...node.results].reduce((sum, v) => sum + bytesOf(v), 0),
  }));
};
