import { attr } from '../attr.ts';
import { rshr } from '../numeric/index.ts';
import { channelRange, hull, range } from '../range.ts';
import { constraint, primitive, types, violates } from '../schema.ts';
import { elementCount, formatShape, sameShape, type Tensor } from '../types.ts';
import { describe, dotBounds, holds, productDType, resultCount } from './util.ts';
import { accumulatorShift, isWideProduct, MOST_PRODUCTS, productCost, PRODUCTS_TEXT, SHIFT_TEXT, shiftedSum } from './wide-product.ts';
import { spatialOf, tapTable, type Window, window3, windowAttrs, windowOutput, windowProblem, withSpatial } from './window.ts';

// bound once: a look-up of the global in every step of an inner loop is slow where globals are proxied (jest)
const { fround, imul } = Math;

interface ConvAttrs {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly pads: readonly number[];
}

const windowOf = (kernel: readonly number[], a: ConvAttrs): Window => ({ kernel, stride: a.stride, dilation: a.dilation, pads: a.pads });

/** Shared walk of the two dtype kernels: where each tap of each output position reads. */
const plan = (x: Tensor, w: Tensor, y: Tensor, a: ConvAttrs & { readonly groups: number }) => {
  const kernel = w.shape.slice(2);
  const table = tapTable(window3(x.shape.slice(2), y.shape.slice(2), windowOf(kernel, a)));
  const outChannels = w.shape[0] ?? 0;
  return {
    table,
    taps: elementCount(kernel),
    batch: x.shape[0] ?? 0,
    channels: x.shape[1] ?? 0,
    outChannels,
    perGroup: w.shape[1] ?? 0,
    outPerGroup: outChannels / a.groups,
    plane: elementCount(x.shape.slice(2)),
    positions: elementCount(y.shape.slice(2)),
  };
};

/** acc = bias + sum over (ic, taps) of w * x in wrapping int32; padding reads `padValue`. */
const convInt = (x: Tensor, w: Tensor, bias: Tensor | undefined, padValue: number, y: Tensor, p: ReturnType<typeof plan>): void => {
  const xs = x.data as Int8Array;
  const ws = w.data as Int8Array;
  const ys = y.data as Int32Array;
  const { table, taps, positions } = p;
  for (let n = 0; n < p.batch; n++)
    for (let oc = 0; oc < p.outChannels; oc++) {
      const firstChannel = n * p.channels + Math.floor(oc / p.outPerGroup) * p.perGroup;
      const start = bias === undefined ? 0 : bias.data[oc]!;
      const out = (n * p.outChannels + oc) * positions;
      for (let o = 0; o < positions; o++) {
        let acc = start;
        for (let ic = 0; ic < p.perGroup; ic++) {
          const plane = (firstChannel + ic) * p.plane;
          const row = (oc * p.perGroup + ic) * taps;
          for (let t = 0; t < taps; t++) {
            const offset = table[o * taps + t]!;
            acc = (acc + imul(ws[row + t]!, offset < 0 ? padValue : xs[plane + offset]!)) | 0;
          }
        }
        ys[out + o] = acc;
      }
    }
};

/** wrap32(rshr(sum of w * x, shift)) + bias for i16; padding reads 0. */
const convWide = (x: Tensor, w: Tensor, bias: Tensor | undefined, shift: number, y: Tensor, p: ReturnType<typeof plan>): void => {
  const xs = x.data as Int16Array;
  const ws = w.data as Int16Array;
  const ys = y.data as Int32Array;
  const { table, taps, positions } = p;
  for (let n = 0; n < p.batch; n++)
    for (let oc = 0; oc < p.outChannels; oc++) {
      const firstChannel = n * p.channels + Math.floor(oc / p.outPerGroup) * p.perGroup;
      const start = bias === undefined ? 0 : bias.data[oc]!;
      const out = (n * p.outChannels + oc) * positions;
      for (let o = 0; o < positions; o++) {
        let sum = 0;
        for (let ic = 0; ic < p.perGroup; ic++) {
          const plane = (firstChannel + ic) * p.plane;
          const row = (oc * p.perGroup + ic) * taps;
          for (let t = 0; t < taps; t++) {
            const offset = table[o * taps + t]!;
            if (offset >= 0) sum += ws[row + t]! * xs[plane + offset]!;
          }
        }
        ys[out + o] = (shiftedSum(sum, shift) + start) | 0;
      }
    }
};

