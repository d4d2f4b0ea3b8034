import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { runProgram } from '../../ir/index.ts';
import { FRONTENDS } from '../index.ts';
import type { ImportReport } from '../contract.ts';
import { mxnet } from './index.ts';
import { decodeParams } from './params.ts';
import { array, params, paramsOf, rowSparse, symbol, type TestNode } from './testing/build.ts';
import { examined, filesOf, type Given } from './testing/data.ts';

const data: TestNode = { op: 'null', name: 'data' };
const variable = (name: string, more: object = {}): TestNode => ({ op: 'null', name, ...more });
/** data through a layer with a weight and a bias. */
const dense = (field: 'param' | 'attr' | 'attrs', more: Readonly<Record<string, string>> = {}): readonly TestNode[] => [
  data,
  variable('f_weight'),
  variable('f_bias'),
  {
    op: 'FullyConnected',
    name: 'f',
    [field]: { num_hidden: '2', ...more },
    inputs: [
      [0, 0],
      [1, 0],
      [2, 0],
    ],
  },
];
const DENSE = [
  { name: 'arg:f_weight', shape: [2, 3], values: [1, 2, 3, -1, 0, 1] },
  { name: 'arg:f_bias', shape: [2], values: [0.5, -0.5] },
] as const;
const SHAPE = { shapes: { data: [1, 3] } } as const;

const one = (report: ImportReport, ...values: readonly number[]): readonly number[] => {
  expect(report.problems).toEqual([]);
  if (report.program === undefined) throw new RangeError('there is no program');
  const [y] = runProgram(report.program, [{ dtype: 'f32', shape: [1, values.length], data: Float32Array.from(values) }]);
  return Array.from(y?.data ?? []);
};
const codes = (report: ImportReport): readonly string[] => report.problems.map((p) => p.code);
const texts = (report: ImportReport): string => report.problems.map((p) => p.message).join('\n');

describe('forms of symbols', () => {
  test.each([
    ['0.8, parameters under param', symbol(dense('param'), [[3, 0]])],
    [
      '0.8, notes of the user under attr',
      symbol(
        dense('param').map((n) => ({ ...n, attr: { lr_mult: '2', mood: 'fine' } })),
        [[3, 0]],
      ),
    ],
    ['1.0, under attr', symbol(dense('attr', { weight_lr_mult: '2', __lr_mult__: '1' }), [[3, 0, 0]], 10000)],
    ['1.6, under attrs', symbol(dense('attrs'), [[3, 0, 0]], 10600)],
    ['heads that are numbers', symbol(dense('attrs'), [3])],
  ])('%s', (_, bytes) => {
    const report = examined(bytes, { ...SHAPE, params: params(2, DENSE) });
    expect(one(report, 1, 1, 1)).toEqual([6.5, -0.5]);
    expect(report.outputs).toEqual([{ name: 'f', type: { dtype: 'f32', shape: [1, 2] } }]);
  });

  test('the version that wrote the file is told', () => {
    expect(examined(symbol(dense('attrs'), [[3, 0]], 10401), SHAPE).producer).toBe('MXNet 1.4.1');
    expect(examined(symbol(dense('param'), [[3, 0]]), SHAPE).producer).toBe('');
  });

  test('0.8 leaves the states of BatchNorm out of its inputs; fix_gamma is on', () => {
    const nodes = [
      data,
      variable('b_gamma'),
      variable('b_beta'),
      {
        op: 'BatchNorm',
        name: 'b',
        param: { eps: '0' },
        inputs: [
          [0, 0],
          [1, 0],
          [2, 0],
        ],
      },
    ];
    const arrays = [
      { name: 'arg:b_gamma', shape: [2], values: [5, 5] },
      { name: 'arg:b_beta', shape: [2], values: [1, 0] },
      { name: 'aux:b_moving_mean', shape: [2], values: [1, 2] },
      { name: 'aux:b_moving_var', shape: [2], values: [4, 1] },
    ];
    const report = examined(symbol(nodes as readonly TestNode[], [[3, 0]]), { shapes: { data: [1, 2] }, params: params(0, arrays) });
    expect(one(report, 3, 5)).toEqual([2, 3]);
  });

  test('a file from before there were conventions of pooling: valid, as MXNet reads it, with a word where full differs', () => {
    const nodes = (stride: string, key = {}): readonly TestNode[] => [
      data,
      { op: 'Pooling', name: 'p', param: { kernel: '(2,)', stride, pool_type: 'max', ...key }, inputs: [[0, 0]] },
    ];
    const of = (bytes: Uint8Array): ImportReport => examined(bytes, { shapes: { data: [1, 1, 5] } });
    const old = of(symbol(nodes('(2,)'), [[1, 0]]));
    expect(old.outputs[0]?.type.shape).toEqual([1, 1, 2]);
    expect(old.nodes[0]).toMatchObject({ verdict: 'approximated', reason: expect.stringContaining('valid and full give other sizes') });
    expect(of(symbol(nodes('(1,)'), [[1, 0]])).nodes[0]?.verdict).toBe('ok');
    expect(of(symbol(nodes('(2,)', { pooling_convention: 'valid' }), [[1, 0]])).nodes[0]?.verdict).toBe('ok');
    expect(of(symbol(nodes('(2,)'), [[1, 0]], 905)).nodes[0]?.verdict).toBe('ok');
  });

  test('full is taken where valid does not fit', () => {
    const nodes: readonly TestNode[] = [
      data,
      { op: 'Pooling', name: 'p', param: { kernel: '(2,)', stride: '(2,)', pool_type: 'max' }, inputs: [[0, 0]] },
      variable('other'),
      {
        op: '_Plus',
        name: 'sum',
        param: {},
        inputs: [
          [1, 0],
          [2, 0],
        ],
      },
    ];
    const given: Given = { shapes: { data: [1, 1, 5], other: [1, 1, 3] } };
    expect(examined(symbol(nodes, [[3, 0]]), given).problems).toEqual([]);
    expect(codes(examined(symbol(nodes, [[3, 0]], 905), given))).toEqual(['add_c3']);
  });
});

