import { describe, expect, test } from '@jest/globals';
import { runProgram } from '../../ir/index.ts';
import { unwrap } from '../../support/index.ts';
import { examineOnnx, importOnnx } from './index.ts';
import {
  type AttrValue,
  c,
  codesOf,
  evaluate,
  graph,
  ints,
  model,
  node,
  type OneNode,
  oneNode,
  type Operand,
  port,
  tensor,
  x,
} from './testing/build.ts';

type Case = readonly [name: string, node: OneNode, output: number, shape: readonly number[], values: readonly number[]];

const run = (cases: readonly Case[]): void =>
  test.each(cases)('%s', (_name, one, output, shape, values) => {
    const y = evaluate(one)[output];
    expect(y?.[0]).toEqual(shape);
    expect(y?.[1].length).toBe(values.length);
    y?.[1].forEach((v, i) => (Number.isFinite(values[i]) ? expect(v).toBeCloseTo(values[i] ?? 0, 4) : expect(v).toBe(values[i])));
  });

const refused = (cases: readonly (readonly [name: string, node: OneNode, code: string])[]): void =>
  test.each(cases)('%s', (_name, one, code) => expect(codesOf(oneNode(one))).toEqual([code]));

describe('Einsum', () => {
  const [a, b] = [x([2, 3], [1, 2, 3, 4, 5, 6]), x([3, 2], [7, 8, 9, 10, 11, 12])];
  const einsum = (equation: string, ...operands: readonly Operand[]): OneNode => ({ op: 'Einsum', attrs: { equation }, operands });
  run([
    ['a matrix product', einsum('ij,jk->ik', a, b), 0, [2, 2], [58, 64, 139, 154]],
    ['letters of the result in ASCII order, capitals first', einsum(' bA ', a), 0, [3, 2], [1, 4, 2, 5, 3, 6]],
    ['a letter twice in all is summed where no result is named', einsum('ij,jk', a, b), 0, [2, 2], [58, 64, 139, 154]],
    ['the ellipsis of the result in front', einsum('...j,j', a, x([3], [1, 10, 100])), 0, [2], [321, 654]],
    ['an ellipsis in the middle', einsum('i...j->j...', x([1, 2, 2], [1, 2, 3, 4])), 0, [2, 2], [1, 3, 2, 4]],
    ['int64', { ...einsum('ii->', x([2, 2], [5, 1, 1, 9], 'int64')), elem: 'int64' }, 0, [], [14]],
  ]);
  refused([
    ['two results', einsum('i->i->i', x([2], [1, 2])), 'ONX1013'],
    ['a term too many', einsum('i,i', x([2], [1, 2])), 'ONX1013'],
    ['a letter too few', einsum('i->i', a), 'ONX1013'],
    ['a letter that no input has', einsum('ij->ik', a), 'ONX1013'],
    ['a result without the ellipsis', einsum('...j->j', a), 'ONX1013'],
    ['two ellipses', einsum('......->', a), 'ONX1013'],
    ['sizes that differ', einsum('ij,ij->i', a, b), 'einsum_c3'],
    ['8-bit sums', { ...einsum('i->', x([2], [1, 2], 'int8')), elem: 'int8' }, 'ONX2002'],
    ['too many letters', einsum('abcdefg,hij->', x([1, 1, 1, 1, 1, 1, 1], [1]), x([1, 1, 1], [1])), 'ONX2002'],
  ]);
  test('a symbol that is summed over is to be bound', () => {
    const bytes = model({
      nodes: [node('Einsum', ['x'], ['y'], { equation: 'ij->i' })],
      inputs: [port('x', 'float', ['N', 'M'])],
      outputs: [port('y', 'float', ['N'])],
    });
    expect(codesOf(bytes)).toEqual(['ONX2004']);
    expect(codesOf(bytes, { bind: new Map([['M', 3]]) })).toEqual([]);
  });
});

