import { elementCount, type FAMILIES, type LoweringTable, type OpNode, stridesOf } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit } from '../context.ts';
import type { Fn } from '../fn.ts';
import { moveKernel } from '../kernels/copy.ts';
import { collapse, longestFirst, nest, scaled } from '../kernels/nest.ts';
import type { Ex, Val } from '../lift.ts';
import { axisOf, bytesOf, operand, result } from './common.ts';

/** The i32 at a place, clamped to [0, n - 1]. */
const clampedIndex = (f: Fn, place: Val, n: number): Ex => {
  const { i32 } = f.ops;
  const index = f.i32(f.load('i32', place));
  return f.select(i32.lt_s(index, 0), 0, f.select(i32.gt_s(index, n - 1), n - 1, index));
};

const lowerGatherElements = (ctx: Context, node: OpNode<'gather_elements'>): Emit => {
  const [x, indices, y] = [operand(node, 0), operand(node, 1), result(node)];
  const [type, sizes] = [ctx.type(x), ctx.type(indices).shape];
  const bytes = bytesOf(type);
  const axis = axisOf(node.attrs.axis, type.shape.length);
  const own = scaled(stridesOf(type.shape), bytes);
  const [from, list, to] = [ctx.use(x), ctx.use(indices), ctx.use(y)];
  const lined = stridesOf(sizes);
  const strides = [scaled(lined, bytes), scaled(lined, 4), own.map((s, d) => (d === axis ? 0 : s))];
  const access = bytes === 1 ? 'u8' : bytes === 2 ? 'i16' : 'i32';
  const divided = ctx.divide(ctx.count(y));
  const walk = collapse({ sizes, strides });
  return (f) => {
    const { i32 } = f.ops;
    const each = ([target = 0, place = 0, base = 0]: readonly Val[]): void => {
      const index = clampedIndex(f, place, at(type.shape, axis));
      f.store(access, target, f.load(access, i32.add(base, i32.mul(index, at(own, axis)))));
    };
    nest(f, divided ? longestFirst(walk) : walk, [to.address, list.address, from.address], each, divided);
  };
};

const lowerGatherNd = (ctx: Context, node: OpNode<'gather_nd'>): Emit => {
  const [x, indices, y] = [operand(node, 0), operand(node, 1), result(node)];
  const [type, shape] = [ctx.type(x), ctx.type(indices).shape];
  const batch = node.attrs.batch_dims;
  const length = at(shape, shape.length - 1);
  const bytes = bytesOf(type);
  const own = scaled(stridesOf(type.shape), bytes);
  const run = elementCount(type.shape.slice(batch + length)) * bytes;
  const [from, list, to] = [ctx.use(x), ctx.use(indices), ctx.use(y)];
  const rows = elementCount(shape.slice(batch, -1));
  const sizes = [elementCount(shape.slice(0, batch)), rows];
  const strides = [
    [rows * run, run],
    [rows * length * 4, length * 4],
    [elementCount(type.shape.slice(batch)) * bytes, 0],
  ];
  const divided = ctx.divide(ctx.count(y), Math.max(...sizes));
  return (f) => {
    const { i32 } = f.ops;
    const each = ([target = 0, place = 0, base = 0]: readonly Val[]): void => {
      const source = f.i32(base);
      for (let l = 0; l < length; l++)
        f.inc(source, i32.mul(clampedIndex(f, i32.add(place, 4 * l), at(type.shape, batch + l)), at(own, batch + l)));
      f.do(f.call(moveKernel(ctx.asm), [target, source, run]));
    };
    nest(f, longestFirst({ sizes, strides }), [to.address, list.address, from.address], each, divided);
  };
};

export const indexingRows = {
  gather_elements: lowerGatherElements,
  gather_nd: lowerGatherNd,
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['indexing']>;
