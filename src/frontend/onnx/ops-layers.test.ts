import { describe, expect, test } from '@jest/globals';
import { runProgram } from '../../ir/index.ts';
import { unwrap } from '../../support/index.ts';
import { importOnnx } from './index.ts';
import { c, codesOf, evaluate, ints, model, node, type OneNode, oneNode, port, x } from './testing/build.ts';

type Case = readonly [name: string, node: OneNode, shape: readonly number[], values: readonly number[]];

const run = (cases: readonly Case[]): void =>
  test.each(cases)('%s', (_name, node, shape, values) => {
    const [y] = evaluate(node);
    expect(y?.[0]).toEqual(shape);
    expect(y?.[1].length).toBe(values.length);
    y?.[1].forEach((v, i) => expect(v).toBeCloseTo(values[i] ?? Number.NaN, 4));
  });

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
const square = x([1, 1, 3, 3], count(9));
const ones = (n: number): number[] => new Array<number>(n).fill(1);

describe('convolution', () => {
  run([
    ['Conv with bias', { op: 'Conv', operands: [square, c([1, 1, 2, 2], ones(4)), c([1], [0.5])] }, [1, 1, 2, 2], [12.5, 16.5, 24.5, 28.5]],
    [
      'Conv SAME_UPPER',
      { op: 'Conv', attrs: { auto_pad: 'SAME_UPPER' }, operands: [square, c([1, 1, 2, 2], ones(4))] },
      [1, 1, 3, 3],
      [12, 16, 9, 24, 28, 15, 15, 17, 9],
    ],
    [
      'Conv SAME_LOWER',
      { op: 'Conv', attrs: { auto_pad: 'SAME_LOWER' }, operands: [square, c([1, 1, 2, 2], ones(4))] },
      [1, 1, 3, 3],
      [1, 3, 5, 5, 12, 16, 11, 24, 28],
    ],
    [
      'Conv in groups',
      { op: 'Conv', attrs: { group: 2 }, operands: [x([1, 2, 2], [1, 2, 3, 4]), c([2, 1, 1], [10, 100])] },
      [1, 2, 2],
      [10, 20, 300, 400],
    ],
    [
      'ConvTranspose with stride, padding and output padding',
      {
        op: 'ConvTranspose',
        attrs: { strides: [2], pads: [1, 1], output_padding: [1] },
        operands: [x([1, 1, 3], [1, 2, 3]), c([1, 1, 3], [1, 10, 100])],
      },
      [1, 1, 6],
      // full: 1 10 102 20 203 30 300, cut by one on each side, one more at the end
      [10, 102, 20, 203, 30, 300],
    ],
    [
      'ConvTranspose in groups',
      { op: 'ConvTranspose', attrs: { group: 2 }, operands: [x([1, 2, 1], [1, 2]), c([2, 1, 2], [1, 2, 3, 4])] },
      [1, 2, 2],
      [1, 2, 6, 8],
    ],
  ]);
  test('kernel_shape that contradicts the weights is malformed', () => {
    expect(codesOf(oneNode({ op: 'Conv', attrs: { kernel_shape: [3, 3] }, operands: [square, c([1, 1, 2, 2], ones(4))] }))).toEqual([
      'ONX1013',
    ]);
  });
});

