import { filled, given, type NamedCase } from './named.ts';

const LEAST = -(2 ** 31);
const MOST = 2 ** 31 - 1;
const FULL = { lo: LEAST, hi: MOST, dtype: 'i32', width: 'w21' } as const;
const I8 = { lo: -128, hi: 127, dtype: 'i8' } as const;

/** (acc, M, s) -> v of width n15. */
const N15: readonly (readonly [number, number, number, number])[] = [
  [4, 16384, 17, 1],
  [-4, 16384, 17, 0],
  [-5, 16384, 17, -1],
  [12, 16384, 17, 2],
  [-12, 16384, 17, -1],
  [123456, 20000, 25, 74],
  [-123456, 20000, 25, -74],
  [65537, 32767, 31, 1],
  [65535, 32767, 31, 1],
  [-65537, 32767, 31, -1],
  [-65535, 32767, 31, -1],
  [MOST, 32767, 47, 0],
  [LEAST, 32767, 47, 0],
  [MOST, 0, 17, 0],
  [LEAST, 0, 47, 0],
];

/** (acc, M, s) -> v of width w21. */
const W21: readonly (readonly [number, number, number, number])[] = [
  [MOST, 2097151, 52, 1],
  [LEAST, 2097151, 52, -1],
  [3, 2 ** 20, 21, 2],
  [-3, 2 ** 20, 21, -1],
  [1000003, 1398101, 30, 1302],
  [-1000003, 1398101, 30, -1302],
];

const rescale = (
  name: string,
  acc: readonly number[],
  m: number,
  s: number,
  attrs: NamedCase['attrs'],
  known?: readonly number[],
): NamedCase => ({
  name,
  op: 'rescale',
  operands: [given(`i32[${acc.length}]`, acc), given('i32[1]', [m]), given('i32[1]', [s])],
  ...(attrs === undefined ? {} : { attrs }),
  ...(known === undefined ? {} : { known: [known] }),
});

const EDGES = [LEAST, LEAST + 1, -65537, -65536, -32769, -2, -1, 0, 1, 2, 32767, 65535, 65536, 65537, MOST - 1, MOST];

/** Every zero point, shift and multiplier of the grid, on the edges of int32. */
const rescaleGrid: readonly NamedCase[] = [17, 31, 32, 33, 47].flatMap((s) =>
  [0, 1, 2 ** 14, 2 ** 15 - 1].flatMap((m) =>
    [-128, 0, 127].map((zero) => rescale(`n15-s${s}-m${m}-zero${zero}`, EDGES, m, s, { ...I8, output_zero: zero })),
  ),
);

const channels: NamedCase = {
  name: 'n15-shifts-mixed-in-a-vector',
  op: 'rescale',
  operands: [
    'i32[3,16]',
    given(
      'i32[16]',
      filled(16, (i) => 16384 + 1000 * i),
    ),
    given('i32[16]', [17, 31, 32, 33, 47]),
  ],
  attrs: I8,
  data: ['uniform', 'edges', 'lowest', 'highest'],
};

const binary = (op: string, name: string, a: readonly number[], b: readonly number[], known: readonly number[]): NamedCase => ({
  name: `${op}-${name}`,
  op,
  operands: [given(`i32[${a.length}]`, a), given(`i32[${b.length}]`, b)],
  known: [known],
});
const SIGNS = [
  [7, 7, -7, -7],
  [2, -2, 2, -2],
] as const;
const ZERO = [
  [7, -7, 0, LEAST],
  [0, 0, 0, 0],
] as const;

const division: readonly NamedCase[] = [
  binary('div', 'signs', ...SIGNS, [3, -3, -3, 3]),
  binary('div', 'by-zero', ...ZERO, [0, 0, 0, 0]),
  binary('div', 'overflow', [LEAST], [-1], [MOST]),
  binary('rem', 'signs', ...SIGNS, [1, 1, -1, -1]),
  binary('rem', 'by-zero', ...ZERO, [0, 0, 0, 0]),
  binary('rem', 'overflow', [LEAST], [-1], [0]),
  binary('div_floor', 'signs', ...SIGNS, [3, -4, -4, 3]),
  binary('div_floor', 'by-zero', ...ZERO, [0, 0, 0, 0]),
  binary('div_floor', 'overflow', [LEAST], [-1], [MOST]),
  binary('mod', 'signs', ...SIGNS, [1, -1, 1, -1]),
  binary('mod', 'by-zero', ...ZERO, [0, 0, 0, 0]),
  binary('mod', 'overflow', [LEAST], [-1], [0]),
];

const COUNTS = [0, 31, 32, -1];
const shifts: readonly NamedCase[] = [
  binary('shift_left', 'counts', [5, 1, 5, 5], COUNTS, [5, LEAST, 0, 5]),
  binary('shift_right', 'counts', [-5, -5, -5, -5], COUNTS, [-5, -1, -1, -5]),
  binary('shift_right_logical', 'counts', [-5, -5, -5, -5], COUNTS, [-5, 1, 0, -5]),
];

