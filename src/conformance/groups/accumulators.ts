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

/** C: accumulators. The length that overflows by one product more is among the refused programs. */
export const accumulators: readonly NamedCase[] = [
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
