import { type AnyNode, type OpNode, paramTensors, sameShape, useCounts } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type ExecutionPlan, fuseResiduals } from '../../plan/index.ts';
import type { FusedRescale } from '../../plan/index.ts';
import type { ArrayConfig } from '../array/config.ts';
import { isArrayConv } from './conv.ts';
import { isArrayDense, isArrayMatmul } from './dense.ts';
import { type Facts, factsOf, isNarrowRescale } from './facts.ts';

const factsOfPlan = ({ program, fusions }: ExecutionPlan, config: ArrayConfig): Facts =>
  factsOf(program, paramTensors(program), (node) => fusions.into.get(node), config);

/** Takes a rescale that the array does not have out of a layer that it has: the processor then rescales the array's sums. */
const unfuse = (plan: ExecutionPlan, config: ArrayConfig): ExecutionPlan => {
  const facts = factsOfPlan(plan, config);
  const alone: Facts = { ...facts, fused: () => undefined };
  const into = new Map(plan.fusions.into);
  const gone = new Set(plan.fusions.gone);
  for (const [node, rescale] of plan.fusions.into) {
    if (isNarrowRescale(facts, rescale)) continue;
    const typed = node as OpNode;
    const takes = (typed.op === 'conv' && isArrayConv(alone, typed, config)) || (typed.op === 'dense' && isArrayDense(alone, typed));
    if (!takes) continue;
    into.delete(node);
    gone.delete(rescale);
  }
  return { ...plan, fusions: { into, gone } };
};

/** Has products of activations end in the rescale that is their only reader. */
const fuseMatmuls = (plan: ExecutionPlan, config: ArrayConfig): ExecutionPlan => {
  const facts = factsOfPlan(plan, config);
  const uses = useCounts(plan.program);
  const into = new Map(plan.fusions.into);
  const gone = new Set(plan.fusions.gone);
  const outputs = new Set<number>(plan.program.outputs.map((o) => o.value));
  for (const node of plan.program.nodes as readonly AnyNode[]) {
    if (node.op !== 'rescale' || gone.has(node)) continue;
    const rescale = node as FusedRescale;
    const x = at(rescale.operands, 0);
    const maker = facts.maker(x) as OpNode | undefined;
    if (maker?.op !== 'matmul' || uses[x] !== 1 || outputs.has(x) || into.has(maker)) continue;
    const fused: Facts = { ...facts, fused: (n) => (n === maker ? rescale : undefined) };
    if (!sameShape(facts.type(x).shape, facts.type(at(rescale.results, 0)).shape)) continue;
    if (!isArrayMatmul(fused, maker, config.weightEntries)) continue;
    into.set(maker, rescale);
    gone.add(rescale);
  }
  return { ...plan, fusions: { into, gone } };
};

/** Fuses what the array does in one pass, and nothing else. */
export const prepareForArray = (plan: ExecutionPlan, config: ArrayConfig): ExecutionPlan => {
  const fused = fuseMatmuls(unfuse(plan, config), config);
  const facts = factsOfPlan(fused, config);
  return fuseResiduals(fused, (_, node) => isArrayConv(facts, node, config));
};
