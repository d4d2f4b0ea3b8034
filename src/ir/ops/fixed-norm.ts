import { attr } from '../attr.ts';
import { clamp, exp2Q16, isqrt, POW2, rshr, softmaxScale } from '../numeric/index.ts';
import { range } from '../range.ts';
import { constraint, primitive, types, violates } from '../schema.ts';
import { elementCount, sameShape, type Shape, type Tensor, type TensorType } from '../types.ts';
import { broadcast, broadcastIndex, describe, holds, isOneOf, resolveAxis, resultCount, splitAt } from './util.ts';

/** Most elements of a softmax row: the table scale 2^B keeps at least 10 bits. */
const MAX_ROW = 2 ** 20;

const softmaxFixed = primitive({
  code: 0x158,
  summary: 'Integer softmax along an axis, exponentials by exp2.',
  doc:
    'The general rule of NUMERICS §1.6: m = max x; t = rshr((m - x) multiplier, shift), the distance in powers of two, Q16 (multiplier / 2^shift = S log2(e) 2^16 for scale S of x); ' +
    'e = 2^-t in Q.B as in exp2_fixed, B = min(22, 30 - ceil(log2 n)) for n elements; s = sum e; R = floor(2^(30 + B) / s); ' +
    'y = min(2^bits - 1, (e R + 2^(29 + B - bits)) >> (30 + B - bits)) + output_zero: scale 2^-bits. ',
  operands: ['x'],
  attrs: {
    axis: attr.int({ min: -8, max: 7 }),
    multiplier: attr.int({ min: 0, max: 2 ** 21 - 1 }),
    shift: attr.int({ min: 0, max: 36 }),
    bits: attr.int({ min: 1, max: 16 }),
    output_zero: attr.int({ min: -32768, max: 0, default: 0 }),
    dtype: attr.dtype({ default: 'i16' }),
  },
  constraints: {
    c1: constraint(`axis is within the rank of x; at most ${MAX_ROW} elements along it, a number.`, ['i16[2,3]'], {
      axis: 2,
      multiplier: 1,
      shift: 0,
      bits: 15,
    }),
    c2: constraint('x is i8 or i16.', ['i32[2,3]'], { axis: 1, multiplier: 1, shift: 0, bits: 15 }),
    c3: constraint('dtype is i8, u8 or i16 and holds output_zero and output_zero + 2^bits - 1.', ['i16[2,3]'], {
      axis: 1,
      multiplier: 1,
      shift: 0,
      bits: 16,
    }),
  },
  infer: ([x], a) => {
    const axis = resolveAxis(a.axis, x.shape.length);
    const size = axis === undefined ? undefined : x.shape[axis];
    if (typeof size !== 'number' || size > MAX_ROW) return violates('c1', `axis ${a.axis} for ${describe('x', x)}`);
    if (!isOneOf(x, 'i8', 'i16')) return violates('c2', describe('x', x));
    const fits =
      isOneOf({ dtype: a.dtype, shape: [] }, 'i8', 'u8', 'i16') &&
      holds(a.dtype, a.output_zero) &&
      holds(a.dtype, a.output_zero + POW2[a.bits]! - 1);
    return fits
      ? types({ dtype: a.dtype, shape: x.shape })
      : violates('c3', `dtype is ${a.dtype}, bits is ${a.bits}, output_zero is ${a.output_zero}`);
  },
  evaluate: ([x], a, [y]) => {
    if (y === undefined) return;
    const { outer, n, inner } = splitAt(x.shape, resolveAxis(a.axis, x.shape.length) ?? 0);
    const scale = softmaxScale(n);
    const most = POW2[a.bits]! - 1;
    const e = new Float64Array(n);
    for (let o = 0; o < outer; o++)
      for (let j = 0; j < inner; j++) {
        const base = o * n * inner + j;
        let m = Number.NEGATIVE_INFINITY;
        for (let i = 0; i < n; i++) m = Math.max(m, x.data[base + i * inner]!);
        let s = 0;
        for (let i = 0; i < n; i++) {
          const t = rshr((m - x.data[base + i * inner]!) * a.multiplier, a.shift);
          e[i] = exp2Q16(-t, scale);
          s += e[i]!;
        }
        // s >= 2^B: the greatest element gives 2^B
        const r = Math.floor(POW2[30 + scale]! / s);
        for (let i = 0; i < n; i++) y.data[base + i * inner] = Math.min(most, rshr(e[i]! * r, 30 + scale - a.bits)) + a.output_zero;
      }
  },
  range: (_o, a) => [range(a.output_zero, a.output_zero + POW2[a.bits]! - 1)],
  cost: (_o, _a, results) => 14 * resultCount(results),
  samples: [
    { operands: ['i16[3,19]'], attrs: { axis: -1, multiplier: 1512775, shift: 20, bits: 15 } },
    { operands: ['i16[2,5,3]'], attrs: { axis: 1, multiplier: 1512775, shift: 16, bits: 16, output_zero: -32768 } },
    { operands: ['i8[2,37]'], attrs: { axis: 1, multiplier: 5909, shift: 0, bits: 8, output_zero: -128, dtype: 'i8' } },
    { operands: ['i16[2,3]'], attrs: { axis: 1, multiplier: 2 ** 21 - 1, shift: 0, bits: 8, dtype: 'u8' } },
    { operands: ['i16[2,1]'], attrs: { axis: 1, multiplier: 0, shift: 36, bits: 1 } },
    { operands: ['i16[2,0]'], attrs: { axis: 1, multiplier: 1, shift: 0, bits: 15 } },
  ],
});

