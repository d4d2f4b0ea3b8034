import { type OpNode, unsupported } from '../../../ir/index.ts';
import type { Made, MxGraph } from '../graph.ts';
import { refuse } from '../graph.ts';
import { floats, only, type Rows } from './row.ts';
import { reshaped } from './shape.ts';

type Reduction = 'reduce_sum' | 'reduce_mean' | 'reduce_max' | 'reduce_min' | 'reduce_prod';
const reduction =
  (op: string, ...dtypes: readonly ('f32' | 'i32')[]) =>
  (g: MxGraph, node: OpNode<Reduction>): Made => {
    only(g, node, ...dtypes);
    const [x] = node.operands;
    const rank = g.rank(x);
    const axes = node.attrs.axes.map((a) => (a < 0 ? a + rank : a));
    // an empty tuple means all axes there
    if (axes.length === 0) return g.op('identity', [g.x(x)]);
    return g.op(op, [g.x(x)], { axis: axes, keepdims: node.attrs.keep });
  };

/** 64-bit indices of the numpy form, which are exact, as int32. */
const place =
  (op: string) =>
  (g: MxGraph, node: OpNode<'argmax' | 'argmin'>): Made => {
    only(g, node, 'f32', 'i32');
    if (node.attrs.last) return refuse('MXNet takes the first of equal elements');
    const [x] = node.operands;
    const found = g.op(op, [g.x(x)], { axis: node.attrs.axis, keepdims: node.attrs.keep || g.rank(x) === 1 });
    const whole = g.op('Cast', [found], { dtype: 'int32' });
    return g.rank(x) === 1 && !node.attrs.keep ? reshaped(g, whole, []) : whole;
  };

const cumsum = (g: MxGraph, node: OpNode<'cumsum'>): Made => {
  only(g, node, 'f32', 'i32');
  if (node.attrs.exclusive) return refuse('MXNet counts each element itself');
  const [x] = node.operands;
  const axis = node.attrs.axis < 0 ? node.attrs.axis + g.rank(x) : node.attrs.axis;
  if (!node.attrs.reverse) return g.op('_np_cumsum', [g.x(x)], { axis });
  return g.op('reverse', [g.op('_np_cumsum', [g.op('reverse', [g.x(x)], { axis: [axis] })], { axis })], { axis: [axis] });
};

const topK = (g: MxGraph, node: OpNode<'top_k'>): Made => {
  floats(g, node);
  const { k, axis, largest } = node.attrs;
  const { node: made } = g.op('topk', [g.x(node.operands[0])], { axis, k, ret_typ: 'both', is_ascend: !largest, dtype: 'int32' });
  return [0, 1].map((output) => ({ node: made, output }));
};
const ordered =
  (op: string, attrs: Readonly<Record<string, string>> = {}) =>
  (g: MxGraph, node: OpNode<'sort' | 'argsort'>): Made => {
    floats(g, node);
    return g.op(op, [g.x(node.operands[0])], { axis: node.attrs.axis, is_ascend: !node.attrs.descending, ...attrs });
  };

const NO_FIXED = 'MXNet has no fixed-point arithmetic';
const fixed = unsupported(NO_FIXED);
const QUANTIZED = unsupported('integer operators of MXNet rescale by ranges of floats: other integers would come out');
const RANDOM = unsupported('MXNet has other random numbers');
const REGIONS = unsupported('MXNet samples positions by operators of its own, which differ at the borders');

export const reduceRows = {
  reduce_sum: reduction('sum', 'f32', 'i32'),
  reduce_mean: reduction('mean', 'f32'),
  reduce_max: reduction('max', 'f32', 'i32'),
  reduce_min: reduction('min', 'f32', 'i32'),
  reduce_prod: reduction('prod', 'f32'),
  argmax: place('_npi_argmax'),
  argmin: place('_npi_argmin'),
  top_k: topK,
  sort: ordered('sort'),
  argsort: ordered('argsort', { dtype: 'int32' }),
  cumsum,
  cumprod: unsupported('MXNet has no running product'),
} as const satisfies Rows;

/** What MXNet cannot express, with the reason. */
export const refusedRows = {
  exp2_fixed: fixed,
  exp_fixed: fixed,
  sin_fixed: fixed,
  cos_fixed: fixed,
  isqrt: fixed,
  pow_fixed: fixed,
  softmax_fixed: fixed,
  layer_norm_fixed: fixed,
  log2_fixed: fixed,
  lse_fixed: fixed,
  add_saturated: fixed,
  softmax_lut: fixed,
  quantize: QUANTIZED,
  dequantize: QUANTIZED,
  rescale: QUANTIZED,
  table: QUANTIZED,
  add_rescale: QUANTIZED,
  round_float: unsupported('MXNet does not round to narrow float formats and back'),
  bitcast: unsupported('MXNet does not read the bits of one type as another'),
  random_bits: RANDOM,
  random_uniform: RANDOM,
  random_int: RANDOM,
  random_bernoulli: RANDOM,
  interpolate: REGIONS,
  roi_align: REGIONS,
  roi_pool: REGIONS,
  nms: unsupported('MXNet sorts boxes out in another order'),
} as const satisfies Rows;
