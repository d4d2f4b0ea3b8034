import type { AnyNode, OpName, OpNode } from '../../../../ir/index.ts';
import { type Context, refuse } from '../context.ts';
import { lowerDivision, lowerSign } from './division.ts';
import { lowerBinary, lowerBitcast, lowerCast, lowerClamp, lowerNot, lowerRelu, lowerSelect } from './pointwise.ts';
import { lowerConv, lowerDense, lowerMatmul } from './product.ts';
import { lowerAddRescale, lowerMulRescale, lowerRescale, lowerTable } from './rescale.ts';
import { lowerConcat, lowerExpand, lowerGather, lowerPad, lowerReshape, lowerSlice, lowerSplit, lowerTranspose } from './shape.ts';
import { lowerSoftmax } from './softmax.ts';
import { lowerArg, lowerPool, lowerReduction } from './window.ts';

type Rows = { readonly [P in OpName]?: (ctx: Context, node: OpNode<P>) => void };

/** The integer ops that convolutional networks are made of. */
const ROWS = {
  abs: lowerSign,
  add: lowerBinary,
  add_rescale: lowerAddRescale,
  argmax: lowerArg,
  argmin: lowerArg,
  average_pool: lowerPool,
  bitcast: lowerBitcast,
  cast: lowerCast,
  clamp: lowerClamp,
  concat: lowerConcat,
  conv: lowerConv,
  dense: lowerDense,
  div: lowerDivision,
  div_floor: lowerDivision,
  div_round: lowerDivision,
  equal: lowerBinary,
  expand: lowerExpand,
  gather: lowerGather,
  less: lowerBinary,
  less_equal: lowerBinary,
  logical_and: lowerBinary,
  logical_not: lowerNot,
  logical_or: lowerBinary,
  logical_xor: lowerBinary,
  matmul: lowerMatmul,
  max_pool: lowerPool,
  maximum: lowerBinary,
  minimum: lowerBinary,
  mod: lowerDivision,
  mul: lowerBinary,
  mul_rescale: lowerMulRescale,
  neg: lowerSign,
  pad: lowerPad,
  reduce_max: lowerReduction,
  reduce_mean: lowerReduction,
  reduce_min: lowerReduction,
  reduce_sum: lowerReduction,
  relu: lowerRelu,
  rem: lowerDivision,
  rescale: lowerRescale,
  reshape: lowerReshape,
  select: lowerSelect,
  sign: lowerSign,
  slice: lowerSlice,
  softmax_lut: lowerSoftmax,
  split: lowerSplit,
  sub: lowerBinary,
  table: lowerTable,
  transpose: lowerTranspose,
} as const satisfies Rows;

const BY_NAME = new Map<OpName, (ctx: Context, node: never) => void>(
  Object.entries(ROWS) as [OpName, (ctx: Context, node: never) => void][],
);

export const hasRow = (op: OpName): boolean => BY_NAME.has(op);

export const FLOAT_REASON = 'float32: GPUs may contract, reassociate and flush subnormals, so that bytes would differ between them';
export const NO_KERNEL_REASON = 'there is no kernel for gpu.js';

/** Adds the kernels of a node. @throws {UnsupportedError} with the reason where it is refused */
export const lowerNode = (ctx: Context, node: AnyNode): void => {
  if ([...node.operands, ...node.results].some((v) => ctx.type(v).dtype === 'f32')) refuse(FLOAT_REASON);
  const row = BY_NAME.get(node.op);
  if (row === undefined) return refuse(NO_KERNEL_REASON);
  row(ctx, node as never);
};
