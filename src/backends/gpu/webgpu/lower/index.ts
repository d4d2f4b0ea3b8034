import type { AnyNode, OpName, OpNode } from '../../../../ir/index.ts';
import { type Context, refuse } from '../context.ts';
import { lowerBinary, lowerSelect } from './binary.ts';
import { lowerNms } from './detection.ts';
import { lowerExp, lowerExp2, lowerIsqrt, lowerLog2, lowerPow, lowerSine } from './fixed.ts';
import { lowerCumsum, lowerGatherElements, lowerGatherNd, lowerScatterElements, lowerScatterNd, lowerTopK } from './indexed.ts';
import {
  lowerAbs,
  lowerBitcast,
  lowerCast,
  lowerClamp,
  lowerClz,
  lowerLogicalNot,
  lowerNeg,
  lowerNot,
  lowerRelu,
  lowerSign,
} from './pointwise.ts';
import { lowerRandomBernoulli, lowerRandomBits, lowerRandomInt } from './random.ts';
import { lowerLayerNorm, lowerLse, lowerSoftmaxFixed } from './normalize.ts';
import { lowerInterpolate, lowerRoiAlign, lowerRoiPool } from './regions.ts';
import { lowerConv, lowerDense, lowerMatmul } from './product.ts';
import { lowerAddRescale, lowerMulRescale, lowerRescale, lowerTable } from './rescale.ts';
import { lowerConcat, lowerExpand, lowerGather, lowerPad, lowerReshape, lowerSlice, lowerSplit, lowerTranspose } from './shape.ts';
import { lowerSoftmax } from './softmax.ts';
import { lowerArg, lowerPool, lowerReduction } from './window.ts';

type Rows = { readonly [P in OpName]?: (ctx: Context, node: OpNode<P>) => void };

/** The integer ops with kernels of their own. */
const ROWS = {
  abs: lowerAbs,
  add: lowerBinary,
  add_rescale: lowerAddRescale,
  add_saturated: lowerBinary,
  argmax: lowerArg,
  argmin: lowerArg,
  average_pool: lowerPool,
  bitcast: lowerBitcast,
  bitwise_and: lowerBinary,
  bitwise_not: lowerNot,
  bitwise_or: lowerBinary,
  bitwise_xor: lowerBinary,
  cast: lowerCast,
  clamp: lowerClamp,
  clz: lowerClz,
  concat: lowerConcat,
  conv: lowerConv,
  cos_fixed: lowerSine,
  cumsum: lowerCumsum,
  dense: lowerDense,
  div: lowerBinary,
  div_floor: lowerBinary,
  div_round: lowerBinary,
  equal: lowerBinary,
  exp2_fixed: lowerExp2,
  exp_fixed: lowerExp,
  expand: lowerExpand,
  gather: lowerGather,
  gather_elements: lowerGatherElements,
  gather_nd: lowerGatherNd,
  interpolate: lowerInterpolate,
  isqrt: lowerIsqrt,
  layer_norm_fixed: lowerLayerNorm,
  less: lowerBinary,
  less_equal: lowerBinary,
  log2_fixed: lowerLog2,
  logical_not: lowerLogicalNot,
  lse_fixed: lowerLse,
  matmul: lowerMatmul,
  max_pool: lowerPool,
  maximum: lowerBinary,
  minimum: lowerBinary,
  mod: lowerBinary,
  mul: lowerBinary,
  mul_rescale: lowerMulRescale,
  neg: lowerNeg,
  nms: lowerNms,
  pad: lowerPad,
  pow_fixed: lowerPow,
  random_bernoulli: lowerRandomBernoulli,
  random_bits: lowerRandomBits,
  random_int: lowerRandomInt,
  reduce_max: lowerReduction,
  reduce_mean: lowerReduction,
  reduce_min: lowerReduction,
  reduce_sum: lowerReduction,
  relu: lowerRelu,
  rem: lowerBinary,
  rescale: lowerRescale,
  reshape: lowerReshape,
  roi_align: lowerRoiAlign,
  roi_pool: lowerRoiPool,
  scatter_elements: lowerScatterElements,
  scatter_nd: lowerScatterNd,
  select: lowerSelect,
  shift_left: lowerBinary,
  shift_right: lowerBinary,
  shift_right_logical: lowerBinary,
  sign: lowerSign,
  sin_fixed: lowerSine,
  slice: lowerSlice,
  softmax_fixed: lowerSoftmaxFixed,
  softmax_lut: lowerSoftmax,
  split: lowerSplit,
  sub: lowerBinary,
  table: lowerTable,
  top_k: lowerTopK,
  transpose: lowerTranspose,
} as const satisfies Rows;

const BY_NAME = new Map<OpName, (ctx: Context, node: never) => void>(
  Object.entries(ROWS) as [OpName, (ctx: Context, node: never) => void][],
);

export const hasRow = (op: OpName): boolean => BY_NAME.has(op);

export const FLOAT_REASON =
  'float32: WGSL lets devices flush subnormals, contract and reassociate, so that bytes would differ between them';
export const NO_KERNEL_REASON = 'there is no kernel in WGSL';

/** Launches the kernels of a node. @throws {UnsupportedError} with the reason where it is refused */
export const lowerNode = (ctx: Context, node: AnyNode): void => {
  if ([...node.operands, ...node.results].some((v) => ctx.type(v).dtype === 'f32')) refuse(FLOAT_REASON);
  const row = BY_NAME.get(node.op);
  if (row === undefined) return refuse(NO_KERNEL_REASON);
  row(ctx, node as never);
};
