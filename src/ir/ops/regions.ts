import { attr } from '../attr.ts';
import { rdiv, rshr } from '../numeric/index.ts';
import { type Range, range } from '../range.ts';
import { constraint, type InferResult, primitive, types, violates } from '../schema.ts';
import { elementCount, type Tensor, type TensorType } from '../types.ts';
import { describe, isOneOf, resultCount } from './util.ts';
import { spatialOf } from './window.ts';

// bound once: a look-up of the global in every step of an inner loop is slow where globals are proxied (jest)
const { ceil, floor, fround, max, trunc } = Math;

/** Corners of integer regions stay within 2^14 cells of the image, in 256ths (roi_align) or whole (roi_pool). */
const ROI_LIMIT = { align: 2 ** 22, pool: 2 ** 14 } as const;

const regionAttrs = {
  size: attr.ints({ min: 1, max: 1024 }),
  spatial_scale: attr.f32({ default: 1 }),
  multiplier: attr.int({ min: 0, max: 2 ** 21 - 1, default: 1 }),
  shift: attr.int({ min: 0, max: 52, default: 0 }),
  zero: attr.int({ min: -128, max: 255, default: 0 }),
} as const;

interface RegionAttrs {
  readonly size: readonly number[];
  readonly spatial_scale: number;
  readonly multiplier: number;
  readonly shift: number;
  readonly zero: number;
}

const operands2 = ['f32[1,2,4,4]', 'f32[3,4]', 'i32[3]'];
const constraints = {
  c1: constraint(
    'x has rank 4, a number of at least 1 as batch, and numbers from 1 to 2^14 as channel and spatial sizes.',
    ['f32[1,2,4]', 'f32[3,4]', 'i32[3]'],
    {
      size: [2, 2],
    },
  ),
  c2: constraint('rois are [R, 4] and batch is i32 [R].', ['f32[1,2,4,4]', 'f32[3,4]', 'i32[2]'], { size: [2, 2] }),
  c3: constraint('x and rois are f32, or x is i8 or u8 and rois are i32.', ['f32[1,2,4,4]', 'i32[3,4]', 'i32[3]'], { size: [2, 2] }),
  c4: constraint('size has two entries.', operands2, { size: [2] }),
  c5: constraint('f32 takes spatial_scale, integers take multiplier, shift and zero, a value of the dtype of x.', operands2, {
    size: [2, 2],
    shift: 8,
  }),
} as const;

const infer = (x: TensorType, rois: TensorType, batch: TensorType, a: RegionAttrs): InferResult => {
  const [n, channels = 1] = x.shape;
  const sizes = [channels, ...(spatialOf(x.shape) ?? [0])];
  if (x.shape.length !== 4 || typeof n !== 'number' || n < 1 || sizes.some((d) => typeof d !== 'number' || d < 1 || d > 2 ** 14))
    return violates('c1', describe('x', x));
  const [count = 0, four] = rois.shape;
  if (rois.shape.length !== 2 || four !== 4 || batch.dtype !== 'i32' || batch.shape.length !== 1 || batch.shape[0] !== count)
    return violates('c2', `${describe('rois', rois)} and ${describe('batch', batch)}`);
  const float = x.dtype === 'f32';
  if (!(float ? rois.dtype === 'f32' : isOneOf(x, 'i8', 'u8') && rois.dtype === 'i32'))
    return violates('c3', `x is ${x.dtype}, rois are ${rois.dtype}`);
  if (a.size.length !== 2) return violates('c4', `size has ${a.size.length} entries`);
  const lo = x.dtype === 'i8' ? -128 : 0;
  const own = float ? a.multiplier === 1 && a.shift === 0 && a.zero === 0 : a.spatial_scale === 1 && a.zero >= lo && a.zero <= lo + 255;
  if (!own)
    return violates('c5', `spatial_scale ${a.spatial_scale}, multiplier ${a.multiplier}, shift ${a.shift}, zero ${a.zero} for ${x.dtype}`);
  return types({ dtype: x.dtype, shape: [count, channels, ...a.size] });
};

const limit = (v: number, bound: number): number => (v >= -bound ? (v <= bound ? v : bound) : -bound);

/** The image that region r is in. */
const imageOf = (batch: Tensor, r: number, count: number): number => max(0, Math.min(batch.data[r]!, count - 1));

/** Samples along one axis: two cells and their weights each; `low` is -1 for a sample outside the image. */
interface AxisSamples {
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly lowWeight: Float64Array;
  readonly highWeight: Float64Array;
}

const axisSamples = (count: number): AxisSamples => ({
  low: new Int32Array(count),
  high: new Int32Array(count),
  lowWeight: new Float64Array(count),
  highWeight: new Float64Array(count),
});

