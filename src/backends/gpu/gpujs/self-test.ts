import { canonicalBytes, type Program, ProgramBuilder, runProgram, type Tensor, type ValueId } from '../../../ir/index.ts';
import { at, invariant } from '../../../support/index.ts';
import type { SelfTest } from './host/runtime.ts';
import { lowerProgram } from './lower.ts';

const EXTREMES = [
  -(2 ** 31),
  2 ** 31 - 1,
  -1,
  0,
  1,
  65535,
  -65536,
  65537,
  -(2 ** 30),
  2 ** 24 + 1,
  -(2 ** 24) - 1,
  16383,
  -16385,
  12345678,
];
const MULTIPLIERS = [2 ** 21 - 1, 1_398_101, 65_535, 1, 0];
const SHIFTS = [1, 2, 10, 11, 12, 21, 22, 23, 31, 33, 34, 44, 45, 51, 52];
const BYTES = [-128, 127, -127, -1, 0, 1, 64, -65];
/** Products of a sum that leaves 2^24, where float32 begins to round: an odd one at its end is lost when nothing is carried. */
const LONG = 1100;

const i8 = (shape: readonly number[], f: (i: number) => number): Tensor => {
  const data = new Int8Array(shape.reduce((n, d) => n * d, 1));
  return { dtype: 'i8', shape, data: data.map((_, i) => f(i)) };
};
const i32 = (shape: readonly number[], data: readonly number[]): Tensor => ({ dtype: 'i32', shape, data: Int32Array.from(data) });
const cycle = (list: readonly number[], i: number): number => at(list, i % list.length);

/** Shifts on both sides of each limb with every multiplier, on every extreme; ties and results beyond int32 are among them. */
const addRescales = (b: ProgramBuilder, x: ValueId): void => {
  const pairs = MULTIPLIERS.flatMap((m) => SHIFTS.map((s) => [m, s] as const));
  const wide = b.emit('expand', [x], { shape: [1, pairs.length, EXTREMES.length] });
  const multipliers = pairs.map(([m]) => m);
  const shifts = pairs.map(([, s]) => s);
  const operands = [wide, b.constant(i32([pairs.length], multipliers)), b.constant(i32([pairs.length], shifts))];
  const limits = { lo: -(2 ** 31), hi: 2 ** 31 - 1, dtype: 'i32', width: 'w21' } as const;
  b.output('rescaled', b.emit('rescale', operands, { ...limits, output_zero: -7 }));
  b.output('bytes', b.emit('rescale', operands, { lo: -128, hi: 127, dtype: 'i8', width: 'w21', output_zero: 3 }));
};

/** Lengths whose inverse in float32 is too small, or too large: means of exactly a half more than a whole number then need their remainder. */
const LENGTHS = [14, 82, 94];

/** Means of every byte less a half. */
const addMeans = (b: ProgramBuilder): void => {
  for (const n of LENGTHS) {
    const halves = i8([255, n], (i) => Math.floor(i / n) - 127 - (i % 2));
    b.output(`halves of ${n}`, b.emit('reduce_mean', [b.constant(halves)], { axes: [1] }));
  }
};

/** Sums of extremes, plain and through carries, with what is behind them in one kernel. */
const addProducts = (b: ProgramBuilder, pixels: ValueId, line: ValueId): void => {
  const weights = i8([6, 16, 3, 3], (i) => (i < 144 ? -128 : cycle(BYTES, i * 5 + (i >> 4))));
  const window = { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1], groups: 1, pad_value: -128 };
  b.output('products', b.emit('conv', [pixels, b.constant(weights)], window));
  b.output('single', b.emit('conv', [pixels, b.constant(i8([16, 1, 3, 3], (i) => cycle(BYTES, i)))], { ...window, groups: 16 }));
  b.output('means', b.emit('average_pool', [pixels], { kernel: [3, 3], stride: [2, 2], dilation: [1, 1], pads: [1, 1, 1, 1] }));
  const rows = i8([3, LONG], (i) => (i < LONG - 1 ? 127 : i === LONG - 1 ? 1 : cycle(BYTES, i)));
  const long = b.emit('dense', [line, b.constant(rows)], {});
  b.output('long', long);
  const factors = [b.constant(i32([1], [32767])), b.constant(i32([1], [30]))];
  b.output(
    'long bytes',
    b.emit('rescale', [b.emit('dense', [line, b.constant(rows)], {}), ...factors], { lo: -128, hi: 127, dtype: 'i8' }),
  );
  b.output('table', b.emit('table', [pixels, b.constant(i8([256], (i) => ((i * 77 + 3) % 256) - 128))], {}));
};

export const testProgram = (): { readonly program: Program; readonly inputs: readonly Tensor[] } => {
  const b = new ProgramBuilder('self_test');
  const x = i32([1, 1, EXTREMES.length], EXTREMES);
  const y = i8([1, 16, 5, 5], (i) => (i < 50 ? -128 : cycle(BYTES, i * 3 + (i >> 3))));
  const z = i8([1, LONG], (i) => (i === LONG - 1 ? 1 : 127));
  const [extremes, pixels, line] = [x, y, z].map((t, i) => b.input(`input ${i}`, { dtype: t.dtype, shape: t.shape }));
  invariant(extremes !== undefined && pixels !== undefined && line !== undefined, 'there are three inputs');
  addRescales(b, extremes);
  b.output('wrapped', b.emit('mul', [extremes, b.emit('add', [extremes, extremes], {})], {}));
  addProducts(b, pixels, line);
  addMeans(b);
  return { program: b.finish(), inputs: [x, y, z] };
};

/** What a mode has to give for extreme values before anything else is run in it; by the reference interpreter. */
export const selfTest = (): SelfTest => {
  const { program, inputs } = testProgram();
  const lowered = lowerProgram(program);
  invariant(lowered.ok, 'the self-test of gpu.js is lowered');
  return {
    program: lowered.value.program,
    parameters: lowered.value.content,
    inputs: inputs.map(canonicalBytes),
    outputs: runProgram(program, inputs).map(canonicalBytes),
  };
};