describe('pooling', () => {
  run([
    [
      'MaxPool with ceil_mode',
      { op: 'MaxPool', attrs: { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }, operands: [square] },
      [1, 1, 2, 2],
      [5, 6, 8, 9],
    ],
    [
      'MaxPool with dilations',
      { op: 'MaxPool', attrs: { kernel_shape: [2, 2], dilations: [2, 2] }, operands: [square] },
      [1, 1, 1, 1],
      [9],
    ],
    [
      'AveragePool counts only inside',
      { op: 'AveragePool', attrs: { kernel_shape: [2, 2], pads: [1, 1, 0, 0], strides: [2, 2] }, operands: [square] },
      [1, 1, 2, 2],
      [1, 2.5, 5.5, 7],
    ],
    [
      'AveragePool counts padding',
      { op: 'AveragePool', attrs: { kernel_shape: [2, 2], pads: [1, 1, 0, 0], strides: [2, 2], count_include_pad: 1 }, operands: [square] },
      [1, 1, 2, 2],
      [0.25, 1.25, 2.75, 7],
    ],
    ['GlobalAveragePool', { op: 'GlobalAveragePool', operands: [square] }, [1, 1, 1, 1], [5]],
    ['LpPool', { op: 'LpPool', opset: 18, attrs: { kernel_shape: [2] }, operands: [x([1, 1, 3], [3, 4, 0])] }, [1, 1, 2], [5, 4]],
  ]);
  const indicesOf = (attrs: OneNode['attrs']): readonly number[] => {
    const bytes = model({
      inputs: [port('x', 'float', [1, 2, 2, 3])],
      nodes: [node('MaxPool', ['x'], ['', 'i'], { kernel_shape: [2, 2], ...attrs })],
      outputs: [port('i', 'int64', [])],
    });
    const data = Float32Array.of(1, 9, 2, 3, 4, 5, 6, 5, 4, 3, 2, 7);
    return runProgram(unwrap(importOnnx(bytes)).program, [{ dtype: 'f32', shape: [1, 2, 2, 3], data }]).flatMap((t) => Array.from(t.data));
  };
  test('the index output of MaxPool counts in the whole input, by rows or by columns', () => {
    expect(indicesOf({})).toEqual([1, 1, 6, 11]);
    expect(indicesOf({ storage_order: 1 })).toEqual([2, 2, 6, 11]);
    expect(codesOf(oneNode({ op: 'MaxPool', attrs: { kernel_shape: [2, 2], storage_order: 2 }, operands: [square] }))).toEqual(['ONX1013']);
  });
  const unpool = (more: Partial<OneNode>): OneNode => ({
    op: 'MaxUnpool',
    attrs: { kernel_shape: [2], strides: [2] },
    operands: [x([1, 2, 2], [5, 6, 7, 8]), x([1, 2, 2], [0, 3, 5, 6], 'int64')],
    ...more,
  });
  run([
    ['MaxUnpool', unpool({}), [1, 2, 4], [5, 0, 0, 6, 0, 7, 8, 0]],
    [
      'MaxUnpool into a longer output',
      unpool({ operands: [...unpool({}).operands, ints(1, 2, 5)] }),
      [1, 2, 5],
      [5, 0, 0, 6, 0, 0, 7, 8, 0, 0],
    ],
    [
      'Col2Im',
      {
        op: 'Col2Im',
        opset: 18,
        attrs: { strides: [2], pads: [1, 0] },
        operands: [x([1, 4, 2], [1, 2, 3, 4, 10, 20, 30, 40]), ints(3), ints(2)],
      },
      [1, 2, 3],
      [3, 2, 4, 30, 20, 40],
    ],
  ]);
  test.each([
    ['MaxUnpool into less', unpool({ operands: [...unpool({}).operands, ints(1, 2, 3)] }), 'ONX1013'],
    ['LpPool with p = 0', { op: 'LpPool', opset: 18, attrs: { kernel_shape: [2], p: 0 }, operands: [x([1, 1, 3], [3, 4, 0])] }, 'ONX2002'],
  ])('%s is refused', (_name, o, code) => {
    expect(codesOf(oneNode(o))).toEqual([code]);
  });
});

describe('matrix products', () => {
  const a = x([2, 3], count(6));
  const b = [1, 0, 0, 1, 1, 1];
  run([
    ['MatMul with known weights', { op: 'MatMul', operands: [a, c([3, 2], b)] }, [2, 2], [4, 5, 10, 11]],
    ['Det', { op: 'Det', operands: [x([2, 2, 2], [1, 2, 3, 4, 0, 5, -1, 7])] }, [2], [-2, 5]],
    ['MatMul at run time', { op: 'MatMul', operands: [a, x([3, 2], b)] }, [2, 2], [4, 5, 10, 11]],
    ['MatMul of vectors', { op: 'MatMul', operands: [x([3], [1, 2, 3]), x([3], [4, 5, 6])] }, [], [32]],
    ['MatMul of a matrix and a vector', { op: 'MatMul', operands: [a, x([3], [1, 0, 1])] }, [2], [4, 10]],
    ['MatMul in batches', { op: 'MatMul', operands: [x([2, 1, 2], [1, 2, 3, 4]), x([2, 1], [1, 1])] }, [2, 1, 1], [3, 7]],
    [
      'Gemm, weights transposed, with bias',
      { op: 'Gemm', attrs: { transB: 1 }, operands: [a, c([2, 3], count(6)), c([2], [0.5, 1])] },
      [2, 2],
      [14.5, 33, 32.5, 78],
    ],
    [
      'Gemm with alpha and beta',
      { op: 'Gemm', attrs: { alpha: 0.5, beta: { float: 2 } }, operands: [a, c([3, 2], b), c([1, 2], [1, 10])] },
      [2, 2],
      [4, 22.5, 7, 25.5],
    ],
    [
      'Gemm at run time, first transposed',
      { op: 'Gemm', attrs: { transA: 1 }, operands: [x([3, 1], [1, 2, 3]), x([3, 2], b), x([2], [1, 1])] },
      [1, 2],
      [5, 6],
    ],
  ]);
  test('known weights become dense, shared weights one parameter', () => {
    const { program } = unwrap(importOnnx(oneNode({ op: 'MatMul', operands: [a, c([3, 2], b)] })));
    expect(program.nodes.map((n) => n.op)).toEqual(['dense']);
    expect(program.params.map((p) => [p.name, Array.from(p.tensor.data)])).toEqual([['x1', [1, 0, 1, 0, 1, 1]]]);
  });
});