/** Sample i at p, in units of 1 / one cell. */
const place = (s: AxisSamples, i: number, p: number, n: number, one: 1 | 256): void => {
  if (!(p >= -one && p <= n * one)) {
    s.low[i] = -1;
    return;
  }
  const inside = p > 0 ? p : 0;
  const low = floor(inside / one);
  const last = low >= n - 1;
  const f = last ? 0 : one === 1 ? fround(inside - low) : inside - low * one;
  s.low[i] = last ? n - 1 : low;
  s.high[i] = last ? n - 1 : low + 1;
  s.lowWeight[i] = one === 1 ? fround(1 - f) : one - f;
  s.highWeight[i] = f;
};

interface AlignAttrs extends RegionAttrs {
  readonly sampling: number;
  readonly aligned: boolean;
}

const floatSamples = (s: AxisSamples, start: number, end: number, cells: number, n: number, a: AlignAttrs): void => {
  const offset = a.aligned ? 0.5 : 0;
  const first = fround(fround(start * a.spatial_scale) - offset);
  const length = fround(fround(fround(end * a.spatial_scale) - offset) - first);
  const bin = fround((a.aligned || length >= 1 ? length : 1) / cells);
  for (let c = 0; c < cells; c++)
    for (let j = 0; j < a.sampling; j++) {
      const inner = fround(fround((j + 0.5) * bin) / a.sampling);
      place(s, c * a.sampling + j, fround(fround(first + fround(c * bin)) + inner), n, 1);
    }
};

const fixedSamples = (s: AxisSamples, start: number, end: number, cells: number, n: number, a: AlignAttrs): void => {
  const corner = (v: number): number => limit(rshr(v * a.multiplier, a.shift), ROI_LIMIT.align) - (a.aligned ? 128 : 0);
  const first = corner(start);
  const length = a.aligned ? corner(end) - first : max(corner(end) - first, 256);
  const count = cells * a.sampling;
  for (let i = 0; i < count; i++) place(s, i, first + floor(((2 * i + 1) * length) / (2 * count)), n, 256);
};

/** The four products of a sample, summed from the first (each step rounded), or their maximum. */
const floatSample = (
  data: Float32Array,
  base: number,
  width: number,
  ys: AxisSamples,
  xs: AxisSamples,
  i: number,
  j: number,
  most: boolean,
): number => {
  if (ys.low[i]! < 0 || xs.low[j]! < 0) return 0;
  const [top, bottom] = [base + ys.low[i]! * width, base + ys.high[i]! * width];
  const product = (wy: number, wx: number, at: number): number => fround(fround(wy * wx) * data[at]!);
  const a = product(ys.lowWeight[i]!, xs.lowWeight[j]!, top + xs.low[j]!);
  const b = product(ys.lowWeight[i]!, xs.highWeight[j]!, top + xs.high[j]!);
  const c = product(ys.highWeight[i]!, xs.lowWeight[j]!, bottom + xs.low[j]!);
  const d = product(ys.highWeight[i]!, xs.highWeight[j]!, bottom + xs.high[j]!);
  return most ? max(max(max(a, b), c), d) : fround(fround(fround(a + b) + c) + d);
};

const fixedSample = (
  data: Int8Array,
  base: number,
  width: number,
  ys: AxisSamples,
  xs: AxisSamples,
  i: number,
  j: number,
  zero: number,
): number => {
  if (ys.low[i]! < 0 || xs.low[j]! < 0) return 0;
  const [top, bottom] = [base + ys.low[i]! * width, base + ys.high[i]! * width];
  const row = (at: number): number =>
    xs.lowWeight[j]! * (data[at + xs.low[j]!]! - zero) + xs.highWeight[j]! * (data[at + xs.high[j]!]! - zero);
  return ys.lowWeight[i]! * row(top) + ys.highWeight[i]! * row(bottom);
};

const align = (x: Tensor, rois: Tensor, batch: Tensor, y: Tensor, a: AlignAttrs & { readonly mode: 'avg' | 'max' }): void => {
  const [images = 0, channels = 0, height = 0, width = 0] = x.shape;
  const [ph = 0, pw = 0] = a.size;
  const g = a.sampling;
  const [ys, xs] = [axisSamples(ph * g), axisSamples(pw * g)];
  const float = x.dtype === 'f32';
  const fill = float ? floatSamples : fixedSamples;
  const most = a.mode === 'max';
  let out = 0;
  for (let r = 0; r < batch.data.length; r++) {
    fill(xs, rois.data[4 * r]!, rois.data[4 * r + 2]!, pw, width, a);
    fill(ys, rois.data[4 * r + 1]!, rois.data[4 * r + 3]!, ph, height, a);
    for (let c = 0; c < channels; c++) {
      const base = (imageOf(batch, r, images) * channels + c) * height * width;
      for (let o = 0; o < ph * pw; o++, out++) {
        const [i0, j0] = [floor(o / pw) * g, (o % pw) * g];
        let acc = most ? Number.NEGATIVE_INFINITY : 0;
        for (let i = i0; i < i0 + g; i++)
          for (let j = j0; j < j0 + g; j++) {
            if (!float) acc += fixedSample(x.data as Int8Array, base, width, ys, xs, i, j, a.zero);
            else {
              const v = floatSample(x.data as Float32Array, base, width, ys, xs, i, j, most);
              acc = most ? max(acc, v) : fround(acc + v);
            }
          }
        y.data[out] = !float ? rdiv(acc, g * g * 65536) + a.zero : most ? acc : acc / (g * g);
      }
    }
  }
};

