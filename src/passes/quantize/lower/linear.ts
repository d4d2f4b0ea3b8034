import { type AnyNode, type Attrs, DTYPE_INFO, elementCount, pow2, type Tensor, type ValueId } from '../../../ir/index.ts';
import { at, invariant } from '../../../support/index.ts';
import type { Affine } from '../affine.ts';
import type { Emit } from '../emit.ts';
import { givenLinear, type GivenWeights } from '../given/linear.ts';
import { type Linear, quantizeLinear, type WeightBits } from '../layer-weights.ts';
import type { FloatView } from '../role.ts';
import { quantizeWide, shiftOfProducts, weightTensor } from '../wide-weights.ts';

const INT32_MAX = 2 ** 31 - 1;

/** The integers that the model stores for the layer, where they are int8 weights; undefined when it has none. */
const storedWeights = (emit: Emit, node: AnyNode, bias: Tensor | undefined, input: Affine, bits: WeightBits): GivenWeights | undefined => {
  const [, w, b] = node.operands;
  const weights = w === undefined ? undefined : emit.integers.get(w);
  if (weights === undefined || bits !== 8 || emit.powerOfTwo) return undefined;
  const stored = { weights, bias, biasIntegers: b === undefined ? undefined : emit.integers.get(b), input };
  const given = givenLinear(stored, sumsInputs(node, weights.codes.shape));
  const layer = emit.plan.nameOf(node);
  emit.kept.push(typeof given === 'string' ? { layer, reason: given, clamped: 0 } : { layer, clamped: given.clamped });
  return typeof given === 'string' ? undefined : given.made;
};

/** Stored integers that fit 6 bits take no more: networks trained to few bits keep their size. */
const storedBits = ({ weights }: GivenWeights): 6 | 8 => (weights.every((q) => q >= DTYPE_INFO.i6.lo && q <= DTYPE_INFO.i6.hi) ? 6 : 8);

/** Whether the inputs that one output channel reads can be summed apart: one sum for all channels, or one for each. */
const sumsInputs = (node: AnyNode, shape: readonly number[]): boolean => {
  if (node.op !== 'conv') return true;
  const { groups } = node.attrs as Attrs<'conv'>;
  return groups === 1 || groups === shape[0];
};

/** acc + offset times the sum of the inputs: what weights with a zero point add. */
const withOffset = (emit: Emit, acc: ValueId, { offset }: EmittedLayer, sums: () => ValueId): ValueId =>
  offset === 0 ? acc : emit.op('add', [acc, emit.op('mul', [sums(), emit.scalar(offset)], {})], {});

interface EmittedLayer {
  readonly x: ValueId;
  /** What padding holds. */
  readonly zero: number;
  /** Real size of one step of the accumulator, for each channel. */
  readonly scales: readonly number[];
  /** Weights and bias. */
  readonly operands: readonly ValueId[];
  readonly shift: number;
  /** By how much the weights are greater than their integers. */
  readonly offset: number;
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
  const stored = wide ? undefined : storedWeights(emit, node, biases, affine, bits);
  const made = wide ? quantizeWide(layer) : (stored ?? quantizeLinear(layer));
  return {
    x: wide ? emit.centred16(x) : emit.int(x),
    zero: wide ? 0 : affine.zero,
    scales: made.scales,
    operands: [
      emit.weight(w, weightTensor(stored === undefined ? bits : storedBits(stored), weights.shape, made.weights)),
      emit.param(bias === undefined ? `${emit.plan.nameOf(node)}.bias` : emit.paramName(bias), {
        dtype: 'i32',
        shape: [made.bias.length],
        data: made.bias,
      }),
    ],
    shift: 'shift' in made ? made.shift : 0,
    offset: stored?.offset ?? 0,
  };
};

/** One factor when all are equal. */
const shared = (factors: readonly number[]): readonly number[] => (factors.every((f) => f === factors[0]) ? factors.slice(0, 1) : factors);

export const lowerConv = (emit: Emit, node: AnyNode): void => {
  const layer = emitWeights(emit, node);
  const { x, zero, scales, operands, shift } = layer;
  const to = emit.destinationOf(node);
  const attrs = { ...(node.attrs as Attrs<'conv'>), pad_value: zero, accumulator_shift: shift };
  const sums = (): ValueId => {
    const [, ...kernel] = emit.typeOf(at(operands, 0)).shape;
    const shape = [attrs.groups, ...kernel];
    const ones = { dtype: 'i8', shape, data: new Int8Array(elementCount(shape)).fill(1) } as const;
    return emit.op('conv', [x, emit.constant('ones', ones)], attrs);
  };
  const acc = withOffset(emit, emit.op('conv', [x, ...operands], attrs), layer, sums);
  emit.define(to.value, emit.rescale(acc, shared(scales.map((s) => s / to.affine.scale)), to));
};

export const lowerDense = (emit: Emit, node: AnyNode): void => {
  const layer = emitWeights(emit, node);
  const { x, scales, operands, shift } = layer;
  const to = emit.destinationOf(node);
  const { shape } = emit.typeOf(x);
  const factors = shared(scales.map((s) => s / to.affine.scale));
  // the rescale takes one factor per index of axis 1: that is the output axis of a matrix only
  const matrix = shape.length === 2 || factors.length === 1;
  const rows = matrix ? x : emit.op('reshape', [x], { shape: [-1, shape.at(-1) ?? 0] });
  const product = emit.op('dense', [rows, ...operands], { accumulator_shift: shift });
  const sums = (): ValueId => at(emit.opAll('reduce_sum', [rows], { axes: [-1], keep: true }), 0);
  const scaled = emit.rescale(withOffset(emit, product, layer, sums), factors, to);
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