describe('Attention', () => {
  const q = x([1, 1, 2, 1], [0, 0]);
  const k = x([1, 1, 3, 1], [1, -1, 2]);
  const v = x([1, 1, 3, 1], [3, 5, 10]);
  const attention = (more: Partial<OneNode>, ...rest: readonly (Operand | undefined)[]): OneNode => ({
    op: 'Attention',
    opset: 25,
    operands: [q, k, v, ...rest],
    ...more,
  });
  const valid = x([1], [2], 'int64');
  const none = Number.NEGATIVE_INFINITY;
  run([
    ['no mask', attention({}), 0, [1, 1, 2, 1], [6, 6]],
    ['causal', attention({ attrs: { is_causal: 1 } }), 0, [1, 1, 2, 1], [3, 4]],
    ['a window to the left', attention({ attrs: { is_causal: 1, left_window_size: 0 } }), 0, [1, 1, 2, 1], [3, 5]],
    ['a window to the right', attention({ attrs: { right_window_size: 1 } }), 0, [1, 1, 2, 1], [4, 6]],
    ['a short mask is filled with -inf', attention({}, c([2], [0, 0])), 0, [1, 1, 2, 1], [4, 4]],
    ['a short mask of truth is filled with false', attention({}, x([2, 1], [1, 0], 'bool')), 0, [1, 1, 2, 1], [3, 0]],
    ['opset 23 stretches a mask of one key', attention({ opset: 23 }, x([2, 1], [1, 0], 'bool')), 0, [1, 1, 2, 1], [6, 0]],
    ['valid keys', attention({}, undefined, undefined, undefined, valid), 0, [1, 1, 2, 1], [4, 4]],
    [
      'valid keys of a causal cache: the last query sees them all',
      attention({ attrs: { is_causal: 1 } }, undefined, undefined, undefined, valid),
      0,
      [1, 1, 2, 1],
      [3, 4],
    ],
    [
      'valid keys within a window',
      attention({ attrs: { is_causal: 1, left_window_size: 0 } }, undefined, undefined, undefined, valid),
      0,
      [1, 1, 2, 1],
      [3, 5],
    ],
    [
      'fewer valid keys than queries leave the first without any',
      attention({ attrs: { is_causal: 1 } }, undefined, undefined, undefined, x([1], [1], 'int64')),
      0,
      [1, 1, 2, 1],
      [0, 3],
    ],
    ['valid keys and a float mask', attention({}, c([2, 3], [none, 0, 0, 0, 0, 0]), undefined, undefined, valid), 0, [1, 1, 2, 1], [5, 4]],
    [
      'a cache in front of the keys: causal from its end on',
      attention({ attrs: { is_causal: 1 }, outputs: 3 }, undefined, x([1, 1, 1, 1], [7]), x([1, 1, 1, 1], [21])),
      0,
      [1, 1, 2, 1],
      [12, 29 / 3],
    ],
    [
      'the present value',
      attention({ outputs: 3 }, undefined, x([1, 1, 1, 1], [7]), x([1, 1, 1, 1], [21])),
      2,
      [1, 1, 4, 1],
      [21, 3, 5, 10],
    ],
    [
      'biased scores of two heads on one, side by side',
      {
        op: 'Attention',
        opset: 23,
        attrs: { q_num_heads: 2, kv_num_heads: 1, scale: 0.25, qk_matmul_output_mode: 2, is_causal: 1 },
        operands: [x([1, 2, 2], [1, 2, 3, 4]), x([1, 2, 1], [4, 8]), x([1, 2, 1], [1, 2])],
        outputs: 4,
      },
      3,
      [1, 2, 2, 2],
      [1, none, 3, 6, 2, none, 4, 8],
    ],
  ]);
  refused([
    ['a past key alone', attention({}, undefined, x([1, 1, 1, 1], [7])), 'ONX1013'],
    ['a mask that is too long', attention({}, c([4], [0, 0, 0, 0])), 'ONX1013'],
    ['a mask of integers', attention({}, c([3], [0, 0, 0], 'int32')), 'ONX2002'],
    ['valid keys and a cache', attention({}, undefined, x([1, 1, 1, 1], [7]), x([1, 1, 1, 1], [1]), valid), 'ONX1013'],
    ['valid keys of other samples', attention({}, undefined, undefined, undefined, x([2], [1, 1], 'int64')), 'ONX1013'],
    ['valid keys before opset 24', attention({ opset: 23 }, undefined, undefined, undefined, valid), 'ONX1013'],
    ['mode 4', attention({ attrs: { qk_matmul_output_mode: 4 } }), 'ONX1013'],
    ['scale 0', attention({ attrs: { scale: { float: 0 } } }), 'ONX2002'],
    ['a negative soft cap', attention({ attrs: { softcap: { float: -1 } } }), 'ONX2002'],
    ['a precision that is none', attention({ attrs: { softmax_precision: 7 } }), 'ONX1013'],
    ['a window before opset 25', attention({ opset: 24, attrs: { left_window_size: 1 } }), 'ONX2002'],
    ['heads that are not there', attention({ attrs: { q_num_heads: 2 } }), 'ONX1013'],
    [
      'other features',
      attention({ operands: [q, k, v].map((o, i) => (i === 1 ? x([1, 1, 3, 2], [1, 2, 3, 4, 5, 6]) : o)) }),
      'attention_c2',
    ],
  ]);
  test('a symbolic batch stays', () => {
    const shape = (tokens: number): (string | number)[] => ['N', tokens, 4];
    const bytes = model(
      {
        nodes: [node('Attention', ['q', 'k', 'v', 'm'], ['y'], { q_num_heads: 2, kv_num_heads: 1, is_causal: 1 })],
        inputs: [
          port('q', 'float', ['N', 3, 8]),
          port('k', 'float', shape(5)),
          port('v', 'float', shape(5)),
          port('m', 'bool', ['N', 1, 3, 5]),
        ],
        outputs: [port('y', 'float', ['N', 3, 8])],
      },
      24,
    );
    const result = importOnnx(bytes);
    expect(result.ok && result.value.program.types[result.value.program.outputs[0]?.value ?? 0]).toEqual({
      dtype: 'f32',
      shape: ['N', 3, 8],
    });
  });
});

