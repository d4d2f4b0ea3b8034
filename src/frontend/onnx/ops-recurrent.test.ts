import { describe, expect, test } from '@jest/globals';
import { unwrap } from '../../support/index.ts';
import { importOnnx } from './index.ts';
import { c, codesOf, evaluate, type OneNode, oneNode, x } from './testing/build.ts';

/** One input, one hidden unit, weights 1 forward and 2 backward: h = a (x w + h r) + b with Affine. */
const two = (attrs: OneNode['attrs'], ...more: OneNode['operands']): OneNode => ({
  op: 'RNN',
  outputs: 2,
  attrs: { direction: 'bidirectional', hidden_size: 1, ...attrs },
  operands: [x([2, 1, 1], [1, 3]), c([2, 1, 1], [1, 2]), c([2, 1, 1], [1, 1]), ...more],
});
const affine = { activations: ['Affine', 'Relu'], activation_alpha: { floats: [0.5] }, activation_beta: { floats: [-1] } };

describe('RNN', () => {
  test('activations that differ between the directions; alphas go to those that take one', () => {
    // forward: (1 / 2 - 1), (3 - 0.5) / 2 - 1; backward with relu: 6, then 2 + 6
    expect(evaluate(two(affine))).toEqual([
      [
        [2, 2, 1, 1],
        [-0.5, 8, 0.25, 6],
      ],
      [
        [2, 1, 1],
        [0.25, 8],
      ],
    ]);
  });
  test('layout 1 with the same', () => {
    const o = two({ ...affine, layout: 1 });
    const operands = [x([1, 2, 1], [1, 3]), ...o.operands.slice(1), undefined, undefined, c([1, 2, 1], [2, -100])];
    // forward from 2: (1 + 2) / 2 - 1, (3 + 0.5) / 2 - 1; backward from -100: 0, then 2
    expect(evaluate({ ...o, operands })).toEqual([
      [
        [1, 2, 2, 1],
        [0.5, 2, 0.75, 0],
      ],
      [
        [1, 2, 1],
        [0.75, 2],
      ],
    ]);
  });
  test('known lengths of all steps are left out, others are kept', () => {
    const ops = (length: number): readonly number[] =>
      unwrap(importOnnx(oneNode(two({}, undefined, c([1], [length], 'int32'))))).program.nodes.map((n) => n.operands.length);
    expect([ops(2), ops(1)]).toEqual([[5], [6]]);
  });
  test.each([
    ['a length beyond the steps', two({}, undefined, c([1], [3], 'int32')), 'ONX1013'],
    ['too few activations', two({ activations: ['Tanh'] }), 'ONX1013'],
    ['an activation that is not known', two({ activations: ['Tanh', 'Swish'] }), 'ONX2002'],
    ['an activation without its default', two({ activations: ['Tanh', 'ScaledTanh'] }), 'ONX1013'],
    ['an alpha that nothing takes', two({ activation_alpha: { floats: [1] } }), 'ONX2002'],
    ['another hidden_size', two({ hidden_size: 2 }), 'ONX1013'],
    ['a clip of 0', two({ clip: { float: 0 } }), 'ONX1013'],
    ['no input at all', { ...two({}), operands: [undefined] }, 'ONX1013'],
    [
      'weights of another shape',
      { ...two({}), operands: [x([2, 1, 2], [1, 2, 3, 4]), c([2, 1, 1], [1, 2]), c([2, 1, 1], [1, 1])] },
      'rnn_c2',
    ],
  ])('%s is refused', (_name, o, code) => {
    expect(codesOf(oneNode(o))).toEqual([code]);
  });
});

describe('LSTM and GRU', () => {
  const gates = (n: number, v: number): readonly number[] => new Array<number>(n).fill(v);
  const identity = { floats: [1, 1, 1] };
  const none = { floats: [0, 0, 0] };
  test('a peephole without lengths', () => {
    const o: OneNode = {
      op: 'LSTM',
      outputs: 3,
      attrs: { hidden_size: 1, activations: ['Affine', 'Affine', 'Affine'], activation_alpha: identity, activation_beta: none },
      operands: [
        x([1, 1, 1], [2]),
        c([1, 4, 1], gates(4, 1)),
        c([1, 4, 1], gates(4, 0)),
        undefined,
        undefined,
        undefined,
        c([1, 1, 1], [3]),
        c([1, 3], [1, 10, 2]),
      ],
    };
    // i = 2 + 3, f = 2 + 6, c = 2: C = 8 * 3 + 5 * 2; o = 2 + 10 * 34; h = o C
    expect(evaluate(o).map(([, v]) => v)).toEqual([[11628], [11628], [34]]);
  });
  test('linear_before_reset is read from version 3 on', () => {
    const o: OneNode = {
      op: 'GRU',
      outputs: 2,
      attrs: {
        hidden_size: 1,
        linear_before_reset: 1,
        activations: ['Affine', 'Affine'],
        activation_alpha: { floats: [1, 1] },
        activation_beta: { floats: [0, 0] },
      },
      operands: [
        x([1, 1, 1], [2]),
        c([1, 3, 1], gates(3, 1)),
        c([1, 3, 1], gates(3, 1)),
        c([1, 6], [0, 0, 0, 0, 0, 7]),
        undefined,
        c([1, 1, 1], [1]),
      ],
    };
    // z = r = 3; n = 2 + 3 * (1 + 7); h = (1 - 3) n + 3
    expect(evaluate(o).map(([, v]) => v)).toEqual([[-49], [-49]]);
    expect(codesOf(oneNode({ ...o, opset: 1 }))).toEqual(['ONX2002']);
  });
});
