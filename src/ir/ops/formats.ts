import { attr } from '../attr.ts';
import { FLOAT_FORMAT_NAMES, roundToFormat } from '../numeric/index.ts';
import { type Range, range } from '../range.ts';
import { constraint, primitive, types, violates } from '../schema.ts';
import type { DType, Tensor } from '../types.ts';
import { describe, fullRange, resultCount } from './util.ts';

/** What each dtype may be read as: dtypes of the same size. */
const SAME_BITS: Readonly<Partial<Record<DType, readonly DType[]>>> = {
  f32: ['i32'],
  i32: ['f32'],
  i8: ['u8'],
  u8: ['i8'],
  bool: ['i8', 'u8'],
};

const bytesOf = (t: Tensor): Uint8Array => new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength);

/** Bits of 8-bit integers read the other way: the upper half of u8 is the negative half of i8. */
const rereadRange = (x: Range, to: Range): Range => (x.lo >= 0 && x.hi <= 127 ? range(x.lo, x.hi) : to);

/** Narrow float formats and bit patterns. */
export const formats = {
  round_float: primitive({
    code: 0x180,
    summary: 'Rounds to a narrow float format (float).',
    doc: 'y is the number of the format nearest to x, ties to the even fraction; beyond the greatest number: that number when saturate is set, else infinity, or NaN where the format has none. NaN stays NaN; the fnuz formats have no -0; float4e2m1 has neither infinity nor NaN and always saturates, NaN to -0.',
    operands: ['x'],
    attrs: { format: attr.oneOf(FLOAT_FORMAT_NAMES), saturate: attr.bool({ default: true }) },
    constraints: { c1: constraint('x is f32.', ['i32[2]'], { format: 'float16' }) },
    traits: { pointwise: true, idempotent: true },
    infer: ([x]) => (x.dtype === 'f32' ? types(x) : violates('c1', describe('x', x))),
    evaluate: ([x], a, [y]) => {
      if (y !== undefined) for (let i = 0; i < y.data.length; i++) y.data[i] = roundToFormat(x.data[i]!, a.format, a.saturate);
    },
    range: () => [],
    cost: (_o, _a, results) => 8 * resultCount(results),
    samples: FLOAT_FORMAT_NAMES.flatMap((format) =>
      [true, false].map((saturate) => ({
        operands: [
          {
            type: 'f32[24]',
            data: [
              0,
              -0,
              1,
              -1.0625,
              1.1875,
              1.25,
              1.75,
              5,
              7,
              240,
              -248,
              448,
              464,
              465,
              57344,
              61440,
              65520,
              -1e9,
              1e-3,
              0.001953125,
              0.0009765625,
              0.00048828125 * 3,
              -0.00000762939453125,
              0.000003814697265625,
            ],
          },
        ],
        attrs: { format, saturate },
      })),
    ),
  }),
  bitcast: primitive({
    code: 0x181,
    summary: 'The same bits as another dtype of the same size.',
    doc: 'y has the bits of x: f32 and i32 as each other, i8 and u8 as each other, bool as i8 or u8. A NaN has the bits 0x7fc00000, whichever way it is read.',
    operands: ['x'],
    attrs: { dtype: attr.dtype() },
    constraints: {
      c1: constraint('dtype has the size of the dtype of x: f32 and i32, i8 and u8, bool to i8 or u8.', ['f32[2]'], { dtype: 'i16' }),
    },
    traits: { pointwise: true },
    infer: ([x], a) =>
      SAME_BITS[x.dtype]?.includes(a.dtype) === true
        ? types({ dtype: a.dtype, shape: x.shape })
        : violates('c1', `${describe('x', x)}, dtype is ${a.dtype}`),
    evaluate: ([x], _a, [y]) => {
      if (y === undefined) return;
      bytesOf(y).set(bytesOf(x));
      // which NaN an operation gives is up to the engine, so its bits must not show
      if (x.dtype === 'f32') for (let i = 0; i < x.data.length; i++) if (Number.isNaN(x.data[i])) y.data[i] = 0x7fc00000;
    },
    range: ([x], _a, { resultTypes, operandTypes }) =>
      resultTypes.map((t) => (operandTypes[0]?.dtype === 'f32' ? fullRange(t) : rereadRange(x, fullRange(t)))),
    cost: (_o, _a, results) => resultCount(results),
    samples: [
      { operands: [{ type: 'f32[6]', data: [0, -0, 1, -2.5, 1e-40, 3e38] }], attrs: { dtype: 'i32' } },
      { operands: ['i32[19]'], attrs: { dtype: 'f32' } },
      { operands: [{ type: 'i32[4]', data: [2143289345, -4194303, 2139095041, -8388608] }], attrs: { dtype: 'f32' } },
      { operands: ['i8[37]'], attrs: { dtype: 'u8' } },
      { operands: ['u8[3,5]'], attrs: { dtype: 'i8' } },
      { operands: ['bool[9]'], attrs: { dtype: 'u8' } },
    ],
  }),
} as const;
