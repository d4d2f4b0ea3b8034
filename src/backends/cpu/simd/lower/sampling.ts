import { elementCount, type FAMILIES, type LoweringTable, type OpNode, stridesOf } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit } from '../context.ts';
import type { Fn } from '../fn.ts';
import { axisTapsKernel, combineKernel, fixedAxisKernel, TAP_BYTES, tapCount, tapValuesKernel } from '../kernels/interpolate.ts';
import {
  BIN_BYTES,
  binsKernel,
  fixedSamplesKernel,
  floatCornerKernel,
  floatSamplesKernel,
  poolCornerKernel,
  roiAlignKernel,
  roiPoolKernel,
  SAMPLE_BYTES,
} from '../kernels/regions.ts';
import type { Ex, Local } from '../lift.ts';
import { bytesOf, operand, result } from './common.ts';

/** Dtypes of images: float32, or 8 bits. */
const imageAccess = (dtype: string): 'f32' | 'i8' | 'u8' => (dtype === 'f32' ? 'f32' : dtype === 'u8' ? 'u8' : 'i8');

/** Per position: the taps of each axis, their products, and with these the value in each channel of the group. */
const lowerInterpolate = (ctx: Context, node: OpNode<'interpolate'>): Emit => {
  const [x, positions, y] = [operand(node, 0), operand(node, 1), result(node)];
  const [tx, tp, ty] = [ctx.type(x), ctx.type(positions), ctx.type(y)];
  const sizes = tx.shape.slice(2);
  const axes = sizes.length;
  const float = tx.dtype === 'f32';
  const taps = float ? tapCount(node.attrs.mode) : 2;
  const [own, products] = [ctx.temporary(axes * taps * TAP_BYTES), ctx.temporary(taps ** axes * TAP_BYTES)];
  const [from, list, to] = [ctx.use(x), ctx.use(positions), ctx.use(y)];
  const groups = at(tp.shape, 1);
  const [count, perGroup] = [at(tp.shape, 2), at(tx.shape, 1) / groups];
  const [unit, bytes] = [bytesOf(tx), bytesOf(ty)];
  const plane = elementCount(sizes) * unit;
  const strides = stridesOf(sizes);
  return (f) => {
    const { i32 } = f.ops;
    const axis = float ? axisTapsKernel(ctx.asm, node.attrs) : fixedAxisKernel(ctx.asm);
    const combine = combineKernel(ctx.asm, axes, taps, float);
    const values = tapValuesKernel(ctx.asm, imageAccess(tx.dtype), 4 * (axes - 1));
    const [source, target, place] = [f.i32(from.address), f.i32(to.address), f.i32(list.address)];
    const end = products.address + taps ** axes * TAP_BYTES;
    f.for(0, at(tp.shape, 0) * groups, 1, () => {
      f.for(0, count, 1, () => {
        sizes.forEach((n, d) => {
          const tap = own.address + d * taps * TAP_BYTES;
          f.do(f.call(axis, [tap, f.load(float ? 'f32' : 'i32', place, 4 * d), n, at(strides, d) * unit]));
        });
        f.do(f.call(combine, [products.address, own.address]));
        f.do(f.call(values, [target, source, products.address, end, perGroup, plane, count * bytes, node.attrs.zero]));
        f.inc(place, 4 * axes);
        f.inc(target, bytes);
      });
      f.inc(source, perGroup * plane);
      f.set(target, i32.add(target, (perGroup - 1) * count * bytes));
    });
  };
};

interface Walk {
  /** Makes the tables of a region from the place of its four coordinates. */
  readonly prepare: (f: Fn, roi: Local) => void;
  /** All bins of one plane. */
  readonly bins: (f: Fn, to: Local, from: Local) => Ex;
}

