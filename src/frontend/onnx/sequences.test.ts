import { expect, test } from '@jest/globals';
import { runProgram } from '../../ir/index.ts';
import { unwrap } from '../../support/index.ts';
import { importOnnx } from './index.ts';
import { model, node, port, tensor } from './testing/build.ts';

const x = port('x', 'float', [5, 2]);
const number = (name: string, value: number): object => tensor(name, 'int64', [], [value]);
const X = { dtype: 'f32', shape: [5, 2], data: Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) } as const;

/** Runs a model whose output is y. */
const run = (nodes: readonly object[], shape: readonly number[], params: readonly object[] = [], elem = 'float'): readonly number[] => {
  const bytes = model({ inputs: [x], outputs: [port('y', elem as 'float', shape)], nodes, params });
  return Array.from(runProgram(unwrap(importOnnx(bytes)).program, [X])[0]?.data ?? []);
};
const codes = (nodes: readonly object[], params: readonly object[] = []): readonly string[] => {
  const result = importOnnx(model({ inputs: [x], outputs: [port('y', 'float', [5, 2])], nodes, params }));
  return result.ok ? [] : result.diagnostics.map((d) => `${d.code} ${d.message}`);
};

test('a split into parts of one size leaves a smaller last part, and each is read by its position', () => {
  const nodes = [node('SplitToSequence', ['x', 'two'], ['s']), node('SequenceAt', ['s', 'last'], ['y'])];
  expect(run(nodes, [1, 2], [number('two', 2), number('last', -1)])).toEqual([9, 10]);
});

test('without a split every index is a part, whose axis keepdims = 0 drops', () => {
  const nodes = [node('SplitToSequence', ['x'], ['s'], { axis: 1, keepdims: 0 }), node('SequenceAt', ['s', 'one'], ['y'])];
  expect(run(nodes, [5], [number('one', 1)])).toEqual([2, 4, 6, 8, 10]);
});

test('insert, erase and length follow the positions', () => {
  const nodes = [
    node('Neg', ['x'], ['n']),
    node('Abs', ['x'], ['a']),
    node('SequenceConstruct', ['x', 'n'], ['s']),
    node('SequenceInsert', ['s', 'a', 'one'], ['t']),
    node('SequenceErase', ['t', 'zero'], ['u']),
    node('ConcatFromSequence', ['u'], ['c'], { axis: 0, new_axis: 1 }),
    node('ReduceSum', ['c', 'axes'], ['y'], { keepdims: 0 }),
  ];
  const axes = tensor('axes', 'int64', [2], [1, 2]);
  expect(run(nodes, [2], [number('one', 1), number('zero', 0), axes])).toEqual([55, -55]);
  const count = [...nodes.slice(0, 4), node('SequenceLength', ['t'], ['y'])];
  expect(run(count, [], [number('one', 1)], 'int64')).toEqual([3]);
});

test('an optional of a tensor is the tensor', () => {
  expect(run([node('Optional', ['x'], ['o']), node('OptionalGetElement', ['o'], ['y'])], [5, 2])).toEqual(Array.from(X.data));
  expect(run([node('OptionalHasElement', ['x'], ['y'])], [], [], 'bool')).toEqual([1]);
});

test('misuse is refused by name', () => {
  expect(codes([node('SequenceAt', ['x', 'i'], ['y'])], [number('i', 0)])).toEqual([
    'ONX1013 SequenceAt: input 0 is a tensor, but a sequence is needed',
  ]);
  expect(codes([node('SequenceConstruct', ['x'], ['s']), node('Relu', ['s'], ['y'])])).toEqual([
    'ONX1013 Relu: input 0 (s) is a sequence, but a tensor is needed',
  ]);
  expect(codes([node('SequenceConstruct', ['x'], ['s']), node('SequenceAt', ['s', 'i'], ['y'])], [number('i', 1)])).toEqual([
    'ONX1013 SequenceAt: position is 1, but the sequence has 1 tensors',
  ]);
  expect(codes([node('SequenceConstruct', ['x', 'i'], ['y'])], [number('i', 1)])).toEqual([
    'ONX1013 SequenceConstruct: the sequence holds float, but i is int64',
  ]);
  expect(codes([node('SequenceConstruct', ['x'], ['y'])])).toEqual(['ONX2003 it is a sequence, but a tensor is needed']);
});
