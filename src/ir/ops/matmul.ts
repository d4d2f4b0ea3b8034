import { attr } from '../attr.ts';
import { rshr } from '../numeric/index.ts';
import { channelRange, mulRange, range, subRange } from '../range.ts';
import { constraint, primitive, types, violates } from '../schema.ts';
import { elementCount, formatShape, sameShape, type Tensor } from '../types.ts';
import { broadcast, broadcastIndex, describe, dotBounds, isOneOf, productDType, resultCount } from './util.ts';
import { accumulatorShift, isWideProduct, MOST_PRODUCTS, productCost, PRODUCTS_TEXT, SHIFT_TEXT, shiftedSum } from './wide-product.ts';

// bound once: a look-up of the global in every step of an inner loop is slow where globals are proxied (jest)
const { fround, imul } = Math;

/** y[r, o] = bias[o] + sum w[o, k] * x[r, k], wrapping int32. */
const denseInt = (x: Tensor, w: Tensor, bias: Tensor | undefined, y: Tensor, rows: number, n: number, k: number): void => {
  const xs = x.data as Int8Array;
  const ws = w.data as Int8Array;
  const ys = y.data as Int32Array;
  for (let r = 0; r < rows; r++)
    for (let o = 0; o < n; o++) {
      let acc = bias === undefined ? 0 : bias.data[o]!;
      for (let i = 0; i < k; i++) acc = (acc + imul(ws[o * k + i]!, xs[r * k + i]!)) | 0;
      ys[r * n + o] = acc;
    }
};

/** y[r, o] = wrap32(rshr(sum w[o, k] * x[r, k], shift)) + bias[o] for i16. */
const denseWide = (x: Tensor, w: Tensor, bias: Tensor | undefined, shift: number, y: Tensor, { m: rows, n, k }: Sizes): void => {
  const xs = x.data as Int16Array;
  const ws = w.data as Int16Array;
  const ys = y.data as Int32Array;
  for (let r = 0; r < rows; r++)
    for (let o = 0; o < n; o++) {
      let sum = 0;
      for (let i = 0; i < k; i++) sum += ws[o * k + i]! * xs[r * k + i]!;
      ys[r * n + o] = (shiftedSum(sum, shift) + (bias === undefined ? 0 : bias.data[o]!)) | 0;
    }
};

const denseFloat = (x: Tensor, w: Tensor, bias: Tensor | undefined, y: Tensor, rows: number, n: number, k: number): void => {
  const xs = x.data as Float32Array;
  const ws = w.data as Float32Array;
  const ys = y.data as Float32Array;
  for (let r = 0; r < rows; r++)
    for (let o = 0; o < n; o++) {
      let acc = bias === undefined ? 0 : bias.data[o]!;
      for (let i = 0; i < k; i++) acc = fround(acc + fround(ws[o * k + i]! * xs[r * k + i]!));
      ys[r * n + o] = acc;
    }
};

interface Sizes {
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

const productInt = (
  a: Tensor,
  b: Tensor,
  za: number,
  zb: number,
  y: Tensor,
  ao: number,
  bo: number,
  yo: number,
  { m, k, n }: Sizes,
): void => {
  const as = a.data as Int8Array;
  const bs = b.data as Int8Array;
  const ys = y.data as Int32Array;
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      let acc = 0;
      for (let q = 0; q < k; q++) acc = (acc + imul(as[ao + i * k + q]! - za, bs[bo + q * n + j]! - zb)) | 0;
      ys[yo + i * n + j] = acc;
    }
};

const productWide = (a: Tensor, b: Tensor, shift: number, y: Tensor, ao: number, bo: number, yo: number, { m, k, n }: Sizes): void => {
  const as = a.data as Int16Array;
  const bs = b.data as Int16Array;
  const ys = y.data as Int32Array;
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let q = 0; q < k; q++) sum += as[ao + i * k + q]! * bs[bo + q * n + j]!;
      ys[yo + i * n + j] = shiftedSum(sum, shift);
    }
};

