import { type AnyNode, placeOf, type Tensor } from '../../../ir/index.ts';
import { diagnostic, type Diagnostic } from '../../../support/index.ts';
import type { CommandList } from '../array/list.ts';

/** A node that was lowered, and its second operand where that is a parameter. */
export interface LoweredNode {
  readonly node: AnyNode;
  readonly weights: Tensor | undefined;
}

const BITS = 6;
const [LEAST, MOST] = [-(2 ** (BITS - 1)), 2 ** (BITS - 1) - 1];
const LISTED = 4;

/** Extremes of weights; undefined where all fit. */
const rangeOf = ({ data }: Tensor): readonly [number, number] | undefined => {
  let [lo, hi] = [0, 0];
  for (const v of data) [lo, hi] = [Math.min(lo, v), Math.max(hi, v)];
  return lo < LEAST || hi > MOST ? [lo, hi] : undefined;
};

/** The warning that an array of 6 bits leaves layers to the processor, since their weights need more; undefined where there are none. */
export const wideWeights = (lowered: readonly LoweredNode[], lists: readonly CommandList[]): Diagnostic | undefined => {
  const onArray = new Set(lists.flatMap((list) => list.owners));
  const layers = lowered.flatMap(({ node, weights }, step): readonly string[] => {
    if (onArray.has(node) || (node.op !== 'conv' && node.op !== 'dense' && node.op !== 'matmul')) return [];
    if (weights === undefined) return node.op === 'matmul' ? [`${placeOf(node, step)}: a product of two results`] : [];
    const range = rangeOf(weights);
    return range === undefined ? [] : [`${placeOf(node, step)}: weights from ${range[0]} to ${range[1]}`];
  });
  if (layers.length === 0) return undefined;
  const more = layers.length > LISTED ? [`and ${layers.length - LISTED} more`] : [];
  return diagnostic(
    'FPG0022',
    `${layers.length} ${layers.length === 1 ? 'layer runs' : 'layers run'} on the processor, many times slower: the array of ${BITS} bits multiplies ${LEAST} to ${MOST}`,
    {
      severity: 'warning',
      notes: [
        ...layers.slice(0, LISTED),
        ...more,
        'Compile the model with weights of 6 bits, or leave --bits 6 out: an array of 8 bits needs a device with more DSP blocks.',
      ],
    },
  );
};
