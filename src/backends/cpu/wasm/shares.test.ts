import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  Philox,
  type Program,
  ProgramBuilder,
  randomTensor,
  runProgram,
  type StaticType,
  type Tensor,
  tensorBytes,
} from '../../../ir/index.ts';
import { opUses } from '../../../../tests/support/op-uses.ts';
import { buildShares } from '../../../../tests/support/shares.ts';
import { wasmBackend } from './index.ts';

beforeAll(() => wasmBackend.prepare?.());

/** Runs all shares of all steps one by one, each apart and then the last thread's first; gives the ops that were divided. */
const expectShares = (name: string, program: Program, inputs: readonly Tensor[], threads: number): readonly string[] => {
  const expected = runProgram(program, inputs);
  const built = buildShares(program, threads);
  for (let run = 0; run < 2; run++) {
    const actual = built.run(inputs);
    for (const [i, tensor] of expected.entries()) {
      const passed = program.inputs.some((p) => p.value === program.outputs[i]?.value);
      const got = actual[i];
      if (passed || got === undefined) continue;
      if (Buffer.compare(tensorBytes(got), tensorBytes(tensor)) === 0) continue;
      expect(`${name}: ${Array.from(got.data).slice(0, 100).join(' ')}`).toBe(Array.from(tensor.data).slice(0, 100).join(' '));
    }
  }
  return built.parallel;
};

/** Ops that threads share. */
const DIVIDED = [
  'add add_rescale average_pool concat conv dense matmul max_pool mul_rescale relu rescale quantize slice split table transpose',
  'gather_elements gather_nd scatter_elements scatter_nd top_k nms reduce_sum reduce_mean reduce_max reduce_min reduce_prod argmax argmin',
  'cumsum cumprod lse_fixed softmax log_softmax softmax_lut softmax_fixed layer_norm_fixed lrn interpolate roi_align roi_pool',
  'random_bits random_uniform random_int random_bernoulli',
].flatMap((line) => line.split(' '));

test('every op gives the same bytes when three threads share it', () => {
  const divided = new Set<string>();
  for (const { name, program, inputs } of opUses()) for (const op of expectShares(name, program, inputs, 3)) divided.add(op);
  expect(DIVIDED.filter((op) => !divided.has(op))).toEqual([]);
});

test('work that is too little is not shared, nor anything with one thread', () => {
  const b = new ProgramBuilder('small');
  b.output('y', b.emit('relu', [b.input('x', { dtype: 'f32', shape: [9] })], {}));
  const program = b.finish();
  expect(buildShares(program, 1).parallel).toEqual([]);
  expect(buildShares(program, 2).parallel).toEqual(['relu']);
  expect(buildShares(program, 2, {}).parallel).toEqual([]);
});

const int = (min: number, max: number) => fc.integer({ min, max });

describe('convolutions in shares', () => {
  test('of all kinds', () => {
    const cases = fc.record({
      dtype: fc.constantFrom('i8' as const, 'u8' as const, 'i16' as const, 'f32' as const),
      batch: int(1, 2),
      groups: fc.constantFrom(1, 1, 1, 2, 9),
      inGroup: fc.constantFrom(1, 2, 3, 24),
      outGroup: fc.constantFrom(1, 5, 12, 33),
      size: fc.tuple(int(3, 22), int(3, 22)),
      kernel: fc.constantFrom([1, 1], [3, 3], [3, 3], [2, 5]),
      stride: fc.constantFrom([1, 1], [2, 2], [1, 2], [3, 1]),
      pads: fc.constantFrom([0, 0, 0, 0], [1, 1, 1, 1], [2, 0, 1, 3]),
      threads: int(2, 5),
      seed: int(0, 1e6),
    });
    let [done, divided] = [0, 0];
    fc.assert(
      fc.property(cases, (c) => {
        const random = new Philox(c.seed);
        const b = new ProgramBuilder('conv');
        const type: StaticType = { dtype: c.dtype, shape: [c.batch, c.groups * c.inGroup, ...c.size] };
        const outputs = c.groups * c.outGroup;
        const float = c.dtype === 'f32';
        const w = b.constant(randomTensor({ dtype: float ? 'f32' : 'i8', shape: [outputs, c.inGroup, ...c.kernel] }, random));
        const bias = b.constant(randomTensor({ dtype: float ? 'f32' : 'i32', shape: [outputs] }, random, -999, 999));
        const attrs = { stride: c.stride, dilation: [1, 1], pads: c.pads, groups: c.groups };
        const y = b.tryEmit('conv', [b.input('x', type), w, bias], attrs);
        if (!y.ok) return;
        let value = y.value[0];
        if (value === undefined) return;
        if (c.dtype === 'i8' || c.dtype === 'u8') {
          const factor = (lo: number, hi: number) => b.constant(randomTensor({ dtype: 'i32', shape: [outputs] }, random, lo, hi));
          const range = { input_zero: 0, output_zero: 1, lo: -128, hi: 127, dtype: 'i8' as const };
          if (c.seed % 3 > 0) value = b.emit('rescale', [value, factor(16384, 32767), factor(17, 24)], range);
        }
        b.output('y', value);
        done++;
        // groups of few channels are shared whole, so fewer groups than threads are not
        if (expectShares('conv', b.finish(), [randomTensor(type, random)], c.threads).includes('conv')) divided++;
      }),
      { seed: 77, numRuns: 150 },
    );
    expect(done).toBeGreaterThan(50);
    expect(divided).toBeGreaterThan(done / 2);
  });
});

test('dense layers, matrix products and pools in shares', () => {
  const cases = fc.record({
    op: fc.constantFrom('dense', 'matmul', 'max_pool', 'average_pool'),
    dtype: fc.constantFrom('i8' as const, 'u8' as const, 'f32' as const),
    lead: fc.constantFrom([], [3], [2, 2]),
    sizes: fc.tuple(int(1, 40), int(1, 40), int(1, 40)),
    threads: int(2, 5),
    seed: int(0, 1e6),
  });
  fc.assert(
    fc.property(cases, (c) => {
      const random = new Philox(c.seed);
      const b = new ProgramBuilder(c.op);
      const [m, k, n] = c.sizes;
      const float = c.dtype === 'f32';
      const finish = (types: readonly StaticType[], y: ReturnType<ProgramBuilder['emit']>): void => {
        b.output('y', y);
        expectShares(
          c.op,
          b.finish(),
          types.map((t) => randomTensor(t, random)),
          c.threads,
        );
      };
      if (c.op === 'dense') {
        const type: StaticType = { dtype: c.dtype, shape: [...c.lead, m, k] };
        const w = b.constant(randomTensor({ dtype: float ? 'f32' : 'i8', shape: [n, k] }, random));
        finish([type], b.emit('dense', [b.input('x', type), w], {}));
      } else if (c.op === 'matmul') {
        const types: StaticType[] = [
          { dtype: c.dtype, shape: [...c.lead, m, k] },
          { dtype: c.dtype, shape: [k, n] },
        ];
        const attrs = float ? {} : { a_zero: 3, b_zero: -5 };
        finish(types, b.emit('matmul', [b.input('a', types[0] as StaticType), b.input('b', types[1] as StaticType)], attrs));
      } else {
        const type: StaticType = { dtype: c.dtype, shape: [1, m, 3 + (k % 12), 3 + (n % 30)] };
        const window = { kernel: [3, 3], stride: [1 + (c.seed % 2), 2], dilation: [1, 1], pads: [1, 0, 1, 1] };
        finish([type], b.emit(c.op as 'max_pool', [b.input('x', type)], window));
      }
    }),
    { seed: 77, numRuns: 120 },
  );
});
