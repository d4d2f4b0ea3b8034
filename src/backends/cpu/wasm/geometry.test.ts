import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type AnyAttrs, type OpName, Philox, ProgramBuilder, randomTensor, type StaticType, type Tensor } from '../../../ir/index.ts';
import { expectSame } from '../../../../tests/support/same-as-reference.ts';
import { wasmBackend } from './index.ts';

beforeAll(() => wasmBackend.prepare?.());

const SEED = 77;
const int = (min: number, max: number) => fc.integer({ min, max });

/** Runs one op on random inputs; false when the op's constraints refuse the combination. */
const runs = (op: OpName, types: readonly StaticType[], attrs: AnyAttrs, seed: number, params: readonly Tensor[] = []): boolean => {
  const random = new Philox(seed);
  const b = new ProgramBuilder(op);
  const values = types.map((t, i) => b.input(`x${i}`, t));
  const emitted = b.tryEmit(op, [...values, ...params.map((p) => b.constant(p))], attrs);
  if (!emitted.ok) return false;
  emitted.value.forEach((v, i) => b.output(`y${i}`, v));
  expectSame(
    wasmBackend,
    b.finish(),
    types.map((t) => randomTensor(t, random)),
  );
  return true;
};

const property = <T>(arbitrary: fc.Arbitrary<T>, run: (t: T) => boolean, numRuns: number): void => {
  let done = 0;
  fc.assert(
    fc.property(arbitrary, (t) => {
      if (run(t)) done++;
    }),
    { seed: SEED, numRuns },
  );
  // a generator whose cases are all refused would test nothing
  expect(done).toBeGreaterThan(numRuns / 4);
};

const shapeOf = (rank: number, size = 6) => fc.array(int(1, size), { minLength: rank, maxLength: rank });

test('pools', () => {
  const spatial = int(1, 3).chain((n) =>
    fc.record({
      sizes: fc.array(int(2, n === 3 ? 6 : 21), { minLength: n, maxLength: n }),
      kernel: fc.array(int(1, 4), { minLength: n, maxLength: n }),
      stride: fc.array(int(1, 3), { minLength: n, maxLength: n }),
      dilation: fc.array(int(1, 2), { minLength: n, maxLength: n }),
      pads: fc.array(int(0, 1), { minLength: 2 * n, maxLength: 2 * n }),
    }),
  );
  const cases = fc.record({
    spatial,
    planes: fc.tuple(int(1, 2), int(1, 3)),
    dtype: fc.constantFrom('i8' as const, 'u8' as const, 'f32' as const),
    ceil: fc.boolean(),
    average: fc.boolean(),
    includePad: fc.boolean(),
    seed: int(0, 1e6),
  });
  property(
    cases,
    (c) => {
      const { sizes, ...window } = c.spatial;
      const type: StaticType = { dtype: c.dtype, shape: [...c.planes, ...sizes] };
      const attrs = { ...window, ceil: c.ceil };
      return c.average
        ? runs('average_pool', [type], { ...attrs, include_pad: c.includePad, pad_value: c.dtype === 'i8' ? -9 : 0 }, c.seed)
        : runs('max_pool', [type], attrs, c.seed);
    },
    200,
  );
});

test('averages of whole planes', () => {
  const cases = fc.record({
    sizes: fc.array(int(1, 12), { minLength: 1, maxLength: 3 }),
    dtype: fc.constantFrom('i8' as const, 'u8' as const, 'i16' as const),
    seed: int(0, 1e6),
  });
  property(
    cases,
    ({ sizes, dtype, seed }) => {
      const window = { kernel: sizes, stride: sizes, dilation: sizes.map(() => 1), pads: sizes.flatMap(() => [0, 0]) };
      return runs('average_pool', [{ dtype, shape: [2, 3, ...sizes] }], window, seed);
    },
    60,
  );
});

test('dense layers', () => {
  const cases = fc.record({
    lead: fc.array(int(1, 3), { maxLength: 2 }),
    k: int(1, 70),
    n: int(1, 37),
    dtype: fc.constantFrom('i8' as const, 'u8' as const, 'f32' as const),
    how: fc.constantFrom('none', 'shared', 'channel'),
    seed: int(0, 1e6),
  });
  property(
    cases,
    (c) => {
      const random = new Philox(c.seed);
      const float = c.dtype === 'f32';
      const b = new ProgramBuilder('dense');
      const type: StaticType = { dtype: c.dtype, shape: [...c.lead, c.k] };
      const w = b.constant(randomTensor({ dtype: float ? 'f32' : 'i8', shape: [c.n, c.k] }, random));
      const bias = b.constant(randomTensor({ dtype: float ? 'f32' : 'i32', shape: [c.n] }, random, -999, 999));
      let y = b.emit('dense', [b.input('x', type), w, bias], {});
      if (!float && c.how !== 'none') {
        const count = c.how === 'shared' || c.lead.length !== 1 ? 1 : c.n;
        const m = randomTensor({ dtype: 'i32', shape: [count] }, random, 16384, 32767);
        const s = randomTensor({ dtype: 'i32', shape: [count] }, random, c.seed % 2 === 0 ? 17 : 13, 28);
        y = b.emit('rescale', [y, b.constant(m), b.constant(s)], { input_zero: 5, output_zero: -3, lo: -128, hi: 127, dtype: 'i8' });
      }
      b.output('y', y);
      expectSame(wasmBackend, b.finish(), [randomTensor(type, random)]);
      return true;
    },
    200,
  );
});