const unary = (op: string, x: readonly number[], known?: readonly number[], attrs?: NamedCase['attrs']): NamedCase => ({
  name: `${op}-edges`,
  op,
  operands: [given(`i32[${x.length}]`, x)],
  ...(attrs === undefined ? {} : { attrs }),
  ...(known === undefined ? {} : { known: [known] }),
});

/** rdiv, the rounding quotient: a mean of `values`. */
const mean = (name: string, values: readonly number[], known: number): NamedCase => ({
  name: `rdiv-${name}`,
  op: 'reduce_mean',
  operands: [given(`i8[${values.length}]`, values)],
  attrs: { axes: [0] },
  known: [[known]],
});

/** A: scalars. */
export const scalars: readonly NamedCase[] = [
  ...N15.map(([acc, m, s, v]) => rescale(`n15-${acc}x${m}s${s}`, [acc], m, s, I8, [v])),
  ...W21.map(([acc, m, s, v]) => rescale(`w21-${acc}x${m}s${s}`, [acc], m, s, FULL, [v])),
  ...rescaleGrid,
  channels,
  mean('1by2', [1, 0], 1),
  mean('-1by2', [-1, 0], 0),
  mean('3by2', [1, 2], 2),
  mean('-3by2', [-1, -2], -1),
  mean('-255by2', [-128, -127], -127),
  mean('7by3', [7, 0, 0], 2),
  mean('-7by3', [-7, 0, 0], -2),
  mean('-8by3', [-8, 0, 0], -3),
  ...division,
  ...shifts,
  unary('abs', [-MOST, -1, 0, MOST], [MOST, 1, 0, MOST]),
  unary('neg', [-MOST, -1, 0, MOST], [MOST, 1, 0, -MOST]),
  unary('isqrt', [0, 1, 3, 4, 15, 16, MOST], [0, 1, 1, 2, 3, 4, 46340]),
];

const identity = filled(256, (i) => i - 128);
const tables: Readonly<Record<string, readonly number[]>> = {
  identity,
  reversal: identity.map((v) => -1 - v),
  constant: [42],
  saturating: identity.map((v) => Math.min(Math.max(3 * v, -128), 127)),
};
/** 513 entries that climb and fall by turns as steeply as i16 allows. */
const steep = filled(513, (i) => (i % 2 === 0 ? -16384 : 16383));

/** B: tables and the functions that are tables inside. */
export const lookups: readonly NamedCase[] = [
  ...Object.entries(tables).map(
    ([name, table]): NamedCase => ({
      name: `table-${name}`,
      op: 'table',
      operands: [given('i8[256]', identity), given('i8[256]', table)],
      known: [filled(256, (i) => table[i % table.length] ?? 0)],
    }),
  ),
  {
    name: 'table-513-slope',
    op: 'table',
    operands: [given('i16[7]', [-32768, -1, 0, 1, 127, 128, 32767]), given('i16[513]', steep)],
  },
  {
    name: 'table-513-steepest',
    op: 'table',
    operands: [
      given('i16[7]', [-32768, -1, 0, 1, 127, 128, 32767]),
      given(
        'i16[513]',
        filled(513, (i) => (i % 2 === 0 ? -32768 : 32767)),
      ),
    ],
  },
  {
    name: 'table-513-identity',
    op: 'table',
    operands: [
      given('i16[7]', [-32768, -1, 0, 1, 127, 128, 32767]),
      // T[512] would be 32768: one less, so the last interval is flatter
      given(
        'i16[513]',
        filled(513, (i) => Math.min(-32768 + 128 * i, 32767)),
      ),
    ],
    known: [[-32768, -1, 0, 1, 127, 128, 32766]],
  },
  {
    name: 'log2-edges',
    op: 'log2_fixed',
    operands: [given('i32[10]', [1, 2, 3, 65535, 65536, 65537, MOST, 0, -1, LEAST])],
  },
  {
    name: 'exp2-whole',
    op: 'exp2_fixed',
    operands: [
      given(
        'i32[56]',
        filled(56, (i) => 65536 * (i - 40)),
      ),
    ],
    attrs: { fraction: 16 },
  },
  {
    name: 'exp2-fraction-edges',
    op: 'exp2_fixed',
    operands: [given('i32[8]', [-1, 1, 255, 256, 257, 65279, 65280, 65535])],
    attrs: { fraction: 16, result_fraction: 29 },
  },
  {
    name: 'sin-quadrants',
    op: 'sin_fixed',
    operands: [given('i32[9]', [0, 1, -1, 102943, 102944, 102945, 205887, 411775, -102944])],
    attrs: { fraction: 16 },
  },
  {
    name: 'cos-quadrants',
    op: 'cos_fixed',
    operands: [given('i32[9]', [0, 1, -1, 102943, 102944, 102945, 205887, 411775, -102944])],
    attrs: { fraction: 16 },
  },
];
