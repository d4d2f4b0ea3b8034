import { divFloor, divRound, POW2 } from '../numeric/index.ts';
import { dtypeRange, type Range, range } from '../range.ts';
import { constraint, primitive, type Sample, types, violates } from '../schema.ts';
import { type DType, formatShape, type StaticType } from '../types.ts';
import { broadcast, broadcastIndex, isOneOf, resultCount } from './util.ts';

const WHOLE = ['i8', 'u8', 'i16', 'i32'] as const satisfies readonly DType[];

interface Binary {
  readonly code: number;
  readonly summary: string;
  readonly doc: string;
  /** All of i8, u8, i16 and i32 unless given. */
  readonly dtypes?: readonly DType[];
  /** Exact on integers; storing keeps the low bits of the result. */
  readonly f: (a: number, b: number) => number;
  /** On floats, where they are allowed. */
  readonly float?: (a: number, b: number) => number;
  readonly bound: (a: Range, b: Range, type: StaticType) => Range;
  readonly commutative?: boolean;
  readonly weight?: number;
  readonly samples: readonly Sample[];
}

const listed = (names: readonly string[]): string => [names.slice(0, -1).join(', '), names.at(-1)].filter((t) => t !== '').join(' or ');

const binary = (o: Binary) => {
  const dtypes: readonly DType[] = o.dtypes ?? WHOLE;
  return primitive({
    code: o.code,
    summary: o.summary,
    doc: o.doc,
    operands: ['a', 'b'],
    attrs: {},
    constraints: {
      c1: constraint('a and b have the same dtype.', ['i32[2]', 'i8[2]']),
      c2: constraint(`The dtype is ${listed(dtypes)}.`, ['bool[2]', 'bool[2]']),
      c3: constraint('Shapes broadcast: aligned at the end, sizes are equal or 1.', ['i32[2,3]', 'i32[2,2]']),
    },
    traits: { commutative: o.commutative ?? false },
    infer: ([a, b]) => {
      if (a.dtype !== b.dtype) return violates('c1', `a is ${a.dtype} but b is ${b.dtype}`);
      if (!isOneOf(a, ...dtypes)) return violates('c2', `a and b are ${a.dtype}`);
      const shape = broadcast(a.shape, b.shape);
      return shape === undefined
        ? violates('c3', `a has shape ${formatShape(a.shape)} but b has shape ${formatShape(b.shape)}`)
        : types({ dtype: a.dtype, shape });
    },
    evaluate: ([a, b], _attrs, [y]) => {
      if (y === undefined) return;
      const ai = broadcastIndex(a.shape, y.shape);
      const bi = broadcastIndex(b.shape, y.shape);
      const f = a.dtype === 'f32' ? (o.float ?? o.f) : o.f;
      for (let i = 0; i < y.data.length; i++) y.data[i] = f(a.data[ai[i]!]!, b.data[bi[i]!]!);
    },
    range: ([a, b], _attrs, { resultTypes: [type] }) => (type === undefined ? [] : [o.bound(a, b, type)]),
    weight: o.weight ?? 1,
    cost: (_o, _a, results) => resultCount(results),
    samples: o.samples,
  });
};

/** The least 2^k with every value of both in [-2^k, 2^k - 1]. */
const enclosing = (a: Range, b: Range): number => {
  let p = 1;
  while (p - 1 < Math.max(a.hi, b.hi) || -p > Math.min(a.lo, b.lo)) p *= 2;
  return p;
};
/** Bits of two values: no result needs more bits than the wider operand. */
const bitsBound = (a: Range, b: Range): Range => {
  const p = enclosing(a, b);
  return range(a.lo >= 0 && b.lo >= 0 ? 0 : -p, p - 1);
};
const andBound = (a: Range, b: Range): Range => {
  if (a.lo >= 0 && b.lo >= 0) return range(0, Math.min(a.hi, b.hi));
  return a.lo >= 0 ? range(0, a.hi) : b.lo >= 0 ? range(0, b.hi) : bitsBound(a, b);
};

const remBound = (a: Range, b: Range): Range => {
  const m = Math.max(0, Math.max(Math.abs(b.lo), Math.abs(b.hi)) - 1);
  return range(Math.min(0, Math.max(a.lo, -m)), Math.max(0, Math.min(a.hi, m)));
};

const divFloorBound = (a: Range, b: Range): Range => {
  const m = Math.max(Math.abs(a.lo), Math.abs(a.hi));
  return a.lo >= 0 && b.lo >= 0 ? range(0, a.hi) : range(-Math.min(m, 2 ** 31), Math.min(m, 2 ** 31 - 1));
};

