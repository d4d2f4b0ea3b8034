import { beforeAll, expect, test } from '@jest/globals';
import { Philox, ProgramBuilder, randomTensor, type StaticType, type Tensor } from '../../../ir/index.ts';
import { expectSame } from '../../../../tests/support/same-as-reference.ts';
import { buildShares } from '../../../../tests/support/shares.ts';
import { MOST_ZERO } from '../simd/kernels/bytes.ts';
import { wasmBackend } from './index.ts';

beforeAll(() => wasmBackend.prepare?.());

/** Sums at both ends of int32, around 0 and around halves of 16 bits, and some between. */
const sums = (random: Philox): readonly number[] => {
  const edges = [-(2 ** 31), -(2 ** 30), -(2 ** 16), -(2 ** 15), 0, 2 ** 15, 2 ** 16, 2 ** 30, 2 ** 31 - 1];
  const near = edges.flatMap((e) => [-2, -1, 0, 1, 2].map((d) => Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, e + d))));
  return [...near, ...Array.from({ length: 19 }, () => Math.floor(2 ** 32 * random.unit()) - 2 ** 31)];
};

const int32 = (data: readonly number[]): Tensor => ({ dtype: 'i32', shape: [data.length], data: Int32Array.from(data) });

test('sums of any size are rescaled to bytes as defined, at all ends of multipliers, shifts and zero points', () => {
  const random = new Philox(5);
  const values = sums(random);
  const type: StaticType = { dtype: 'i8', shape: [1, 8, 3, 5] };
  const inner = [-3, -1, 0, 1, 77];
  for (const zero of [-MOST_ZERO - 1, -MOST_ZERO, -128, 0, 127, MOST_ZERO, MOST_ZERO + 1])
    for (const [dtype, lo, hi] of [
      ['i8', -128, 127],
      ['i8', -5, 90],
      ['u8', 0, 255],
      ['u8', 3, 200],
    ] as const) {
      const b = new ProgramBuilder('bytes');
      // weights of 0: the sums are the biases
      const w: Tensor = { dtype: 'i8', shape: [values.length, 8, 1, 1], data: new Int8Array(8 * values.length) };
      const attrs = { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0], groups: 1 };
      const y = b.emit('conv', [b.input('x', type), b.constant(w), b.constant(int32(values))], attrs);
      const pick = (list: readonly number[]): Tensor => int32(values.map(() => list[Math.floor(random.unit() * list.length)] ?? 0));
      const [m, s] = [pick([0, 1, 16384, 16385, 32767]), pick([17, 18, 24, 31, 32, 40, 46, 47])];
      const range = { input_zero: inner[(zero + hi) % 5] ?? 0, output_zero: zero, lo, hi, dtype };
      b.output('y', b.emit('rescale', [y, b.constant(m), b.constant(s)], range));
      const program = b.finish();
      const { asm } = buildShares(program, 1).lowered.context;
      expect(asm.has('gemm_narrow')).toBe(Math.abs(zero) <= MOST_ZERO);
      expectSame(wasmBackend, program, [randomTensor(type, random)]);
    }
});
