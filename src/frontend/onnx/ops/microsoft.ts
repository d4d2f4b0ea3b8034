import { elementCount, type ValueId } from '../../../ir/index.ts';
import { elemOf } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import { integerProduct } from './integer-product.ts';
import { channelLayout, dequantizeTo, quantizeTo, roundingNote } from './quantized.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, saturated, span } from './util.ts';
import { windowOf } from './window.ts';

/**
 * Operators of onnxruntime's domain com.microsoft that quantized models use. Each is its float operator between a dequantization
 * and a quantization (onnxruntime docs/ContribOperators.md), and is imported as that.
 */

/** (x - zero) * scale of inputs x, scale, zero, all per tensor. */
const real = (n: OnnxNode, x: number, scale: number, zero: number): ValueId => {
  const centered = n.has(zero)
    ? n.emit('sub', [n.as(n.wire(x), 'f32'), n.reshape(n.as(n.wire(zero), 'f32'), [])], {})
    : n.as(n.wire(x), 'f32');
  return n.emit('mul', [centered, n.reshape(floatWire(n, scale), [])], {});
};

/** saturate(round(y / scale) + zero) in the type of input 0. */
const stored = (n: OnnxNode, y: ValueId, scale: number, zero: number): Made => {
  roundingNote(n);
  const elem = n.elem(n.has(zero) ? zero : 0);
  const whole = n.emit('round', [n.emit('div', [y, n.reshape(floatWire(n, scale), [])], {})], {});
  const shifted = n.has(zero) ? n.emit('add', [whole, n.reshape(n.as(n.wire(zero), 'f32'), [])], {}) : whole;
  return { value: saturated(n, shifted, elem), elem };
};

const perTensor = (n: OnnxNode, ...inputs: readonly number[]): void => {
  const many = inputs.find((i) => n.has(i) && n.shapeOf(i).some((d) => d !== 1));
  if (many !== undefined) n.refuse(`input ${many} has shape [${n.shapeOf(many).join(', ')}], but one number is supported`);
};

const binary = (n: OnnxNode, op: 'add' | 'mul'): Made => {
  perTensor(n, 1, 2, 4, 5, 6, 7);
  return stored(n, n.emit(op, [real(n, 0, 1, 2), real(n, 3, 4, 5)], {}), 6, 7);
};

const unary = (n: OnnxNode, f: (x: ValueId) => ValueId): Made => {
  perTensor(n, 1, 2, 3, 4);
  return stored(n, f(real(n, 0, 1, 2)), 3, 4);
};

/** Channels last are turned to the front and back. */
const spatialMeans = (n: OnnxNode): Made => {
  const rank = n.rank(0);
  const last = n.int('channels_last', 0) !== 0;
  return unary(n, (x) => n.emit('reduce_mean', [x], { axes: last ? span(1, rank - 1) : span(2, rank), keep: true }));
};

const averagePool = (n: OnnxNode): Made => {
  if (n.int('channels_last', 0) !== 0) return n.refuse('channels_last is 1');
  const kernel = n.ints('kernel_shape') ?? n.malformed('attribute kernel_shape is missing');
  if (n.int('ceil_mode', 0) !== 0) return n.refuse('ceil_mode is 1');
  const attrs = { kernel, ...windowOf(n, kernel), include_pad: n.int('count_include_pad', 0) !== 0 };
  return unary(n, (x) => n.emit('average_pool', [x], attrs));
};

const concat = (n: OnnxNode): Made => {
  perTensor(n, ...span(0, n.inputCount).filter((i) => i < 2 || (i - 2) % 3 !== 0));
  const count = Math.floor((n.inputCount - 2) / 3);
  if (count < 1 || n.inputCount !== 2 + 3 * count) return n.malformed(`it has ${n.inputCount} inputs`);
  const parts = span(0, count).map((k) => real(n, 2 + 3 * k, 3 + 3 * k, 4 + 3 * k));
  const axis = n.axis(n.int('axis'), n.rank(2));
  return stored(n, n.emit('concat', parts, { axis }), 0, 1);
};

/** A' B' alpha + C in integers, then one factor: C is int32 at the scale of the product. */
const gemm = (n: OnnxNode): Made => {
  if (n.int('transA', 0) !== 0) return n.refuse('transA is 1');
  perTensor(n, 1, 2, 7, 8);
  const product = integerProduct(n, { a: 0, aZero: 2, b: 3, bZero: 5, transposed: n.int('transB', 0) !== 0 });
  const sum = n.has(6) ? n.emit('add', [product, n.wire(6)], {}) : product;
  const scales = elementCount(n.staticShape(4)) === 1 ? n.reshape(floatWire(n, 4), []) : floatWire(n, 4);
  const factor = n.emit('mul', [n.emit('mul', [n.reshape(floatWire(n, 1), []), scales], {}), n.scalar(n.float('alpha', 1))], {});
  const y = n.emit('mul', [n.as(sum, 'f32'), factor], {});
  return n.has(7) ? stored(n, y, 7, 8) : { value: y, elem: 'float' };
};

/** Before opset 13 all axes from `axis` on were one. */
const softmax = (n: OnnxNode): Made => {
  perTensor(n, 1, 2, 3, 4);
  const [axis, rank] = [n.axis(n.int('axis', -1), n.rank(0)), n.rank(0)];
  if (n.int('opset') < 13 && axis !== rank - 1) return n.refuse(`axis is ${axis} of ${rank} with the meaning of opset 12`);
  return unary(n, (x) => n.emit('softmax', [x], { axis }));
};

const dequantize = (n: OnnxNode): Made => dequantizeTo(n, n.elem(1), channelLayout(n));

const quantize = (n: OnnxNode): Made => {
  if (!n.has(2)) return n.refuse('there is no zero point, which tells the type');
  const elem = n.elem(2);
  if (elemOf(elem).kind !== 'int') return n.refuse(`quantization to ${elem} is not supported`);
  roundingNote(n);
  return quantizeTo(n, elem, channelLayout(n));
};

export const microsoft = {
  QuantizeLinear: { since: [1], import: (n) => [quantize(n)] },
  DequantizeLinear: { since: [1], dequantizes: true, import: (n) => [dequantize(n)] },
  QLinearAdd: { since: [1], import: (n) => [binary(n, 'add')] },
  QLinearMul: { since: [1], import: (n) => [binary(n, 'mul')] },
  QLinearSigmoid: { since: [1], import: (n) => [unary(n, (x) => n.emit('sigmoid', [x], {}))] },
  QLinearSoftmax: { since: [1], import: (n) => [softmax(n)] },
  QLinearLeakyRelu: {
    since: [1],
    import: (n) => [unary(n, (x) => n.emit('leaky_relu', [x], { alpha: n.float('alpha', 0.01) }))],
  },
  QLinearGlobalAveragePool: { since: [1], import: (n) => [spatialMeans(n)] },
  QLinearAveragePool: { since: [1], import: (n) => [averagePool(n)] },
  QLinearConcat: { since: [1], import: (n) => [concat(n)] },
  QGemm: { since: [1], import: (n) => [gemm(n)] },
  Gelu: { since: [1], import: (n) => [n.emit('gelu', [floatWire(n, 0)], { approximate: 'none' })] },
} as const satisfies OnnxOps;
