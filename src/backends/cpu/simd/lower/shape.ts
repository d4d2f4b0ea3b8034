import { elementCount, type FAMILIES, type LoweringTable, type OpNode, stridesOf } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit } from '../context.ts';
import type { Fn } from '../fn.ts';
import { emitCopy, moveKernel } from '../kernels/copy.ts';
import { broadcastStrides, longestFirst, nest, scaled } from '../kernels/nest.ts';
import type { Val } from '../lift.ts';
import { ACCESS, axisOf, bytesOf, limitTable, operand, result } from './common.ts';

/** Copies an operand to the first result along given strides of the operand, in elements, from an offset on. */
const lowerCopy = (ctx: Context, node: OpNode, strides: readonly number[], offset: number): Emit => {
  const [x, y] = [operand(node, 0), result(node)];
  const type = ctx.type(y);
  const bytes = bytesOf(type);
  const [from, to] = [ctx.use(x), ctx.use(y)];
  const axes = { sizes: type.shape, strides: [scaled(stridesOf(type.shape), bytes), scaled(strides, bytes)] };
  const divided = ctx.divide(ctx.count(y));
  return (f) => emitCopy(f, ctx.asm, axes, to.address, from.address + offset * bytes, bytes, divided);
};

const lowerReshape = (ctx: Context, node: OpNode<'reshape'>): Emit => {
  ctx.alias(result(node), operand(node, 0));
  return () => undefined;
};

const lowerTranspose = (ctx: Context, node: OpNode<'transpose'>): Emit => {
  const strides = stridesOf(ctx.type(operand(node, 0)).shape);
  return lowerCopy(
    ctx,
    node,
    node.attrs.perm.map((p) => at(strides, p)),
    0,
  );
};

const lowerSlice = (ctx: Context, node: OpNode<'slice'>): Emit => {
  const strides = stridesOf(ctx.type(operand(node, 0)).shape);
  const { starts, steps } = node.attrs;
  const offset = ctx.count(result(node)) === 0 ? 0 : starts.reduce((n, s, i) => n + s * at(strides, i), 0);
  return lowerCopy(
    ctx,
    node,
    strides.map((s, i) => s * at(steps, i)),
    offset,
  );
};

const lowerExpand = (ctx: Context, node: OpNode<'expand'>): Emit =>
  lowerCopy(ctx, node, broadcastStrides(ctx.type(operand(node, 0)).shape, ctx.type(result(node)).shape, 1), 0);

/** Bytes of a tensor from one index of everything before `axis` to the next. */
const runBytes = (ctx: Context, node: OpNode, value: OpNode['operands'][number], axis: number): number => {
  const type = ctx.type(value);
  return elementCount(type.shape.slice(axisOf(axis, type.shape.length))) * bytesOf(type);
};

const lowerConcat = (ctx: Context, node: OpNode<'concat'>): Emit => {
  const y = result(node);
  const shape = ctx.type(y).shape;
  const outer = elementCount(shape.slice(0, axisOf(node.attrs.axis, shape.length)));
  const whole = runBytes(ctx, node, y, node.attrs.axis);
  const to = ctx.use(y);
  const parts = node.operands.map((v) => ({ slot: ctx.use(v), bytes: runBytes(ctx, node, v, node.attrs.axis) }));
  const divided = ctx.divide(ctx.count(y));
  return (f) => {
    let start = 0;
    for (const { slot, bytes } of parts) {
      const strides = [
        [whole, 1],
        [bytes, 1],
      ];
      const target = to.address + start;
      f.scope(() => emitCopy(f, ctx.asm, { sizes: [outer, bytes], strides }, target, slot.address, 1, divided));
      start += bytes;
    }
  };
};

