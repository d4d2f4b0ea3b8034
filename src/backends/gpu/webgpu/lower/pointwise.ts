import { DTYPE_INFO, type OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Context, refuse } from '../context.ts';
import { int } from '../wgsl.ts';
import { broadcastOffset } from './strided.ts';

type Binary = OpNode<'add'> | OpNode<'sub'> | OpNode<'mul'> | OpNode<'maximum'> | OpNode<'minimum'>;

/** i32 wraps as in the definition. */
const BINARY: Readonly<Record<Binary['op'], (a: string, b: string) => string>> = {
  add: (a, b) => `${a} + ${b}`,
  sub: (a, b) => `${a} - ${b}`,
  mul: (a, b) => `${a} * ${b}`,
  maximum: (a, b) => `max(${a}, ${b})`,
  minimum: (a, b) => `min(${a}, ${b})`,
};

export const lowerBinary = (ctx: Context, node: Binary): void => {
  const [a, b, y] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)];
  const [ra, rb, { shape }] = [ctx.use(a), ctx.use(b), ctx.type(y)];
  const text = (): string => `  let oa = ${broadcastOffset(ctx.type(a).shape, shape, 'i')};
  let ob = ${broadcastOffset(ctx.type(b).shape, shape, 'i')};
  return ${BINARY[node.op](ra.load('i32', 'oa'), rb.load('i32', 'ob'))};`;
  ctx.elements(y, [a, b], text);
};

/** y = f(x) for each element. */
const map = (ctx: Context, node: OpNode, f: (v: string) => string): void => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  const [{ dtype }, from] = [ctx.type(x), ctx.use(x)];
  ctx.elements(y, [x], () => `  let v = ${from.load(dtype, 'i')};\n  return ${f('v')};`);
};

export const lowerRelu = (ctx: Context, node: OpNode<'relu'>): void => map(ctx, node, (v) => `max(${v}, 0)`);

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
