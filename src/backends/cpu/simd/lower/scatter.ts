import { elementCount, type FAMILIES, type LoweringTable, type OpNode, stridesOf } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit } from '../context.ts';
import type { Access, Fn } from '../fn.ts';
import type { Val } from '../lift.ts';
import { emitCopy, moveKernel } from '../kernels/copy.ts';
import { nest, scaled } from '../kernels/nest.ts';
import { shareOf, wholeOf } from '../kernels/share.ts';
import { accessOf, axisOf, bytesOf, operand, result } from './common.ts';

type Scatter = OpNode<'scatter_elements' | 'scatter_nd'>;

/** Brings the element at `from` into the one at `to`. */
const update = (f: Fn, access: Access, mode: Scatter['attrs']['mode'], to: Val, from: Val): void => {
  const { i32, f32 } = f.ops;
  const float = access === 'f32';
  const kind = float ? 'f32' : 'i32';
  const u = f.let(kind, f.load(access, from));
  if (mode === 'set') return f.store(access, to, u);
  const y = f.let(kind, f.load(access, to));
  if (float) return f.store(access, to, f32[mode](y, u));
  if (mode === 'add' || mode === 'mul') return f.store(access, to, i32[mode](y, u));
  return f.store(access, to, f.select(mode === 'max' ? i32.gt_s(u, y) : i32.lt_s(u, y), u, y));
};

const slots = (ctx: Context, node: Scatter) => ({
  x: ctx.use(operand(node, 0)),
  list: ctx.use(operand(node, 1)),
  updates: ctx.use(operand(node, 2)),
  y: ctx.use(result(node)),
});

/** The dimension of the result that threads take parts of: the first that is not the axis and has a part for each, or else the longest. */
const dividedBy = (ctx: Context, shape: readonly number[], axis: number): number => {
  const others = shape.map((_, d) => d).filter((d) => d !== axis && at(shape, d) > 1);
  const longest = others.reduce((best, d) => (at(shape, d) > at(shape, best) ? d : best), others[0] ?? axis);
  return others.find((d) => at(shape, d) >= ctx.threads) ?? longest;
};

/**
 * Threads take parts of the result, in a dimension that updates do not leave or, with none but the axis, along that: each copies its part
 * and makes the updates that fall into it, in their order.
 */
const lowerScatterElements = (ctx: Context, node: OpNode<'scatter_elements'>): Emit => {
  const [type, sizes] = [ctx.type(operand(node, 0)), ctx.type(operand(node, 1)).shape];
  const { shape } = type;
  const bytes = bytesOf(type);
  const axis = axisOf(node.attrs.axis, shape.length);
  const along = dividedBy(ctx, shape, axis);
  const divided = ctx.divide(elementCount(shape) + elementCount(sizes), at(shape, along));
  const own = scaled(stridesOf(shape), bytes);
  const { x, list, updates, y } = slots(ctx, node);
  const outermost = (all: readonly number[]): number[] => [at(all, along), ...all.filter((_, d) => d !== along)];
  const lined = stridesOf(sizes);
  const strides = [scaled(lined, 4), scaled(lined, bytes), own.map((s, d) => (d === axis ? 0 : s))].map(outermost);
  const rest = { sizes: outermost(shape).slice(1), strides: [outermost(own).slice(1), outermost(own).slice(1)] };
  return (f) => {
    const { i32 } = f.ops;
    const part = divided ? shareOf(f, at(shape, along)) : wholeOf(f, at(shape, along));
    const step = at(own, along);
    if (divided)
      nest(
        f,
        { sizes: [at(shape, along)], strides: [[step], [step]] },
        [y.address, x.address],
        ([to = 0, from = 0]) => emitCopy(f, ctx.asm, rest, to, from, bytes),
        part,
      );
    else f.do(f.call(moveKernel(ctx.asm), [y.address, x.address, elementCount(shape) * bytes]));
    const byIndex = along === axis;
    const most = at(sizes, along);
    const rows = byIndex ? wholeOf(f, most) : { first: part.first, end: f.i32(f.select(i32.lt_u(part.end, most), part.end, most)) };
    const [first, count] = byIndex ? [part.first, f.i32(i32.sub(part.end, part.first))] : [0, at(shape, axis)];
    const bases = [list.address, updates.address, y.address];
    const each = ([place = 0, from = 0, base = 0]: readonly Val[]): void => {
      const index = f.i32(f.load('i32', place));
      const to = f.i32(i32.add(base, i32.mul(index, at(own, axis))));
      f.if(i32.lt_u(i32.sub(index, first), count), () => update(f, accessOf(type), node.attrs.mode, to, from));
    };
    nest(f, { sizes: outermost(sizes), strides }, bases, each, rows);
  };
};

/** Threads take parts of the result: each copies its part and makes what falls into it of every update, in their order. */
const lowerScatterNd = (ctx: Context, node: OpNode<'scatter_nd'>): Emit => {
  const [type, shape] = [ctx.type(operand(node, 0)), ctx.type(operand(node, 1)).shape];
  const bytes = bytesOf(type);
  const length = at(shape, shape.length - 1);
  const total = elementCount(type.shape) * bytes;
  const own = scaled(stridesOf(type.shape), bytes);
  const run = elementCount(type.shape.slice(length)) * bytes;
  const divided = ctx.divide(ctx.count(result(node)), ctx.count(result(node)));
  const { x, list, updates, y } = slots(ctx, node);
  const axes = { sizes: [elementCount(shape.slice(0, -1))], strides: [[length * 4], [run]] };
  return (f) => {
    const { i32 } = f.ops;
    const part = divided ? shareOf(f, total, bytes) : wholeOf(f, total);
    const [begin, behind] = [f.i32(i32.add(y.address, part.first)), f.i32(i32.add(y.address, part.end))];
    f.do(f.call(moveKernel(ctx.asm), [begin, i32.add(x.address, part.first), i32.sub(behind, begin)]));
    nest(f, axes, [list.address, updates.address], ([place = 0, updated = 0]) => {
      const to = f.i32(y.address);
      const inside = f.i32(1);
      for (let l = 0; l < length; l++) {
        const index = f.i32(f.load('i32', place, 4 * l));
        f.set(inside, i32.and(inside, i32.lt_u(index, at(type.shape, l))));
        f.inc(to, i32.mul(index, at(own, l)));
      }
      f.if(inside, () => {
        const end = f.i32(i32.add(to, run));
        f.set(end, f.select(i32.lt_u(end, behind), end, behind));
        const from = f.i32(updated);
        f.if(i32.lt_u(to, begin), () => {
          f.inc(from, i32.sub(begin, to));
          f.set(to, begin);
        });
        f.while(
          () => i32.lt_u(to, end),
          () => {
            update(f, accessOf(type), node.attrs.mode, to, from);
            f.inc(to, bytes);
            f.inc(from, bytes);
          },
        );
      });
    });
  };
};

export const scatterRows = {
  scatter_elements: lowerScatterElements,
  scatter_nd: lowerScatterNd,
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['scatter']>;
