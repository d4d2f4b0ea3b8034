import { type Attrs, belowFloat, DTYPE_INFO, type FAMILIES, type LoweringTable, type OpNode } from '../../../../ir/index.ts';
import type { Context, Emit, Slot } from '../context.ts';
import type { Fn } from '../fn.ts';
import { emitMap, type MapOperand, type MapSpec } from '../kernels/map.ts';
import { broadcastStrides, collapse, ROW_GRAIN } from '../kernels/nest.ts';
import { philoxKernel } from '../kernels/philox.ts';
import { shareOf, wholeOf } from '../kernels/share.ts';
import type { Ex, Val } from '../lift.ts';
import { accessOf, operand, result } from './common.ts';

type RandomNode = OpNode<'random_bits' | 'random_uniform' | 'random_int' | 'random_bernoulli'>;

/** What a random word costs, in elements of a pass over memory. */
const WORK_OF_WORD = 16;

/** Words of a block of Philox. */
const BLOCK_WORDS = 4;

/** Writes the random words of a node to `to`, or the calling thread's share of them, in grains of ROW_GRAIN. */
const emitWords = (ctx: Context, node: RandomNode, to: Slot, divided: boolean): Emit => {
  const seed = ctx.use(operand(node, 0));
  const count = ctx.count(result(node));
  const { op_id: opId, stream } = node.attrs;
  return (f) => {
    const { i32 } = f.ops;
    const kernel = philoxKernel(ctx.asm);
    const own = divided ? shareOf(f, count, ROW_GRAIN) : wholeOf(f, count);
    const place = i32.add(to.address, i32.mul(own.first, 4));
    const key = [f.load('i32', seed.address), f.load('i32', seed.address, 4)];
    f.do(f.call(kernel, [place, i32.sub(own.end, own.first), ...key, opId, stream, i32.div_u(own.first, BLOCK_WORDS)]));
  };
};

/**
 * Random words in a buffer, then an elementwise function of them (and of the node's other operand). Threads share both alike where the
 * function goes through one row: as nestRows divides it.
 */
const lowerWords = (ctx: Context, node: RandomNode, spec: MapSpec, extra: (f: Fn) => readonly Val[] = () => []): Emit => {
  const y = result(node);
  const { shape } = ctx.type(y);
  const others = node.operands.slice(1).map((v) => ({ slot: ctx.use(v), shape: ctx.type(v).shape }));
  const strides = [{ shape }, ...others].map((o) => broadcastStrides(o.shape, shape, 1));
  const divided = collapse({ sizes: shape, strides }).sizes.length === 1 && ctx.divide(ctx.count(y) * WORK_OF_WORD);
  const buffer = ctx.temporary(ctx.count(y) * 4);
  const fill = emitWords(ctx, node, buffer, divided);
  const to = ctx.use(y);
  return (f) => {
    if (ctx.count(y) === 0) return;
    fill(f);
    const operands: MapOperand[] = [
      { address: buffer.address, shape },
      ...others.map((o) => ({ address: o.slot.address, shape: o.shape })),
    ];
    emitMap(f, ctx.asm, spec, { address: to.address, shape }, operands, extra, divided);
  };
};

const lowerBits = (ctx: Context, node: OpNode<'random_bits'>): Emit => {
  const { dtype } = node.attrs;
  const y = result(node);
  if (dtype === 'i32') return emitWords(ctx, node, ctx.use(y), ctx.divide(ctx.count(y) * WORK_OF_WORD));
  const shift = dtype === 'bool' ? 31 : 32 - 8 * DTYPE_INFO[dtype].bytes;
  return lowerWords(ctx, node, {
    name: `random_${dtype}`,
    inputs: ['i32'],
    output: accessOf(ctx.type(y)),
    scalar: (f, [w = 0]) => f.ops.i32.shr_u(w, shift),
  });
};

const lowerUniform = (ctx: Context, node: OpNode<'random_uniform'>): Emit => {
  const { low, high }: Attrs<'random_uniform'> = node.attrs;
  return lowerWords(
    ctx,
    node,
    {
      name: 'random_uniform',
      inputs: ['i32'],
      output: 'f32',
      extra: ['f32', 'f32', 'f32'],
      scalar: (f, [w = 0], [base = 0, span = 0, top = 0]) => {
        const { f32, i32 } = f.ops;
        const unit = f32.mul(f32.convert_s.i32(i32.shr_u(w, 8)), 2 ** -24);
        return f32.min(f32.add(base, f32.mul(unit, span)), top);
      },
    },
    (f) => [f.f32c(low), f.f32c(Math.fround(high - low)), f.f32c(belowFloat(high))],
  );
};

/** high - low is below 2^32: an unsigned product of 64 bits. */
const lowerInt = (ctx: Context, node: OpNode<'random_int'>): Emit =>
  lowerWords(
    ctx,
    node,
    {
      name: 'random_int',
      inputs: ['i32'],
      output: accessOf(ctx.type(result(node))),
      extra: ['i32', 'i32'],
      scalar: (f, [w = 0], [low = 0, n = 0]) => {
        const { i32, i64 } = f.ops;
        return i32.add(low, i32.wrap(i64.shr_u(i64.mul(i64.extend_u(w), i64.extend_u(n)), 32)));
      },
    },
    () => [node.attrs.low, node.attrs.high - node.attrs.low],
  );

const lowerBernoulli = (ctx: Context, node: OpNode<'random_bernoulli'>): Emit => {
  const output = accessOf(ctx.type(result(node)));
  const store = (f: Fn, hit: Ex): Ex => (output === 'f32' ? f.ops.f32.convert_s.i32(hit) : hit);
  const byReal = ctx.type(operand(node, 1)).dtype === 'f32';
  return lowerWords(ctx, node, {
    name: 'random_bernoulli',
    inputs: ['i32', byReal ? 'f32' : 'i32'],
    output,
    scalar: (f, [w = 0, p = 0]) => {
      const { f64, i32 } = f.ops;
      return store(f, byReal ? f64.lt(f64.convert_u.i32(w), f64.mul(f64.promote(p), 2 ** 32)) : i32.lt_u(w, p));
    },
  });
};

export const randomRows = {
  random_bits: lowerBits,
  random_uniform: lowerUniform,
  random_int: lowerInt,
  random_bernoulli: lowerBernoulli,
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['random']>;