const lowerSplit = (ctx: Context, node: OpNode<'split'>): Emit => {
  const x = operand(node, 0);
  const shape = ctx.type(x).shape;
  const outer = elementCount(shape.slice(0, axisOf(node.attrs.axis, shape.length)));
  const whole = runBytes(ctx, node, x, node.attrs.axis);
  const from = ctx.use(x);
  const parts = node.results.map((v) => ({ slot: ctx.use(v), bytes: runBytes(ctx, node, v, node.attrs.axis) }));
  const divided = ctx.divide(ctx.count(x));
  return (f) => {
    let start = 0;
    for (const { slot, bytes } of parts) {
      const strides = [
        [bytes, 1],
        [whole, 1],
      ];
      const source = from.address + start;
      f.scope(() => emitCopy(f, ctx.asm, { sizes: [outer, bytes], strides }, slot.address, source, 1, divided));
      start += bytes;
    }
  };
};

/** Source index of each index of a padded dimension; the program is verified, so reflect and edge stay inside. */
const paddedIndex = (size: number, begin: number, end: number, mode: 'reflect' | 'edge' | 'constant'): number[] =>
  Array.from({ length: begin + size + end }, (_, o) => {
    const i = o - begin;
    if (i >= 0 && i < size) return i;
    return mode === 'edge' ? (i < 0 ? 0 : size - 1) : i < 0 ? -i : 2 * (size - 1) - i;
  });

/** So many threads do single elements; fewer are slower by them than one is that fills and copies rows. */
const MANY_THREADS = 64;
/** A longer dimension would take a table as large as the tensor. */
const MOST_OF_TABLE = 2 ** 16;

/** Constant padding where every element is one thread's: tables of each dimension say where it comes from, -1 from nowhere. */
const lowerPadElements = (ctx: Context, node: OpNode<'pad'>): Emit => {
  const { pads, value } = node.attrs;
  const [x, y] = [operand(node, 0), result(node)];
  const [tx, ty] = [ctx.type(x), ctx.type(y)];
  const [bytes, own, access] = [bytesOf(ty), stridesOf(tx.shape), ACCESS[ty.dtype]];
  const tables = tx.shape.map((size, d) => {
    const index = Array.from({ length: at(ty.shape, d) }, (_, o) => o - at(pads, d));
    return ctx.table(Int32Array.from(index, (i) => (i < 0 || i >= size ? -1 : i * at(own, d) * bytes)));
  });
  const [from, to] = [ctx.use(x), ctx.use(y)];
  const strides = [scaled(stridesOf(ty.shape), bytes), ...tables.map((_, d) => ty.shape.map((__, e) => (e === d ? 4 : 0)))];
  const each = (f: Fn, [target = 0, ...entries]: readonly Val[]): void => {
    const { i32 } = f.ops;
    const [source, outside, offset] = [f.i32(from.address), f.i32(0), f.local('i32')];
    for (const entry of entries) {
      f.set(offset, f.load('i32', entry));
      f.set(outside, i32.or(outside, offset));
      f.inc(source, offset);
    }
    f.if(
      i32.lt_s(outside, 0),
      () => f.store(access, target, value),
      () => f.store(access, target, f.load(access, source)),
    );
  };
  return (f) =>
    nest(
      f,
      longestFirst({ sizes: ty.shape, strides }),
      [to.address, ...tables.map((t) => t.address)],
      (pointers) => each(f, pointers),
      true,
    );
};

const lowerPadConstant = (ctx: Context, node: OpNode<'pad'>): Emit => {
  const [x, y] = [operand(node, 0), result(node)];
  const [tx, ty] = [ctx.type(x), ctx.type(y)];
  const bytes = bytesOf(ty);
  const [from, to] = [ctx.use(x), ctx.use(y)];
  const target = scaled(stridesOf(ty.shape), bytes);
  const first = target.reduce((n, s, d) => n + s * at(node.attrs.pads, d), 0);
  const { value } = node.attrs;
  return (f) => {
    const base = f.i32(to.address);
    f.for(0, ctx.count(y), 1, () => {
      f.store(ACCESS[ty.dtype], base, value);
      f.inc(base, bytes);
    });
    const axes = { sizes: tx.shape, strides: [target, scaled(stridesOf(tx.shape), bytes)] };
    emitCopy(f, ctx.asm, axes, to.address + first, from.address, bytes);
  };
};

