import { attr } from '../attr.ts';
import { clamp, log2Q24, POW2, quantizeCodes, rshr } from '../numeric/index.ts';
import { range } from '../range.ts';
import { composite, constraint, primitive, types, violates } from '../schema.ts';
import { DTYPE_INFO, formatShape, sameShape } from '../types.ts';
import { interpolate, rescaled, rescaleRange, saturate, tableRange } from './quantized-util.ts';
import { broadcastAll, broadcastIndex, describe, fullRange, holds, isOneOf, movedRange, resultCount, splitAt } from './util.ts';

const small = { min: -(2 ** 31), max: 2 ** 31 - 1 } as const;
const narrow = ['i8', 'u8', 'i16', 'i32'] as const;

export const quantized = {
  quantize: primitive({
    code: 0x90,
    summary: 'Float to i8 by scale and zero point.',
    doc: 'y = clamp(floor(fl(fl(x * inverse_scale) + 0.5)) + zero, -128, 127), inverse_scale = fl(1 / S); NaN gives zero (NUMERICS §4).',
    operands: ['x'],
    attrs: { inverse_scale: attr.f32(), zero: attr.int({ min: -128, max: 127 }) },
    constraints: {
      c1: constraint('x is f32.', ['i32[2]'], { inverse_scale: 1, zero: 0 }),
      c2: constraint('inverse_scale > 0.', ['f32[2]'], { inverse_scale: 0, zero: 0 }),
    },
    traits: { pointwise: true, monotone: true },
    infer: ([x], a) =>
      x.dtype !== 'f32'
        ? violates('c1', `x is ${x.dtype}`)
        : a.inverse_scale > 0
          ? types({ dtype: 'i8', shape: x.shape })
          : violates('c2', `inverse_scale is ${a.inverse_scale}`),
    evaluate: ([x], a, [y]) => {
      if (y !== undefined) quantizeCodes(x.data, a.inverse_scale, a.zero, y.data);
    },
    range: (_o, _a, context) => context.resultTypes.map(fullRange),
    weight: 7,
    cost: (_o, _a, results) => 2 * resultCount(results),
    samples: [{ operands: ['f32[3,9]'], attrs: { inverse_scale: 32, zero: -5 } }],
  }),
  dequantize: primitive({
    code: 0x91,
    summary: 'Integer to float by scale and zero point.',
    doc: 'y = fl(fl(x - zero) * scale).',
    operands: ['x'],
    attrs: { scale: attr.f32(), zero: attr.int(small) },
    constraints: { c1: constraint('x is i8, u8, i16 or i32.', ['f32[2]'], { scale: 1, zero: 0 }) },
    traits: { pointwise: true },
    infer: ([x]) => (isOneOf(x, ...narrow) ? types({ dtype: 'f32', shape: x.shape }) : violates('c1', `x is ${x.dtype}`)),
    evaluate: ([x], a, [y]) => {
      if (y !== undefined) for (let i = 0; i < y.data.length; i++) y.data[i] = Math.fround(x.data[i]! - a.zero) * a.scale;
    },
    range: () => [],
    cost: (_o, _a, results) => 2 * resultCount(results),
    samples: [
      { operands: ['i8[3,9]'], attrs: { scale: 0.03125, zero: -5 } },
      { operands: ['i32[4]'], attrs: { scale: 0.5, zero: 0 } },
    ],
  }),
  cast: primitive({
    code: 0x92,
    summary: 'Conversion to another dtype.',
    doc: 'Integer to integer keeps the value and saturates; integer to f32 rounds once; f32 to integer truncates toward zero, saturates, NaN to 0; to bool is x != 0.',
    operands: ['x'],
    attrs: { dtype: attr.dtype() },
    constraints: { c1: constraint('Neither dtype is i6.', ['i8[2]'], { dtype: 'i6' }) },
    traits: { pointwise: true, monotone: true },
    infer: ([x], a) =>
      x.dtype === 'i6' || a.dtype === 'i6' ? violates('c1', `from ${x.dtype} to ${a.dtype}`) : types({ dtype: a.dtype, shape: x.shape }),
    evaluate: ([x], a, [y]) => {
      if (y === undefined) return;
      const f =
        a.dtype === 'f32'
          ? (v: number) => v
          : a.dtype === 'bool'
            ? (v: number) => (v === 0 ? 0 : 1)
            : (v: number) => saturate(Math.trunc(v), a.dtype, 0);
      for (let i = 0; i < y.data.length; i++) y.data[i] = f(x.data[i]!);
    },
    range: ([x], a, context) => {
      const full = DTYPE_INFO[a.dtype];
      if (context.operandTypes[0]?.dtype === 'f32') return [range(full.lo, full.hi)];
      return [a.dtype === 'bool' ? range(0, 1) : range(clamp(x.lo, full.lo, full.hi), clamp(x.hi, full.lo, full.hi))];
    },
    cost: (_o, _a, results) => resultCount(results),
    samples: [
      { operands: ['i8[2,9]'], attrs: { dtype: 'i32' } },
      { operands: [{ type: 'i32[2,9]', lo: -300, hi: 300 }], attrs: { dtype: 'i8' } },
      { operands: [{ type: 'i32[7]', lo: -1, hi: 1 }], attrs: { dtype: 'bool' } },
      { operands: ['i32[5]'], attrs: { dtype: 'f32' } },
      { operands: [{ type: 'f32[2,9]', lo: -300, hi: 300 }], attrs: { dtype: 'u8' } },
    ],
  }),

  rescale: primitive({
    code: 0x93,
    summary: 'The one requantization: multiply, rounding shift, add zero point, clamp.',
    doc:
      'y = clamp(rshr((x - input_zero) * M[c], s[c]) + output_zero, lo, hi), c the index along axis 1 or one entry for all. ' +
      'Width n15: 0 <= M < 2^15, 1 <= s <= 47, and M >= 2^14 where s < 17; w21: 0 <= M < 2^21, 1 <= s <= 52 (NUMERICS §1.1).',
    operands: ['x', 'multiplier', 'shift'],
    attrs: {
      input_zero: attr.int({ ...small, default: 0 }),
      output_zero: attr.int({ min: -32768, max: 32767, default: 0 }),
      lo: attr.int(small),
      hi: attr.int(small),
      dtype: attr.dtype(),
      width: attr.oneOf(['n15', 'w21'], { default: 'n15' }),
    },
    constraints: {
      c1: constraint('x is i8, u8, i16 or i32; multiplier and shift are i32.', ['f32[2,3]', 'i32[1]', 'i32[1]'], {
        lo: 0,
        hi: 1,
        dtype: 'i8',
      }),
      c2: constraint(
        'multiplier and shift have the same shape: [1], or one entry per index of axis 1 of x.',
        ['i32[2,3]', 'i32[2]', 'i32[2]'],
        { lo: 0, hi: 1, dtype: 'i8' },
      ),
      c3: constraint('dtype is i8 or u8 for n15, i16 or i32 (or those) for w21.', ['i32[2,3]', 'i32[1]', 'i32[1]'], {
        lo: 0,
        hi: 1,
        dtype: 'i32',
      }),
      c4: constraint('lo <= hi, both values of dtype.', ['i32[2,3]', 'i32[1]', 'i32[1]'], { lo: 1, hi: 0, dtype: 'i8' }),
    },
    infer: ([x, m, s], a) => {
      if (!isOneOf(x, ...narrow) || m.dtype !== 'i32' || s.dtype !== 'i32')
        return violates('c1', `x is ${x.dtype}, multiplier is ${m.dtype}, shift is ${s.dtype}`);
      if (!sameShape(m.shape, s.shape) || !(sameShape(m.shape, [1]) || (x.shape.length >= 2 && sameShape(m.shape, [x.shape[1] ?? 0])))) {
        return violates('c2', `${describe('x', x)} but multiplier has shape ${formatShape(m.shape)} and shift ${formatShape(s.shape)}`);
      }
      const fits = a.dtype === 'i8' || a.dtype === 'u8' || (a.width === 'w21' && (a.dtype === 'i16' || a.dtype === 'i32'));
      if (!fits) return violates('c3', `dtype is ${a.dtype} with width ${a.width}`);
      const info = DTYPE_INFO[a.dtype];
      return a.lo > a.hi || a.lo < info.lo || a.hi > info.hi
        ? violates('c4', `lo is ${a.lo} and hi is ${a.hi} but dtype is ${a.dtype}`)
        : types({ dtype: a.dtype, shape: x.shape });
    },
    evaluate: ([x, m, s], a, [y]) => {
      if (y === undefined) return;
      const shared = m.data.length === 1;
      const { outer, n, inner } = shared ? { outer: 1, n: 1, inner: x.data.length } : splitAt(x.shape, 1);
      for (let o = 0; o < outer; o++)
        for (let c = 0; c < n; c++) {
          const multiplier = m.data[c]!;
          const shift = s.data[c]!;
          const base = (o * n + c) * inner;
          for (let i = base; i < base + inner; i++) {
            y.data[i] = clamp(rescaled((x.data[i]! - a.input_zero) | 0, multiplier, shift) + a.output_zero, a.lo, a.hi);
          }
        }
    },
    range: ([x], a, context) => [rescaleRange(x, a, context)],
    cost: (_o, _a, results) => 2 * resultCount(results),
    samples: [
      {
        operands: [
          { type: 'i32[2,3,5]', lo: -500000, hi: 500000 },
          { type: 'i32[3]', data: [16384, 20000, 32767] },
          { type: 'i32[3]', data: [24, 31, 27] },
        ],
        attrs: { output_zero: 3, lo: -128, hi: 127, dtype: 'i8' },
      },
      {
        operands: ['i32[19]', { type: 'i32[1]', data: [21845] }, { type: 'i32[1]', data: [38] }],
        attrs: { lo: 0, hi: 255, dtype: 'u8', output_zero: 128 },
      },
      {
        operands: ['i8[2,9]', { type: 'i32[1]', data: [16385] }, { type: 'i32[1]', data: [13] }],
        attrs: { input_zero: 7, output_zero: -9, lo: -100, hi: 127, dtype: 'i8' },
      },
      {
        operands: [
          { type: 'i32[2,2,7]', lo: -2000000, hi: 2000000 },
          { type: 'i32[2]', data: [1398101, 2097151] },
          { type: 'i32[2]', data: [27, 30] },
        ],
        attrs: { lo: -32768, hi: 32767, dtype: 'i16', width: 'w21' },
      },
      {
        operands: [
          { type: 'i32[11]', lo: -1000, hi: 1000 },
          { type: 'i32[1]', data: [1398101] },
          { type: 'i32[1]', data: [16] },
        ],
        attrs: { lo: -(2 ** 31), hi: 2 ** 31 - 1, dtype: 'i32', width: 'w21' },
      },
      {
        operands: ['i32[9]', { type: 'i32[1]', data: [0] }, { type: 'i32[1]', data: [47] }],
        attrs: { lo: -128, hi: 127, output_zero: -4, dtype: 'i8' },
      },
    ],
  }),

  table: primitive({
    code: 0x94,
    summary: 'Function by table.',
    doc: 'x i8: y = T[x + 128]; x u8: y = T[x]; T has 256 entries, or [channels, 256] by the index along axis 1. x i16: T has 513 i16 entries; i = (x + 32768) >> 7, f = x & 127, y = rshr((T[i] << 7) + (T[i + 1] - T[i]) f, 7) (NUMERICS §1.3).',
    operands: ['x', 'table'],
    attrs: {},
    constraints: {
      c1: constraint('x is i8, u8 or i16.', ['i32[2]', 'i8[256]']),
      c2: constraint('The table is i8, u8, i16 or i32 of shape [256], or [channels of x, 256]; for x i16 it is i16[513].', [
        'i8[2,3]',
        'i8[2,256]',
      ]),
    },
    infer: ([x, t]) => {
      if (!isOneOf(x, 'i8', 'u8', 'i16')) return violates('c1', `x is ${x.dtype}`);
      const perChannel = x.shape.length >= 2 && sameShape(t.shape, [x.shape[1] ?? 0, 256]);
      const fits =
        x.dtype === 'i16'
          ? t.dtype === 'i16' && sameShape(t.shape, [513])
          : isOneOf(t, ...narrow) && (sameShape(t.shape, [256]) || perChannel);
      return fits ? types({ dtype: t.dtype, shape: x.shape }) : violates('c2', `${describe('x', x)} but ${describe('the table', t)}`);
    },
    evaluate: ([x, t], _a, [y]) => {
      if (y === undefined) return;
      if (x.dtype === 'i16') {
        for (let i = 0; i < y.data.length; i++) y.data[i] = interpolate(t, x.data[i]!);
        return;
      }
      const offset = x.dtype === 'i8' ? 128 : 0;
      const { outer, n, inner } = t.shape.length === 1 ? { outer: 1, n: 1, inner: x.data.length } : splitAt(x.shape, 1);
      for (let o = 0; o < outer; o++)
        for (let c = 0; c < n; c++) {
          const base = (o * n + c) * inner;
          for (let i = base; i < base + inner; i++) y.data[i] = t.data[c * 256 + x.data[i]! + offset]!;
        }
    },
    range: ([x, t], _a, context) => [
      tableRange(x, context.operandTypes[0] ?? { dtype: 'i8', shape: [] }, context.constant(1), movedRange(t)),
    ],
    weight: 4,
    cost: (_o, _a, results) => resultCount(results),
    samples: [
      { operands: ['i8[3,37]', 'i8[256]'] },
      { operands: ['u8[5]', 'i32[256]'] },
      { operands: ['i8[2,3,7]', 'i8[3,256]'] },
      { operands: ['i8[21]', 'i16[256]'] },
      { operands: ['i16[3,11]', { type: 'i16[513]', lo: -16000, hi: 16000 }] },
    ],
  }),

  add_rescale: primitive({
    code: 0x95,
    summary: 'Weighted sum of i8 tensors of different scales, one rounding.',
    doc: 'y = clamp(rshr(sum over i of M_i * (x_i - z_i), shift) + output_zero, lo, hi), with broadcast. Negative M_i subtract. sum |M_i| * 255 + 2^(shift - 1) <= 2^31 - 1, so int32 suffices (NUMERICS §1.2).',
    operands: ['...xs'],
    attrs: {
      multipliers: attr.ints({ min: -(2 ** 21), max: 2 ** 21 }),
      zeros: attr.ints({ min: -128, max: 255 }),
      shift: attr.int({ min: 1, max: 30 }),
      output_zero: attr.int({ min: -128, max: 127 }),
      lo: attr.int({ min: -128, max: 127, default: -128 }),
      hi: attr.int({ min: -128, max: 127, default: 127 }),
    },
    constraints: {
      c1: constraint('All operands are i8 (or u8).', ['i32[2]', 'i8[2]'], { multipliers: [1, 1], zeros: [0, 0], shift: 1, output_zero: 0 }),
      c2: constraint('Shapes broadcast.', ['i8[2]', 'i8[3]'], { multipliers: [1, 1], zeros: [0, 0], shift: 1, output_zero: 0 }),
      c3: constraint('multipliers and zeros have one entry per operand.', ['i8[2]', 'i8[2]'], {
        multipliers: [1],
        zeros: [0, 0],
        shift: 1,
        output_zero: 0,
      }),
      c4: constraint('sum |M_i| * 255 + 2^(shift - 1) <= 2^31 - 1.', ['i8[2]', 'i8[2]', 'i8[2]', 'i8[2]', 'i8[2]'], {
        multipliers: [2097152, 2097152, 2097152, 2097152, 2097152],
        zeros: [0, 0, 0, 0, 0],
        shift: 1,
        output_zero: 0,
      }),
      c5: constraint('lo <= hi.', ['i8[2]'], { multipliers: [1], zeros: [0], shift: 1, output_zero: 0, lo: 1, hi: 0 }),
      c6: constraint('Each zero is a value of the dtype of its operand.', ['i8[2]'], {
        multipliers: [1],
        zeros: [128],
        shift: 1,
        output_zero: 0,
      }),
    },
    infer: (xs, a) => {
      const bad = xs.find((x) => !isOneOf(x, 'i8', 'u8'));
      if (bad !== undefined) return violates('c1', `an operand is ${bad.dtype}`);
      const shape = broadcastAll(xs.map((x) => x.shape));
      if (shape === undefined) return violates('c2', `shapes are ${xs.map((x) => formatShape(x.shape)).join(', ')}`);
      if (a.multipliers.length !== xs.length || a.zeros.length !== xs.length) {
        return violates('c3', `${xs.length} operands, ${a.multipliers.length} multipliers, ${a.zeros.length} zeros`);
      }
      const bound = a.multipliers.reduce((n, m) => n + Math.abs(m) * 255, POW2[a.shift - 1]!);
      if (bound > 2 ** 31 - 1) return violates('c4', `the bound is ${bound}`);
      if (a.lo > a.hi) return violates('c5', `lo is ${a.lo} and hi is ${a.hi}`);
      const outside = xs.findIndex((x, i) => !holds(x.dtype, a.zeros[i] ?? 0));
      return outside < 0
        ? types({ dtype: 'i8', shape })
        : violates('c6', `operand ${outside} is ${xs[outside]?.dtype} but its zero is ${a.zeros[outside]}`);
    },
    evaluate: (xs, a, [y]) => {
      if (y === undefined) return;
      const index = xs.map((x) => broadcastIndex(x.shape, y.shape));
      for (let i = 0; i < y.data.length; i++) {
        let sum = 0;
        for (let k = 0; k < xs.length; k++) sum += a.multipliers[k]! * (xs[k]!.data[index[k]![i]!]! - a.zeros[k]!);
        y.data[i] = clamp(rshr(sum, a.shift) + a.output_zero, a.lo, a.hi);
      }
    },
    range: (xs, a) => {
      let lo = 0;
      let hi = 0;
      for (const [k, x] of xs.entries()) {
        const m = a.multipliers[k] ?? 0;
        const z = a.zeros[k] ?? 0;
        lo += Math.min(m * (x.lo - z), m * (x.hi - z));
        hi += Math.max(m * (x.lo - z), m * (x.hi - z));
      }
      return [range(clamp(rshr(lo, a.shift) + a.output_zero, a.lo, a.hi), clamp(rshr(hi, a.shift) + a.output_zero, a.lo, a.hi))];
    },
    cost: (xs, _a, results) => (xs.length + 1) * resultCount(results),
    samples: [
      { operands: ['i8[2,3,5]', 'i8[2,3,5]'], attrs: { multipliers: [1000000, 1500000], zeros: [-5, 7], shift: 21, output_zero: 3 } },
      { operands: ['i8[1,4,3,3]', 'i8[4,1,1]'], attrs: { multipliers: [4096, -4096], zeros: [0, 0], shift: 12, output_zero: 0, lo: 0 } },
      {
        operands: ['i8[37]', 'i8[37]', 'i8[37]'],
        attrs: { multipliers: [300000, 200000, 100000], zeros: [1, 2, 3], shift: 20, output_zero: -128 },
      },
    ],
  }),

  mul_rescale: composite({
    code: 0x96,
    summary: 'Product of two i8 tensors, rescaled to i8.',
    doc: 'y = rescale((a - a_zero) * (b - b_zero)) with one multiplier and shift, n15.',
    operands: ['a', 'b', 'multiplier', 'shift'],
    attrs: {
      a_zero: attr.int({ min: -128, max: 255 }),
      b_zero: attr.int({ min: -128, max: 255 }),
      output_zero: attr.int({ min: -128, max: 127 }),
      lo: attr.int({ min: -128, max: 127, default: -128 }),
      hi: attr.int({ min: -128, max: 127, default: 127 }),
    },
    constraints: {
      c1: constraint('a and b are i8 (or u8), multiplier and shift i32[1].', ['i32[2]', 'i8[2]', 'i32[1]', 'i32[1]'], {
        a_zero: 0,
        b_zero: 0,
        output_zero: 0,
      }),
      c2: constraint('Shapes broadcast.', ['i8[2]', 'i8[3]', 'i32[1]', 'i32[1]'], { a_zero: 0, b_zero: 0, output_zero: 0 }),
      c3: constraint('lo <= hi.', ['i8[2]', 'i8[2]', 'i32[1]', 'i32[1]'], { a_zero: 0, b_zero: 0, output_zero: 0, lo: 1, hi: 0 }),
    },
    infer: ([a, b, m, s], { lo, hi }) => {
      if (lo > hi) return violates('c3', `lo is ${lo} and hi is ${hi}`);
      const scalars = [m, s].every((t) => t.dtype === 'i32' && sameShape(t.shape, [1]));
      if (!isOneOf(a, 'i8', 'u8') || !isOneOf(b, 'i8', 'u8') || !scalars)
        return violates('c1', [a, b, m, s].map((t) => `${t.dtype}${formatShape(t.shape)}`).join(', '));
      const shape = broadcastAll([a.shape, b.shape]);
      return shape === undefined
        ? violates('c2', `shapes are ${formatShape(a.shape)} and ${formatShape(b.shape)}`)
        : types({ dtype: 'i8', shape });
    },
    decompose: (g, [a, b, m, s], attrs) => {
      const centred = (x: typeof a, zero: number) =>
        g.emit('sub', [g.emit('cast', [x], { dtype: 'i32' }), g.constant({ dtype: 'i32', shape: [] }, [zero])]);
      const product = g.emit('mul', [centred(a, attrs.a_zero), centred(b, attrs.b_zero)]);
      return [g.emit('rescale', [product, m, s], { output_zero: attrs.output_zero, lo: attrs.lo, hi: attrs.hi, dtype: 'i8' })];
    },
    cost: (_o, _a, results) => 4 * resultCount(results),
    samples: [
      {
        operands: ['i8[2,3,5]', 'i8[3,1]', { type: 'i32[1]', data: [20000] }, { type: 'i32[1]', data: [23] }],
        attrs: { a_zero: -3, b_zero: 100, output_zero: 5 },
      },
      {
        operands: ['i8[35]', 'i8[35]', { type: 'i32[1]', data: [17000] }, { type: 'i32[1]', data: [22] }],
        attrs: { a_zero: 0, b_zero: 0, output_zero: 0 },
      },
    ],
  }),

  log2_fixed: primitive({
    code: 0x97,
    summary: 'Base-2 logarithm of integers in Q24.',
    doc: 'b = 31 - clz(x); y = b 2^24 + interpolated table of log2(1 + i / 256) (NUMERICS §1.4); x <= 0 gives -2^31. The table is a fixed constant.',
    operands: ['x'],
    attrs: {},
    constraints: { c1: constraint('x is i32.', ['f32[2]']) },
    traits: { pointwise: true, monotone: true },
    infer: ([x]) => (x.dtype === 'i32' ? types(x) : violates('c1', `x is ${x.dtype}`)),
    evaluate: ([x], _a, [y]) => {
      if (y !== undefined) for (let i = 0; i < y.data.length; i++) y.data[i] = log2Q24(x.data[i]!);
    },
    range: ([x]) => [range(log2Q24(x.lo), log2Q24(x.hi))],
    cost: (_o, _a, results) => 6 * resultCount(results),
    samples: [{ operands: ['i32[2,9]'] }, { operands: [{ type: 'i32[7]', data: [0, -1, 1, 2, 3, 2147483647, 65536] }] }],
  }),
} as const;
