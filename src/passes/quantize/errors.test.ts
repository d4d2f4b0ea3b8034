import { describe, expect, test } from '@jest/globals';
import { type Program, ProgramBuilder, type Tensor, type ValueId } from '../../ir/index.ts';
import { type QuantizeOptions, quantizeProgram } from '../index.ts';

const f32 = (shape: readonly number[], data: readonly number[]): Tensor => ({ dtype: 'f32', shape, data: Float32Array.from(data) });

const build = (body: (b: ProgramBuilder, x: ValueId) => ValueId, shape: readonly (number | string)[] = [1, 4]): Program => {
  const b = new ProgramBuilder('t');
  b.output('y', body(b, b.input('x', { dtype: 'f32', shape })));
  return b.finish();
};
const problems = (program: Program, samples: QuantizeOptions['samples']): readonly (readonly [string, string | undefined, string])[] => {
  const result = quantizeProgram(program, { samples });
  return result.ok ? [] : result.diagnostics.map((d) => [d.code, d.where, d.message]);
};
const relu = build((b, x) => b.emit('relu', [x], {}, 'act'));
const ones = f32([1, 4], [1, 1, 1, 1]);

describe('what cannot be quantized is reported', () => {
  test("every op at once, by the user's name", () => {
    const program = build((b, x) => {
      const p = b.emit('reduce_prod', [x], { axes: [0] }, 'first/prod');
      const w = b.emit('reshape', [x], { shape: [2, 2] }, 'weights');
      const d = b.emit('dense', [b.emit('reshape', [p], { shape: [2, 2] }), w], {}, 'second/fc');
      return b.emit('pow', [d, b.emit('exp', [w], {})], {}, 'third/pow');
    });
    expect(problems(program, [[ones]]).map(([code, where]) => [code, where])).toEqual([
      ['QNT0001', 'first/prod'],
      ['QNT0001', 'second/fc'],
      ['QNT0001', 'third/pow'],
    ]);
  });

  test('a weight that is computed at run time, one that is infinite', () => {
    const dynamic = build((b, x) => b.emit('dense', [x, b.emit('reshape', [x], { shape: [1, 4] })], {}, 'fc'));
    expect(problems(dynamic, [[ones]])).toEqual([['QNT0001', 'fc', 'dense cannot be quantized: its weight is computed at run time']]);
    const infinite = build((b, x) => b.emit('dense', [x, b.constant(f32([1, 4], [1, 2, Infinity, 4]))], {}, 'fc'));
    expect(problems(infinite, [[ones]])).toEqual([['QNT0001', 'fc', 'dense cannot be quantized: its weight has an infinite element']]);
  });

  test('no samples', () => {
    expect(problems(relu, [])).toEqual([['QNT0002', undefined, 'the calibration set is empty']]);
  });

  test('samples of another shape, dtype or number: both sides are named', () => {
    const wrong = f32([4, 1], [1, 2, 3, 4]);
    const integer: Tensor = { dtype: 'i8', shape: [1, 4], data: new Int8Array(4) };
    expect(problems(relu, [[ones], [wrong], [ones, ones], [integer]])).toEqual([
      ['QNT0003', 'calibration sample 1', 'input x is f32[1, 4] but the sample holds f32[4, 1]'],
      ['QNT0003', 'calibration sample 2', 'the sample has 2 tensors but the model has 1 inputs'],
      ['QNT0003', 'calibration sample 3', 'input x is f32[1, 4] but the sample holds i8[1, 4]'],
    ]);
  });

  test('a thousand wrong samples give twenty diagnostics', () => {
    expect(
      problems(
        relu,
        Array.from({ length: 1000 }, () => []),
      ),
    ).toHaveLength(20);
  });

  test('NaN and infinite activations, with the layer and the sample', () => {
    const log = build((b, x) => {
      const v = b.emit('reshape', [b.emit('log', [x], {}, 'take log')], { shape: [1, 1, 4] });
      return b.emit('max_pool', [v], { kernel: [1], stride: [1], dilation: [1], pads: [0, 0] });
    });
    expect(problems(log, [[ones], [f32([1, 4], [1, 0, 1, 1])]]).map(([code, where]) => [code, where])).toContainEqual([
      'QNT0004',
      'take log',
    ]);
    expect(problems(relu, [[f32([1, 4], [1, Number.NaN, 1, 1])]]).map(([code, where]) => [code, where])).toContainEqual(['QNT0004', 'x']);
  });

  test('a symbolic batch', () => {
    expect(
      problems(
        build((b, x) => b.emit('relu', [x], {}), ['N', 4]),
        [[ones]],
      )[0]?.[0],
    ).toBe('IR0008');
  });
});

describe('extreme but valid inputs quantize', () => {
  const layer = (weights: readonly number[], bias: number): Program =>
    build((b, x) => b.emit('dense', [x, b.constant(f32([1, 4], weights)), b.constant(f32([1], [bias]))], {}, 'fc'));

  test('all zero, tiny and huge activations and weights', () => {
    for (const scale of [0, 1e-40, 1e-20, 1, 1e15])
      for (const weight of [0, 1e-30, 1, 1e15])
        for (const bias of [0, 1e-30, -1e6])
          expect(problems(layer([weight, -weight, weight / 3, 0], bias), [[f32([1, 4], [scale, -scale, scale, scale])]])).toEqual([]);
  });

  test('empty tensors', () => {
    expect(
      problems(
        build((b, x) => b.emit('relu', [x], {}), [0, 4]),
        [[f32([0, 4], [])]],
      ),
    ).toEqual([]);
  });

  test('an output that is an input, or a constant', () => {
    expect(
      problems(
        build((_, x) => x),
        [[ones]],
      ),
    ).toEqual([]);
    expect(
      problems(
        build((b) => b.constant(f32([2], [1, -2]))),
        [[ones]],
      ),
    ).toEqual([]);
  });
});
