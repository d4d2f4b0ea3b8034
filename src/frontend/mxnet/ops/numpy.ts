import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerNode } from '../../layer-node.ts';
import { bool, float, int, optionalInt, text, word } from '../attributes.ts';
import { activations } from './activation.ts';
import { constants } from './constant.ts';
import { conv } from './conv.ts';
import { elementwise, pointwise } from './elementwise.ts';
import { indexing } from './indexing.ts';
import { linear } from './linear.ts';
import { norm } from './norm.ts';
import { pool } from './pool.ts';
import { recurrent } from './recurrent.ts';
import { reduce, reduction } from './reduce.ts';
import type { MxTable } from './row.ts';
import { concat, flip, numpyReshape, shape, squeeze, transpose } from './shape.ts';
import { slices } from './slice.ts';

const one = (row: (n: LayerNode) => Made) => ({ import: (n: LayerNode) => [row(n)] }) as const;

/** Operators on two arrays, with broadcast. */
const BINARY = {
  add: 'broadcast_add',
  subtract: 'broadcast_sub',
  multiply: 'broadcast_mul',
  true_divide: 'broadcast_div',
  mod: 'broadcast_mod',
  power: 'broadcast_power',
  maximum: 'broadcast_maximum',
  minimum: 'broadcast_minimum',
  hypot: 'broadcast_hypot',
} as const;
const SCALAR = {
  add: '_plus_scalar',
  subtract: '_minus_scalar',
  rsubtract: '_rminus_scalar',
  multiply: '_mul_scalar',
  true_divide: '_div_scalar',
  rtrue_divide: '_rdiv_scalar',
  mod: '_mod_scalar',
  power: '_power_scalar',
  rpower: '_rpower_scalar',
  maximum: '_maximum_scalar',
  minimum: '_minimum_scalar',
} as const;
const UNARY = [
  'exp',
  'log',
  'log2',
  'log10',
  'log1p',
  'expm1',
  'sqrt',
  'cbrt',
  'square',
  'sign',
  'floor',
  'ceil',
  'trunc',
  'rint',
] as const;
const ANGLES = ['sin', 'cos', 'tan', 'sinh', 'cosh', 'tanh', 'arcsin', 'arccos', 'arctan', 'arcsinh', 'arccosh', 'arctanh'] as const;

const LOGIC = {
  equal: (n, a, b) => n.emit('equal', [a, b], {}),
  not_equal: (n, a, b) => n.emit('logical_not', [n.emit('equal', [a, b], {})], {}),
  less: (n, a, b) => n.emit('less', [a, b], {}),
  less_equal: (n, a, b) => n.emit('less_equal', [a, b], {}),
  greater: (n, a, b) => n.emit('less', [b, a], {}),
  greater_equal: (n, a, b) => n.emit('less_equal', [b, a], {}),
} as const satisfies Record<string, (n: LayerNode, a: ValueId, b: ValueId) => ValueId>;

/** Two arrays of one type, or one and the attribute `scalar`. */
const onPair = (f: (n: LayerNode, a: ValueId, b: ValueId) => ValueId) =>
  one((n) => {
    if (n.elem(0) !== n.elem(1)) return n.malformed(`input 0 is ${n.elem(0)}, but input 1 is ${n.elem(1)}`);
    return pointwise(n, [0, 1], ([a, b]) => f(n, a as ValueId, b as ValueId));
  });
const onScalar = (f: (n: LayerNode, a: ValueId, b: ValueId) => ValueId) =>
  one((n) => {
    n.ignore('is_int');
    const value = float(n, 'scalar', 1);
    if (n.typeOf(n.x(0)).dtype !== 'i32') return f(n, n.real(0), n.scalar(value));
    if (!Number.isInteger(value)) return n.refuse(`integers and the scalar ${value} together are not supported`);
    return f(n, n.x(0), n.session.constant('scalar', { elem: 'int32', shape: [], data: Int32Array.of(value) }));
  });
/** What is not 0. */
const truth = (n: LayerNode): Made => {
  n.ignore('is_int');
  return n.as(n.x(0), 'bool');
};
type Bits = 'bitwise_and' | 'bitwise_or' | 'bitwise_xor';
const bits = (op: Bits) => onPair((n, a, b) => n.emit(op, [a, b], {}));

/** Begin and end of each dimension: ((1, 0), (0, 2)). */
const pad = (n: LayerNode): Made => {
  const given = text(n, 'pad_width') ?? '';
  const widths = [...given.matchAll(/\d+/g)].map(([w]) => Number(w));
  const rank = n.rank(0);
  if (!/^[\s()[\],\d]*$/.test(given) || widths.length !== 2 * rank) return n.malformed(`pad_width is ${given}, the rank ${rank}`);
  const mode = word(n, 'mode', ['constant', 'edge', 'reflect'], 'constant');
  if ((text(n, 'reflect_type') ?? 'even') !== 'even') return n.refuse('reflect_type is odd');
  const value = float(n, 'constant_value', 0);
  const side = (k: number): number[] => widths.filter((_, i) => i % 2 === k);
  const pads = [...side(0), ...side(1)];
  const y = n.emit('pad', [n.x(0)], { mode, pads, value: mode === 'constant' ? value : 0 });
  return { value: y, layout: 'file', elem: n.elem(0) };
};