describe('RotaryEmbedding', () => {
  const rotary = (more: Partial<OneNode>, ...operands: readonly (Operand | undefined)[]): OneNode => ({
    op: 'RotaryEmbedding',
    opset: 23,
    operands,
    ...more,
  });
  const [cos, sin] = [c([2, 1], [2, 3]), c([2, 1], [5, 7])];
  run([
    [
      'places by position_ids',
      rotary({}, x([1, 1, 2, 2], [1, 2, 3, 4]), cos, sin, x([1, 2], [1, 0], 'int64')),
      0,
      [1, 1, 2, 2],
      [-11, 13, -14, 23],
    ],
    [
      'heads side by side, the first two of three features',
      rotary(
        { attrs: { num_heads: 2, rotary_embedding_dim: 2, interleaved: 1 } },
        x([1, 1, 6], [1, 2, 9, 3, 4, 8]),
        c([1, 1, 1], [2]),
        c([1, 1, 1], [5]),
      ),
      0,
      [1, 1, 6],
      [-8, 9, 9, -14, 23, 8],
    ],
  ]);
  refused([
    ['tables without positions', rotary({}, x([1, 1, 2, 2], [1, 2, 3, 4]), cos, sin), 'ONX1013'],
    ['a table of other width', rotary({}, x([1, 1, 1, 4], [1, 2, 3, 4]), cos, sin, ints(0)), 'ONX1013'],
    ['heads that do not divide', rotary({ attrs: { num_heads: 4 } }, x([1, 1, 6], [1, 2, 9, 3, 4, 8]), cos, sin), 'ONX1013'],
  ]);
});