describe('inputs and parameters', () => {
  test('labels of training are dropped', () => {
    const nodes = [
      ...dense('attrs'),
      variable('softmax_label'),
      {
        op: 'SoftmaxOutput',
        name: 'softmax',
        inputs: [
          [3, 0],
          [4, 0],
        ],
      },
    ];
    const report = examined(symbol(nodes as readonly TestNode[], [[5, 0]], 10900), { ...SHAPE, params: params(2, DENSE) });
    expect(report.inputs.map((i) => i.name)).toEqual(['data']);
    expect(report.warnings.map((w) => w.message)).toEqual(['input softmax_label is a label of training and was left out']);
    expect(one(report, 0, 0, 0).reduce((a, b) => a + b)).toBeCloseTo(1, 6);
  });

  test('a shape that the file tells, and one that is missing', () => {
    const known = [variable('data', { attrs: { __shape__: '(1, 3)' } }), ...dense('attrs').slice(1)];
    expect(one(examined(symbol(known, [[3, 0]], 10900), { params: params(2, DENSE) }), 1, 0, 0)).toEqual([1.5, -1.5]);
    const open = [variable('data', { attrs: { __shape__: '(0, 3)' } }), ...dense('attrs').slice(1)];
    expect(codes(examined(symbol(open, [[3, 0]], 10900), { params: params(2, DENSE) }))).toEqual(['IMP1010']);
  });

  test('without a file of parameters every layer that needs one says so; random ones are made on wish', () => {
    const bytes = symbol(dense('attrs'), [[3, 0]], 10900);
    expect(codes(examined(bytes, SHAPE))).toEqual(['IMP1011', 'IMP1011']);
    expect(texts(examined(bytes, { ...SHAPE, file: 'net-symbol.json' }))).toContain('there is no net-0000.params beside it');
    const random = examined(bytes, { ...SHAPE, randomParams: true });
    expect(random.problems).toEqual([]);
    expect(random.warnings.map((w) => w.code)).toEqual(['IMP3003']);
  });

  test('parameters of another model are told', () => {
    const report = examined(symbol(dense('attrs'), [[3, 0]], 10900), { shapes: { data: [1, 4] }, params: params(2, DENSE) });
    expect(texts(report)).toContain('f_weight is [2, 3], but the layer needs [2, 4]');
  });

  test('the file of the last epoch stands beside; either file may be named', () => {
    const bytes = symbol(dense('attrs'), [[3, 0]], 10900);
    const older = params(
      2,
      DENSE.map((a) => ({ ...a, values: a.values.map(() => 0) })),
    );
    const beside = filesOf({ 'm-symbol.json': bytes, 'm-0002.params': older, 'm-0010.params': params(2, DENSE), 'mm-0099.params': older });
    expect(one(examined(bytes, { ...SHAPE, beside }), 1, 1, 1)).toEqual([6.5, -0.5]);
    expect(one(examined(older, { ...SHAPE, beside, file: 'm-0002.params' }), 1, 1, 1)).toEqual([0, 0]);
    expect(codes(examined(older, { ...SHAPE, file: 'x-0002.params' }))).toEqual(['IMP1002']);
  });

  test.each([0, 1, 2, 3] as const)('arrays of version %i', (version) => {
    const report = examined(symbol(dense('attrs'), [[3, 0]], 10900), { ...SHAPE, params: params(version, DENSE) });
    expect(one(report, 1, 1, 1)).toEqual([6.5, -0.5]);
  });

  test('arrays as MXNet 1.9.1 saves them: sparse ones, all types of elements, a scalar', () => {
    const stored = JSON.parse(readFileSync(join(import.meta.dirname, 'testing/arrays.json'), 'utf8')) as Readonly<Record<string, string>>;
    const kinds = decodeParams(new Uint8Array(Buffer.from(stored['kinds'] ?? '', 'base64')));
    const scalar = decodeParams(new Uint8Array(Buffer.from(stored['scalar'] ?? '', 'base64')));
    expect([...kinds.problems, ...scalar.problems]).toEqual([]);
    const all = Object.fromEntries(
      [...kinds.names, ...scalar.names].map((n) => {
        const host = kinds.get(n) ?? scalar.get(n);
        return [n, [host?.elem, host?.shape, Array.from(host?.data ?? [])]];
      }),
    );
    expect(all).toEqual({
      csr: ['float32', [2, 3], [0, 1, 0, 2, 0, 3]],
      rows: ['float32', [3, 2], [0, 0, 5, 6, 0, 0]],
      float16: ['float16', [2], [3, 0.5]],
      float64: ['float64', [2], [3, 0.5]],
      int8: ['int8', [2], [3, 2]],
      uint8: ['uint8', [2], [3, 2]],
      int32: ['int32', [2], [3, 2]],
      int64: ['int64', [2], [3, 2]],
      scalar: ['float32', [], [3.5]],
    });
  });

  test('names of Gluon without prefixes, and sparse rows', () => {
    const [weight, bias] = DENSE;
    const given = paramsOf([
      { name: 'f_weight', bytes: rowSparse(weight.shape, [1], [-1, 0, 1]) },
      { name: 'f_bias', bytes: array(2, bias) },
    ]);
    expect(one(examined(symbol(dense('attrs'), [[3, 0]], 10900), { ...SHAPE, params: given }), 1, 1, 1)).toEqual([0.5, -0.5]);
  });
});