/** Indices are 64-bit integers. */
const place = (op: 'argmax' | 'argmin') =>
  one((n) => {
    const axis = optionalInt(n, 'axis');
    if (axis === undefined) return n.refuse('there is no axis');
    const value = n.emit(op, [n.x(0)], { axis: n.axis(axis, n.rank(0)), keep: bool(n, 'keepdims', false) });
    return { value, layout: 'file', elem: 'int64' };
  });

const rowOf = (op: string) => elementwise[op] ?? { refused: 'this importer does not know it' };

/** Operators of the numpy interface that mean the same as others. */
export const numpy: MxTable = {
  ...Object.fromEntries(Object.entries(BINARY).map(([name, op]) => [`_npi_${name}`, rowOf(op)])),
  ...Object.fromEntries(Object.entries(SCALAR).map(([name, op]) => [`_npi_${name}_scalar`, rowOf(op)])),
  ...Object.fromEntries([...UNARY, ...ANGLES, 'degrees', 'radians'].map((op) => [`_npi_${op}`, rowOf(op)])),
  ...Object.fromEntries(Object.entries(LOGIC).map(([name, f]) => [`_npi_${name}`, onPair(f)])),
  ...Object.fromEntries(Object.entries(LOGIC).map(([name, f]) => [`_npi_${name}_scalar`, onScalar(f)])),
  _npi_not_equal_scalar: one((n) => (float(n, 'scalar', 1) === 0 ? truth(n) : at(onScalar(LOGIC.not_equal).import(n), 0))),
  _npi_bitwise_and: bits('bitwise_and'),
  _npi_bitwise_or: bits('bitwise_or'),
  _npi_bitwise_xor: bits('bitwise_xor'),
  _npi_bitwise_not: one((n) => n.emit('bitwise_not', [n.x(0)], {})),
  _npi_logical_not: one((n) => n.emit('logical_not', [n.as(n.x(0), 'bool')], {})),
  _npi_isnan: one((n) => n.emit('is_nan', [n.real(0)], {})),
  _npi_isinf: one((n) => n.emit('is_inf', [n.real(0)], {})),
  _npi_pad: one(pad),
  _npi_argmax: place('argmax'),
  _npi_argmin: place('argmin'),
  _npi_fix: rowOf('trunc'),
  _npi_absolute: rowOf('abs'),
  _npi_abs: rowOf('abs'),
  _npi_negative: rowOf('negative'),
  _npi_reciprocal: rowOf('reciprocal'),
  _npx_relu: activations.relu,
  _npx_sigmoid: rowOf('sigmoid'),
  _npx_erf: rowOf('erf'),
  _npx_activation: activations.Activation,
  _npx_leaky_relu: activations.LeakyReLU,
  _npi_clip: activations.clip,
  _npx_convolution: conv.Convolution,
  _npx_deconvolution: conv.Deconvolution,
  _npx_fully_connected: conv.FullyConnected,
  _npx_embedding: conv.Embedding,
  _npx_pooling: pool.Pooling,
  _npx_roi_pooling: pool.ROIPooling,
  _npx_batch_norm: norm.BatchNorm,
  _npx_layer_norm: norm.LayerNorm,
  _npx_instance_norm: norm.InstanceNorm,
  _npx_group_norm: norm.GroupNorm,
  _npx_softmax: norm.softmax,
  _npx_log_softmax: norm.log_softmax,
  _npx_dropout: constants.Dropout,
  _npx_rnn: recurrent.RNN,
  _npx_batch_dot: linear.batch_dot,
  _npx_batch_flatten: shape.Flatten,
  _npx_reshape: one(numpyReshape),
  _np_reshape: one((n) => {
    word(n, 'order', ['C'], 'C');
    return numpyReshape(n);
  }),
  _npx_reshape_like: shape.reshape_like,
  _npx_slice: slices.slice,
  _npx_pick: indexing.pick,
  _npx_one_hot: indexing.one_hot,
  _npx_topk: reduce.topk,
  _npx_cast: constants.Cast,
  _npi_cast: constants.Cast,
  _np_copy: constants.identity,
  _np_squeeze: one(squeeze),
  _npi_squeeze: one(squeeze),
  _np_transpose: one(transpose),
  _npi_transpose: one(transpose),
  _npi_expand_dims: shape.expand_dims,
  _npi_concatenate: one((n) => {
    if (n.attribute('axis') === 'None') return n.refuse('axis is None');
    return concat(n, 'axis', 0);
  }),
  _npi_flip: one(flip),
  _npi_broadcast_to: shape.broadcast_to,
  _npi_stack: shape.stack,
  _npi_swapaxes: shape.SwapAxis,
  _npi_where: rowOf('where'),
  _npi_take: indexing.take,
  _np_sum: one(reduction('reduce_sum', true)),
  _npi_mean: one(reduction('reduce_mean', true)),
  _np_max: one(reduction('reduce_max', true)),
  _np_min: one(reduction('reduce_min', true)),
  _np_prod: one(reduction('reduce_prod', true)),
  _npi_matmul: one((n) => n.emit('matmul', [n.real(0), n.real(1)], {})),
  _npx_arange_like: constants._contrib_arange_like,
  _npi_zeros: constants._zeros,
  _npi_ones: constants._ones,
  _npi_full: constants._full,
  _npi_tensordot_int_axes: one((n) => {
    const axes = int(n, 'axes');
    if (axes !== 1 || n.rank(0) !== 2 || n.rank(1) !== 2) return n.refuse(`axes is ${axes}, the ranks ${n.rank(0)} and ${n.rank(1)}`);
    return n.emit('matmul', [n.real(0), n.real(1)], {});
  }),
};
