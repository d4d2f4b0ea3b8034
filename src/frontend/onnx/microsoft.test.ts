import { expect, test } from '@jest/globals';
import { runProgram } from '../../ir/index.ts';
import { unwrap } from '../../support/index.ts';
import { importOnnx } from './index.ts';
import { type AttrValue, model, node, port, tensor, type TestElem } from './testing/build.ts';

type Constant = readonly [elem: TestElem, dims: readonly number[], values: readonly number[]];
const scale = (v: number): Constant => ['float', [], [v]];
const zero = (v: number): Constant => ['uint8', [], [v]];

/** Runs one operator of com.microsoft: 'x' stands for the run-time input, uint8 of the given shape. */
const run = (
  op: string,
  x: readonly [shape: readonly number[], values: readonly number[]],
  operands: readonly ('x' | Constant)[],
  shape: readonly number[],
  attrs: Readonly<Record<string, AttrValue>> = {},
): readonly number[] => {
  const params = operands.flatMap((o, i) => (o === 'x' ? [] : [tensor(`c${i}`, o[0], o[1], o[2])]));
  const names = operands.map((o, i) => (o === 'x' ? 'x' : `c${i}`));
  const nodes = [node(op, names, ['y'], attrs, { domain: 'com.microsoft' })];
  const opsetImport = [
    { domain: '', version: 17 },
    { domain: 'com.microsoft', version: 1 },
  ];
  const bytes = model({ inputs: [port('x', 'uint8', x[0])], outputs: [port('y', 'uint8', shape)], nodes, params }, 17, { opsetImport });
  const { program } = unwrap(importOnnx(bytes));
  return Array.from(runProgram(program, [{ dtype: 'u8', shape: x[0], data: Uint8Array.from(x[1]) }])[0]?.data ?? []);
};

test('QLinearAdd and QLinearMul dequantize, compute and quantize, ties to even', () => {
  const b: Constant = ['uint8', [2], [14, 12]];
  // ((12, 20) - 10) * 0.5 + ((14, 12) - 10) * 0.25 = 2, 5.5, in steps of 1
  expect(run('QLinearAdd', [[2], [12, 20]], ['x', scale(0.5), zero(10), b, scale(0.25), zero(10), scale(1), zero(3)], [2])).toEqual([5, 9]);
  // 1 * 1, 5 * 0.5
  expect(run('QLinearMul', [[2], [12, 20]], ['x', scale(0.5), zero(10), b, scale(0.25), zero(10), scale(1), zero(3)], [2])).toEqual([4, 5]);
});

test('QLinearGlobalAveragePool means over the spatial dimensions', () => {
  const operands = ['x', scale(0.5), zero(4), scale(0.25), zero(1)] as const;
  // means 6 and 10 of the codes: 1 and 3
  expect(
    run(
      'QLinearGlobalAveragePool',
      [
        [1, 2, 2],
        [4, 8, 10, 10],
      ],
      operands,
      [1, 2, 1],
    ),
  ).toEqual([5, 13]);
});

test('QLinearConcat brings every part to the scale of the result', () => {
  const second: Constant = ['uint8', [1], [30]];
  expect(
    run('QLinearConcat', [[1], [8]], [scale(0.5), zero(2), 'x', scale(1), zero(4), second, scale(0.25), zero(10)], [2], { axis: 0 }),
  ).toEqual([10, 12]);
});

test('QGemm adds its bias to the integer sums', () => {
  const b: Constant = ['uint8', [2, 1], [6, 9]];
  const bias: Constant = ['int32', [1], [4]];
  // (3 - 1)(6 - 5) + (7 - 1)(9 - 5) + 4 = 30, times 0.5 * 0.5 / 1.5
  const operands = ['x', scale(0.5), zero(1), b, scale(0.5), zero(5), bias, scale(1.5), zero(7)] as const;
  expect(
    run(
      'QGemm',
      [
        [1, 2],
        [3, 7],
      ],
      operands,
      [1, 1],
    ),
  ).toEqual([12]);
});

test('QGemm takes its second matrix transposed', () => {
  const b: Constant = ['uint8', [2, 3], [6, 9, 5, 5, 5, 6]];
  // (3 - 1)(6 - 5) + (7 - 1)(9 - 5) = 26 and (2 - 1)(6 - 5) = 1, times 0.5: 0.5 goes to 0
  const operands = ['x', scale(0.5), zero(1), b, scale(1), zero(5), ['int32', [2], [0, 0]], scale(1), zero(7)] as const;
  expect(
    run(
      'QGemm',
      [
        [1, 3],
        [3, 7, 2],
      ],
      operands,
      [1, 2],
      { transB: 1 },
    ),
  ).toEqual([20, 7]);
});

test('QLinearSoftmax: equal scores share the whole', () => {
  const operands = ['x', scale(0.5), zero(4), scale(1 / 256), zero(0)] as const;
  expect(
    run(
      'QLinearSoftmax',
      [
        [1, 4],
        [9, 9, 9, 9],
      ],
      operands,
      [1, 4],
      { axis: 1, opset: 13 },
    ),
  ).toEqual([64, 64, 64, 64]);
  expect(() =>
    run(
      'QLinearSoftmax',
      [
        [1, 2, 2],
        [9, 9, 9, 9],
      ],
      operands,
      [1, 2, 2],
      { axis: 1, opset: 12 },
    ),
  ).toThrow('opset 12');
});
