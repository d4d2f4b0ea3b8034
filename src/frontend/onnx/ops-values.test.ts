import { describe, expect, test } from '@jest/globals';
import { c, codesOf, evaluate, ints, type OneNode, oneNode, x } from './testing/build.ts';

type Case = readonly [name: string, node: OneNode, shape: readonly number[], values: readonly number[]];

const run = (cases: readonly Case[]): void =>
  test.each(cases)('%s', (_name, node, shape, values) => {
    const [y] = evaluate(node);
    expect(y?.[0]).toEqual(shape);
    expect(y?.[1].length).toBe(values.length);
    y?.[1].forEach((v, i) => expect(v).toBeCloseTo(values[i] ?? Number.NaN, 4));
  });

const line = x([4], [-2, -0.5, 0.5, 3]);

describe('arithmetic', () => {
  run([
    ['Add broadcasts', { op: 'Add', operands: [x([2, 2], [1, 2, 3, 4]), c([2], [10, 20])] }, [2, 2], [11, 22, 13, 24]],
    [
      'Add before opset 7 aligns its second operand at axis',
      { op: 'Add', opset: 6, attrs: { broadcast: 1, axis: 0 }, operands: [x([2, 3], [1, 2, 3, 4, 5, 6]), c([2], [10, 20])] },
      [2, 3],
      [11, 12, 13, 24, 25, 26],
    ],
    ['Sub of int64', { op: 'Sub', operands: [x([2], [5, -7], 'int64'), x([2], [8, 1], 'int64')], elem: 'int64' }, [2], [-3, -8]],
    ['Div of integers truncates', { op: 'Div', operands: [x([2], [-7, 7], 'int32'), c([1], [2], 'int32')], elem: 'int32' }, [2], [-3, 3]],
    ['Pow', { op: 'Pow', operands: [x([3], [1, 2, 3]), c([], [2])] }, [3], [1, 4, 9]],
    ['Pow of int32 rounds', { op: 'Pow', operands: [x([2], [3, 5], 'int32'), c([], [3], 'int32')], elem: 'int32' }, [2], [27, 125]],
    ['Sum of three', { op: 'Sum', operands: [x([2], [1, 2]), x([2], [10, 20]), c([1], [100])] }, [2], [111, 122]],
    ['Mean of two', { op: 'Mean', operands: [x([2], [1, 2]), x([2], [3, 6])] }, [2], [2, 4]],
    ['Max of int8', { op: 'Max', operands: [x([2], [-5, 7], 'int8'), x([2], [3, 4], 'int8')], elem: 'int8' }, [2], [3, 7]],
    [
      'Mod of negative integers',
      { op: 'Mod', operands: [x([4], [-7, 7, -6, 5], 'int32'), c([4], [3, -3, 3, 3], 'int32')], elem: 'int32' },
      [4],
      [2, -2, 0, 2],
    ],
    ['Sign', { op: 'Sign', operands: [x([3], [-2, 0, 9])] }, [3], [-1, 0, 1]],
    ['Round ties to even', { op: 'Round', operands: [x([4], [0.5, 1.5, -2.5, 2.6])] }, [4], [0, 2, -2, 3]],
  ]);
  test('operands of different types are refused', () => {
    expect(codesOf(oneNode({ op: 'Add', operands: [x([1], [1]), x([1], [1], 'int32')] }))).toEqual(['ONX1013']);
  });
});