/** Exact where no bit can be lost, else the whole dtype: lost bits are the meaning, not an overflow. */
const shiftLeftBound = (a: Range, n: Range, type: StaticType): Range => {
  const whole = dtypeRange(type.dtype);
  const factor = POW2[Math.min(Math.max(n.hi, 0), 31)]!;
  const [lo, hi] = [Math.min(a.lo, a.lo * factor, 0), Math.max(a.hi, a.hi * factor, 0)];
  return lo >= whole.lo && hi <= whole.hi ? range(lo, hi) : whole;
};

const mixed: readonly Sample[] = [
  { operands: ['i32[2,3,5]', 'i32[3,1]'] },
  { operands: ['i32[19]', { type: 'i32[19]', lo: -3, hi: 3 }] },
  { operands: ['i8[5,3]', { type: 'i8[3]', lo: -2, hi: 2 }] },
  { operands: ['u8[9]', { type: 'u8[9]', lo: 0, hi: 7 }] },
  { operands: ['i16[7]', 'i16[1]'] },
  { operands: ['i32[0]', 'i32[1]'] },
];
const counts: readonly Sample[] = [
  { operands: ['i32[6,3]', { type: 'i32[6,1]', data: [-1, 0, 5, 31, 32, 2147483647] }] },
  { operands: ['i32[40]', { type: 'i32[40]', lo: -2, hi: 34 }] },
];
const narrowCounts: readonly Sample[] = [
  { operands: ['u8[9]', { type: 'u8[9]', data: [0, 1, 2, 3, 7, 8, 9, 31, 32] }] },
  { operands: ['i8[9]', { type: 'i8[9]', data: [0, 1, -1, 3, 7, 8, 9, 31, 32] }] },
  { operands: ['i16[7]', { type: 'i16[7]', data: [0, 1, -5, 15, 16, 31, 32] }] },
];