test.each([
  ['of matrices that are not square', x([2, 3], count(6)), 'ONX1013'],
  ['of large matrices', x([7, 7], count(49)), 'ONX2002'],
])('Det %s is refused', (_name, operand, code) => {
  expect(codesOf(oneNode({ op: 'Det', operands: [operand] }))).toEqual([code]);
});

describe('normalization', () => {
  run([
    [
      'BatchNormalization',
      {
        op: 'BatchNormalization',
        attrs: { epsilon: { float: 0 } },
        operands: [x([1, 2, 1], [3, 5]), c([2], [2, 1]), c([2], [1, 0]), c([2], [1, 1]), c([2], [4, 1])],
      },
      [1, 2, 1],
      [3, 4],
    ],
    [
      'InstanceNormalization',
      { op: 'InstanceNormalization', attrs: { epsilon: { float: 0 } }, operands: [x([1, 1, 2], [1, 3]), c([1], [2]), c([1], [1])] },
      [1, 1, 2],
      [-1, 3],
    ],
    [
      'LayerNormalization',
      { op: 'LayerNormalization', attrs: { epsilon: { float: 0 } }, operands: [x([1, 2], [1, 3]), c([2], [1, 2]), c([2], [0, 1])] },
      [1, 2],
      [-1, 3],
    ],
    [
      'GroupNormalization, per channel',
      {
        op: 'GroupNormalization',
        opset: 21,
        attrs: { num_groups: 1, epsilon: { float: 0 } },
        operands: [x([1, 2, 1], [1, 3]), c([2], [1, 2]), c([2], [0, 1])],
      },
      [1, 2, 1],
      [-1, 3],
    ],
    [
      'Softmax before opset 13 takes a matrix',
      { op: 'Softmax', opset: 11, attrs: { axis: 1 }, operands: [x([1, 2, 2], [0, 0, 0, 0])] },
      [1, 2, 2],
      [0.25, 0.25, 0.25, 0.25],
    ],
    [
      'Softmax from opset 13 takes an axis',
      { op: 'Softmax', opset: 13, attrs: { axis: 1 }, operands: [x([1, 2, 2], [0, 0, 0, 0])] },
      [1, 2, 2],
      [0.5, 0.5, 0.5, 0.5],
    ],
    ['LogSoftmax', { op: 'LogSoftmax', operands: [x([1, 2], [0, 0])] }, [1, 2], [-0.6931, -0.6931]],
    ['LpNormalization of zeros', { op: 'LpNormalization', operands: [x([2, 2], [3, 4, 0, 0])] }, [2, 2], [0.6, 0.8, 0, 0]],
    [
      'LRN',
      { op: 'LRN', attrs: { size: 1, alpha: { float: 1 }, beta: { float: 1 } }, operands: [x([1, 1, 1, 1], [2])] },
      [1, 1, 1, 1],
      [0.4],
    ],
  ]);
  test('batch normalization in training mode is refused', () => {
    const operands = [x([1, 1, 1], [1]), ...[1, 2, 3, 4].map(() => c([1], [1]))];
    expect(codesOf(oneNode({ op: 'BatchNormalization', attrs: { training_mode: 1 }, operands }))).toEqual(['ONX2002']);
    expect(codesOf(oneNode({ op: 'BatchNormalization', opset: 7, attrs: { spatial: 0 }, operands }))).toEqual(['ONX2002']);
  });
});

describe('resizing', () => {
  const two = x([1, 1, 2], [1, 2]);
  run([
    ['Upsample-9', { op: 'Upsample', opset: 9, operands: [two, c([3], [1, 1, 2])] }, [1, 1, 4], [1, 1, 2, 2]],
    ['Resize nearest by sizes', { op: 'Resize', operands: [two, undefined, undefined, ints(1, 1, 3)] }, [1, 1, 3], [1, 1, 2]],
    [
      'Resize linear',
      { op: 'Resize', attrs: { mode: 'linear' }, operands: [two, undefined, c([3], [1, 1, 2])] },
      [1, 1, 4],
      [1, 1.25, 1.75, 2],
    ],
  ]);
  test('an exact scale is the resize op', () => {
    const bytes = oneNode({ op: 'Resize', operands: [two, undefined, c([3], [1, 1, 2])] });
    expect(unwrap(importOnnx(bytes)).program.nodes.map((n) => n.op)).toEqual(['resize']);
  });
  test('antialias takes an interpolating mode', () => {
    const bytes = oneNode({ op: 'Resize', opset: 18, attrs: { antialias: 1 }, operands: [two, undefined, c([3], [1, 1, 0.5])] });
    expect(codesOf(bytes)).toEqual(['ONX1013']);
  });
});
