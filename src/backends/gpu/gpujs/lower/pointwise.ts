import { DTYPE_INFO, type OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Code } from '../code.ts';
import { type Context, refuse } from '../context.ts';
import { add, choose, clamp, constant, type Int, less, maximum, minimum, multiply, single, subtract } from '../integers.ts';
import { broadcastOffset } from './strided.ts';

type Binary = OpNode<'add'> | OpNode<'sub'> | OpNode<'mul'> | OpNode<'maximum'> | OpNode<'minimum'>;
type Compare =
  | OpNode<'equal'>
  | OpNode<'less'>
  | OpNode<'less_equal'>
  | OpNode<'logical_and'>
  | OpNode<'logical_or'>
  | OpNode<'logical_xor'>;

const bit = (code: Code, condition: string): Int => choose(code, condition, constant(1), constant(0));
const not = (code: Code, v: Int): Int => single(code.let(`1 - ${v.lo}`), 0, 1);
const differ = (code: Code, a: Int, b: Int): Int => bit(code, `${less(code, a, b)} || ${less(code, b, a)}`);

/** i32 wraps as in the definition. */
const BINARY: Readonly<Record<Binary['op'] | Compare['op'], (code: Code, a: Int, b: Int) => Int>> = {
  add,
  sub: subtract,
  mul: multiply,
  maximum,
  minimum,
  equal: (code, a, b) => not(code, differ(code, a, b)),
  less: (code, a, b) => bit(code, less(code, a, b)),
  less_equal: (code, a, b) => not(code, bit(code, less(code, b, a))),
  logical_and: minimum,
  logical_or: maximum,
  logical_xor: differ,
};

export const lowerBinary = (ctx: Context, node: Binary | Compare): void => {
  const [a, b, y] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)];
  const [ra, rb, { shape }] = [ctx.use(a), ctx.use(b), ctx.type(y)];
  ctx.map(y, (k) => {
    const i = k.flat();
    const first = k.read(ra, broadcastOffset(k.code, ctx.type(a).shape, shape, i));
    return BINARY[node.op](k.code, first, k.read(rb, broadcastOffset(k.code, ctx.type(b).shape, shape, i)));
  });
};

/** y = f(x) for each element. */
const map = (ctx: Context, node: OpNode, f: (code: Code, v: Int) => Int): void => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  const from = ctx.use(x);
  ctx.map(y, (k) => f(k.code, k.read(from, k.flat())));
};

export const lowerRelu = (ctx: Context, node: OpNode<'relu'>): void => map(ctx, node, (code, v) => maximum(code, v, constant(0)));

export const lowerClamp = (ctx: Context, node: OpNode<'clamp'>): void =>
  map(ctx, node, (code, v) => clamp(code, v, node.attrs.lo, node.attrs.hi));

export const lowerNot = (ctx: Context, node: OpNode<'logical_not'>): void => map(ctx, node, not);

export const lowerSelect = (ctx: Context, node: OpNode<'select'>): void => {
  const y = at(node.results, 0);
  const { shape } = ctx.type(y);
  ctx.map(y, (k) => {
    const i = k.flat();
    const [condition, a, b] = node.operands.map((v) => k.read(ctx.use(v), broadcastOffset(k.code, ctx.type(v).shape, shape, i)));
    if (condition === undefined || a === undefined || b === undefined) return refuse('it has three operands');
    return choose(k.code, `${condition.lo} > 0`, a, b);
  });
};

/** Integer to integer keeps the value and saturates; to bool is x != 0. */
export const lowerCast = (ctx: Context, node: OpNode<'cast'>): void => {
  const { dtype } = node.attrs;
  if (dtype === 'f32') refuse('f32');
  const { lo, hi } = DTYPE_INFO[dtype];
  map(ctx, node, (code, v) => (dtype === 'bool' ? differ(code, v, constant(0)) : clamp(code, v, lo, hi)));
};

/** Bytes of the other sign: modulo 256. */
export const lowerBitcast = (ctx: Context, node: OpNode<'bitcast'>): void => {
  const [from, to] = [ctx.type(at(node.operands, 0)).dtype, ctx.type(at(node.results, 0)).dtype];
  const turn = DTYPE_INFO[to].hi - DTYPE_INFO[from].hi;
  if (DTYPE_INFO[to].bytes !== 1 || DTYPE_INFO[from].bytes !== 1) refuse(`bits of ${from} as ${to}`);
  const { lo, hi } = DTYPE_INFO[to];
  map(ctx, node, (code, v) => {
    const condition = turn > 0 ? `${v.lo} < 0` : `${v.lo} > ${hi}`;
    const moved = choose(code, condition, single(`${v.lo} ${turn > 0 ? '+' : '-'} 256`, lo, hi), v);
    return { ...moved, min: lo, max: hi };
  });
};
