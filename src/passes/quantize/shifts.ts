import { type AnyNode, type Attrs, paramTensors, type Program } from '../../ir/index.ts';

/** Whether n is 0 or has one bit set. */
const isPowerOfTwo = (n: number): boolean => {
  const magnitude = Math.abs(n);
  return (magnitude & (magnitude - 1)) === 0;
};

/**
 * The nodes whose rescale needs a multiplier, by the user's names: after quantization with power-of-two scales only those are
 * left whose factor is none by its meaning, such as the mean over 49 elements. A multiplier of 2^14 is a shift (WAGE: Wu et al.,
 * "Training and Inference with Integers in Deep Neural Networks", ICLR 2018).
 */
export const multipliersLeft = (program: Program): readonly string[] => {
  const params = paramTensors(program);
  const needs = (node: AnyNode): boolean => {
    if (node.op === 'add_rescale') return !(node.attrs as Attrs<'add_rescale'>).multipliers.every(isPowerOfTwo);
    const place = node.op === 'rescale' ? 1 : node.op === 'mul_rescale' ? 2 : undefined;
    const value = place === undefined ? undefined : node.operands[place];
    const multipliers = value === undefined ? undefined : params.get(value);
    return multipliers !== undefined && !Array.from(multipliers.data).every(isPowerOfTwo);
  };
  return (program.nodes as readonly AnyNode[]).filter(needs).map((n) => n.origin ?? n.op);
};
