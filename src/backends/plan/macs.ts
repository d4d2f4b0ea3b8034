import { type AnyNode, elementCount, isStaticType, opOf, type Program, type StaticType, type ValueId } from '../../ir/index.ts';
import { at, invariant } from '../../support/index.ts';
import { expandComposites } from './expand.ts';

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

/** Multiply-accumulates of one run of a program whose dimensions are numbers, by `macsOf`; those inside composites count. */
export const macsOfProgram = (source: Program): number => {
  const program = expandComposites(source, (op) => opOf(op).kind === 'primitive');
  const type = (value: ValueId): StaticType => {
    const t = at(program.types, value);
    invariant(isStaticType(t), 'every dimension is a number');
    return t;
  };
  return (program.nodes as readonly AnyNode[]).reduce((n, node) => n + macsOf(node, type), 0);
};