export const integer = {
  mod: binary({
    code: 0xd0,
    weight: 13,
    summary: 'Remainder with the sign of the divisor, with broadcast.',
    doc: 'y = a - b * floor(a / b); a mod 0 = 0.',
    f: (a, b) => {
      const r = b === 0 ? 0 : a % b;
      return r !== 0 && r < 0 !== b < 0 ? r + b : r;
    },
    bound: (a, b) => range(Math.min(0, b.lo + 1), Math.max(0, a.lo >= 0 && b.lo >= 0 ? Math.min(a.hi, b.hi - 1) : b.hi - 1)),
    samples: mixed,
  }),
  rem: binary({
    code: 0xd1,
    weight: 13,
    summary: 'Remainder with the sign of the dividend, with broadcast.',
    doc: 'y = a - b * trunc(a / b). Integers: a rem 0 = 0. f32: exact (the fmod of C); NaN where a is infinite or b = 0; a where b is infinite.',
    dtypes: [...WHOLE, 'f32'],
    f: (a, b) => (b === 0 ? 0 : a % b),
    float: (a, b) => a % b,
    bound: remBound,
    samples: [
      ...mixed,
      { operands: ['f32[2,3,5]', 'f32[3,1]'] },
      {
        operands: [
          { type: 'f32[6]', data: [3.4e38, -3.4e38, 1e-45, -5.5, 1, 7e30] },
          { type: 'f32[6]', data: [1e-45, 0.7, 3e-45, -2.5, 1e-40, 3.3] },
        ],
      },
    ],
  }),
  div_floor: binary({
    code: 0xd2,
    weight: 13,
    summary: 'Quotient rounded down, with broadcast.',
    doc: 'y = floor(a / b) on i32; x / 0 = 0 and -2^31 / -1 = 2^31 - 1.',
    dtypes: ['i32'],
    f: divFloor,
    bound: divFloorBound,
    samples: [
      ...mixed.slice(0, 2),
      {
        operands: [
          { type: 'i32[3]', data: [-(2 ** 31), 5, -5] },
          { type: 'i32[3]', data: [-1, 0, 2] },
        ],
      },
    ],
  }),
  shift_left: binary({
    code: 0xd3,
    summary: 'Bits moved up, with broadcast.',
    doc: 'y = the low bits of a * 2^n as the dtype holds them; n < 0 counts as 0, n > 31 gives 0.',
    f: (a, n) => (n < 0 ? a : n > 31 ? 0 : a << n),
    bound: shiftLeftBound,
    samples: [
      ...counts,
      ...narrowCounts,
      {
        operands: [
          { type: 'i32[9]', lo: -9, hi: 9 },
          { type: 'i32[9]', lo: -1, hi: 9 },
        ],
      },
    ],
  }),
  shift_right: binary({
    code: 0xd4,
    summary: 'Arithmetic shift down, with broadcast.',
    doc: 'y = floor(a / 2^n); n < 0 counts as 0, n > 31 as 31.',
    f: (a, n) => a >> (n < 0 ? 0 : n > 31 ? 31 : n),
    bound: (a) => range(Math.min(a.lo, 0), Math.max(a.hi, -1)),
    samples: [...counts, ...narrowCounts],
  }),
  shift_right_logical: binary({
    code: 0xd5,
    summary: 'Shift down with zeros from above, with broadcast.',
    doc: 'y = floor((a mod 2^32) / 2^n) as i32; n < 0 counts as 0, n > 31 gives 0.',
    dtypes: ['i32'],
    f: (a, n) => (n < 0 ? a : n > 31 ? 0 : a >>> n),
    bound: (a, _n, type) => (a.lo >= 0 ? range(0, a.hi) : dtypeRange(type.dtype)),
    samples: counts,
  }),
  bitwise_and: binary({
    code: 0xd6,
    summary: 'Bitwise and, with broadcast.',
    doc: "Each bit of y is 1 where it is 1 in a and in b (two's complement).",
    f: (a, b) => a & b,
    bound: andBound,
    commutative: true,
    samples: mixed,
  }),
  bitwise_or: binary({
    code: 0xd7,
    summary: 'Bitwise or, with broadcast.',
    doc: "Each bit of y is 1 where it is 1 in a or in b (two's complement).",
    f: (a, b) => a | b,
    bound: bitsBound,
    commutative: true,
    samples: mixed,
  }),
  bitwise_xor: binary({
    code: 0xd8,
    summary: 'Bitwise exclusive or, with broadcast.',
    doc: "Each bit of y is 1 where it differs in a and b (two's complement).",
    f: (a, b) => a ^ b,
    bound: bitsBound,
    commutative: true,
    samples: mixed,
  }),
  bitwise_not: primitive({
    code: 0xd9,
    summary: 'Bitwise complement.',
    doc: 'y = -1 - x for signed dtypes, 255 - x for u8.',
    operands: ['x'],
    attrs: {},
    constraints: { c1: constraint(`x is ${listed(WHOLE)}.`, ['bool[2]']) },
    traits: { pointwise: true },
    infer: ([x]) => (isOneOf(x, ...WHOLE) ? types(x) : violates('c1', `x is ${x.dtype}`)),
    evaluate: ([x], _a, [y]) => {
      if (y !== undefined) for (let i = 0; i < y.data.length; i++) y.data[i] = ~x.data[i]!;
    },
    range: ([x], _a, { resultTypes: [type] }) => {
      const top = type?.dtype === 'u8' ? 255 : -1;
      return [range(top - x.hi, top - x.lo)];
    },
    cost: (_o, _a, results) => resultCount(results),
    samples: [{ operands: ['i32[2,9]'] }, { operands: ['u8[5]'] }, { operands: ['i8[5]'] }, { operands: ['i16[5]'] }],
  }),
  div_round: binary({
    code: 0x168,
    weight: 13,
    summary: 'Quotient rounded to nearest, halves up, with broadcast.',
    doc: 'y = floor(a / b + 1/2) on i32, the tie rule of every rounding here; x / 0 = 0 and -2^31 / -1 = 2^31 - 1. (div truncates, div_floor rounds down.)',
    dtypes: ['i32'],
    f: divRound,
    bound: divFloorBound,
    samples: [
      ...mixed.slice(0, 2),
      {
        operands: [
          { type: 'i32[5]', data: [-(2 ** 31), 5, -5, -(2 ** 31), 2 ** 31 - 1] },
          { type: 'i32[5]', data: [-1, 0, 2, -(2 ** 31), -2] },
        ],
      },
      {
        operands: [
          { type: 'i32[9]', lo: 0, hi: 9 },
          { type: 'i32[9]', lo: 0, hi: 4 },
        ],
      },
    ],
  }),
  clz: primitive({
    code: 0x169,
    summary: 'Number of leading zero bits.',
    doc: 'y = the zero bits above the highest 1 of the 32 bits of x: 32 for 0, 0 for negative x.',
    operands: ['x'],
    attrs: {},
    constraints: { c1: constraint('x is i32.', ['i16[2]']) },
    traits: { pointwise: true },
    infer: ([x]) => (x.dtype === 'i32' ? types(x) : violates('c1', `x is ${x.dtype}`)),
    evaluate: ([x], _a, [y]) => {
      if (y !== undefined) for (let i = 0; i < y.data.length; i++) y.data[i] = Math.clz32(x.data[i]!);
    },
    range: ([x]) => [x.lo >= 0 ? range(Math.clz32(x.hi), Math.clz32(x.lo)) : range(0, x.hi < 0 ? 0 : 32)],
    cost: (_o, _a, results) => resultCount(results),
    samples: [
      { operands: ['i32[2,9]'] },
      { operands: [{ type: 'i32[6]', data: [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 65536] }] },
      { operands: [{ type: 'i32[9]', lo: 3, hi: 99 }] },
    ],
  }),
} as const;
