import { elementCount, type FAMILIES, type LoweringTable, type OpNode, stridesOf } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit } from '../context.ts';
import type { Access, Fn } from '../fn.ts';
import type { Val } from '../lift.ts';
import { moveKernel } from '../kernels/copy.ts';
import { nest, scaled } from '../kernels/nest.ts';
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

const lowerScatterElements = (ctx: Context, node: OpNode<'scatter_elements'>): Emit => {
  const [type, sizes] = [ctx.type(operand(node, 0)), ctx.type(operand(node, 1)).shape];
  const bytes = bytesOf(type);
  const axis = axisOf(node.attrs.axis, type.shape.length);
  const own = scaled(stridesOf(type.shape), bytes);
  const { x, list, updates, y } = slots(ctx, node);
  const lined = stridesOf(sizes);
  const strides = [scaled(lined, 4), scaled(lined, bytes), own.map((s, d) => (d === axis ? 0 : s))];
  return (f) => {
    const { i32 } = f.ops;
    f.do(f.call(moveKernel(ctx.asm), [y.address, x.address, elementCount(type.shape) * bytes]));
    nest(f, { sizes, strides }, [list.address, updates.address, y.address], ([place = 0, from = 0, base = 0]) => {
      const index = f.i32(f.load('i32', place));
      const to = f.i32(i32.add(base, i32.mul(index, at(own, axis))));
      f.if(i32.lt_u(index, at(type.shape, axis)), () => update(f, accessOf(type), node.attrs.mode, to, from));
    });
  };
};

const lowerScatterNd = (ctx: Context, node: OpNode<'scatter_nd'>): Emit => {
  const [type, shape] = [ctx.type(operand(node, 0)), ctx.type(operand(node, 1)).shape];
  const bytes = bytesOf(type);
  const length = at(shape, shape.length - 1);
  const own = scaled(stridesOf(type.shape), bytes);
  const inner = elementCount(type.shape.slice(length));
  const { x, list, updates, y } = slots(ctx, node);
  const axes = { sizes: [elementCount(shape.slice(0, -1))], strides: [[length * 4], [inner * bytes]] };
  return (f) => {
    const { i32 } = f.ops;
    f.do(f.call(moveKernel(ctx.asm), [y.address, x.address, elementCount(type.shape) * bytes]));
    nest(f, axes, [list.address, updates.address], ([place = 0, updated = 0]) => {
      const to = f.i32(y.address);
      const from = f.i32(updated);
      const inside = f.i32(1);
      for (let l = 0; l < length; l++) {
        const index = f.i32(f.load('i32', place, 4 * l));
        f.set(inside, i32.and(inside, i32.lt_u(index, at(type.shape, l))));
        f.inc(to, i32.mul(index, at(own, l)));
      }
      f.if(inside, () =>
        f.for(0, inner, 1, () => {
          update(f, accessOf(type), node.attrs.mode, to, from);
          f.inc(to, bytes);
          f.inc(from, bytes);
        }),
      );
    });
  };
};

export const scatterRows = {
  scatter_elements: lowerScatterElements,
  scatter_nd: lowerScatterNd,
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['scatter']>;