/** Elements that are normalized together, at most: with it D < 2^51 and c R <= 2^52 (NUMERICS §1.6). */
const MAX_GROUP = { i8: 65536, i16: 1024 } as const;

/** Elements that are normalized together: dimensions from `axis` on, the first of them in `groups` parts. */
const groupSize = (shape: Shape, axis: number, groups: number): number | undefined => {
  const own = shape.slice(axis);
  if (!own.every((d) => typeof d === 'number')) return undefined;
  const n = elementCount(own) / groups;
  return (own[0] ?? 1) % groups === 0 ? n : undefined;
};

const broadcastsTo = (t: TensorType, x: TensorType): boolean => {
  const joined = broadcast(t.shape, x.shape);
  return joined !== undefined && sameShape(joined, x.shape);
};

/** Bits of a positive integer below 2^53. */
const bitLength = (n: number): number => (n >= 2 ** 32 ? 64 - Math.clz32(Math.floor(n / 2 ** 32)) : 32 - Math.clz32(n));

interface NormAttrs {
  readonly center: boolean;
  readonly input_zero: number;
  readonly epsilon: number;
  readonly epsilon_shift: number;
}

/** z of one group into `z`: Q11, half up. */
const normalizeGroup = (x: Tensor, start: number, n: number, a: NormAttrs, z: Float64Array): void => {
  let s1 = 0;
  let s2 = 0;
  for (let i = start; i < start + n; i++) {
    const v = x.data[i]! - a.input_zero;
    s1 += v;
    s2 += v * v;
  }
  const shiftBy = a.center ? s1 : 0;
  const d = Math.max(n * s2 - shiftBy * shiftBy + a.epsilon * POW2[a.epsilon_shift]!, 1);
  const t = Math.max(0, Math.floor((50 - bitLength(d)) / 2));
  const r = Math.floor(2 ** 50 / isqrt(d * POW2[2 * t]!));
  for (let i = 0; i < n; i++) z[i] = rshr((n * (x.data[start + i]! - a.input_zero) - shiftBy) * r, 39 - t);
};

