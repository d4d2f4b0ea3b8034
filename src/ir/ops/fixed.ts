import { type AttrSchema, type AttrsOf, attr } from '../attr.ts';
import { exp2Q16, expFixed, isqrt, phaseFactor, phaseOf, POW2, powFixed, sinPhase, toQ16 } from '../numeric/index.ts';
import { dtypeRange, mapMonotone, type Range, range } from '../range.ts';
import { constraint, primitive, type Sample, types, violates } from '../schema.ts';
import { formatShape } from '../types.ts';
import { fixedNorm } from './fixed-norm.ts';
import { broadcast, broadcastIndex, resultCount } from './util.ts';

interface Unary<A extends AttrSchema> {
  readonly code: number;
  readonly summary: string;
  readonly doc: string;
  readonly attrs: A;
  /** Attributes of the broken example. */
  readonly example: Sample['attrs'];
  /** The function for given attributes. */
  readonly f: (a: AttrsOf<A>) => (x: number) => number;
  /** Undefined: f does not decrease. */
  readonly bound?: Range;
  readonly work: number;
  readonly samples: readonly Sample[];
}

/** A function of int32 values in fixed point, element by element. */
const unary = <const A extends AttrSchema>(o: Unary<A>) =>
  primitive({
    code: o.code,
    summary: o.summary,
    doc: o.doc,
    operands: ['x'],
    attrs: o.attrs,
    constraints: { c1: constraint('x is i32.', ['i16[2]'], o.example) },
    traits: { pointwise: true, monotone: o.bound === undefined },
    infer: ([x]) => (x.dtype === 'i32' ? types(x) : violates('c1', `x is ${x.dtype}`)),
    evaluate: ([x], a, [y]) => {
      if (y === undefined) return;
      const f = o.f(a);
      for (let i = 0; i < y.data.length; i++) y.data[i] = f(x.data[i]!);
    },
    range: ([x], a) => [o.bound ?? mapMonotone(x, o.f(a))],
    cost: (_o, _a, results) => o.work * resultCount(results),
    samples: o.samples,
  });

/** Fraction bits of an operand. */
const fraction = attr.int({ min: 0, max: 30 });
const angle = { fraction } as const;
const ONE = range(-(2 ** 30), 2 ** 30);
const TABLES = ' The table is a fixed constant (NUMERICS §1.4).';
const EDGES = [-2147483648, -65537, -65536, -65535, -1, 0, 1, 255, 256, 65535, 65536, 2147483647] as const;
const edges: Sample['operands'][number] = { type: 'i32[12]', data: EDGES };

const angleSamples: readonly Sample[] = [
  { operands: [{ type: 'i32[3,7]', lo: -500000, hi: 500000 }], attrs: { fraction: 16 } },
  { operands: ['i32[19]'], attrs: { fraction: 30 } },
  { operands: ['i32[19]'], attrs: { fraction: 0 } },
  { operands: [edges], attrs: { fraction: 16 } },
];

const sine =
  (turn: number) =>
  (a: AttrsOf<typeof angle>): ((x: number) => number) => {
    const factor = phaseFactor(a.fraction);
    return (x) => sinPhase((phaseOf(x, factor) + turn) >>> 0);
  };

const powFixedOp = primitive({
  code: 0x155,
  summary: 'Power in fixed point, with broadcast.',
  doc:
    'a and y in Q.F (fraction), b in Q.G (exponent_fraction); saturates to int32. F = 0 and whole b >= 0: the exact power. Else, for a > 0, ' +
    '2^t in Q.F as in exp2_fixed, t = rshr(b (log2_fixed(a) - F 2^24), 8 + G) in Q16, the product cut to +-2^52: relative error below ' +
    '|b| 2^-18 + 2^-20. y = 1 for b = 0; a = 0: 0 for b > 0, 2^31 - 1 for b < 0; a < 0: the power of |a| with the sign of a^b for whole b, 0 for any other b.',
  operands: ['a', 'b'],
  attrs: { fraction: attr.int({ min: 0, max: 30, default: 0 }), exponent_fraction: attr.int({ min: 0, max: 16, default: 0 }) },
  constraints: {
    c1: constraint('a and b are i32.', ['i32[2]', 'i16[2]']),
    c2: constraint('Shapes broadcast.', ['i32[2,3]', 'i32[2,2]']),
  },
  infer: ([a, b]) => {
    if (a.dtype !== 'i32' || b.dtype !== 'i32') return violates('c1', `a is ${a.dtype}, b is ${b.dtype}`);
    const shape = broadcast(a.shape, b.shape);
    return shape === undefined
      ? violates('c2', `a has shape ${formatShape(a.shape)} but b has shape ${formatShape(b.shape)}`)
      : types({ dtype: 'i32', shape });
  },
  evaluate: ([a, b], attrs, [y]) => {
    if (y === undefined) return;
    const [ai, bi] = [broadcastIndex(a.shape, y.shape), broadcastIndex(b.shape, y.shape)];
    for (let i = 0; i < y.data.length; i++) y.data[i] = powFixed(a.data[ai[i]!]!, b.data[bi[i]!]!, attrs.fraction, attrs.exponent_fraction);
  },
  range: () => [dtypeRange('i32')],
  cost: (_o, _a, results) => 40 * resultCount(results),
  samples: [
    {
      operands: [
        { type: 'i32[4,9]', lo: -12, hi: 12 },
        { type: 'i32[9]', lo: -3, hi: 12 },
      ],
    },
    { operands: [{ type: 'i32[12,1]', data: EDGES }, edges] },
    {
      operands: [
        { type: 'i32[3,7]', lo: -200000, hi: 900000 },
        { type: 'i32[7]', lo: -500, hi: 900 },
      ],
      attrs: { fraction: 16, exponent_fraction: 8 },
    },
    {
      operands: [
        { type: 'i32[12,1]', data: EDGES },
        { type: 'i32[6]', data: [-2147483648, -131072, -65536, 65536, 98304, 2147483647] },
      ],
      attrs: { fraction: 30, exponent_fraction: 16 },
    },
  ],
});