describe('states of the tokens before', () => {
  const past = x([2, 3, 1], [1, 2, 3, 4, 5, 6]);
  const scatter = (mode: string, at: readonly number[]): OneNode => ({
    op: 'TensorScatter',
    opset: 24,
    attrs: { mode },
    operands: [past, x([2, 2, 1], [10, 20, 30, 40]), x([2], at, 'int64')],
  });
  const linear = (rule: string, more: readonly (Operand | undefined)[]): OneNode => ({
    op: 'LinearAttention',
    opset: 27,
    attrs: { q_num_heads: 2, kv_num_heads: 1, update_rule: rule, scale: { float: 1 } },
    operands: [x([1, 2, 2], [1, 2, 3, 4]), x([1, 2, 1], [1, 2]), x([1, 2, 1], [5, 7]), x([1, 1, 1, 1], [10]), ...more],
    outputs: 2,
  });
  const conv = (more: Partial<OneNode>, ...rest: readonly (Operand | undefined)[]): OneNode => ({
    op: 'CausalConvWithState',
    opset: 27,
    operands: [x([1, 1, 2], [1, 2]), c([1, 1, 3], [100, 10, 1]), ...rest],
    outputs: 2,
    ...more,
  });
  run([
    ['TensorScatter', scatter('linear', [1, 0]), 0, [2, 3, 1], [1, 10, 20, 30, 40, 6]],
    ['TensorScatter around the end, from before the start', scatter('circular', [2, -4]), 0, [2, 3, 1], [20, 2, 10, 40, 5, 30]],
    ['TensorScatter leaves out what is beyond the end', scatter('linear', [2, 9]), 0, [2, 3, 1], [1, 2, 10, 4, 5, 6]],
    [
      'TensorScatter along another axis, from the start',
      {
        op: 'TensorScatter',
        opset: 24,
        attrs: { axis: 2 },
        operands: [x([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]), x([2, 2, 1], [10, 20, 30, 40])],
      },
      0,
      [2, 2, 2],
      [10, 2, 20, 4, 30, 6, 40, 8],
    ],
    // S = 10 + 1 * 5 = 15, then 15 + 2 * 7 = 29
    ['LinearAttention, linear', linear('linear', []), 0, [1, 2, 2], [15, 30, 87, 116]],
    // S = 10 + 0.5 (5 - 10) = 7.5, then 7.5 + 2 * 0.5 (7 - 15) = -0.5
    ['LinearAttention, delta', linear('delta', [undefined, c([1, 2, 1], [0.5, 0.5])]), 1, [1, 1, 1, 1], [-0.5]],
    // S = 10 / 2 + 5 = 10, then 10 / 4 + 14 = 16.5
    ['LinearAttention, gated', linear('gated', [c([1, 2, 1], [Math.log(0.5), Math.log(0.25)])]), 0, [1, 2, 2], [10, 20, 49.5, 66]],
    ['CausalConvWithState', conv({}), 0, [1, 1, 2], [1, 12]],
    ['CausalConvWithState with a past', conv({}, c([1], [0.5]), x([1, 1, 2], [7, 8])), 0, [1, 1, 2], [781.5, 812.5]],
    ['CausalConvWithState keeps its last places', conv({}), 1, [1, 1, 2], [1, 2]],
    ['CausalConvWithState, silu', conv({ attrs: { activation: 'silu' } }), 0, [1, 1, 2], [0.731059, 11.99993]],
  ]);
  refused([
    ['TensorScatter along the batch', { ...scatter('linear', [0, 0]), attrs: { axis: 0 } }, 'ONX1013'],
    ['TensorScatter in another mode', scatter('mirror', [0, 0]), 'ONX1013'],
    ['LinearAttention by another rule', linear('square', []), 'ONX1013'],
    ['LinearAttention without decay', linear('gated', []), 'ONX1013'],
    ['LinearAttention with a rate that it does not take', linear('linear', [undefined, c([1, 2, 1], [1, 1])]), 'ONX1013'],
    ['CausalConvWithState with another activation', conv({ attrs: { activation: 'relu' } }), 'ONX1013'],
    ['CausalConvWithState of an image', conv({ operands: [x([1, 1, 1, 2], [1, 2]), c([1, 1, 3], [100, 10, 1])] }), 'ONX1013'],
    ['CausalConvWithState with a short past', conv({}, undefined, x([1, 1, 1], [7])), 'ONX1013'],
  ]);
});

