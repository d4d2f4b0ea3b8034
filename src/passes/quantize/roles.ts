import { type PrimitiveName, unsupported } from '../../ir/index.ts';
import { lowerDiv, lowerExtreme, ofSomething, lowerMul, lowerReduceSum, lowerSum } from './lower/join.ts';
import { lowerConv, lowerDense, lowerMatmul, matmulFits, needsConstantWeights } from './lower/linear.ts';
import { lowerLrn, lrnFits } from './lower/lrn.ts';
import { lowerArg, lowerAveragePool, lowerConcat, lowerMove, lowerPad } from './lower/move.ts';
import { lowerLogSoftmax, lowerSoftmax, rowFits } from './lower/softmax.ts';
import type { Role } from './emit.ts';

/** A function of one tensor, element by element: a table (NUMERICS §1.3). */
const pointwise: Role = {
  elementwise: true,
  lower: unsupported('its operands depend on more than one run-time tensor, or on a constant that varies along other axes than channels'),
};
/** The same, with its own form for two run-time tensors. */
const onlyAsTable = (reason: string): Role => ({ elementwise: true, lower: unsupported(reason) });
const move: Role = { lower: lowerMove, passthrough: true, wide: 'follow' };
const same: Role = { lower: lowerMove, passthrough: true };
const integerAlready: Role = { lower: unsupported('it belongs to an integer-level program') };
const compare = onlyAsTable('it compares two run-time tensors; only functions of one tensor are supported');
const integers = onlyAsTable('it works on two run-time tensors; only functions of one tensor are supported');
const sum: Role = { lower: lowerReduceSum, clamps: true, wide: 'source' };

/** What the quantizer does with each primitive; composites are expanded before. */
export const ROLES = {
  conv: { lower: lowerConv, clamps: true, wide: 'source', refuses: needsConstantWeights },
  dense: { lower: lowerDense, clamps: true, wide: 'source', refuses: needsConstantWeights },
  matmul: { lower: lowerMatmul, clamps: true, wide: 'source', refuses: matmulFits },

  add: { elementwise: true, lower: lowerSum, clamps: true, wholeRange: true },
  sub: { elementwise: true, lower: lowerSum, clamps: true, wholeRange: true },
  mul: { elementwise: true, lower: lowerMul, clamps: true },
  div: { elementwise: true, lower: lowerDiv, clamps: true },
  pow: onlyAsTable('its base and exponent are different run-time tensors'),
  maximum: { elementwise: true, lower: lowerExtreme, clamps: true },
  minimum: { elementwise: true, lower: lowerExtreme, clamps: true },

  neg: pointwise,
  abs: pointwise,
  relu: pointwise,
  clip: pointwise,
  leaky_relu: pointwise,
  shrink: pointwise,
  elu: pointwise,
  sigmoid: pointwise,
  tanh: pointwise,
  erf: pointwise,
  exp: pointwise,
  log: pointwise,
  sqrt: pointwise,
  softplus: pointwise,
  floor: pointwise,
  ceil: pointwise,
  round: pointwise,
  clamp: pointwise,
  sign: pointwise,
  trunc: pointwise,
  sin: pointwise,
  cos: pointwise,
  tan: pointwise,
  asin: pointwise,
  acos: pointwise,
  atan: pointwise,
  sinh: pointwise,
  cosh: pointwise,
  asinh: pointwise,
  acosh: pointwise,
  atanh: pointwise,
  quantize: pointwise,
  dequantize: pointwise,
  cast: pointwise,

  mod: integers,
  rem: integers,
  div_floor: integers,
  shift_left: integers,
  shift_right: integers,
  shift_right_logical: integers,
  bitwise_and: integers,
  bitwise_or: integers,
  bitwise_xor: integers,
  bitwise_not: pointwise,

  is_nan: pointwise,
  is_inf: pointwise,
  equal: compare,
  less: compare,
  less_equal: compare,
  logical_not: compare,
  select: onlyAsTable('it chooses between run-time tensors; only functions of one tensor are supported'),

  max_pool: same,
  average_pool: { lower: lowerAveragePool, passthrough: true },
  reduce_sum: sum,
  reduce_mean: sum,
  reduce_max: { ...same, refuses: ofSomething },
  reduce_min: { ...same, refuses: ofSomething },
  reduce_prod: { lower: unsupported('a product of many elements has no integer form') },
  argmax: { lower: lowerArg, wide: 'read' },
  argmin: { lower: lowerArg, wide: 'read' },

  cumsum: { lower: unsupported('its zero points add up along the axis') },
  cumprod: { lower: unsupported('a product of many elements has no integer form') },
  top_k: same,

  reshape: move,
  transpose: move,
  split: move,
  slice: move,
  expand: move,
  gather: move,
  gather_elements: move,
  gather_nd: move,
  scatter_elements: { lower: unsupported('its two sources may have different scales') },
  scatter_nd: { lower: unsupported('its two sources may have different scales') },
  pad: { ...move, lower: lowerPad },
  concat: { lower: lowerConcat, passthrough: true },

  softmax: {
    lower: lowerSoftmax,
    wide: 'follow',
    fixed: { narrow: { scale: 1 / 256, zero: -128 }, wide: { scale: 1 / 32768, zero: 0 } },
    refuses: rowFits,
  },
  log_softmax: { lower: lowerLogSoftmax, wide: 'any', refuses: rowFits },
  lrn: { lower: lowerLrn, refuses: lrnFits },

  softmax_lut: integerAlready,
  rescale: integerAlready,
  table: integerAlready,
  add_rescale: integerAlready,
  log2_fixed: integerAlready,
} as const satisfies Record<PrimitiveName, Role>;
