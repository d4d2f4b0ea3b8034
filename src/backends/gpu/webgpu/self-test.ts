import { canonicalBytes, type Program, ProgramBuilder, runProgram, type Tensor, type ValueId } from '../../../ir/index.ts';
import { at, invariant } from '../../../support/index.ts';
import type { SelfTest } from './host/runtime.ts';
import { lowerProgram } from './lower.ts';

const EXTREMES = [-(2 ** 31), 2 ** 31 - 1, -1, 0, 1, 65535, -65536, 65537, -(2 ** 30), 2 ** 30 + 1, 16383, -16385, 12345678, -87654321];
const MULTIPLIERS = [2 ** 21 - 1, 2 ** 20, 1_398_101, 65_536, 65_535, 1, 0];
const MOST_SHIFT = 52;
const BYTES = [-128, 127, -127, -1, 0, 1, 64, -65];

const i8 = (shape: readonly number[], f: (i: number) => number): Tensor => {
  const data = new Int8Array(shape.reduce((n, d) => n * d, 1));
  return { dtype: 'i8', shape, data: data.map((_, i) => f(i)) };
};
const i32 = (shape: readonly number[], data: readonly number[]): Tensor => ({ dtype: 'i32', shape, data: Int32Array.from(data) });
const cycle = (list: readonly number[], i: number): number => at(list, i % list.length);

/** Every shift with every multiplier of those above, on every extreme; ties and results beyond int32 are among them. */
const addRescales = (b: ProgramBuilder, x: ValueId): void => {
  const pairs = MULTIPLIERS.flatMap((m) => Array.from({ length: MOST_SHIFT }, (_, s) => [m, s + 1] as const));
  const wide = b.emit('expand', [x], { shape: [1, pairs.length, EXTREMES.length] });
  const factors = [
    i32(
      [pairs.length],
      pairs.map(([m]) => m),
    ),
    i32(
      [pairs.length],
      pairs.map(([, s]) => s),
    ),
  ];
  const operands = [wide, ...factors.map((t) => b.constant(t))];
  const limits = { lo: -(2 ** 31), hi: 2 ** 31 - 1, dtype: 'i32', width: 'w21' } as const;
  b.output('rescaled', b.emit('rescale', operands, { ...limits, output_zero: -7 }));
  b.output('bytes', b.emit('rescale', operands, { lo: -128, hi: 127, dtype: 'i8', width: 'w21', output_zero: 3 }));
};

/** Products of extremes: packed, and at the least sum that wraps. */
const addProducts = (b: ProgramBuilder, y: ValueId): void => {
  const weights = i8([6, 16, 3, 3], (i) => (i < 144 ? -128 : cycle(BYTES, i * 5 + (i >> 4))));
  const window = { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1], groups: 1, pad_value: -128 };
  b.output('products', b.emit('conv', [y, b.constant(weights)], window));
  b.output('means', b.emit('average_pool', [y], { kernel: [3, 3], stride: [2, 2], dilation: [1, 1], pads: [1, 1, 1, 1] }));
  b.output('single', b.emit('conv', [y, b.constant(i8([16, 1, 3, 3], (i) => cycle(BYTES, i)))], { ...window, groups: 16 }));
  b.output('table', b.emit('table', [y, b.constant(i8([256], (i) => ((i * 77 + 3) % 256) - 128))], {}));
};

export const testProgram = (): { readonly program: Program; readonly inputs: readonly Tensor[] } => {
  const b = new ProgramBuilder('self_test');
  const x = i32([1, 1, EXTREMES.length], EXTREMES);
  const y = i8([1, 16, 5, 5], (i) => (i < 50 ? -128 : cycle(BYTES, i * 3 + (i >> 3))));
  const [extremes, bytes] = [
    b.input('extremes', { dtype: 'i32', shape: [...x.shape] }),
    b.input('pixels', { dtype: 'i8', shape: [...y.shape] }),
  ];
  addRescales(b, extremes);
  b.output('wrapped', b.emit('mul', [extremes, b.emit('add', [extremes, extremes], {})], {}));
  addProducts(b, bytes);
  return { program: b.finish(), inputs: [x, y] };
};

/** What a device has to give for extreme values before anything else is run on it; by the reference interpreter. */
export const selfTest = (): SelfTest => {
  const { program, inputs } = testProgram();
  const lowered = lowerProgram(program);
  invariant(lowered.ok, 'the self-test of WebGPU devices is lowered');
  const { program: own, parameters } = lowered.value;
  return {
    program: own,
    parameters: own.parameterBytes.map((_, n) => parameters(n)),
    inputs: inputs.map(canonicalBytes),
    outputs: runProgram(program, inputs).map(canonicalBytes),
  };
};
