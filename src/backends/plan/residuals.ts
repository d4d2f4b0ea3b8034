import { type AnyNode, type OpNode, type Program, sameShape, useCounts, type ValueId } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { FusedRescale } from './fuse.ts';
import type { ExecutionPlan } from './plan.ts';

/** A rescale that a conv does on its way to memory, and the sum with another image after it; its result is the sum's. */
export interface FusedResidual extends OpNode<'rescale'> {
  readonly sum: OpNode<'add_rescale'>;
  /** Which operand of the sum the conv makes; the other is the conv's last. */
  readonly own: 0 | 1;
}

/** Where a conv that adds another image has it: after x, w and bias. */
export const RESIDUAL_OPERAND = 3;

export const residualOf = (fused: FusedRescale | undefined): FusedResidual | undefined =>
  fused !== undefined && 'sum' in fused ? (fused as FusedResidual) : undefined;

/** Steps by their results: a fused conv defines what its rescale does. */
const definedAt = ({ program, fusions }: ExecutionPlan): Map<ValueId, number> => {
  const places = new Map<ValueId, number>();
  (program.nodes as readonly AnyNode[]).forEach((node, i) => {
    if (fusions.gone.has(node)) return;
    for (const r of fusions.into.get(node)?.results ?? node.results) places.set(r, i);
  });
  return places;
};

const isPlainSum = (program: Program, sum: OpNode<'add_rescale'>): boolean => {
  const shape = at(program.types, at(sum.results, 0)).shape;
  const fits = (v: ValueId): boolean => {
    const type = at(program.types, v);
    return type.dtype === 'i8' && sameShape(type.shape, shape);
  };
  return sum.operands.length === 2 && sum.operands[0] !== sum.operands[1] && sum.operands.every(fits);
};

/**
 * Takes sums of two images into the conv that makes one of them, where the other is there before: one pass over memory less. Such a
 * conv has the other image as fourth operand, and its rescale is a FusedResidual.
 * @param mayAdd - whether the backend's kernel of a conv can
 */
export const fuseResiduals = (plan: ExecutionPlan, mayAdd: (program: Program, node: OpNode<'conv'>) => boolean): ExecutionPlan => {
  const { program, fusions } = plan;
  const places = definedAt(plan);
  const uses = useCounts(program);
  const makers = new Map<ValueId, OpNode<'conv'>>();
  for (const node of program.nodes) {
    const fused = fusions.into.get(node);
    if (node.op !== 'conv' || fused?.attrs.dtype !== 'i8' || node.operands.length !== RESIDUAL_OPERAND) continue;
    const result = at(fused.results, 0);
    if (uses[result] === 1 && mayAdd(program, node)) makers.set(result, node);
  }
  const replaced = new Map<AnyNode, { readonly node: AnyNode; readonly fused: FusedResidual }>();
  const gone = new Set<AnyNode>();
  for (const sum of program.nodes) {
    if (sum.op !== 'add_rescale' || !isPlainSum(program, sum)) continue;
    for (const own of [1, 0] as const) {
      const conv = makers.get(at(sum.operands, own));
      const other = at(sum.operands, 1 - own);
      const fused = conv === undefined ? undefined : fusions.into.get(conv);
      if (conv === undefined || fused === undefined || replaced.has(conv)) continue;
      if ((places.get(other) ?? -1) >= (places.get(at(fused.results, 0)) ?? 0)) continue;
      const residual: FusedResidual = { ...fused, results: sum.results, sum, own };
      replaced.set(conv, { node: { ...conv, operands: [...conv.operands, other] }, fused: residual });
      for (const node of [fused, sum]) gone.add(node);
      // the sum is there where the conv is
      places.set(at(sum.results, 0), places.get(at(fused.results, 0)) ?? 0);
      break;
    }
  }
  if (replaced.size === 0) return plan;
  const nodes = (program.nodes as readonly AnyNode[]).flatMap((node) => (gone.has(node) ? [] : [replaced.get(node)?.node ?? node]));
  const into = new Map([...fusions.into].filter(([conv]) => !replaced.has(conv)));
  for (const { node, fused } of replaced.values()) into.set(node, fused);
  // nodes are those of the program as it was verified, but for the operand that is added
  return { ...plan, program: { ...program, nodes: nodes as Program['nodes'] }, fusions: { into, gone: fusions.gone } };
};