describe('activation', () => {
  run([
    ['Relu', { op: 'Relu', operands: [line] }, [4], [0, 0, 0.5, 3]],
    ['LeakyRelu default', { op: 'LeakyRelu', operands: [line] }, [4], [-0.02, -0.005, 0.5, 3]],
    [
      'Clip by attributes',
      { op: 'Clip', opset: 6, attrs: { min: { float: -1 }, max: { float: 1 } }, operands: [line] },
      [4],
      [-1, -0.5, 0.5, 1],
    ],
    ['Clip by inputs', { op: 'Clip', operands: [line, c([], [-1]), c([], [1])] }, [4], [-1, -0.5, 0.5, 1]],
    ['Clip with max only', { op: 'Clip', operands: [line, undefined, c([], [1])] }, [4], [-2, -0.5, 0.5, 1]],
    ['Clip with min above max', { op: 'Clip', operands: [line, c([], [2]), c([], [1])] }, [4], [1, 1, 1, 1]],
    ['Clip with bounds at run time', { op: 'Clip', operands: [line, x([], [-1]), x([], [1])] }, [4], [-1, -0.5, 0.5, 1]],
    [
      'Clip of int8',
      { op: 'Clip', operands: [x([3], [-9, 0, 9], 'int8'), c([], [-3], 'int8'), c([], [4], 'int8')], elem: 'int8' },
      [3],
      [-3, 0, 4],
    ],
    ['HardSigmoid', { op: 'HardSigmoid', operands: [line] }, [4], [0.1, 0.4, 0.6, 1]],
    ['Elu', { op: 'Elu', attrs: { alpha: 2.5 }, operands: [x([2], [-1, 2])] }, [2], [-1.5803, 2]],
    ['Selu', { op: 'Selu', operands: [x([2], [-1, 2])] }, [2], [-1.11133, 2.1014]],
    ['Celu', { op: 'Celu', attrs: { alpha: { float: 2 } }, operands: [x([2], [-1, 2])] }, [2], [-0.786939, 2]],
    ['ThresholdedRelu', { op: 'ThresholdedRelu', operands: [line] }, [4], [0, 0, 0, 3]],
    ['Mish', { op: 'Mish', opset: 18, operands: [x([1], [1])] }, [1], [0.865098]],
    ['Gelu by tanh', { op: 'Gelu', opset: 20, attrs: { approximate: 'tanh' }, operands: [x([1], [1])] }, [1], [0.841192]],
    ['Swish with alpha', { op: 'Swish', opset: 24, attrs: { alpha: { float: 2 } }, operands: [x([1], [1])] }, [1], [0.880797]],
    ['Shrink', { op: 'Shrink', attrs: { bias: 0.25, lambd: { float: 1 } }, operands: [line] }, [4], [-1.75, 0, 0, 2.75]],
    [
      'PRelu per channel before opset 7',
      { op: 'PRelu', opset: 6, operands: [x([1, 2, 1, 2], [-1, 1, -2, 2]), c([2], [0.5, 0.25])] },
      [1, 2, 1, 2],
      [-0.5, 1, -0.5, 2],
    ],
  ]);
});

describe('logic', () => {
  const a = x([4], [0, 0, 1, 1], 'bool');
  const b = x([4], [0, 1, 0, 1], 'bool');
  run([
    ['And', { op: 'And', operands: [a, b], elem: 'bool' }, [4], [0, 0, 0, 1]],
    ['Or', { op: 'Or', operands: [a, b], elem: 'bool' }, [4], [0, 1, 1, 1]],
    ['Xor', { op: 'Xor', operands: [a, b], elem: 'bool' }, [4], [0, 1, 1, 0]],
    ['Greater', { op: 'Greater', operands: [x([2], [1, 5]), c([], [2])], elem: 'bool' }, [2], [0, 1]],
    ['GreaterOrEqual', { op: 'GreaterOrEqual', operands: [x([2], [2, 1]), c([], [2])], elem: 'bool' }, [2], [1, 0]],
    ['Where', { op: 'Where', operands: [x([2], [1, 0], 'bool'), x([2], [1, 2]), c([], [9])] }, [2], [1, 9]],
  ]);
});

