import type { Made } from '../../import-session.ts';
import type { LayerNode } from '../../layer-node.ts';
import { int, word } from '../attributes.ts';
import { activations } from './activation.ts';
import { constants } from './constant.ts';
import { conv } from './conv.ts';
import { elementwise } from './elementwise.ts';
import { indexing } from './indexing.ts';
import { linear } from './linear.ts';
import { norm } from './norm.ts';
import { pool } from './pool.ts';
import { recurrent } from './recurrent.ts';
import { reduce, reduction } from './reduce.ts';
import type { MxTable } from './row.ts';
import { concat, expandDims, flip, numpyReshape, shape, squeeze, transpose } from './shape.ts';
import { slices } from './slice.ts';

const one = (row: (n: LayerNode) => Made) => ({ import: (n: LayerNode) => [row(n)] }) as const;

/** Operators on two arrays, with broadcast; comparisons give truth values and are left out. */
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
  'fix',
  'rint',
] as const;
const ANGLES = ['sin', 'cos', 'tan', 'sinh', 'cosh', 'tanh', 'arcsin', 'arccos', 'arctan', 'arcsinh', 'arccosh', 'arctanh'] as const;

const rowOf = (op: string) => elementwise[op] ?? { refused: 'this importer does not know it' };

/** Operators of the numpy interface that mean the same as others. */
export const numpy: MxTable = {
  ...Object.fromEntries(Object.entries(BINARY).map(([name, op]) => [`_npi_${name}`, rowOf(op)])),
  ...Object.fromEntries(Object.entries(SCALAR).map(([name, op]) => [`_npi_${name}_scalar`, rowOf(op)])),
  ...Object.fromEntries([...UNARY, ...ANGLES, 'degrees', 'radians'].map((op) => [`_npi_${op}`, rowOf(op)])),
  _npi_absolute: rowOf('abs'),
  _npi_abs: rowOf('abs'),
  _npi_negative: rowOf('negative'),
  _npi_reciprocal: rowOf('reciprocal'),
  _npi_deg2rad: rowOf('radians'),
  _npi_rad2deg: rowOf('degrees'),
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
  _npi_expand_dims: one(expandDims),
  _npi_concatenate: one((n) => concat(n, 0)),
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
