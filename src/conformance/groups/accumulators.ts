import { filled, given, type NamedCase } from './named.ts';

const LENGTHS = [1, 7, 8, 9, 15, 16, 17, 31, 33, 34, 63, 64, 65, 1024];
/** Longest sum of -128 x -127 that int32 holds: floor((2^31 - 1) / 16256). */
const MOST = 132104;

const dense = (
  name: string,
  k: number,
  x: readonly number[],
  w: readonly number[],
  known: number,
  weights = 'i8',
  inputs = 'i8',
): NamedCase => ({
  name: `${name}-k${k}`,
  op: 'dense',
  operands: [given(`${inputs}[1,${k}]`, x), given(`${weights}[1,${k}]`, w)],
  known: [[known]],
});

/** One lane of the second operand is not zero, at the ends and in the middle of what a dot product instruction takes. */
const lane = (i: number): NamedCase =>
  dense(
    `lane${i}`,
    128,
    filled(128, (j) => (j % 2 === 0 ? -128 : 127)),
    filled(128, (j) => (j === i ? 127 : 0)),
    (i % 2 === 0 ? -128 : 127) * 127,
  );

const alternating = (k: number): NamedCase =>
  dense(
    'cancel',
    k,
    [-128],
    filled(k, (i) => (i % 2 === 0 ? 127 : -127)),
    k % 2 === 0 ? 0 : -128 * 127,
  );

/** Products of 16-bit values: the sums of a pair at the ends of int32 and behind them, sums behind int32 and their rounding. */
const wideDense = (
  name: string,
  k: number,
  x: readonly number[],
  w: readonly number[],
  shift: number,
  known: number,
  weights = 'i16',
): NamedCase => ({
  name: `wide-${name}-k${k}`,
  op: 'dense',
  operands: [given(`i16[1,${k}]`, x), given(`${weights}[1,${k}]`, w)],
  attrs: { accumulator_shift: shift },
  known: [[known]],
});

const wides: readonly NamedCase[] = [
  ...LENGTHS.flatMap((k) => [
    wideDense('lowest', k, [-32768], [-32767], 10, k * 32 * 32767),
    wideDense('greatest', k, [-32768], [32767], 10, -k * 32 * 32767),
    wideDense('a16-w8', k, [-32768], [-127], 1, k * 16384 * 127, 'i8'),
    wideDense('a16-w6', k, [32767], [31], 0, k * 32767 * 31, 'i6'),
  ]),
  // 2^30 each: a pair is 2^31, which no int32 holds
  ...[1, 2, 3, 4, 7, 8, 9].map((k) => wideDense('pairs', k, [-32768], [-32768], 4, k * 2 ** 26)),
  // ties go up: (2 * 3 + 2) / 4, -6 / 4, 1 / 2, -1 / 2
  wideDense('tie-up', 1, [3], [2], 2, 2),
  wideDense('tie-down', 1, [3], [-2], 2, -1),
  wideDense('half', 1, [1], [1], 1, 1),
  wideDense('minus-half', 1, [1], [-1], 1, 0),
  {
    name: 'wide-bias-after-shift',
    op: 'dense',
    operands: [given('i16[1,2]', [32767, -32768]), given('i16[1,2]', [32767, 32767]), given('i32[1]', [7])],
    attrs: { accumulator_shift: 14 },
    known: [[7 - 2]],
  },
  ...[1, 15, 17, 65].map(
    (k): NamedCase => ({
      name: `wide-matmul-lowest-k${k}`,
      op: 'matmul',
      operands: [given(`i16[2,${k}]`, [-32768]), given(`i16[${k},3]`, [-32768])],
      attrs: { accumulator_shift: 8 },
      known: [filled(6, () => k * 2 ** 22)],
    }),
  ),
  ...[8, 700].map(
    (k): NamedCase => ({
      name: `wide-conv-lowest-k${k}`,
      op: 'conv',
      operands: [given(`i16[1,${k},1,1]`, [-32768]), given(`i16[2,${k},1,1]`, [-32768])],
      attrs: { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0], accumulator_shift: 10 },
      known: [[k * 2 ** 20, k * 2 ** 20]],
    }),
  ),
];

/** C: accumulators. The length that overflows by one product more is among the refused programs. */
export const accumulators: readonly NamedCase[] = [
  ...wides,
  ...LENGTHS.flatMap((k) => [
    dense('lowest', k, [-128], [-127], k * 128 * 127),
    alternating(k),
    dense('w6-a8', k, [-128], [31], -128 * 31 * k, 'i6'),
    dense('u8-w6', k, [255], [-31], -255 * 31 * k, 'i6', 'u8'),
  ]),
  dense('limit', MOST, [-128], [-127], MOST * 128 * 127),
  lane(0),
  lane(63),
  lane(64),
  lane(127),
  dense('one-by-one', 4, [1], [1], 4),
  dense('widest-pair', 4, [-128], [127], -65024),
  {
    name: 'conv-lowest-k1024',
    op: 'conv',
    operands: [given('i8[1,1024,1,1]', [-128]), given('i8[2,1024,1,1]', [-127])],
    attrs: { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] },
    known: [[1024 * 16256, 1024 * 16256]],
  },
  ...[1, 15, 16, 17, 33, 64, 65].map(
    (k): NamedCase => ({
      name: `matmul-lowest-k${k}`,
      op: 'matmul',
      operands: [given(`i8[2,${k}]`, [-128]), given(`i8[${k},3]`, [-128])],
      attrs: { a_zero: 127, b_zero: 127 },
      known: [filled(6, () => k * 255 * 255)],
    }),
  ),
];
