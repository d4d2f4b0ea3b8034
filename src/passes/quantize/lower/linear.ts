import { type AnyNode, type Attrs, pow2, type Tensor, type ValueId } from '../../../ir/index.ts';
import { at, invariant } from '../../../support/index.ts';
import type { Affine } from '../affine.ts';
import type { Emit } from '../emit.ts';
import { givenLinear } from '../given/linear.ts';
import { type Linear, type LinearWeights, quantizeLinear, type WeightBits } from '../layer-weights.ts';
import type { FloatView } from '../role.ts';
import { quantizeWide, shiftOfProducts, weightTensor } from '../wide-weights.ts';

const INT32_MAX = 2 ** 31 - 1;

/** The integers that the model stores for the layer, where they are int8 weights; undefined when it has none. */
const storedWeights = (emit: Emit, node: AnyNode, bias: Tensor | undefined, input: Affine, bits: WeightBits): LinearWeights | undefined => {
  const [, w, b] = node.operands;
  const weights = w === undefined ? undefined : emit.integers.get(w);
  if (weights === undefined || bits !== 8 || emit.powerOfTwo) return undefined;
  const given = givenLinear({ weights, bias, biasIntegers: b === undefined ? undefined : emit.integers.get(b), input });
  const layer = emit.plan.nameOf(node);
  emit.kept.push(typeof given === 'string' ? { layer, reason: given, clamped: 0 } : { layer, clamped: given.clamped });
  return typeof given === 'string' ? undefined : given.made;
};

interface EmittedLayer {
  readonly x: ValueId;
  /** What padding holds. */
  readonly zero: number;
  /** Real size of one step of the accumulator, for each channel. */
  readonly scales: readonly number[];
  /** Weights and bias. */
  readonly operands: readonly ValueId[];
  readonly shift: number;
}

/** A layer whose input or weights have 16 bits takes its input as i16, without a zero point. */
const emitWeights = (emit: Emit, node: AnyNode): EmittedLayer => {
  const [x, w, bias] = node.operands;
  invariant(x !== undefined && w !== undefined, `${node.op} has weights`);
  const weights = emit.plan.constantOf(w);
  invariant(weights !== undefined, `the weights of ${node.op} are constant`);
  const affine = emit.affineOf(x);
  const bits = emit.weightBitsOf(node);
  const wide = bits === 16 || affine.dtype === 'i16';
  const biases = bias === undefined ? undefined : emit.plan.constantOf(bias);
  const layer: Linear = {
    weights,
    bias: biases,
    input: wide ? { scale: affine.scale, zero: 0, dtype: 'i16' } : affine,
    means: emit.meanOf(x),
    feedback: emit.feedbackOf(node),
    groups: node.op === 'conv' ? (node.attrs as Attrs<'conv'>).groups : 1,
    bits,
    powerOfTwo: emit.powerOfTwo,
  };
  const made = wide ? quantizeWide(layer) : (storedWeights(emit, node, biases, affine, bits) ?? quantizeLinear(layer));
  return {
    x: wide ? emit.centred16(x) : emit.int(x),
    zero: wide ? 0 : affine.zero,
    scales: made.scales,
    operands: [
      emit.weight(w, weightTensor(bits, weights.shape, made.weights)),
      emit.param(bias === undefined ? `${emit.plan.nameOf(node)}.bias` : emit.paramName(bias), {
        dtype: 'i32',
        shape: [made.bias.length],
        data: made.bias,
      }),
    ],
    shift: 'shift' in made ? made.shift : 0,
  };
};

/** One factor when all are equal. */
const shared = (factors: readonly number[]): readonly number[] => (factors.every((f) => f === factors[0]) ? factors.slice(0, 1) : factors);

export const lowerConv = (emit: Emit, node: AnyNode): void => {
  const { x, zero, scales, operands, shift } = emitWeights(emit, node);
  const to = emit.destinationOf(node);
  const acc = emit.op('conv', [x, ...operands], { ...(node.attrs as Attrs<'conv'>), pad_value: zero, accumulator_shift: shift });
  emit.define(to.value, emit.rescale(acc, shared(scales.map((s) => s / to.affine.scale)), to));
};

export const lowerDense = (emit: Emit, node: AnyNode): void => {
  const { x, scales, operands, shift } = emitWeights(emit, node);
  const to = emit.destinationOf(node);
  const { shape } = emit.typeOf(x);
  const factors = shared(scales.map((s) => s / to.affine.scale));
  // the rescale takes one factor per index of axis 1: that is the output axis of a matrix only
  const matrix = shape.length === 2 || factors.length === 1;
  const rows = matrix ? x : emit.op('reshape', [x], { shape: [-1, shape.at(-1) ?? 0] });
  const scaled = emit.rescale(emit.op('dense', [rows, ...operands], { accumulator_shift: shift }), factors, to);
  emit.define(to.value, matrix ? scaled : emit.op('reshape', [scaled], { shape: [...shape.slice(0, -1), scales.length] }));
};

/** Product of two run-time matrices, or of a constant one with a run-time one. */
export const lowerMatmul = (emit: Emit, node: AnyNode): void => {
  const [a, b] = node.operands as readonly [ValueId, ValueId];
  const to = emit.destinationOf(node);
  const [sa, sb] = [emit.affineOf(a), emit.affineOf(b)];
  if (sa.dtype === 'i8' && sb.dtype === 'i8') {
    const acc = emit.op('matmul', [emit.int(a), emit.int(b)], { a_zero: sa.zero, b_zero: sb.zero });
    emit.define(to.value, emit.rescale(acc, [(sa.scale * sb.scale) / to.affine.scale], to));
    return;
  }
  const shift = shiftOfProducts(emit.plan.typeOf(a).shape.at(-1) ?? 0);
  const acc = emit.op('matmul', [emit.centred16(a), emit.centred16(b)], { accumulator_shift: shift });
  emit.define(to.value, emit.rescale(acc, [(sa.scale * sb.scale * pow2(shift)) / to.affine.scale], to));
};

/** Weights that are computed at run time have no per-channel scales. */
export const needsConstantWeights = (node: AnyNode, view: FloatView): string | undefined => {
  const names = ['weight', 'bias'];
  const dynamic = node.operands.slice(1).findIndex((v) => view.constantOf(v) === undefined);
  if (dynamic >= 0) return `its ${names[dynamic] ?? 'operand'} is computed at run time`;
  const infinite = node.operands.slice(1).findIndex((v) => view.constantOf(v)?.data.every(Number.isFinite) === false);
  return infinite < 0 ? undefined : `its ${names[infinite] ?? 'operand'} has an infinite element`;
};

/** A product of two int8 tensors over k terms stays in int32 while k * 255^2 does. */
export const matmulFits = (node: AnyNode, view: FloatView): string | undefined => {
  const k = view.typeOf(at(node.operands, 0)).shape.at(-1) ?? 0;
  return k * 255 * 255 <= INT32_MAX ? undefined : `a sum of ${k} products of two int8 values can leave int32`;
};
