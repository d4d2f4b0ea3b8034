import { describe, expect, test } from '@jest/globals';
import { runProgram, type Tensor } from '../../ir/index.ts';
import { unwrap } from '../../support/index.ts';
import { examineOnnx, importOnnx, type OnnxImport } from './index.ts';
import { type AttrValue, model, node, port, tensor, type TestElem } from './testing/build.ts';

const SEED: Tensor = { dtype: 'i32', shape: [2], data: Int32Array.of(5, -7) };
const float32 = (shape: readonly number[], data: readonly number[]): Tensor => ({ dtype: 'f32', shape, data: Float32Array.from(data) });

interface Draw {
  readonly op: string;
  readonly attrs?: Readonly<Record<string, AttrValue>>;
  /** Shape of the input, for those that have one. */
  readonly like?: readonly number[];
  readonly elem?: TestElem;
  readonly shape: readonly number[];
}

const bytesOf = ({ op, attrs = {}, like, elem = 'float', shape }: Draw): Uint8Array =>
  model(
    {
      nodes: [node(op, like === undefined ? [] : ['x'], ['y'], attrs)],
      inputs: like === undefined ? [] : [port('x', 'float', like)],
      outputs: [port('y', elem, shape)],
    },
    22,
  );
const imported = (draw: Draw): OnnxImport => unwrap(importOnnx(bytesOf(draw)));
const drawn = (draw: Draw, ...inputs: readonly Tensor[]): number[] =>
  runProgram(imported(draw).program, [...inputs, SEED]).flatMap((t) => Array.from(t.data, Number));
const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

describe('random operators', () => {
  test('add one input for all of them, and say so', () => {
    const bytes = model(
      {
        nodes: [
          node('RandomUniform', [], ['a'], { shape: [4] }),
          node('RandomUniform', [], ['b'], { shape: [4] }),
          node('RandomNormalLike', ['seed'], ['c']),
        ],
        inputs: [port('seed', 'float', [4])],
        outputs: [port('a', 'float', [4]), port('b', 'float', [4]), port('c', 'float', [4])],
      },
      22,
    );
    const { program, inputs, warnings } = unwrap(importOnnx(bytes));
    expect(inputs.map((p) => [p.name, p.type])).toEqual([
      ['seed', { dtype: 'f32', shape: [4] }],
      ['seed_2', { dtype: 'i32', shape: [2] }],
    ]);
    expect(program.inputs.map((p) => p.name)).toEqual(['seed', 'seed_2']);
    expect(warnings.map((d) => [d.code, d.severity])).toEqual([['ONX3006', 'note']]);
    expect(warnings[0]?.message).toContain('seed_2: i32[2]');
    expect(program.nodes.filter((n) => n.op.startsWith('random')).map((n) => [n.op, n.attrs])).toMatchObject([
      ['random_uniform', { op_id: 0 }],
      ['random_uniform', { op_id: 1 }],
      ['random_normal', { op_id: 2 }],
    ]);
    const run = (seed: number) => runProgram(program, [float32([4], [0, 0, 0, 0]), { ...SEED, data: Int32Array.of(seed, 0) }]);
    expect(run(1)).toEqual(run(1));
    expect(run(1)[0]).not.toEqual(run(2)[0]);
    expect(run(1)[0]).not.toEqual(run(1)[1]);
  });

  test('RandomUniform keeps to its interval', () => {
    const values = drawn({ op: 'RandomUniform', attrs: { shape: [4000], low: { float: -3 }, high: { float: 1 } }, shape: [4000] });
    expect(values.every((v) => v >= -3 && v < 1)).toBe(true);
    expect(meanOf(values)).toBeCloseTo(-1, 1);
  });

  test('RandomNormal has its mean and scale', () => {
    const values = drawn({ op: 'RandomNormal', attrs: { shape: [100, 40], mean: { float: 5 }, scale: { float: 2 } }, shape: [100, 40] });
    const mean = meanOf(values);
    expect(mean).toBeCloseTo(5, 0);
    expect(Math.sqrt(meanOf(values.map((v) => (v - mean) ** 2)))).toBeCloseTo(2, 1);
  });

  test('Bernoulli draws each element by its own probability, in the type it is told', () => {
    const p = [0, 1, 0.5];
    const draw: Draw = { op: 'Bernoulli', attrs: { dtype: 7 }, like: [1000, 3], elem: 'int64', shape: [1000, 3] };
    const values = drawn(
      draw,
      float32(
        [1000, 3],
        Array.from({ length: 3000 }, (_, i) => p[i % 3] ?? 0),
      ),
    );
    const column = (k: number): number => meanOf(values.filter((_, i) => i % 3 === k));
    expect([column(0), column(1)]).toEqual([0, 1]);
    expect(column(2)).toBeCloseTo(0.5, 1);
  });

  test('Multinomial draws classes in proportion to the exponentials', () => {
    const draw: Draw = { op: 'Multinomial', attrs: { sample_size: 4000 }, like: [2, 3], elem: 'int32', shape: [2, 4000] };
    const values = drawn(draw, float32([2, 3], [0, 0, -1e30, 0, Math.log(3), 0]));
    const share = (row: number, k: number): number => meanOf(values.slice(row * 4000, row * 4000 + 4000).map((v) => (v === k ? 1 : 0)));
    expect([share(0, 2), share(0, 0)]).toEqual([0, expect.closeTo(0.5, 1)]);
    expect(share(1, 1)).toBeCloseTo(0.6, 1);
  });

  test('a draw from constants is a draw, not a constant', () => {
    const bytes = model(
      {
        nodes: [node('Bernoulli', ['p'], ['y'])],
        outputs: [port('y', 'float', [3])],
        params: [tensor('p', 'float', [3], [0.5, 0.5, 0.5])],
      },
      22,
    );
    expect(unwrap(importOnnx(bytes)).program.nodes.map((n) => n.op)).toEqual(['random_bernoulli']);
  });

  test('an attribute seed is told to be of another generator', () => {
    const { nodes } = examineOnnx(bytesOf({ op: 'RandomNormal', attrs: { shape: [2], seed: { float: 7 } }, shape: [2] }));
    expect(nodes).toMatchObject([
      { verdict: 'approximated', reason: 'attribute seed is of another generator: the draws come from the model input seed' },
    ]);
  });

  test.each([
    ['an empty interval', { op: 'RandomUniform', attrs: { shape: [2], low: { float: 1 } }, shape: [2] }, 'ONX2002'],
    ['integers from a draw of reals', { op: 'RandomNormal', attrs: { shape: [2], dtype: 6 }, elem: 'int32', shape: [2] }, 'ONX1013'],
    ['no shape', { op: 'RandomNormal', shape: [2] }, 'ONX1013'],
    ['floats from Multinomial', { op: 'Multinomial', attrs: { dtype: 1 }, like: [1, 2], shape: [1, 1] }, 'ONX1013'],
    ['no sample', { op: 'Multinomial', attrs: { sample_size: 0 }, like: [1, 2], elem: 'int32', shape: [1, 0] }, 'ONX2002'],
    ['no class', { op: 'Multinomial', like: [1, 0], elem: 'int32', shape: [1, 1] }, 'ONX2002'],
  ] as const)('%s: refused', (_name, draw, code) => {
    const result = importOnnx(bytesOf(draw));
    expect(result.ok ? 'imported' : result.diagnostics.map((d) => d.code)).toEqual([code]);
  });
});
