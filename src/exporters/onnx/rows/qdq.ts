import { DTYPE_INFO, type DType, elementCount, type OpNode, type Tensor, type TensorData, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { OnnxGraph } from '../graph.ts';
import { tensorMessage } from '../message.ts';
import { convRows, matmulRows } from './layers.ts';
import { poolRows } from './pool.ts';
import { quantizedRows } from './quantized.ts';
import { reduceRows } from './reduce.ts';
import type { Made } from './row.ts';

/**
 * Integer layers as float operators between quantizers. Every quantized tensor keeps its integers: its scale is 1, and the factors of a
 * rescale are scales of the weights before it.
 */

type Layer = OpNode<'conv' | 'dense'>;

const isByte = (dtype: DType): boolean => dtype === 'i8' || dtype === 'u8';

/** multiplier / 2^shift of a rescale with constant factors above 0, exact in float32 up to 24 bits. */
const factorsOf = (g: OnnxGraph, multiplier: ValueId, shift: ValueId): Float32Array | undefined => {
  const [m, s] = [g.param(multiplier)?.data, g.param(shift)?.data];
  if (m === undefined || s === undefined || m.some((v) => v <= 0)) return undefined;
  return Float32Array.from(m, (v, i) => v / 2 ** at(s, i));
};

/** The rescale that alone reads a layer of bytes whose weights are constants; undefined where there is none. */
const rescaleOf = (g: OnnxGraph, layer: Layer): OpNode<'rescale'> | undefined => {
  const [, w, bias] = layer.operands;
  if (!isByte(g.t(layer).dtype) || w === undefined || g.param(w) === undefined) return undefined;
  if (bias !== undefined && g.param(bias) === undefined) return undefined;
  const reader = g.onlyReader(at(layer.results, 0));
  if (reader?.op !== 'rescale' || reader.attrs.input_zero !== 0 || !isByte(reader.attrs.dtype)) return undefined;
  return factorsOf(g, at(reader.operands, 1), at(reader.operands, 2)) === undefined ? undefined : reader;
};

const scalar = (g: OnnxGraph, hint: string, dtype: DType, value: number): string => {
  const data = DTYPE_INFO[dtype].make(1);
  data[0] = value;
  return g.constant(hint, (name) => tensorMessage(name, { dtype, shape: [], data }));
};
const floats = (g: OnnxGraph, hint: string, data: Float32Array): string =>
  g.constant(hint, (name) => tensorMessage(name, { dtype: 'f32', shape: data.length === 1 ? [] : [data.length], data }));

/** Reals of integers of the given zero point. */
const dequantized = (g: OnnxGraph, x: string, dtype: DType, zero: number, scales: Float32Array = Float32Array.of(1), axis = 1): string => {
  const inputs = [x, floats(g, 'scale', scales), ...(zero === 0 ? [] : [scalar(g, 'zero', dtype, zero)])];
  return g.one('DequantizeLinear', inputs, scales.length === 1 ? {} : { axis });
};

interface Range {
  readonly dtype: DType;
  readonly lo: number;
  readonly hi: number;
  readonly zero: number;
}

/** Integers of reals, limited to lo … hi. */
const quantized = (g: OnnxGraph, y: string, { dtype, lo, hi, zero }: Range): string => {
  const info = DTYPE_INFO[dtype];
  const whole = lo === info.lo && hi === info.hi;
  const held = whole ? y : g.one('Clip', [y, g.float('min', lo - zero), g.float('max', hi - zero)]);
  return g.one('QuantizeLinear', [held, g.float('scale', 1), scalar(g, 'zero', dtype, zero)]);
};

const sumOf = (data: TensorData, start: number, count: number): number => {
  let sum = 0;
  for (let i = start; i < start + count; i++) sum += at(data, i);
  return sum;
};

/** Of each output channel, the sum of its weights. */
const weightSums = (w: Tensor): readonly number[] => {
  const channels = at(w.shape, 0);
  const each = elementCount(w.shape) / channels;
  return Array.from({ length: channels }, (_, c) => sumOf(w.data, c * each, each));
};

/** bias + zero sum w: what is left when the zero point is taken from x. */
const foldedBias = (g: OnnxGraph, layer: Layer, w: Tensor, zero: number): Tensor | undefined => {
  const given = layer.operands[2] === undefined ? undefined : g.param(layer.operands[2]);
  if (given === undefined && zero === 0) return undefined;
  const data = Int32Array.from(weightSums(w), (sum, c) => (given?.data[c] ?? 0) + zero * sum);
  return { dtype: 'i32', shape: [data.length], data };
};

/** A layer and the rescale behind it. */
const layerBetween = (g: OnnxGraph, layer: Layer, rescale: OpNode<'rescale'>): Made => {
  const scales = factorsOf(g, at(rescale.operands, 1), at(rescale.operands, 2)) ?? Float32Array.of(1);
  const weights = g.param(at(layer.operands, 1));
  const zero = layer.op === 'conv' ? layer.attrs.pad_value : 0;
  const { dtype, shape } = g.t(layer);
  const x = dequantized(g, g.x(layer), dtype, zero);
  const w = dequantized(g, g.x(layer, 1), 'i8', 0, scales, 0);
  const bias = weights === undefined ? undefined : foldedBias(g, layer, weights, zero);
  const b =
    bias === undefined
      ? []
      : [
          dequantized(
            g,
            g.constant('bias', (name) => tensorMessage(name, bias)),
            'i32',
            0,
            scales,
            0,
          ),
        ];
  const range = { ...rescale.attrs, zero: rescale.attrs.output_zero };
  if (layer.op === 'conv') {
    const { stride, pads, dilation, groups } = layer.attrs;
    const window = { kernel_shape: g.sizes(layer, 1).slice(2), strides: stride, pads, dilations: dilation, group: groups };
    return quantized(g, g.one('Conv', [x, w, ...b], window), range);
  }
  if (shape.length === 2) return quantized(g, g.one('Gemm', [x, w, ...b], { transB: 1 }), range);
  const product = g.one('MatMul', [x, g.one('Transpose', [w], { perm: [1, 0] })]);
  return quantized(g, b.length === 0 ? product : g.one('Add', [product, ...b]), range);
};

/** Nothing yet: the rescale that reads it writes both. */
const layer =
  <L extends Layer>(exact: (g: OnnxGraph, node: L) => Made) =>
  (g: OnnxGraph, node: L): Made => {
    const fused = rescaleOf(g, node);
    if (fused === undefined) return exact(g, node);
    g.deferred.set(at(node.results, 0), node);
    return '';
  };

const rescale = (g: OnnxGraph, node: OpNode<'rescale'>): Made => {
  const deferred = g.deferred.get(at(node.operands, 0));
  if (deferred?.op === 'conv' || deferred?.op === 'dense') return layerBetween(g, deferred, node);
  const { dtype } = g.t(node);
  const scales = factorsOf(g, at(node.operands, 1), at(node.operands, 2));
  const plain = isByte(dtype) || (dtype === 'i32' && node.attrs.input_zero === 0);
  if (scales === undefined || !plain || !isByte(node.attrs.dtype)) return quantizedRows.rescale(g, node);
  const reals = dequantized(g, g.x(node), dtype, node.attrs.input_zero, scales);
  return quantized(g, reals, { ...node.attrs, zero: node.attrs.output_zero });
};

const addRescale = (g: OnnxGraph, node: OpNode<'add_rescale'>): Made => {
  const { multipliers, zeros, shift, lo, hi, output_zero } = node.attrs;
  if (multipliers.some((m) => m === 0)) return quantizedRows.add_rescale(g, node);
  const terms = g.xs(node).map((x, i) => {
    const m = at(multipliers, i);
    const reals = dequantized(g, x, g.t(node, i).dtype, at(zeros, i), Float32Array.of(Math.abs(m) / 2 ** shift));
    return m < 0 ? g.one('Neg', [reals]) : reals;
  });
  const sum = terms.reduce((a, t) => g.one('Add', [a, t]));
  return quantized(g, sum, { dtype: 'i8', lo, hi, zero: output_zero });
};

const mulRescale = (g: OnnxGraph, node: OpNode<'mul_rescale'>): Made => {
  const scales = factorsOf(g, at(node.operands, 2), at(node.operands, 3));
  if (scales === undefined) return quantizedRows.mul_rescale(g, node);
  const { a_zero, b_zero, lo, hi, output_zero } = node.attrs;
  const a = dequantized(g, g.x(node), g.t(node).dtype, a_zero, scales);
  const b = dequantized(g, g.x(node, 1), g.t(node, 1).dtype, b_zero);
  return quantized(g, g.one('Mul', [a, b]), { dtype: 'i8', lo, hi, zero: output_zero });
};

const averagePool = (g: OnnxGraph, node: OpNode<'average_pool'>): Made => {
  const { dtype } = g.t(node);
  const { kernel, stride, pads, dilation, include_pad, pad_value, ceil } = node.attrs;
  if (!isByte(dtype) || ceil) return poolRows.average_pool(g, node);
  const window = { kernel_shape: kernel, strides: stride, pads, dilations: dilation, ...(include_pad ? { count_include_pad: 1 } : {}) };
  const y = g.one('AveragePool', [dequantized(g, g.x(node), dtype, pad_value)], window);
  return quantized(g, y, { dtype, lo: DTYPE_INFO[dtype].lo, hi: DTYPE_INFO[dtype].hi, zero: pad_value });
};

const reduceMean = (g: OnnxGraph, node: OpNode<'reduce_mean'>): Made => {
  const { dtype } = g.t(node);
  const { axes, keep } = node.attrs;
  if (!isByte(dtype) || axes.length === 0) return reduceRows.reduce_mean(g, node);
  const y = g.one('ReduceMean', [dequantized(g, g.x(node), dtype, 0), g.ints('axes', axes)], { keepdims: keep ? 1 : 0 });
  return quantized(g, y, { dtype, lo: DTYPE_INFO[dtype].lo, hi: DTYPE_INFO[dtype].hi, zero: 0 });
};

/** Rows of `--form qdq`; what they cannot do is written exactly. */
export const qdqRows = {
  conv: layer(convRows.conv),
  dense: layer(matmulRows.dense),
  rescale,
  add_rescale: addRescale,
  mul_rescale: mulRescale,
  average_pool: averagePool,
  reduce_mean: reduceMean,
} as const;
