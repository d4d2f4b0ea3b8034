import { type AnyNode, type Attrs, type Program, type Tensor, useCounts, type ValueId } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { alongAxis, type ConstantOf, rewrite, type Rewriter, untilStable } from '../rewrite.ts';

/** y[c] = scale[c] x[c] + shift[c], in float64. */
export interface ChannelAffine {
  readonly scale: (c: number) => number;
  readonly shift: (c: number) => number;
}

const batchNorm = (operands: readonly ValueId[], epsilon: number, constantOf: ConstantOf): ChannelAffine | undefined => {
  const [gamma, beta, mean, variance] = operands.slice(1).map((v) => constantOf(v)?.data);
  if (gamma === undefined || beta === undefined || mean === undefined || variance === undefined) return undefined;
  const scale = (c: number): number => at(gamma, c) / Math.sqrt(at(variance, c) + epsilon);
  return { scale, shift: (c) => at(beta, c) - at(mean, c) * scale(c) };
};

/** The affine map of an add, sub, mul or div with a per-channel constant; `side` is the constant's operand index. */
const arithmetic = (op: string, side: 0 | 1, k: ArrayLike<number>): ChannelAffine | undefined => {
  const value = (c: number): number => at(k, k.length === 1 ? 0 : c);
  switch (op) {
    case 'add':
      return { scale: () => 1, shift: value };
    case 'sub':
      return side === 1 ? { scale: () => 1, shift: (c) => -value(c) } : { scale: () => -1, shift: value };
    case 'mul':
      return { scale: value, shift: () => 0 };
    case 'div':
      return side === 1 ? { scale: (c) => 1 / value(c), shift: () => 0 } : undefined;
    default:
      return undefined;
  }
};

interface Match {
  readonly affine: ChannelAffine;
  /** Which operand is the layer's result. */
  readonly x: 0 | 1;
}

/** Reads a node as a per-channel affine map of one operand; `axisOf` says which values may be that operand, and where their channels are. */
export const channelAffine = (
  node: AnyNode,
  operands: readonly ValueId[],
  rewriter: Rewriter,
  axisOf: (v: ValueId) => number | undefined,
): Match | undefined => {
  if (node.op === 'batch_norm') {
    const axis = axisOf(at(operands, 0));
    const affine = axis === 1 ? batchNorm(operands, (node.attrs as Attrs<'batch_norm'>).epsilon, rewriter.constantOf) : undefined;
    return affine && { affine, x: 0 };
  }
  if (operands.length !== 2) return undefined;
  for (const x of [0, 1] as const) {
    const value = at(operands, x);
    const axis = axisOf(value);
    const shape = rewriter.typeOf(value).shape;
    const k = rewriter.constantOf(at(operands, 1 - x));
    if (axis === undefined || k === undefined || k.dtype !== 'f32' || rewriter.constantOf(value) !== undefined) continue;
    const sizes = shape.map((d) => (typeof d === 'number' ? d : 0));
    const along = alongAxis(k, sizes, axis);
    const affine = along === undefined ? undefined : arithmetic(node.op, x === 0 ? 1 : 0, along);
    if (affine !== undefined) return { affine, x };
  }
  return undefined;
};

/** Weights and bias of the layer followed by the affine map; undefined when a weight would leave the finite floats. */
const folded = (w: Tensor, bias: Tensor | undefined, { scale, shift }: ChannelAffine): { weights: Tensor; bias: Tensor } | undefined => {
  const [channels = 0] = w.shape;
  const per = channels === 0 ? 0 : w.data.length / channels;
  const data = new Float32Array(w.data.length);
  const shifted = new Float32Array(channels);
  for (let c = 0; c < channels; c++) {
    const k = scale(c);
    for (let i = c * per; i < (c + 1) * per; i++) data[i] = at(w.data, i) * k;
    shifted[c] = (bias === undefined ? 0 : at(bias.data, c)) * k + shift(c);
  }
  const finite = data.every(Number.isFinite) && shifted.every(Number.isFinite);
  return finite ? { weights: { ...w, data }, bias: { dtype: 'f32', shape: [channels], data: shifted } } : undefined;
};

const foldOnce = (program: Program): Program => {
  const uses = useCounts(program);
  return rewrite(program, (node, operands, rewriter) => {
    const single = (v: ValueId): boolean => node.operands.some((from, i) => at(operands, i) === v && uses[from] === 1);
    const axisOf = (v: ValueId): number | undefined => {
      const layer = rewriter.producerOf(v);
      const type = rewriter.typeOf(v);
      if (layer === undefined || type.dtype !== 'f32' || !single(v)) return undefined;
      if (layer.op === 'conv') return 1;
      return layer.op === 'dense' ? type.shape.length - 1 : undefined;
    };
    const match = channelAffine(node, operands, rewriter, axisOf);
    if (match === undefined) return undefined;
    const layer = rewriter.producerOf(at(operands, match.x));
    if (layer === undefined) return undefined;
    const [x, wv, bv] = layer.operands;
    const w = wv === undefined ? undefined : rewriter.constantOf(wv);
    const bias = bv === undefined ? undefined : rewriter.constantOf(bv);
    if (x === undefined || w === undefined || (bv !== undefined && bias === undefined)) return undefined;
    const result = folded(w, bias, match.affine);
    if (result === undefined) return undefined;
    const parts = [x, rewriter.constant(result.weights), rewriter.constant(result.bias)];
    const origin = layer.origin ?? node.origin;
    return [
      layer.op === 'conv' ? rewriter.emit('conv', parts, layer.attrs as Attrs<'conv'>, origin) : rewriter.emit('dense', parts, {}, origin),
    ];
  });
};

/**
 * Folds batch_norm and per-channel add, sub, mul, div by constants into the conv or dense before them; weights are
 * computed in float64 and rounded once. Changes float results by rounding.
 */
export const foldBatchNorm = (program: Program): Program => untilStable(program, foldOnce);