/** Loops over regions and channels. */
const lowerRegions = (ctx: Context, node: OpNode<'roi_align'> | OpNode<'roi_pool'>, walk: () => Walk): Emit => {
  const [x, rois, batch, y] = [operand(node, 0), operand(node, 1), operand(node, 2), result(node)];
  const tx = ctx.type(x);
  const [images, channels, ...spatial] = [at(tx.shape, 0), at(tx.shape, 1), ...tx.shape.slice(2)];
  const plane = elementCount(spatial) * bytesOf(tx);
  const bins = elementCount(node.attrs.size) * bytesOf(tx);
  const count = at(ctx.type(batch).shape, 0);
  const [from, corners, list, to] = [ctx.use(x), ctx.use(rois), ctx.use(batch), ctx.use(y)];
  return (f) => {
    const { i32 } = f.ops;
    const { prepare, bins: emitBins } = walk();
    const [target, roi, place] = [f.i32(to.address), f.i32(corners.address), f.i32(list.address)];
    const [image, source] = [f.local('i32'), f.local('i32')];
    f.for(0, count, 1, () => {
      f.set(image, f.load('i32', place));
      f.set(image, f.select(i32.lt_s(image, 0), 0, f.select(i32.gt_s(image, images - 1), images - 1, image)));
      f.set(source, i32.add(from.address, i32.mul(image, channels * plane)));
      prepare(f, roi);
      f.for(0, channels, 1, () => {
        f.do(emitBins(f, target, source));
        f.inc(target, bins);
        f.inc(source, plane);
      });
      f.inc(place, 4);
      f.inc(roi, 16);
    });
  };
};

const lowerRoiAlign = (ctx: Context, node: OpNode<'roi_align'>): Emit => {
  const tx = ctx.type(operand(node, 0));
  const { size, sampling, aligned, spatial_scale: scale, multiplier, shift, zero, mode } = node.attrs;
  const float = tx.dtype === 'f32';
  const tables = size.map((cells) => ctx.temporary(cells * sampling * SAMPLE_BYTES));
  const unit = bytesOf(tx);
  const [rows, columns] = [at(size, 0), at(size, 1)];
  const [height, width] = [at(tx.shape, 2), at(tx.shape, 3)];
  return lowerRegions(ctx, node, () => {
    const axis = float ? floatSamplesKernel(ctx.asm, aligned) : fixedSamplesKernel(ctx.asm, aligned);
    const align = roiAlignKernel(ctx.asm, imageAccess(tx.dtype), mode === 'max');
    const [ys, xs] = [at(tables, 0).address, at(tables, 1).address];
    const samples = (f: Fn, roi: Local, table: number, first: number, cells: number, n: number, stride: number): void => {
      const [start, end] = [f.load(float ? 'f32' : 'i32', roi, first), f.load(float ? 'f32' : 'i32', roi, first + 8)];
      const how = float ? [f.f32c(scale), cells, sampling] : [multiplier, shift, cells * sampling];
      f.do(f.call(axis, [table, start, end, ...how, n, stride]));
    };
    return {
      prepare: (f, roi) => {
        samples(f, roi, xs, 0, columns, width, unit);
        samples(f, roi, ys, 4, rows, height, width * unit);
      },
      bins: (f, to, from) => f.call(align, [to, from, ys, xs, rows, columns, sampling, zero]),
    };
  });
};

const lowerRoiPool = (ctx: Context, node: OpNode<'roi_pool'>): Emit => {
  const tx = ctx.type(operand(node, 0));
  const { size, spatial_scale: scale, multiplier, shift, zero } = node.attrs;
  const float = tx.dtype === 'f32';
  const tables = size.map((cells) => ctx.temporary(cells * BIN_BYTES));
  const unit = bytesOf(tx);
  const [rows, columns] = [at(size, 0), at(size, 1)];
  const [height, width] = [at(tx.shape, 2), at(tx.shape, 3)];
  return lowerRegions(ctx, node, () => {
    const bins = binsKernel(ctx.asm);
    const pool = roiPoolKernel(ctx.asm, imageAccess(tx.dtype), width * unit);
    const [ys, xs] = [at(tables, 0).address, at(tables, 1).address];
    const corner = (f: Fn, roi: Local, offset: number): Ex =>
      float
        ? f.call(floatCornerKernel(ctx.asm), [f.load('f32', roi, offset), f.f32c(scale)])
        : f.call(poolCornerKernel(ctx.asm), [f.load('i32', roi, offset), multiplier, shift]);
    return {
      prepare: (f, roi) => {
        f.do(f.call(bins, [xs, corner(f, roi, 0), corner(f, roi, 8), columns, width, unit]));
        f.do(f.call(bins, [ys, corner(f, roi, 4), corner(f, roi, 12), rows, height, width * unit]));
      },
      bins: (f, to, from) => f.call(pool, [to, from, ys, xs, rows, columns, zero]),
    };
  });
};

export const samplingRows = {
  interpolate: lowerInterpolate,
  roi_align: lowerRoiAlign,
  roi_pool: lowerRoiPool,
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['sampling']>;
