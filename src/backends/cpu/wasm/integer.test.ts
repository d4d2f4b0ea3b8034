import { beforeAll, expect, test } from '@jest/globals';
import { Philox, ProgramBuilder, runProgram, tensorBytes } from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import { wasmBackend } from './index.ts';

beforeAll(() => wasmBackend.prepare?.());

const COUNT = 20_000;
const EDGES = [0, 1, -1, 2, -2, 2 ** 31 - 1, -(2 ** 31), 31, 32, 33];

const OPS = ['mod', 'rem', 'div_floor', 'shift_left', 'shift_right', 'shift_right_logical', 'bitwise_xor'] as const;

test.each(OPS)('%s has the bits of the definition, edges included', (op) => {
  const type = { dtype: 'i32', shape: [COUNT] } as const;
  const b = new ProgramBuilder(op);
  b.output('y', b.emit(op, [b.input('a', type), b.input('b', type)], {}));
  const program = b.finish();
  const random = new Philox(5);
  const [left, right] = [new Int32Array(COUNT), new Int32Array(COUNT)];
  for (let i = 0; i < COUNT; i++) {
    left[i] = i < 100 ? (EDGES[i % 10] ?? 0) : random.next();
    right[i] = i < 100 ? (EDGES[Math.floor(i / 10)] ?? 0) : random.next() >> random.int(0, 31);
  }
  const inputs = [left, right].map((data) => ({ ...type, data }));
  const [actual] = unwrap(wasmBackend.compile(program)).run(inputs);
  const [expected] = runProgram(program, inputs);
  if (actual === undefined || expected === undefined) throw new Error('no result');
  expect(Buffer.compare(tensorBytes(actual), tensorBytes(expected))).toBe(0);
});

test('rem of floats is exact over all exponents', () => {
  const type = { dtype: 'f32', shape: [COUNT] } as const;
  const b = new ProgramBuilder('rem');
  b.output('y', b.emit('rem', [b.input('a', type), b.input('b', type)], {}));
  const program = b.finish();
  const random = new Philox(6);
  const inputs = [0, 1].map(() => ({ ...type, data: new Float32Array(Uint32Array.from({ length: COUNT }, () => random.next()).buffer) }));
  const [actual] = unwrap(wasmBackend.compile(program)).run(inputs);
  const [expected] = runProgram(program, inputs);
  if (actual === undefined || expected === undefined) throw new Error('no result');
  expect(Buffer.compare(tensorBytes(actual), tensorBytes(expected))).toBe(0);
});