test('matrix products', () => {
  const cases = fc.record({
    m: int(1, 19),
    k: int(1, 19),
    n: int(1, 19),
    batch: fc.constantFrom(
      [[], []],
      [[2], []],
      [[2], [2]],
      [[1], [3]],
      [
        [2, 1],
        [1, 3],
      ],
    ),
    dtypes: fc.constantFrom(['i8', 'i8'], ['u8', 'i8'], ['i8', 'u8'], ['f32', 'f32']),
    zeros: fc.tuple(int(-128, 255), int(-128, 255)),
    seed: int(0, 1e6),
  });
  property(
    cases,
    (c) => {
      const [da = 'i8', db = 'i8'] = c.dtypes;
      const [ba = [], bb = []] = c.batch;
      const [a, b] = [
        { dtype: da as 'i8', shape: [...ba, c.m, c.k] },
        { dtype: db as 'i8', shape: [...bb, c.k, c.n] },
      ];
      const attrs = da === 'f32' ? {} : { a_zero: c.zeros[0], b_zero: c.zeros[1] };
      return runs('matmul', [a, b], attrs, c.seed);
    },
    200,
  );
});

test('broadcasts', () => {
  const cases = fc.record({
    shape: int(0, 5).chain((rank) => shapeOf(rank)),
    ones: fc.tuple(int(0, 31), int(0, 31)),
    drop: fc.tuple(int(0, 2), int(0, 2)),
    op: fc.constantFrom('add', 'sub', 'div', 'maximum', 'less', 'add_rescale', 'mul_rescale', 'select'),
    dtype: fc.constantFrom('i32' as const, 'f32' as const),
    seed: int(0, 1e6),
  });
  property(
    cases,
    (c) => {
      const side = (k: 0 | 1): number[] => c.shape.map((d, i) => ((c.ones[k] >> i) & 1 ? 1 : d)).slice(c.drop[k]);
      const [a, b] = [side(0), side(1)];
      const scalar = (v: number): Tensor => ({ dtype: 'i32', shape: [1], data: Int32Array.of(v) });
      switch (c.op) {
        case 'add_rescale': {
          const attrs = { multipliers: [300_001, -200_003], zeros: [3, 200], shift: 19, output_zero: 4 };
          return runs(
            'add_rescale',
            [
              { dtype: 'i8', shape: a },
              { dtype: 'u8', shape: b },
            ],
            attrs,
            c.seed,
          );
        }
        case 'mul_rescale': {
          const factors = [scalar(20_000), scalar(c.seed % 2 === 0 ? 14 : 22)];
          return runs(
            'mul_rescale',
            [
              { dtype: 'u8', shape: a },
              { dtype: 'i8', shape: b },
            ],
            { a_zero: 100, b_zero: -9, output_zero: 1 },
            c.seed,
            factors,
          );
        }
        case 'select':
          return runs(
            'select',
            [
              { dtype: 'bool', shape: c.shape },
              { dtype: 'i16', shape: a },
              { dtype: 'i16', shape: b },
            ],
            {},
            c.seed,
          );
        default:
          return runs(
            c.op as OpName,
            [
              { dtype: c.dtype, shape: a },
              { dtype: c.dtype, shape: b },
            ],
            {},
            c.seed,
          );
      }
    },
    400,
  );
});

test('moves', () => {
  const cases = int(1, 5).chain((rank) =>
    fc.record({
      shape: shapeOf(rank, 7),
      perm: fc.shuffledSubarray([0, 1, 2, 3, 4].slice(0, rank), { minLength: rank, maxLength: rank }),
      numbers: fc.array(int(0, 3), { minLength: 3 * rank, maxLength: 3 * rank }),
      op: fc.constantFrom('transpose', 'slice', 'pad', 'concat', 'reduce_sum', 'softmax', 'gather'),
      mode: fc.constantFrom('constant', 'reflect', 'edge'),
      dtype: fc.constantFrom('i8' as const, 'i16' as const, 'f32' as const),
      seed: int(0, 1e6),
    }),
  );
  property(
    cases,
    (c) => {
      const type: StaticType = { dtype: c.dtype, shape: c.shape };
      const rank = c.shape.length;
      const axis = c.seed % rank;
      switch (c.op) {
        case 'transpose':
          return runs('transpose', [type], { perm: c.perm }, c.seed);
        case 'slice': {
          const starts = c.shape.map((d, i) => (c.numbers[i] ?? 0) % d);
          const steps = starts.map((_, i) => [1, -1, 2, -2][c.numbers[rank + i] ?? 0] ?? 1);
          const sizes = c.shape.map((d, i) => {
            const [start = 0, step = 1] = [starts[i], steps[i]];
            return 1 + (step > 0 ? Math.floor((d - 1 - start) / step) : Math.floor(start / -step));
          });
          return runs('slice', [type], { starts, sizes, steps }, c.seed);
        }
        case 'pad':
          return runs('pad', [type], { pads: c.numbers.slice(0, 2 * rank), mode: c.mode, value: 3 }, c.seed);
        case 'concat':
          return runs('concat', [type, { ...type, shape: c.shape.map((d, i) => (i === axis ? d + 1 : d)) }, type], { axis }, c.seed);
        case 'reduce_sum': {
          const axes = c.perm.slice(0, 1 + (c.numbers[0] ?? 0));
          return runs(c.seed % 2 === 0 ? 'reduce_mean' : 'reduce_sum', [type], { axes, keep: c.seed % 3 === 0 }, c.seed);
        }
        case 'softmax':
          return runs('softmax', [{ ...type, dtype: 'f32' }], { axis }, c.seed);
        default:
          return runs('gather', [type, { dtype: 'i32', shape: [3, 2] }], { axis }, c.seed);
      }
    },
    400,
  );
});