const layerNormFixed = primitive({
  code: 0x159,
  summary: 'Integer layer, instance, group or RMS normalization.',
  doc:
    'Normalizes groups of N consecutive elements: the dimensions from axis on, the first of them cut into `groups` parts. v = x - input_zero; S1 = sum v (0 unless center), S2 = sum v^2; ' +
    'D = max(N S2 - S1^2 + epsilon 2^epsilon_shift, 1) = N^2 variance; t = max(0, floor((50 - bitlen D) / 2)); R = floor(2^50 / isqrt(D 2^(2t))); ' +
    'z = rshr((N v - S1) R, 39 - t) in Q11; y = clamp(rshr(z gain + bias, shift) + output_zero, lo, hi), gain (i16) and bias (i32, scale 2^-shift) broadcast to x (NUMERICS §1.6). ' +
    'center = true: layer norm (groups = 1), instance norm (axis past the channels), group norm (axis = 1); false: RMS norm. epsilon 2^epsilon_shift = epsilon N^2 / S^2 for scale S of x.',
  operands: ['x', 'gain', 'bias'],
  attrs: {
    axis: attr.int({ min: -8, max: 7 }),
    groups: attr.int({ min: 1, max: 65536, default: 1 }),
    center: attr.bool({ default: true }),
    input_zero: attr.int({ min: -128, max: 127, default: 0 }),
    epsilon: attr.int({ min: 0, default: 0 }),
    epsilon_shift: attr.int({ min: 0, max: 18, default: 0 }),
    shift: attr.int({ min: 1, max: 45 }),
    output_zero: attr.int({ min: -32768, max: 32767, default: 0 }),
    lo: attr.int({ min: -32768, max: 32767 }),
    hi: attr.int({ min: -32768, max: 32767 }),
    dtype: attr.dtype({ default: 'i8' }),
  },
  constraints: {
    c1: constraint('x is i8, or i16 with input_zero = 0; gain is i16 and bias i32.', ['i16[2,4]', 'i16[4]', 'i32[4]'], {
      axis: 1,
      input_zero: 1,
      shift: 20,
      lo: -128,
      hi: 127,
    }),
    c2: constraint(
      'axis is within the rank of x; the sizes from there on are numbers, and groups divides the first.',
      ['i8[2,4]', 'i16[4]', 'i32[4]'],
      {
        axis: 1,
        groups: 3,
        shift: 20,
        lo: -128,
        hi: 127,
      },
    ),
    c3: constraint(
      `At most ${MAX_GROUP.i8} elements are normalized together, ${MAX_GROUP.i16} of i16.`,
      ['i16[2,1025]', 'i16[1]', 'i32[1]'],
      { axis: 1, shift: 20, lo: -128, hi: 127 },
    ),
    c4: constraint('gain and bias broadcast to the shape of x.', ['i8[2,4]', 'i16[3]', 'i32[4]'], {
      axis: 1,
      shift: 20,
      lo: -128,
      hi: 127,
    }),
    c5: constraint('dtype is i8 or i16; lo <= hi, both values of it.', ['i8[2,4]', 'i16[4]', 'i32[4]'], {
      axis: 1,
      shift: 20,
      lo: -128,
      hi: 128,
    }),
  },
  infer: ([x, gain, bias], a) => {
    const typed = (x.dtype === 'i8' || (x.dtype === 'i16' && a.input_zero === 0)) && gain.dtype === 'i16' && bias.dtype === 'i32';
    if (!typed)
      return violates('c1', [describe('x', x), describe('gain', gain), describe('bias', bias), `input_zero is ${a.input_zero}`].join(', '));
    const axis = resolveAxis(a.axis, x.shape.length);
    const n = axis === undefined ? undefined : groupSize(x.shape, axis, a.groups);
    if (n === undefined) return violates('c2', `axis is ${a.axis} and groups ${a.groups} for ${describe('x', x)}`);
    const most = x.dtype === 'i8' ? MAX_GROUP.i8 : MAX_GROUP.i16;
    if (n > most) return violates('c3', `${n} elements of ${x.dtype} are normalized together`);
    if (!broadcastsTo(gain, x) || !broadcastsTo(bias, x))
      return violates('c4', `${describe('x', x)} but ${describe('gain', gain)} and ${describe('bias', bias)}`);
    const fits = isOneOf({ dtype: a.dtype, shape: [] }, 'i8', 'i16') && a.lo <= a.hi && holds(a.dtype, a.lo) && holds(a.dtype, a.hi);
    return fits ? types({ dtype: a.dtype, shape: x.shape }) : violates('c5', `lo is ${a.lo} and hi is ${a.hi} but dtype is ${a.dtype}`);
  },
  evaluate: ([x, gain, bias], a, [y]) => {
    if (y === undefined || x.data.length === 0) return;
    const n = groupSize(x.shape, resolveAxis(a.axis, x.shape.length) ?? 0, a.groups) ?? 1;
    const [gi, bi] = [broadcastIndex(gain.shape, x.shape), broadcastIndex(bias.shape, x.shape)];
    const z = new Float64Array(n);
    for (let start = 0; start < x.data.length; start += n) {
      normalizeGroup(x, start, n, a, z);
      for (let i = 0; i < n; i++) {
        const e = start + i;
        y.data[e] = clamp(rshr(z[i]! * gain.data[gi[e]!]! + bias.data[bi[e]!]!, a.shift) + a.output_zero, a.lo, a.hi);
      }
    }
  },
  range: (_o, a) => [range(a.lo, a.hi)],
  cost: (_o, _a, results) => 8 * resultCount(results),
  samples: [
    {
      operands: ['i8[3,19]', 'i16[19]', { type: 'i32[19]', lo: -40000000, hi: 40000000 }],
      attrs: { axis: -1, input_zero: -5, epsilon: 40, shift: 21, output_zero: 3, lo: -128, hi: 127 },
    },
    {
      operands: ['i8[2,4,3,5]', 'i16[4,1,1]', 'i32[4,1,1]'],
      attrs: { axis: 1, groups: 2, epsilon: 2000000000, epsilon_shift: 18, shift: 18, lo: -100, hi: 100 },
    },
    {
      operands: ['i8[2,3,37]', 'i16[3,1]', 'i32[3,1]'],
      attrs: { axis: 2, center: false, input_zero: 127, shift: 16, lo: -32768, hi: 32767, output_zero: 7, dtype: 'i16' },
    },
    {
      operands: ['i16[2,67]', { type: 'i16[67]', lo: 16384, hi: 32767 }, 'i32[]'],
      attrs: { axis: 1, epsilon: 1, shift: 13, lo: -32768, hi: 32767, dtype: 'i16' },
    },
    {
      operands: ['i16[3,2]', 'i16[2]', 'i32[2]'],
      attrs: { axis: 1, center: false, shift: 45, lo: -1, hi: 1 },
    },
    { operands: ['i8[4,1]', 'i16[1]', 'i32[1]'], attrs: { axis: 1, shift: 1, lo: -128, hi: 127 } },
    { operands: ['i8[0,3]', 'i16[3]', 'i32[3]'], attrs: { axis: 1, shift: 1, lo: -128, hi: 127 } },
    { operands: ['i8[2,0]', 'i16[1]', 'i32[1]'], attrs: { axis: 1, shift: 1, lo: -128, hi: 127 } },
  ],
});

/** Integer normalizations (NUMERICS §1.6). */
export const fixedNorm = { softmax_fixed: softmaxFixed, layer_norm_fixed: layerNormFixed } as const;