/** Nearest integer, ties away from zero. */
const awayFromZero = (v: number): number => (v - trunc(v) >= 0.5 ? trunc(v) + 1 : v - trunc(v) <= -0.5 ? trunc(v) - 1 : trunc(v));

/** The first cell of each of `cells` bins and the one behind its last, inside an axis of n. */
const bins = (start: number, end: number, cells: number, n: number): Int32Array => {
  const length = max(end - start + 1, 1);
  const inside = (v: number): number => (v < 0 ? 0 : v > n ? n : v);
  return Int32Array.from({ length: 2 * cells }, (_, k) => {
    const c = k >> 1;
    return inside(start + (k % 2 === 0 ? floor((c * length) / cells) : ceil(((c + 1) * length) / cells)));
  });
};

const pool = (x: Tensor, rois: Tensor, batch: Tensor, y: Tensor, a: RegionAttrs): void => {
  const [images = 0, channels = 0, height = 0, width = 0] = x.shape;
  const [ph = 0, pw = 0] = a.size;
  const corner = (v: number): number =>
    limit(x.dtype === 'f32' ? awayFromZero(fround(v * a.spatial_scale)) : rshr(v * a.multiplier, a.shift), ROI_LIMIT.pool);
  let out = 0;
  for (let r = 0; r < batch.data.length; r++) {
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = Array.from(rois.data.subarray(4 * r, 4 * r + 4), corner);
    const [columns, rows] = [bins(x1, x2, pw, width), bins(y1, y2, ph, height)];
    for (let c = 0; c < channels; c++) {
      const base = (imageOf(batch, r, images) * channels + c) * height * width;
      for (let o = 0; o < ph * pw; o++, out++) {
        const [i, j] = [2 * floor(o / pw), 2 * (o % pw)];
        const empty = rows[i]! >= rows[i + 1]! || columns[j]! >= columns[j + 1]!;
        let best = empty ? a.zero : Number.NEGATIVE_INFINITY;
        for (let row = rows[i]!; row < rows[i + 1]!; row++)
          for (let column = columns[j]!; column < columns[j + 1]!; column++) best = max(best, x.data[base + row * width + column]!);
        y.data[out] = best;
      }
    }
  }
};

const withZero = (x: Range, a: RegionAttrs): readonly Range[] => [range(Math.min(x.lo, a.zero), Math.max(x.hi, a.zero))];
const floatRois = (lo: number, hi: number, count = 3) => ({ type: `f32[${count},4]`, lo, hi });
const fixedRois = (lo: number, hi: number, count = 3) => ({ type: `i32[${count},4]`, lo, hi });
const images = (count: number, regions = 3) => ({ type: `i32[${regions}]`, lo: -1, hi: count });

