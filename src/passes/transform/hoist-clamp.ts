import { type AnyNode, type Attrs, type OpName, type Program, useCounts, type ValueId } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { rewrite, type Rewriter, untilStable } from '../rewrite.ts';
import { dce } from './dce.ts';

/** Ops that give their operand's elements, or the greatest of some of them. */
const TRANSPARENT: ReadonlySet<OpName> = new Set(['max_pool', 'reshape', 'transpose', 'slice']);

/** max(clip(a), clip(b)) and clip(max(a, b)) differ in the sign of zero when a bound is a zero. */
const keepsZeros = (node: AnyNode, from: OpName): boolean => {
  if (node.op === 'relu' || from !== 'max_pool') return true;
  const { min, max } = node.attrs as Attrs<'clip'>;
  return min !== 0 && max !== 0;
};

const hoist = (
  node: AnyNode,
  operands: readonly ValueId[],
  rewriter: Rewriter,
  uses: Uint32Array,
  strict: boolean,
): ValueId | undefined => {
  if (node.op !== 'relu' && node.op !== 'clip') return undefined;
  const from = rewriter.producerOf(at(operands, 0));
  if (from === undefined || !TRANSPARENT.has(from.op) || uses[at(node.operands, 0)] !== 1) return undefined;
  if (strict && !keepsZeros(node, from.op)) return undefined;
  const clamped = rewriter.tryEmit(node.op, [at(from.operands, 0)], node.attrs, node.origin);
  return clamped === undefined ? undefined : rewriter.tryEmit(from.op, [clamped], from.attrs, from.origin);
};

const hoistAll = (program: Program, strict: boolean): Program =>
  untilStable(program, (p) => {
    const uses = useCounts(p);
    const next = rewrite(p, (node, operands, rewriter) => {
      const moved = hoist(node, operands, rewriter, uses, strict);
      return moved === undefined ? undefined : [moved];
    });
    // the node that was passed is dead now, and must not count as a use
    return next === p ? p : dce(next);
  });

/** Moves relu and clip before max_pool and movement ops, next to the layer whose rescale can take them over. */
export const hoistClamp = (program: Program): Program => hoistAll(program, true);

/** The same where the sign of a zero does not matter: clip(x, 0, 6) passes max_pool too. */
export const hoistClampLoosely = (program: Program): Program => hoistAll(program, false);
