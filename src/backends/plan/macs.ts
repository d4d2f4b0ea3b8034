import { type AnyNode, elementCount, type StaticType, type ValueId } from '../../ir/index.ts';

/** Products that one result element sums, by the op's operands. */
const INNER: Readonly<Partial<Record<string, (operands: readonly StaticType[]) => number>>> = {
  conv: ([, w]) => elementCount(w?.shape.slice(1) ?? []),
  dense: ([, w]) => w?.shape.at(-1) ?? 0,
  matmul: ([a]) => a?.shape.at(-1) ?? 0,
};

/** Multiply-accumulates of the ops that speed is told by (conv, dense, matmul); 0 for others. */
export const macsOf = (node: AnyNode, type: (value: ValueId) => StaticType): number => {
  const [result] = node.results;
  const inner = INNER[node.op]?.(node.operands.map(type)) ?? 0;
  return result === undefined ? 0 : elementCount(type(result).shape) * inner;
};