/** Integer functions in fixed point (NUMERICS §1.4 to §1.6): a value v in Q.F stands for v / 2^F. */
export const fixed = {
  exp2_fixed: unary({
    code: 0x150,
    summary: 'Power of two in fixed point.',
    doc: `t = x in Q16 (half up where fraction > 16), k = t >> 16, f = t & 65535; m = T[f >> 8] + rshr((T[(f >> 8) + 1] - T[f >> 8]) (f & 255), 8) with T[i] = round(2^30 2^(i / 256)); y = m 2^k brought from Q30 to Q.result_fraction, half up, saturated to int32. Relative error of m below 2^-20.${TABLES}`,
    attrs: { fraction, result_fraction: attr.int({ min: 0, max: 30, default: 30 }) },
    example: { fraction: 16 },
    f: (a) => (x) => exp2Q16(toQ16(x, a.fraction), a.result_fraction),
    work: 8,
    samples: [
      { operands: [{ type: 'i32[3,7]', lo: -2000000, hi: 70000 }], attrs: { fraction: 16 } },
      { operands: ['i32[19]'], attrs: { fraction: 24, result_fraction: 16 } },
      { operands: ['i32[19]'], attrs: { fraction: 30, result_fraction: 28 } },
      { operands: [{ type: 'i32[9]', lo: -9, hi: 33 }], attrs: { fraction: 0, result_fraction: 0 } },
      { operands: [edges], attrs: { fraction: 16 } },
      { operands: [edges], attrs: { fraction: 12, result_fraction: 20 } },
    ],
  }),
  exp_fixed: unary({
    code: 0x151,
    summary: 'e^x in fixed point.',
    doc: `t = rshr(x round(log2(e) 2^(30 - F)), 14), F = fraction; then 2^t as in exp2_fixed. x is cut to +-64 before: beyond, the result is 0 or saturated anyway. Relative error below |x| 2^(F - 31) + 2^-17 in powers of two; where F would be above 16, scale by log2(e) and take exp2_fixed.${TABLES}`,
    attrs: { fraction: attr.int({ min: 0, max: 16 }), result_fraction: attr.int({ min: 0, max: 30, default: 30 }) },
    example: { fraction: 16 },
    f: (a) => (x) => expFixed(x, a.fraction, a.result_fraction),
    work: 10,
    samples: [
      { operands: [{ type: 'i32[3,7]', lo: -1300000, hi: 50000 }], attrs: { fraction: 16 } },
      { operands: ['i32[19]'], attrs: { fraction: 9, result_fraction: 8 } },
      { operands: [{ type: 'i32[9]', lo: -9, hi: 23 }], attrs: { fraction: 0, result_fraction: 0 } },
      { operands: [edges], attrs: { fraction: 0 } },
      { operands: [edges], attrs: { fraction: 16, result_fraction: 12 } },
    ],
  }),
  sin_fixed: unary({
    code: 0x152,
    summary: 'Sine in fixed point.',
    doc: `x radians in Q.F. Phase p = (x K_hi + floor(x K_lo / 2^16)) mod 2^32, 2^32 to a turn, with K_hi + K_lo 2^-16 = 2^(32 - F) / (2 pi) (off by at most |x| 2^-49 turns); r = p mod 2^30, or 2^30 - that in odd quadrants; i = r >> 20, y = S[i] + rshr((S[i + 1] - S[i]) (r mod 2^20), 20) in Q30, negated in the lower half turn; S[i] = round(2^30 sin(pi/2 i / 1024)). Absolute error below 2^-21.${TABLES}`,
    attrs: angle,
    example: { fraction: 16 },
    f: sine(0),
    bound: ONE,
    work: 8,
    samples: angleSamples,
  }),
  cos_fixed: unary({
    code: 0x153,
    summary: 'Cosine in fixed point.',
    doc: `sin_fixed a quarter turn on: its phase plus 2^30.${TABLES}`,
    attrs: angle,
    example: { fraction: 16 },
    f: sine(2 ** 30),
    bound: ONE,
    work: 8,
    samples: angleSamples,
  }),
  isqrt: unary({
    code: 0x154,
    summary: 'Square root of integers, rounded down.',
    doc: 'y = floor(sqrt(x 2^F)): for F = fraction = 0 the integer root, else the root of x in Q.F as Q.F. x < 0 gives 0.',
    attrs: { fraction: attr.int({ min: 0, max: 20, default: 0 }) },
    example: {},
    f: (a) => (x) => (x <= 0 ? 0 : isqrt(x * POW2[a.fraction]!)),
    work: 8,
    samples: [
      { operands: ['i32[3,7]'] },
      { operands: [{ type: 'i32[9]', data: [-2147483648, -1, 0, 1, 3, 4, 2147395599, 2147395600, 2147483647] }] },
      { operands: [{ type: 'i32[19]', lo: 0, hi: 2147483647 }], attrs: { fraction: 20 } },
      { operands: [{ type: 'i32[19]', lo: 0, hi: 99999 }], attrs: { fraction: 7 } },
    ],
  }),
  pow_fixed: powFixedOp,
  ...fixedNorm,
} as const;