describe('what is refused', () => {
  const layer = (op: string, attrs: Readonly<Record<string, string>> = {}, shape: readonly number[] = [1, 2, 4, 4]): ImportReport =>
    examined(symbol([data, { op, name: 'n', attrs, inputs: [[0, 0]] }], [[1, 0]], 10900), { shapes: { data: shape } });

  test.each([
    ['an operator nobody knows', 'Frobnicate', {}, 'Frobnicate is not supported: this importer does not know it'],
    ['Python code', 'Custom', { op_type: 'x' }, 'it runs Python code that is not in the file'],
    ['anchors of a detector', '_contrib_MultiBoxPrior', {}, 'it is the head of a detector'],
    ['quantized operators', '_contrib_quantized_conv', {}, 'its scales are ranges of floats'],
    ['an attribute nobody reads', 'Flatten', { colour: 'red' }, 'attribute colour is not supported'],
    ['a word that there is not', 'Activation', { act_type: 'swish9' }, 'attribute act_type is "swish9"'],
    ['a tuple that is none', 'Pooling', { kernel: '(2, x)' }, 'attribute kernel is "x", but an integer is wanted'],
    ['random results', 'Dropout', { mode: 'always' }, 'its result is random'],
    [
      'a window in the padding',
      'Pooling',
      { kernel: '(2,2)', stride: '(3,3)', pad: '(1,1)', pooling_convention: 'full' },
      'lies in the padding alone',
    ],
  ])('%s', (_, op, attrs, text) => {
    expect(texts(layer(op, attrs))).toContain(text);
  });

  test('every problem is listed, each at its layer', () => {
    const nodes: readonly TestNode[] = [
      data,
      { op: 'Frobnicate', name: 'a', inputs: [[0, 0]] },
      { op: 'Flatten', name: 'b', inputs: [[1, 0]] },
      { op: 'Custom', name: 'c', inputs: [[2, 0]] },
    ];
    const report = examined(symbol(nodes, [[3, 0]], 10900), { shapes: { data: [1, 2] } });
    expect(report.nodes.map((n) => [n.name, n.verdict])).toEqual([
      ['a', 'unsupported'],
      ['b', 'ok'],
      ['c', 'unsupported'],
    ]);
    expect(codes(report)).toEqual(['IMP2001', 'IMP2001']);
  });
});

test('files are told by their first bytes', () => {
  const bytes = symbol(dense('attrs'), [[3, 0]], 10900);
  expect(FRONTENDS).toContain(mxnet);
  expect(mxnet.detect(bytes, 'm-symbol.json')).toBe(true);
  expect(mxnet.detect(params(2, DENSE), 'm-0000.params')).toBe(true);
  for (const text of ['{"modelTopology": {}}', '{"class_name": "Model"}', 'graph g', ''])
    expect(mxnet.detect(new TextEncoder().encode(text), 'model.json')).toBe(false);
});