/** Ops over regions of interest: rois [R, 4] are (x1, y1, x2, y2), batch [R] is the image of each, clamped to [0, N - 1]. */
export const regions = {
  roi_align: primitive({
    code: 0x134,
    summary: 'Mean (or maximum) of samples between the cells of each bin of a region.',
    doc:
      'y[r, c, ph, pw] over sampling x sampling samples in bin (ph, pw) of region r of image batch[r] (clamped). A sample more than a cell before the image, or behind n, is 0; else its coordinate is clamped to [0, n - 1] and it is bilinear. ' +
      'Float, each step rounded: corner = roi * spatial_scale - (aligned ? 1/2 : 0); length = end - start, at least 1 unless aligned; bin = length / P; sample j of bin p at (start + p * bin) + ((j + 1/2) * bin) / sampling. ' +
      'avg: sum from +0 of ((w1 v1 + w2 v2) + w3 v3) + w4 v4, divided by the count; max: of the single products w v, as ONNX RoiAlign defines it. ' +
      'Integer (avg): corner = rshr(roi * multiplier, shift) in 256ths of a cell, at most 2^22 away from 0, - 128 if aligned; sample i of all along an axis at start + floor((2 i + 1) length / (2 P sampling)), weights in 256ths; ' +
      'y = zero + rdiv(sum of (x - zero) w, sampling^2 2^16) (NUMERICS §1.7; arXiv 1703.06870).',
    operands: ['x', 'rois', 'batch'],
    attrs: {
      ...regionAttrs,
      sampling: attr.int({ min: 1, max: 64, default: 2 }),
      aligned: attr.bool({ default: true }),
      mode: attr.oneOf(['avg', 'max'], { default: 'avg' }),
    },
    constraints: {
      ...constraints,
      c6: constraint(
        'Integers are averaged, over at most 11 x 11 samples: their sum stays in int32.',
        ['i8[1,2,4,4]', 'i32[3,4]', 'i32[3]'],
        {
          size: [2, 2],
          sampling: 12,
        },
      ),
    },
    infer: ([x, rois, batch], a) => {
      const result = infer(x, rois, batch, a);
      if (!result.ok || x.dtype === 'f32' || (a.mode === 'avg' && a.sampling <= 11)) return result;
      return violates('c6', `${a.mode} of ${a.sampling} x ${a.sampling} samples for ${x.dtype}`);
    },
    evaluate: ([x, rois, batch], a, [y]) => {
      if (y !== undefined) align(x, rois, batch, y, a);
    },
    range: ([x], a) => withZero(x, a),
    weight: 5,
    cost: (_o, a, results) => resultCount(results) * a.sampling * a.sampling * 4,
    samples: [
      { operands: ['f32[2,3,6,7]', floatRois(-3, 9), images(2)], attrs: { size: [3, 2], sampling: 2 } },
      {
        operands: ['f32[1,2,5,5]', floatRois(-9, 30), images(1)],
        attrs: { size: [2, 3], sampling: 3, aligned: false, spatial_scale: 0.25 },
      },
      { operands: ['f32[1,2,5,6]', floatRois(-2, 8), images(1)], attrs: { size: [2, 2], sampling: 2, mode: 'max' } },
      { operands: ['i8[2,3,6,7]', fixedRois(-800, 2400), images(2)], attrs: { size: [3, 2], zero: -5 } },
      {
        operands: ['u8[1,2,5,5]', fixedRois(-90, 300), images(1)],
        attrs: { size: [2, 2], sampling: 11, multiplier: 40000, shift: 13, aligned: false, zero: 3 },
      },
      { operands: ['i8[1,1,1,1]', 'i32[3,4]', 'i32[3]'], attrs: { size: [1, 2], sampling: 1, multiplier: 2097151, shift: 1 } },
      { operands: ['f32[1,2,4,4]', 'f32[0,4]', 'i32[0]'], attrs: { size: [2, 2] } },
    ],
  }),

  roi_pool: primitive({
    code: 0x135,
    summary: 'Maximum over each bin of a region.',
    doc:
      'Corners are whole cells: rshr(roi * multiplier, shift) for integers, fl(roi * spatial_scale) to the nearest integer, ties away from zero, for f32 (NaN is far outside); at most 2^14 away from 0. length = max(end - start + 1, 1); bin p covers cells ' +
      'start + [floor(p length / P), ceil((p + 1) length / P)) inside the image, exact; y is the maximum there (NaN wins), zero (+0 for f32) where the bin is empty (Fast R-CNN, arXiv 1504.08083; NUMERICS §1.7).',
    operands: ['x', 'rois', 'batch'],
    attrs: regionAttrs,
    constraints,
    infer: ([x, rois, batch], a) => infer(x, rois, batch, a),
    evaluate: ([x, rois, batch], a, [y]) => {
      if (y !== undefined) pool(x, rois, batch, y, a);
    },
    range: ([x], a) => withZero(x, a),
    // bins may overlap by a cell at each end and cover the whole image
    cost: ([x], a, results) => (resultCount(results) / elementCount(a.size)) * elementCount(x.shape.slice(2)) + resultCount(results),
    samples: [
      { operands: ['f32[2,3,6,7]', floatRois(-3, 9), images(2)], attrs: { size: [3, 2] } },
      { operands: ['f32[1,2,5,5]', floatRois(-9, 30), images(1)], attrs: { size: [2, 3], spatial_scale: 0.25 } },
      { operands: ['i8[2,3,6,7]', fixedRois(-3, 9), images(2)], attrs: { size: [3, 2], zero: -5 } },
      { operands: ['u8[1,2,5,5]', fixedRois(-90, 300), images(1)], attrs: { size: [7, 2], multiplier: 40000, shift: 21, zero: 255 } },
      { operands: ['i8[1,1,3,3]', 'i32[3,4]', 'i32[3]'], attrs: { size: [1, 2], multiplier: 2097151, shift: 1 } },
      { operands: ['i8[1,2,4,4]', 'i32[0,4]', 'i32[0]'], attrs: { size: [2, 2] } },
    ],
  }),
} as const;