/** F2: s = fl(s + fl(w * x)) in OIHW order from bias or +0; padding reads +0. */
const convFloat = (x: Tensor, w: Tensor, bias: Tensor | undefined, y: Tensor, p: ReturnType<typeof plan>): void => {
  const xs = x.data as Float32Array;
  const ws = w.data as Float32Array;
  const ys = y.data as Float32Array;
  const { table, taps, positions } = p;
  for (let n = 0; n < p.batch; n++)
    for (let oc = 0; oc < p.outChannels; oc++) {
      const firstChannel = n * p.channels + Math.floor(oc / p.outPerGroup) * p.perGroup;
      const start = bias === undefined ? 0 : bias.data[oc]!;
      const out = (n * p.outChannels + oc) * positions;
      for (let o = 0; o < positions; o++) {
        let acc = start;
        for (let ic = 0; ic < p.perGroup; ic++) {
          const plane = (firstChannel + ic) * p.plane;
          const row = (oc * p.perGroup + ic) * taps;
          for (let t = 0; t < taps; t++) {
            const offset = table[o * taps + t]!;
            acc = fround(acc + fround(ws[row + t]! * (offset < 0 ? 0 : xs[plane + offset]!)));
          }
        }
        ys[out + o] = acc;
      }
    }
};

export const conv = {
  conv: primitive({
    code: 0x01,
    summary: 'Convolution over 1 to 3 spatial dimensions with stride, dilation, asymmetric padding and groups.',
    doc:
      'y[n, oc, o] = bias[oc] + sum over ic, k of w[oc, ic, k] * x[n, g(oc) + ic, o * stride - pads_begin + k * dilation]. Layout N C spatial…, weights O I spatial…. ' +
      'Integer: x i8 or u8, w i8 or i6, bias i32, y i32 (wraps; the proof shows that it does not); padding reads pad_value, the zero point of x. ' +
      'x i16, w i16, i8 or i6: the sum is exact in I53 and shifted, y = wrap32(rshr(sum, accumulator_shift)) + bias, bias in units of the shifted sum; padding reads 0. ' +
      'A 16-bit operand costs as much as two of 8 bits: i16 x i16 counts 4 products, i16 x i8 counts 2. ' +
      'Float: strict order F2 (ic, then kernel in row-major order, from bias or +0); padding reads +0.',
    operands: ['x', 'w', 'bias?'],
    attrs: {
      ...windowAttrs,
      groups: attr.int({ min: 1, max: 65536, default: 1 }),
      pad_value: attr.int({ min: -128, max: 255, default: 0 }),
      accumulator_shift: accumulatorShift,
    },
    added: { attr: 'accumulator_shift', code: 0x190 },
    constraints: {
      c1: constraint('x has rank 3 to 5 and numbers as channel and spatial sizes.', ['i8[2,3]', 'i8[4,3]'], {
        stride: [],
        dilation: [],
        pads: [],
      }),
      c2: constraint('w has the rank of x.', ['i8[1,3,5,5]', 'i8[4,3,3]'], { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] }),
      c3: constraint('stride and dilation have one entry, pads two, for each spatial dimension.', ['i8[1,3,5,5]', 'i8[4,3,3,3]'], {
        stride: [1],
        dilation: [1, 1],
        pads: [0, 0, 0, 0],
      }),
      c4: constraint('Channels of x = groups * channels of w.', ['i8[1,3,5,5]', 'i8[4,2,3,3]'], {
        stride: [1, 1],
        dilation: [1, 1],
        pads: [0, 0, 0, 0],
      }),
      c5: constraint('groups divides the output channels, and there is at least one of them.', ['i8[1,4,5,5]', 'i8[3,2,3,3]'], {
        stride: [1, 1],
        dilation: [1, 1],
        pads: [0, 0, 0, 0],
        groups: 2,
      }),
      c6: constraint(
        'dtypes are (x i8 or u8, w i8 or i6, bias i32), (x i16, w i16, i8 or i6, bias i32) or all f32.',
        ['i8[1,3,5,5]', 'f32[4,3,3,3]'],
        {
          stride: [1, 1],
          dilation: [1, 1],
          pads: [0, 0, 0, 0],
        },
      ),
      c7: constraint('bias has one entry per output channel.', ['i8[1,3,5,5]', 'i8[4,3,3,3]', 'i32[3]'], {
        stride: [1, 1],
        dilation: [1, 1],
        pads: [0, 0, 0, 0],
      }),
      c8: constraint('pad_value is a value of the dtype of x; 0 for i16 and f32.', ['u8[1,3,5,5]', 'i8[4,3,3,3]'], {
        stride: [1, 1],
        dilation: [1, 1],
        pads: [0, 0, 0, 0],
        pad_value: -1,
      }),
      c9: constraint(SHIFT_TEXT, ['i8[1,3,5,5]', 'i8[4,3,3,3]'], {
        stride: [1, 1],
        dilation: [1, 1],
        pads: [0, 0, 0, 0],
        accumulator_shift: 1,
      }),
      c10: constraint(PRODUCTS_TEXT, ['i16[1,8388608,1,1]', 'i16[1,8388608,1,1]'], {
        stride: [1, 1],
        dilation: [1, 1],
        pads: [0, 0, 0, 0],
      }),
    },
    infer: ([x, w, bias], a) => {
      const spatial = spatialOf(x.shape);
      const [, channels] = x.shape;
      if (x.shape.length < 3 || x.shape.length > 5 || spatial === undefined || typeof channels !== 'number')
        return violates('c1', describe('x', x));
      const kernel = spatialOf(w.shape);
      if (w.shape.length !== x.shape.length || kernel === undefined) return violates('c2', `${describe('x', x)} but ${describe('w', w)}`);
      const problem = windowProblem(spatial.length, windowOf(kernel, a));
      if (problem !== undefined) return violates('c3', problem);
      const [outChannels, perGroup] = w.shape;
      if (typeof outChannels !== 'number' || typeof perGroup !== 'number' || perGroup * a.groups !== channels) {
        return violates('c4', `x has ${channels} channels but w takes ${String(perGroup)} in each of ${a.groups} groups`);
      }
      if (outChannels === 0 || outChannels % a.groups !== 0) return violates('c5', `${outChannels} output channels in ${a.groups} groups`);
      const wide = isWideProduct(x, w, bias);
      const dtype = wide ? 'i32' : productDType(x, w, bias);
      if (dtype === undefined)
        return violates('c6', `x is ${x.dtype}, w is ${w.dtype}${bias === undefined ? '' : `, bias is ${bias.dtype}`}`);
      if (bias !== undefined && !sameShape(bias.shape, [outChannels])) {
        return violates('c7', `bias has shape ${formatShape(bias.shape)} but w has ${outChannels} output channels`);
      }
      if (wide || dtype === 'f32' ? a.pad_value !== 0 : !holds(x.dtype, a.pad_value))
        return violates('c8', `pad_value is ${a.pad_value} but x is ${x.dtype}`);
      if (!wide && a.accumulator_shift !== 0) return violates('c9', `accumulator_shift is ${a.accumulator_shift} but x is ${x.dtype}`);
      const products = elementCount([perGroup, ...kernel]);
      if (wide && products > MOST_PRODUCTS) return violates('c10', `${products} products`);
      return types({ dtype, shape: withSpatial(x.shape, outChannels, windowOutput(spatial, windowOf(kernel, a))) });
    },
    evaluate: ([x, w, bias], a, [y]) => {
      if (y === undefined) return;
      const p = plan(x, w, y, a);
      if (y.dtype === 'f32') convFloat(x, w, bias, y, p);
      else if (x.dtype === 'i16') convWide(x, w, bias, a.accumulator_shift, y, p);
      else convInt(x, w, bias, a.pad_value, y, p);
    },
    range: ([x, w, bias], a, context) => {
      const weights = context.constant(1);
      const [outChannels = 0, perGroup = 0, ...kernel] = context.operandTypes[1]?.shape ?? [];
      const taps = elementCount(kernel);
      const padded = a.pads.some((p) => p > 0);
      const pad = (v: number, pick: (p: number, q: number) => number): number => (padded ? pick(v, a.pad_value) : v);
      const seen =
        x.channels === undefined
          ? range(pad(x.lo, Math.min), pad(x.hi, Math.max))
          : channelRange(
              x.channels.lo.map((v) => pad(v, Math.min)),
              x.channels.hi.map((v) => pad(v, Math.max)),
            );
      const lo = new Float64Array(outChannels);
      const hi = new Float64Array(outChannels);
      const biases = context.constant(2);
      for (let oc = 0; oc < outChannels; oc++) {
        const first = Math.floor(oc / (outChannels / a.groups)) * perGroup;
        const n = perGroup * taps;
        const [least, greatest] =
          weights === undefined
            ? unknownDot(n, seen, w)
            : dotBounds(weights.data, { start: oc * n, channels: perGroup, taps }, seen, first);
        lo[oc] = rshr(least, a.accumulator_shift) + (biases?.data[oc] ?? bias?.lo ?? 0);
        hi[oc] = rshr(greatest, a.accumulator_shift) + (biases?.data[oc] ?? bias?.hi ?? 0);
      }
      return [channelRange(lo, hi)];
    },
    cost: ([x, w], _a, results) => resultCount(results) * elementCount(w.shape.slice(1)) * productCost(x, w),
    samples: [
      {
        operands: ['i8[1,3,5,5]', 'i8[4,3,3,3]', 'i32[4]'],
        attrs: { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1], pad_value: -7 },
      },
      {
        operands: ['u8[2,4,7,6]', 'i8[6,2,2,3]'],
        attrs: { stride: [2, 1], dilation: [1, 2], pads: [0, 1, 2, 0], groups: 2, pad_value: 200 },
      },
      { operands: ['i8[1,4,9]', 'i6[4,1,3]', 'i32[4]'], attrs: { stride: [2], dilation: [2], pads: [3, 0], groups: 4 } },
      { operands: ['i8[1,16,1,1]', 'i8[17,16,1,1]', 'i32[17]'], attrs: { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] } },
      {
        operands: ['i8[1,5,13,11]', 'i8[8,5,3,3]', 'i32[8]'],
        attrs: { stride: [2, 2], dilation: [1, 1], pads: [0, 0, 1, 1], pad_value: 5 },
      },
      {
        operands: ['i8[1,8,10,18]', 'i8[8,1,3,3]', 'i32[8]'],
        attrs: { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1], groups: 8, pad_value: -3 },
      },
      {
        operands: ['i8[1,8,11,19]', 'i8[16,1,5,5]', 'i32[16]'],
        attrs: { stride: [2, 2], dilation: [1, 1], pads: [2, 2, 2, 2], groups: 8, pad_value: 9 },
      },
      { operands: ['i8[1,2,3,4,5]', 'i8[3,2,2,2,2]'], attrs: { stride: [1, 2, 1], dilation: [2, 1, 1], pads: [1, 0, 1, 0, 1, 0] } },
      { operands: ['i8[0,2,4,4]', 'i8[3,2,3,3]'], attrs: { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] } },
      { operands: ['i8[1,2,2,2]', 'i8[3,2,3,3]'], attrs: { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] } },
      { operands: ['f32[1,3,6,7]', 'f32[5,3,3,2]', 'f32[5]'], attrs: { stride: [1, 2], dilation: [2, 1], pads: [1, 0, 2, 1] } },
      { operands: ['f32[2,4,9]', 'f32[4,2,3]'], attrs: { stride: [1], dilation: [1], pads: [1, 1], groups: 2 } },
      { operands: ['f32[1,6,9,17]', 'f32[6,1,3,3]', 'f32[6]'], attrs: { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1], groups: 6 } },
      { operands: ['f32[1,2,3,4,5]', 'f32[3,2,1,2,2]'], attrs: { stride: [1, 1, 1], dilation: [1, 1, 1], pads: [0, 0, 0, 0, 0, 0] } },
      {
        operands: ['i16[1,3,6,11]', { type: 'i16[5,3,3,3]', lo: -32767, hi: 32767 }, { type: 'i32[5]', lo: -1000000, hi: 1000000 }],
        attrs: { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1], accumulator_shift: 6 },
      },
      {
        operands: ['i16[2,16,5,7]', { type: 'i8[6,8,3,2]', lo: -127, hi: 127 }],
        attrs: { stride: [2, 1], dilation: [1, 2], pads: [0, 1, 2, 0], groups: 2 },
      },
      {
        operands: ['i16[1,8,6,19]', { type: 'i16[8,1,3,3]', lo: -32767, hi: 32767 }, { type: 'i32[8]', lo: -1000, hi: 1000 }],
        attrs: { stride: [1, 2], dilation: [1, 1], pads: [1, 1, 1, 1], groups: 8, accumulator_shift: 31 },
      },
      {
        operands: ['i16[1,2,3,4,5]', { type: 'i6[3,2,2,2,2]', lo: -31, hi: 31 }],
        attrs: { stride: [1, 2, 1], dilation: [2, 1, 1], pads: [1, 0, 1, 0, 1, 0], accumulator_shift: 2 },
      },
    ],
  }),
} as const;

/** n products of unknown weights: each end is the worst corner. */
const unknownDot = (n: number, x: { lo: number; hi: number }, w: { lo: number; hi: number }): readonly [number, number] => {
  const corners = hull([
    range(x.lo * w.lo, x.lo * w.lo),
    range(x.lo * w.hi, x.lo * w.hi),
    range(x.hi * w.lo, x.hi * w.lo),
    range(x.hi * w.hi, x.hi * w.hi),
  ]);
  return [n * corners.lo, n * corners.hi];
};
