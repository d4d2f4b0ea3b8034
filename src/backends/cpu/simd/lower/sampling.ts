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
import { longestFirst, nest } from '../kernels/nest.ts';
import { shareOf, wholeOf } from '../kernels/share.ts';
import type { Ex, Local, Val } from '../lift.ts';
import { ownPart } from './conv-plan.ts';
import { bytesOf, operand, result } from './common.ts';

/** Dtypes of images: float32, or 8 bits. */
const imageAccess = (dtype: string): 'f32' | 'i8' | 'u8' => (dtype === 'f32' ? 'f32' : dtype === 'u8' ? 'u8' : 'i8');

/** What a value costs that is mixed from several, in elements of a pass over memory. */
const WORK_OF_VALUE = 16;

/** Per position: the taps of each axis, their products, and with these the value in each channel of the group. Threads take positions each. */
const lowerInterpolate = (ctx: Context, node: OpNode<'interpolate'>): Emit => {
  const [x, positions, y] = [operand(node, 0), operand(node, 1), result(node)];
  const [tx, tp, ty] = [ctx.type(x), ctx.type(positions), ctx.type(y)];
  const sizes = tx.shape.slice(2);
  const axes = sizes.length;
  const float = tx.dtype === 'f32';
  const taps = float ? tapCount(node.attrs.mode) : 2;
  const groups = at(tp.shape, 1);
  const [planes, count, perGroup] = [at(tp.shape, 0) * groups, at(tp.shape, 2), at(tx.shape, 1) / groups];
  const divided = ctx.divide(ctx.count(y) * WORK_OF_VALUE, Math.max(planes, count));
  const places = [axes * taps, taps ** axes].map((n) => ctx.temporary(n * TAP_BYTES, { each: divided }));
  const [from, list, to] = [ctx.use(x), ctx.use(positions), ctx.use(y)];
  const [unit, bytes] = [bytesOf(tx), bytesOf(ty)];
  const plane = elementCount(sizes) * unit;
  const strides = stridesOf(sizes);
  const walk = {
    sizes: [planes, count],
    strides: [
      [perGroup * count * bytes, bytes],
      [perGroup * plane, 0],
      [count * 4 * axes, 4 * axes],
    ],
  };
  return (f) => {
    const { i32 } = f.ops;
    const axis = float ? axisTapsKernel(ctx.asm, node.attrs) : fixedAxisKernel(ctx.asm);
    const combine = combineKernel(ctx.asm, axes, taps, float);
    const values = tapValuesKernel(ctx.asm, imageAccess(tx.dtype), 4 * (axes - 1));
    const [tap = 0, product = 0]: readonly Val[] = places.map((slot) => ownPart(f, ctx, slot, divided));
    const end = f.i32(i32.add(product, taps ** axes * TAP_BYTES));
    const each = ([target = 0, source = 0, place = 0]: readonly Val[]): void => {
      sizes.forEach((n, d) => {
        const coordinate = f.load(float ? 'f32' : 'i32', place, 4 * d);
        f.do(f.call(axis, [i32.add(tap, d * taps * TAP_BYTES), coordinate, n, at(strides, d) * unit]));
      });
      f.do(f.call(combine, [product, tap]));
      f.do(f.call(values, [target, source, product, end, perGroup, plane, count * bytes, node.attrs.zero]));
    };
    nest(f, longestFirst(walk), [to.address, from.address, list.address], each, divided);
  };
};

interface Walk {
  /** Makes the tables of a region from the place of its four coordinates. */
  readonly prepare: (f: Fn, roi: Local) => void;
  /** All bins of one plane. */
  readonly bins: (f: Fn, to: Local, from: Local) => Ex;
}

type RegionNode = OpNode<'roi_align'> | OpNode<'roi_pool'>;

/**
 * Loops over the planes of all regions; threads take planes each.
 * @param tableBytes - of the tables that a region needs, which each thread has of its own
 * @param walkOf - gets the places of the tables
 */