const productFloat = (a: Tensor, b: Tensor, y: Tensor, ao: number, bo: number, yo: number, { m, k, n }: Sizes): void => {
  const as = a.data as Float32Array;
  const bs = b.data as Float32Array;
  const ys = y.data as Float32Array;
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      let acc = 0;
      for (let q = 0; q < k; q++) acc = fround(acc + fround(as[ao + i * k + q]! * bs[bo + q * n + j]!));
      ys[yo + i * n + j] = acc;
    }
};

export const matmul = {
  dense: primitive({
    code: 0x08,
    summary: 'Fully connected layer: x times transposed weights plus bias.',
    doc: 'y[…, o] = bias[o] + sum over k of w[o, k] * x[…, k]; x has rank 1 or more, w is [outputs, inputs]. Integer: x i8 or u8, w i8 or i6, bias i32, y i32 (wraps; proven not to). x i16, w i16, i8 or i6: y = wrap32(rshr(sum, accumulator_shift)) + bias, the sum exact in I53, bias in units of the shifted sum; i16 x i16 counts 4 products in the cost, i16 x i8 counts 2. Float: strict order F2.',
    operands: ['x', 'w', 'bias?'],
    attrs: { accumulator_shift: accumulatorShift },
    added: { attr: 'accumulator_shift', code: 0x191 },
    constraints: {
      c1: constraint('x has rank 1 or more and w rank 2, with numbers as sizes of w.', ['i8[2,3]', 'i8[4,3,1]']),
      c2: constraint('The last dimension of x equals the second of w.', ['i8[2,3]', 'i8[4,5]']),
      c3: constraint('dtypes are (x i8 or u8, w i8 or i6, bias i32), (x i16, w i16, i8 or i6, bias i32) or all f32.', [
        'i8[2,3]',
        'f32[4,3]',
      ]),
      c4: constraint('bias has one entry per output.', ['i8[2,3]', 'i8[4,3]', 'i32[3]']),
      c5: constraint(SHIFT_TEXT, ['i8[2,3]', 'i8[4,3]'], { accumulator_shift: 1 }),
      c6: constraint(PRODUCTS_TEXT, ['i16[1,8388608]', 'i16[1,8388608]']),
    },
    infer: ([x, w, bias], a) => {
      const [n, k] = w.shape;
      if (x.shape.length < 1 || w.shape.length !== 2 || typeof n !== 'number' || typeof k !== 'number')
        return violates('c1', `${describe('x', x)} and ${describe('w', w)}`);
      if (x.shape.at(-1) !== k) return violates('c2', `${describe('x', x)} but ${describe('w', w)}`);
      const wide = isWideProduct(x, w, bias);
      const dtype = wide ? 'i32' : productDType(x, w, bias);
      if (dtype === undefined)
        return violates('c3', `x is ${x.dtype}, w is ${w.dtype}${bias === undefined ? '' : `, bias is ${bias.dtype}`}`);
      if (bias !== undefined && !sameShape(bias.shape, [n]))
        return violates('c4', `bias has shape ${formatShape(bias.shape)} but w has ${n} outputs`);
      if (!wide && a.accumulator_shift !== 0) return violates('c5', `accumulator_shift is ${a.accumulator_shift} but x is ${x.dtype}`);
      if (wide && k > MOST_PRODUCTS) return violates('c6', `${k} products`);
      return types({ dtype, shape: [...x.shape.slice(0, -1), n] });
    },
    evaluate: ([x, w, bias], a, [y]) => {
      if (y === undefined) return;
      const [n = 0, k = 0] = w.shape;
      const rows = elementCount(x.shape.slice(0, -1));
      if (x.dtype === 'i16') {
        denseWide(x, w, bias, a.accumulator_shift, y, { m: rows, n, k });
        return;
      }
      (y.dtype === 'f32' ? denseFloat : denseInt)(x, w, bias, y, rows, n, k);
    },
    range: ([x, w, bias], a, context) => {
      const weights = context.constant(1);
      const biases = context.constant(2);
      const [n = 0, k = 0] = context.operandTypes[1]?.shape ?? [];
      const rank2 = context.operandTypes[0]?.shape.length === 2;
      const seen = rank2 ? x : range(x.lo, x.hi);
      const lo = new Float64Array(n);
      const hi = new Float64Array(n);
      for (let o = 0; o < n; o++) {
        const worst = mulRange(x, w);
        const [least, greatest] =
          weights === undefined ? [k * worst.lo, k * worst.hi] : dotBounds(weights.data, { start: o * k, channels: k, taps: 1 }, seen, 0);
        lo[o] = rshr(least, a.accumulator_shift) + (biases?.data[o] ?? bias?.lo ?? 0);
        hi[o] = rshr(greatest, a.accumulator_shift) + (biases?.data[o] ?? bias?.hi ?? 0);
      }
      const all = channelRange(lo, hi);
      return [rank2 ? all : range(all.lo, all.hi)];
    },
    cost: ([x, w], _a, results) => resultCount(results) * (w.shape[1] ?? 0) * productCost(x, w),
    samples: [
      { operands: ['i8[2,17]', 'i8[5,17]', 'i32[5]'] },
      { operands: ['u8[3,8]', 'i6[4,8]'] },
      { operands: ['i8[1,64]', 'i8[33,64]', 'i32[33]'] },
      { operands: ['i8[2,3,5]', 'i8[4,5]'] },
      { operands: ['i8[0,5]', 'i8[4,5]'] },
      { operands: ['i8[2,0]', 'i8[4,0]', 'i32[4]'] },
      { operands: ['f32[3,19]', 'f32[6,19]', 'f32[6]'] },
      { operands: ['f32[7]', 'f32[2,7]'] },
      {
        operands: ['i16[3,35]', { type: 'i16[6,35]', lo: -32767, hi: 32767 }, { type: 'i32[6]', lo: -1000000, hi: 1000000 }],
        attrs: { accumulator_shift: 7 },
      },
      { operands: ['i16[2,19]', { type: 'i8[5,19]', lo: -127, hi: 127 }] },
      { operands: ['i16[1,9]', { type: 'i6[4,9]', lo: -31, hi: 31 }], attrs: { accumulator_shift: 31 } },
    ],
  }),

  matmul: primitive({
    code: 0x09,
    summary: 'Matrix product of two tensors, batched, with broadcast of the batch dimensions.',
    doc: 'y[…, i, j] = sum over k of (a[…, i, k] - a_zero) * (b[…, k, j] - b_zero). Integer: a and b i8 or u8, y i32 (wraps; proven not to). Both i16, with zeros of 0: y = wrap32(rshr(sum, accumulator_shift)), the sum exact in I53; each product counts 4 in the cost. Float: strict order F2; zeros must be 0.',
    operands: ['a', 'b'],
    attrs: {
      a_zero: attr.int({ min: -128, max: 255, default: 0 }),
      b_zero: attr.int({ min: -128, max: 255, default: 0 }),
      accumulator_shift: accumulatorShift,
    },
    added: { attr: 'accumulator_shift', code: 0x192 },
    constraints: {
      c1: constraint('a and b have rank 2 or more.', ['i8[3]', 'i8[3,4]']),
      c2: constraint('The last dimension of a equals the second last of b.', ['i8[2,3]', 'i8[4,5]']),
      c3: constraint('Batch dimensions broadcast.', ['i8[2,2,3]', 'i8[3,3,5]']),
      c4: constraint('dtypes are both in i8, u8, both i16 or both f32; i16 and f32 take zeros of 0.', ['i8[2,3]', 'f32[3,5]']),
      c5: constraint(SHIFT_TEXT, ['i8[2,3]', 'i8[3,5]'], { accumulator_shift: 1 }),
      c6: constraint(PRODUCTS_TEXT, ['i16[1,8388608]', 'i16[8388608,1]']),
    },
    infer: ([a, b], attrs) => {
      if (a.shape.length < 2 || b.shape.length < 2) return violates('c1', `${describe('a', a)} and ${describe('b', b)}`);
      const [m = 0, k] = a.shape.slice(-2);
      const [kb, n = 0] = b.shape.slice(-2);
      if (k !== kb) return violates('c2', `${describe('a', a)} but ${describe('b', b)}`);
      const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
      if (batch === undefined) return violates('c3', `${describe('a', a)} but ${describe('b', b)}`);
      const alike = (dtype: 'i16' | 'f32'): boolean => a.dtype === dtype && b.dtype === dtype && attrs.a_zero === 0 && attrs.b_zero === 0;
      const [float, wide] = [alike('f32'), alike('i16')];
      if (!float && !wide && !(isOneOf(a, 'i8', 'u8') && isOneOf(b, 'i8', 'u8'))) {
        return violates('c4', `a is ${a.dtype} with zero ${attrs.a_zero}, b is ${b.dtype} with zero ${attrs.b_zero}`);
      }
      const { accumulator_shift: shift } = attrs;
      if (!wide && shift !== 0) return violates('c5', `accumulator_shift is ${shift} but a is ${a.dtype}`);
      if (wide && typeof k === 'number' && k > MOST_PRODUCTS) return violates('c6', `${k} products`);
      return types({ dtype: float ? 'f32' : 'i32', shape: [...batch, m, n] });
    },
    evaluate: ([a, b], attrs, [y]) => {
      if (y === undefined) return;
      const [m = 0, k = 0] = a.shape.slice(-2);
      const n = b.shape.at(-1) ?? 0;
      const batch = y.shape.slice(0, -2);
      const ai = broadcastIndex(a.shape.slice(0, -2), batch);
      const bi = broadcastIndex(b.shape.slice(0, -2), batch);
      for (let i = 0; i < ai.length; i++) {
        const offsets = [ai[i]! * m * k, bi[i]! * k * n, i * m * n] as const;
        if (y.dtype === 'f32') productFloat(a, b, y, ...offsets, { m, k, n });
        else if (a.dtype === 'i16') productWide(a, b, attrs.accumulator_shift, y, ...offsets, { m, k, n });
        else productInt(a, b, attrs.a_zero, attrs.b_zero, y, ...offsets, { m, k, n });
      }
    },
    range: ([a, b], attrs, context) => {
      const k = context.operandTypes[0]?.shape.at(-1) ?? 0;
      const term = mulRange(subRange(a, range(attrs.a_zero, attrs.a_zero)), subRange(b, range(attrs.b_zero, attrs.b_zero)));
      return [range(rshr(k * term.lo, attrs.accumulator_shift), rshr(k * term.hi, attrs.accumulator_shift))];
    },
    cost: ([a, b], _a, results) => resultCount(results) * (a.shape.at(-1) ?? 0) * productCost(a, b),
    samples: [
      { operands: ['i8[3,17]', 'i8[17,5]'], attrs: { a_zero: 3, b_zero: -4 } },
      { operands: ['i8[2,1,3,4]', 'u8[5,4,2]'], attrs: { b_zero: 128 } },
      { operands: ['i8[2,0]', 'i8[0,3]'] },
      { operands: ['f32[4,9]', 'f32[9,6]'] },
      { operands: ['f32[2,3,5]', 'f32[1,5,8]'] },
      { operands: ['i16[3,17]', 'i16[17,9]'], attrs: { accumulator_shift: 5 } },
      { operands: ['i16[2,1,5,3]', { type: 'i16[2,3,2]', lo: -20000, hi: 20000 }], attrs: { accumulator_shift: 31 } },
    ],
  }),
} as const;