describe('FlexAttention', () => {
  const domain = 'ai.onnx.preview';
  const graphOf = (op: string, input: string, output: string, factor: readonly number[] = [0, 3]): object =>
    graph({
      nodes: [node(op, [input, 'factor'], [output])],
      inputs: [port(input, 'float', ['B', 'H', 'L', 'S'])],
      outputs: [port(output, 'float', ['B', 'H', 'L', 'S'])],
      params: [tensor('factor', 'float', [2], factor)],
    });
  const flex = (attrs: Readonly<Record<string, AttrValue>>, version = 1): Uint8Array =>
    model(
      {
        nodes: [node('FlexAttention', ['q', 'k', 'v'], ['y'], attrs, { domain, name: 'flex' })],
        inputs: [port('q', 'float', ['N', 2, 1, 1]), port('k', 'float', ['N', 1, 2, 1]), port('v', 'float', ['N', 1, 2, 1])],
        outputs: [port('y', 'float', ['N', 2, 1, 1])],
      },
      26,
      {
        opsetImport: [
          { domain: '', version: 26 },
          { domain, version },
        ],
      },
    );
  const valueOf = (bytes: Uint8Array): readonly number[] => {
    const { program } = unwrap(importOnnx(bytes, { bind: new Map([['N', 1]]) }));
    const tensors = [
      [0, 400],
      [1, -1],
      [5, 7],
    ].map((data, i) => ({ dtype: 'f32', shape: i === 0 ? [1, 2, 1, 1] : [1, 1, 2, 1], data: Float32Array.from(data) }) as const);
    return Array.from(runProgram(program, tensors)[0]?.data ?? []);
  };
  test('two heads on one: the first averages, the second picks', () => expect(valueOf(flex({}))).toEqual([6, 5]));
  test('the probabilities are changed', () => expect(valueOf(flex({ prob_mod: { graph: graphOf('Mul', 'p', 'r') } }))).toEqual([10.5, 0]));
  test('the scores are changed', () =>
    expect(valueOf(flex({ scale: 0.25, score_mod: { graph: graphOf('Mul', 's', 't', [-3, 1]) } }))).toEqual([6, 7]));
  test('the node is reported with its own ops, those of the modifier apart', () => {
    const { nodes } = examineOnnx(flex({ prob_mod: { graph: graphOf('Mul', 'p', 'r') } }));
    expect(nodes.map((n) => [n.name, n.verdict, n.becomes.filter((op) => op === 'matmul' || op === 'softmax')])).toEqual([
      ['flex/prob_mod/Mul#0 -> r', 'ok', []],
      ['flex', 'ok', ['matmul', 'softmax', 'matmul']],
    ]);
  });
  test.each([
    ['another version', flex({}, 2), 'ONX2002'],
    ['a modifier that changes the shape', flex({ score_mod: { graph: graphOf('MatMul', 's', 't') } }), 'ONX1013'],
    ['a modifier that is not supported', flex({ score_mod: { graph: graphOf('Nothing', 's', 't') } }), 'ONX2001'],
    ['a modifier that is no graph', flex({ score_mod: 1 }), 'ONX1013'],
    ['a precision that is none', flex({ softmax_precision: 7 }), 'ONX1013'],
    ['an attribute that it does not have', flex({ is_causal: 1 }), 'ONX2002'],
  ] as const)('%s is refused', (_name, bytes, code) => expect(codesOf(bytes)).toEqual([code]));
});

describe('masks as functions make them', () => {
  const none = Number.NEGATIVE_INFINITY;
  run([
    [
      'Pad with -inf, after a crop',
      { op: 'Pad', operands: [x([2, 3], [1, 2, 3, 4, 5, 6]), ints(0, -1, 1, 2), c([], [none])] },
      0,
      [3, 4],
      [2, 3, none, none, 5, 6, none, none, none, none, none, none],
    ],
  ]);
  test('a constant cast to the type of a run-time value stays known', () => {
    const nodes = [node('CastLike', ['v', 'x'], ['w'], {}), node('Pad', ['x', 'p', 'w'], ['y'], {})];
    const params = [tensor('v', 'float', [], [none]), tensor('p', 'int64', [2], [0, 1])];
    for (const elem of ['float', 'float16'] as const) {
      const bytes = model({ nodes, inputs: [port('x', elem, [2])], outputs: [port('y', elem, [3])], params }, 24);
      expect(codesOf(bytes)).toEqual([]);
    }
  });
});