const lowerRegions = (ctx: Context, node: RegionNode, tableBytes: readonly number[], walkOf: (tables: readonly Local[]) => Walk): Emit => {
  const [x, rois, batch, y] = [operand(node, 0), operand(node, 1), operand(node, 2), result(node)];
  const tx = ctx.type(x);
  const [images, channels, ...spatial] = [at(tx.shape, 0), at(tx.shape, 1), ...tx.shape.slice(2)];
  const plane = elementCount(spatial) * bytesOf(tx);
  const bins = elementCount(node.attrs.size) * bytesOf(tx);
  const planes = at(ctx.type(batch).shape, 0) * channels;
  const divided = ctx.divide(ctx.count(y) * WORK_OF_VALUE, planes);
  const tables = tableBytes.map((bytes) => ctx.temporary(bytes, { each: divided }));
  const [from, corners, list, to] = [ctx.use(x), ctx.use(rois), ctx.use(batch), ctx.use(y)];
  return (f) => {
    if (planes === 0) return;
    const { i32 } = f.ops;
    const { prepare, bins: emitBins } = walkOf(tables.map((table) => ownPart(f, ctx, table, divided)));
    const own = divided ? shareOf(f, planes) : wholeOf(f, planes);
    const [region, channel] = [f.i32(i32.div_u(own.first, channels)), f.i32(i32.rem_u(own.first, channels))];
    const [roi, place] = [f.i32(i32.add(corners.address, i32.shl(region, 4))), f.i32(i32.add(list.address, i32.shl(region, 2)))];
    const [target, image, source] = [f.i32(i32.add(to.address, i32.mul(own.first, bins))), f.local('i32'), f.local('i32')];
    const begin = (): void => {
      f.set(image, f.load('i32', place));
      f.set(image, f.select(i32.lt_s(image, 0), 0, f.select(i32.gt_s(image, images - 1), images - 1, image)));
      f.set(source, i32.add(i32.add(from.address, i32.mul(image, channels * plane)), i32.mul(channel, plane)));
      prepare(f, roi);
    };
    const begun = f.i32(0);
    f.while(
      () => i32.lt_u(own.first, own.end),
      () => {
        f.if(i32.eqz(begun), begin);
        f.set(begun, 1);
        f.do(emitBins(f, target, source));
        f.inc(target, bins);
        f.inc(source, plane);
        f.inc(channel, 1);
        f.if(i32.eq(channel, channels), () => {
          f.set(channel, 0);
          f.set(begun, 0);
          f.inc(place, 4);
          f.inc(roi, 16);
        });
        f.inc(own.first, 1);
      },
    );
  };
};

const lowerRoiAlign = (ctx: Context, node: OpNode<'roi_align'>): Emit => {
  const tx = ctx.type(operand(node, 0));
  const { size, sampling, aligned, spatial_scale: scale, multiplier, shift, zero, mode } = node.attrs;
  const float = tx.dtype === 'f32';
  const tables = size.map((cells) => cells * sampling * SAMPLE_BYTES);
  const unit = bytesOf(tx);
  const [rows, columns] = [at(size, 0), at(size, 1)];
  const [height, width] = [at(tx.shape, 2), at(tx.shape, 3)];
  return lowerRegions(ctx, node, tables, ([ys = 0, xs = 0]: readonly Val[]) => {
    const axis = float ? floatSamplesKernel(ctx.asm, aligned) : fixedSamplesKernel(ctx.asm, aligned);
    const align = roiAlignKernel(ctx.asm, imageAccess(tx.dtype), mode === 'max');
    const samples = (f: Fn, roi: Local, table: Val, first: number, cells: number, n: number, stride: number): void => {
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
  const tables = size.map((cells) => cells * BIN_BYTES);
  const unit = bytesOf(tx);
  const [rows, columns] = [at(size, 0), at(size, 1)];
  const [height, width] = [at(tx.shape, 2), at(tx.shape, 3)];
  return lowerRegions(ctx, node, tables, ([ys = 0, xs = 0]: readonly Val[]) => {
    const bins = binsKernel(ctx.asm);
    const pool = roiPoolKernel(ctx.asm, imageAccess(tx.dtype), width * unit);
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