describe('reduction', () => {
  const m = x([2, 3], [1, 2, 3, 4, 5, 6]);
  run([
    ['ReduceSum with axes as input', { op: 'ReduceSum', opset: 13, attrs: { keepdims: 0 }, operands: [m, ints(1)] }, [2], [6, 15]],
    ['ReduceSum with axes as attribute', { op: 'ReduceSum', opset: 11, attrs: { axes: [0] }, operands: [m] }, [1, 3], [5, 7, 9]],
    [
      'ReduceSum of no axes, as a no-op',
      { op: 'ReduceSum', opset: 13, attrs: { noop_with_empty_axes: 1 }, operands: [m] },
      [2, 3],
      [1, 2, 3, 4, 5, 6],
    ],
    ['ReduceMean over all', { op: 'ReduceMean', attrs: { keepdims: 0 }, operands: [m] }, [], [3.5]],
    [
      'ReduceMax of bool',
      { op: 'ReduceMax', opset: 20, attrs: { keepdims: 0 }, operands: [x([3], [0, 1, 0], 'bool')], elem: 'bool' },
      [],
      [1],
    ],
    ['ReduceL2', { op: 'ReduceL2', attrs: { axes: [0], keepdims: 0 }, operands: [x([2, 1], [3, 4])] }, [1], [5]],
    [
      'ReduceLogSumExp of large values',
      { op: 'ReduceLogSumExp', attrs: { axes: [0], keepdims: 0 }, operands: [x([2], [1000, 1000])] },
      [],
      [1000.69318],
    ],
    ['ReduceProd', { op: 'ReduceProd', attrs: { axes: [1], keepdims: 0 }, operands: [m] }, [2], [6, 120]],
    ['ArgMax', { op: 'ArgMax', attrs: { axis: 1, keepdims: 0 }, operands: [x([2, 3], [1, 3, 3, 9, 2, 1])], elem: 'int64' }, [2], [1, 0]],
    [
      'ArgMax of the last',
      { op: 'ArgMax', attrs: { axis: 1, keepdims: 0, select_last_index: 1 }, operands: [x([1, 3], [1, 3, 3])], elem: 'int64' },
      [1],
      [2],
    ],
  ]);
  test('a mean over nothing, NaN in ONNX, is refused', () => {
    expect(codesOf(oneNode({ op: 'ReduceMean', attrs: { axes: [1] }, operands: [x([2, 0], [])] }))).toEqual(['ONX2002']);
  });
});

describe('indexing', () => {
  run([
    [
      'ReverseSequence turns the first steps of each batch entry round',
      {
        op: 'ReverseSequence',
        attrs: { time_axis: 1, batch_axis: 0 },
        operands: [x([3, 4], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), x([3], [3, 0, 4], 'int64')],
      },
      [3, 4],
      [3, 2, 1, 4, 5, 6, 7, 8, 12, 11, 10, 9],
    ],
  ]);
});

describe('masks', () => {
  const square = x([3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  run([
    ['Trilu keeps the upper triangle', { op: 'Trilu', operands: [square] }, [3, 3], [1, 2, 3, 0, 5, 6, 0, 0, 9]],
    [
      'Trilu, lower, one above the diagonal',
      { op: 'Trilu', attrs: { upper: 0 }, operands: [square, c([], [1], 'int64')] },
      [3, 3],
      [1, 2, 0, 4, 5, 6, 7, 8, 9],
    ],
    ['EyeLike', { op: 'EyeLike', attrs: { k: 1 }, operands: [x([2, 3], [9, 9, 9, 9, 9, 9])] }, [2, 3], [0, 1, 0, 0, 0, 1]],
    ['Hardmax marks the first greatest', { op: 'Hardmax', operands: [x([2, 3], [1, 5, 5, 3, 2, 1])] }, [2, 3], [0, 1, 0, 1, 0, 0]],
    [
      'Compress along an axis',
      { op: 'Compress', attrs: { axis: 1 }, operands: [square, c([3], [1, 0, 1], 'bool')] },
      [3, 2],
      [1, 3, 4, 6, 7, 9],
    ],
    ['Compress of all elements', { op: 'Compress', operands: [square, c([5], [0, 1, 0, 0, 1], 'bool')] }, [2], [2, 5]],
    [
      'CenterCropPad crops rows and pads columns, one more behind',
      { op: 'CenterCropPad', opset: 18, operands: [square, c([2], [1, 6], 'int64')] },
      [1, 6],
      [0, 4, 5, 6, 0, 0],
    ],
  ]);
});

describe('losses', () => {
  const scores = x([2, 3], [-1, -2, -3, -4, -5, -6]);
  const target = x([2], [2, 0], 'int64');
  run([
    ['NegativeLogLikelihoodLoss', { op: 'NegativeLogLikelihoodLoss', operands: [scores, target] }, [], [3.5]],
    [
      'weighted, one class ignored',
      { op: 'NegativeLogLikelihoodLoss', attrs: { ignore_index: 0 }, operands: [scores, target, c([3], [1, 1, 2])] },
      [],
      [3],
    ],
    ['without reduction', { op: 'NegativeLogLikelihoodLoss', attrs: { reduction: 'none' }, operands: [scores, target] }, [2], [3, 4]],
    [
      'SoftmaxCrossEntropyLoss',
      { op: 'SoftmaxCrossEntropyLoss', attrs: { reduction: 'sum' }, operands: [scores, target] },
      [],
      [2 + 2 * Math.log(1 + Math.exp(-1) + Math.exp(-2))],
    ],
  ]);
});
