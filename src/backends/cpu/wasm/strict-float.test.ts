import { beforeAll, expect, test } from '@jest/globals';
import { type OpName, Philox, ProgramBuilder, runProgram, type Tensor, tensorBytes } from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import { wasmBackend } from './index.ts';

beforeAll(() => wasmBackend.prepare?.());

const COUNT = 20_000;

/** Half of the values have random bits (all exponents, subnormals, NaNs, infinities), half are of ordinary size. */
const values = (seed: number): Tensor => {
  const random = new Philox(seed);
  const words = Uint32Array.from({ length: COUNT }, () => random.next());
  const data = new Float32Array(words.buffer);
  for (let i = 0; i < COUNT; i += 2) data[i] = 16 * (random.unit() - 0.5);
  return { dtype: 'f32', shape: [COUNT], data };
};

const FUNCTIONS = [
  'exp',
  'log',
  'tanh',
  'sigmoid',
  'softplus',
  'erf',
  'sqrt',
  'round',
  'floor',
  'ceil',
  'relu',
  'gelu',
  'silu',
  'sin',
  'cos',
  'tan',
  'asin',
  'acos',
  'atan',
  'sinh',
  'cosh',
  'asinh',
  'acosh',
  'atanh',
] as const;

test.each(FUNCTIONS)('%s has the bits of the definition over all exponents', (op: OpName) => {
  const b = new ProgramBuilder(op);
  b.output('y', b.emit(op as 'exp', [b.input('x', { dtype: 'f32', shape: [COUNT] })], {}));
  const program = b.finish();
  const x = values(7);
  const [actual] = unwrap(wasmBackend.compile(program)).run([x]);
  const [expected] = runProgram(program, [x]);
  if (actual === undefined || expected === undefined) throw new Error('no result');
  expect(Buffer.compare(tensorBytes(actual), tensorBytes(expected))).toBe(0);
});

test('pow has the bits of the definition, whole exponents included', () => {
  const b = new ProgramBuilder('pow');
  const type = { dtype: 'f32', shape: [COUNT] } as const;
  b.output('y', b.emit('pow', [b.input('a', type), b.input('b', type)], {}));
  const program = b.finish();
  const [base, exponent] = [values(11), values(12)];
  const zeros = [0, -0, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.5, 2];
  for (let i = 0; i < COUNT; i += 4) exponent.data[i] = Math.floor(exponent.data[i] ?? 0);
  for (let i = 0; i < 64; i++) {
    base.data[i] = zeros[i % 8] ?? 0;
    exponent.data[i] = [0, -0, 1, 2, 3, -3, 0.5, -1][i >> 3] ?? 0;
  }
  const [actual] = unwrap(wasmBackend.compile(program)).run([base, exponent]);
  const [expected] = runProgram(program, [base, exponent]);
  if (actual === undefined || expected === undefined) throw new Error('no result');
  expect(Buffer.compare(tensorBytes(actual), tensorBytes(expected))).toBe(0);
});