const lowerPad = (ctx: Context, node: OpNode<'pad'>): Emit => {
  const { mode, pads } = node.attrs;
  const [x, y] = [operand(node, 0), result(node)];
  const [tx, ty] = [ctx.type(x), ctx.type(y)];
  const many = ctx.threads >= MANY_THREADS && ty.shape.length > 0 && ty.shape.every((d) => d < MOST_OF_TABLE);
  if (mode === 'constant') return many && ctx.divide(ctx.count(y)) ? lowerPadElements(ctx, node) : lowerPadConstant(ctx, node);
  if (ctx.count(y) === 0) return () => undefined;
  for (const d of ty.shape) limitTable(d, 'a padded dimension');
  const bytes = bytesOf(ty);
  const [from, to] = [ctx.use(x), ctx.use(y)];
  const own = stridesOf(tx.shape);
  const rank = tx.shape.length;
  const tables = tx.shape.map((size, d) => {
    const index = paddedIndex(size, at(pads, d), at(pads, rank + d), mode);
    return ctx.table(Int32Array.from(index, (i) => i * at(own, d) * bytes));
  });
  const access = bytes === 1 ? 'u8' : bytes === 2 ? 'i16' : 'i32';
  // pointer 0 walks the result, pointer d + 1 the table of dimension d
  const strides = [scaled(stridesOf(ty.shape), bytes), ...tables.map((_, d) => ty.shape.map((__, e) => (e === d ? 4 : 0)))];
  const divided = ctx.divide(ctx.count(y));
  const axes = { sizes: ty.shape, strides };
  return (f) => {
    const each = ([target, ...entries]: readonly Val[]): void => {
      const source = f.i32(from.address);
      for (const entry of entries) f.inc(source, f.load('i32', entry));
      f.store(access, target ?? 0, f.load(access, source));
    };
    nest(f, divided ? longestFirst(axes) : axes, [to.address, ...tables.map((t) => t.address)], each, divided);
  };
};

const lowerGather = (ctx: Context, node: OpNode<'gather'>): Emit => {
  const [x, indices, y] = [operand(node, 0), operand(node, 1), result(node)];
  const type = ctx.type(x);
  const axis = axisOf(node.attrs.axis, type.shape.length);
  const outer = elementCount(type.shape.slice(0, axis));
  const n = at(type.shape, axis);
  const run = elementCount(type.shape.slice(axis + 1)) * bytesOf(type);
  const count = ctx.count(indices);
  const [from, list, to] = [ctx.use(x), ctx.use(indices), ctx.use(y)];
  const divided = ctx.divide(ctx.count(y));
  const strides = [
    [count * run, run],
    [n * run, 0],
    [0, 4],
  ];
  const axes = { sizes: [outer, count], strides };
  return (f) => {
    const { i32 } = f.ops;
    const each = ([target = 0, source = 0, entry = 0]: readonly Val[]): void => {
      const index = f.i32(f.load('i32', entry));
      f.set(index, f.select(i32.lt_s(index, 0), 0, f.select(i32.gt_s(index, n - 1), n - 1, index)));
      f.do(f.call(moveKernel(ctx.asm), [target, i32.add(source, i32.mul(index, run)), run]));
    };
    nest(f, divided ? longestFirst(axes) : axes, [to.address, from.address, list.address], each, divided);
  };
};

export const shapeRows = {
  reshape: lowerReshape,
  transpose: lowerTranspose,
  concat: lowerConcat,
  split: lowerSplit,
  pad: lowerPad,
  slice: lowerSlice,
  expand: lowerExpand,
  gather: lowerGather,
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['shape']>;
