import { type DType, DTYPE_INFO, elementCount, type FAMILIES, type LoweringTable, type OpNode, stridesOf } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit } from '../context.ts';
import { emitCopy } from '../kernels/copy.ts';
import { collapse, longestFirst, nest } from '../kernels/nest.ts';
import { argKernel, reduceKernel, type ReduceOp } from '../kernels/reduce.ts';
import type { Val } from '../lift.ts';
import { ownPart } from './conv-plan.ts';
import { accessOf, axisOf, bytesOf, operand, result } from './common.ts';

type Reduction = 'reduce_sum' | 'reduce_mean' | 'reduce_max' | 'reduce_min' | 'reduce_prod';

/** Result of reducing nothing. */
const emptyResult = (op: ReduceOp, dtype: DType): number => {
  if (op === 'max') return DTYPE_INFO[dtype].lo;
  if (op === 'min') return DTYPE_INFO[dtype].hi;
  return op === 'prod' ? 1 : 0;
};

/** Runs a kernel per kept position, on the reduced elements where they lie or, scattered ones, on a copy of the line. */
const lowerReduction =
  (op: ReduceOp) =>
  (ctx: Context, node: OpNode<Reduction>): Emit => {
    const [x, y] = [operand(node, 0), result(node)];
    const [tx, ty] = [ctx.type(x), ctx.type(y)];
    const bytes = bytesOf(tx);
    const reduced = new Set(node.attrs.axes.map((a) => axisOf(a, tx.shape.length)));
    const strides = stridesOf(tx.shape).map((s) => s * bytes);
    const pick = (inside: boolean): { sizes: number[]; strides: number[] } => {
      const dims = tx.shape.map((_, d) => d).filter((d) => reduced.has(d) === inside);
      return { sizes: dims.map((d) => at(tx.shape, d)), strides: dims.map((d) => at(strides, d)) };
    };
    const [kept, inner] = [pick(false), pick(true)];
    const count = elementCount(inner.sizes);
    const line = stridesOf(inner.sizes).map((s) => s * bytes);
    const walk = collapse({ sizes: inner.sizes, strides: [line, inner.strides] });
    const adjacent = walk.sizes.length === 0 || (walk.sizes.length === 1 && walk.strides[1]?.[0] === bytes);
    const outer = collapse({ sizes: kept.sizes, strides: [stridesOf(kept.sizes).map((s) => s * bytesOf(ty)), kept.strides] });
    const divided = ctx.divide(ctx.count(x), Math.max(1, ...outer.sizes));
    const buffer = adjacent || count === 0 ? undefined : ctx.temporary(count * bytes, { each: divided });
    const [from, to] = [ctx.use(x), ctx.use(y)];
    return (f) => {
      const kernel = reduceKernel(ctx.asm, op, accessOf(tx));
      const own = buffer === undefined ? undefined : ownPart(f, ctx, buffer, divided);
      const each = ([target = 0, source = 0]: readonly Val[]): void => {
        if (count === 0) {
          f.store(accessOf(ty), target, emptyResult(op, ty.dtype));
          return;
        }
        if (own !== undefined) emitCopy(f, ctx.asm, walk, own, source, bytes);
        f.store(accessOf(ty), target, f.call(kernel, [own ?? source, count]));
      };
      nest(f, divided ? longestFirst(outer) : outer, [to.address, from.address], each, divided);
    };
  };

const lowerArg =
  (op: 'argmax' | 'argmin') =>
  (ctx: Context, node: OpNode<'argmax' | 'argmin'>): Emit => {
    const [x, y] = [operand(node, 0), result(node)];
    const type = ctx.type(x);
    const axis = axisOf(node.attrs.axis, type.shape.length);
    const n = at(type.shape, axis);
    const outer = elementCount(type.shape.slice(0, axis));
    const inner = elementCount(type.shape.slice(axis + 1));
    const bytes = bytesOf(type);
    const [from, to] = [ctx.use(x), ctx.use(y)];
    const strides = [
      [inner * 4, 4],
      [n * inner * bytes, bytes],
    ];
    const divided = ctx.divide(ctx.count(x), Math.max(outer, inner));
    const axes = { sizes: [outer, inner], strides };
    return (f) => {
      const kernel = argKernel(ctx.asm, op, accessOf(type), node.attrs.last);
      const each = ([target = 0, source = 0]: readonly Val[]): void => f.store('i32', target, f.call(kernel, [source, n, inner * bytes]));
      nest(f, divided ? longestFirst(axes) : axes, [to.address, from.address], each, divided);
    };
  };

export const reduceRows = {
  reduce_sum: lowerReduction('sum'),
  reduce_mean: lowerReduction('mean'),
  reduce_max: lowerReduction('max'),
  reduce_min: lowerReduction('min'),
  reduce_prod: lowerReduction('prod'),
  argmax: lowerArg('argmax'),
  argmin: lowerArg('argmin'),
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['reduce']>;
