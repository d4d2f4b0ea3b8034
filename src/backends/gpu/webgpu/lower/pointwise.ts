import { DTYPE_INFO, type OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Context, refuse } from '../context.ts';
import { int } from '../wgsl.ts';

/** y = f(x) for each element. */
const map = (ctx: Context, node: OpNode, f: (v: string) => string): void => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  const [{ dtype }, from] = [ctx.type(x), ctx.use(x)];
  ctx.elements(y, [x], () => `  let v = ${from.load(dtype, 'i')};\n  return ${f('v')};`);
};

export const lowerRelu = (ctx: Context, node: OpNode<'relu'>): void => map(ctx, node, (v) => `max(${v}, 0)`);

/** -2^31 has no negative: it becomes 2^31 - 1, which is its complement. */
const negated = (v: string): string => `select(-${v}, ~${v}, ${v} == i32(-2147483648))`;

export const lowerNeg = (ctx: Context, node: OpNode<'neg'>): void => map(ctx, node, negated);
export const lowerAbs = (ctx: Context, node: OpNode<'abs'>): void => map(ctx, node, (v) => `select(${v}, ${negated(v)}, ${v} < 0)`);
export const lowerSign = (ctx: Context, node: OpNode<'sign'>): void => map(ctx, node, (v) => `sign(${v})`);
export const lowerNot = (ctx: Context, node: OpNode<'bitwise_not'>): void => map(ctx, node, (v) => `~${v}`);
export const lowerLogicalNot = (ctx: Context, node: OpNode<'logical_not'>): void => map(ctx, node, (v) => `select(0, 1, ${v} == 0)`);
export const lowerClz = (ctx: Context, node: OpNode<'clz'>): void =>
  map(ctx, node, (v) => `bitcast<i32>(countLeadingZeros(bitcast<u32>(${v})))`);

export const lowerClamp = (ctx: Context, node: OpNode<'clamp'>): void =>
  map(ctx, node, (v) => `clamp(${v}, ${int(node.attrs.lo)}, ${int(node.attrs.hi)})`);

/** Integer to integer keeps the value and saturates; to bool is x != 0. */
export const lowerCast = (ctx: Context, node: OpNode<'cast'>): void => {
  const { dtype } = node.attrs;
  if (dtype === 'f32') refuse('f32');
  const { lo, hi } = DTYPE_INFO[dtype];
  map(ctx, node, (v) => (dtype === 'bool' ? `select(0, 1, ${v} != 0)` : `clamp(${v}, ${int(lo)}, ${int(hi)})`));
};

/** Bytes of the other sign are the same bytes. */
export const lowerBitcast = (ctx: Context, node: OpNode<'bitcast'>): void => ctx.alias(at(node.results, 0), at(node.operands, 0));
