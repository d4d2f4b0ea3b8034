import { describe, expect, test } from '@jest/globals';
import { type Program, runProgram, type Tensor } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { examined } from '../testing/recorded.ts';
import { tensorflow } from './index.ts';
import { constant, graph, graphBytes, ints, node, placeholder, text, texts, type, whole } from './testing/build.ts';

const numbers = (count: number, seed = 1): number[] =>
  Array.from({ length: count }, (_, i) => Math.fround((((i + seed) * 37) % 101) / 50 - 1));
const imported = async (bytes: Uint8Array, shapes: Readonly<Record<string, readonly number[]>> = {}): Promise<Program> => {
  const { program, problems } = await examined(tensorflow, bytes, { shapes: new Map(Object.entries(shapes)) });
  expect(problems).toEqual([]);
  if (program === undefined) throw new RangeError('there is no program');
  return program;
};
const run = async (
  bytes: Uint8Array,
  ...inputs: readonly (readonly [shape: readonly number[], data: readonly number[]])[]
): Promise<Tensor> =>
  at(
    runProgram(
      await imported(bytes),
      inputs.map(([shape, data]) => ({ dtype: 'f32', shape, data: Float32Array.from(data) })),
    ),
    0,
  );

/** Elements of [N, H, W, C] in the order of [N, C, H, W]. */
const channelsFirst = ([n = 1, h = 1, w = 1, c = 1]: readonly number[], data: readonly number[]): number[] =>
  Array.from({ length: n * c * h * w }, (_, i) => {
    const [x, y, k, b] = [i % w, Math.floor(i / w) % h, Math.floor(i / w / h) % c, Math.floor(i / w / h / c)];
    return at(data, ((b * h + y) * w + x) * c + k);
  });

describe('channels first: the same numbers as channels last', () => {
  const shape = [2, 5, 4, 4];
  const image = numbers(160);
  const window = { strides: ints(1, 2, 1, 1), padding: text('SAME') };
  const first = { strides: ints(1, 1, 2, 1), padding: text('SAME'), data_format: text('NCHW') };
  const statistics = ['a', 'b', 'c', 'd'];
  const four = statistics.map((name, i) => constant(name, [4], [1 + i, 0.5, 2, 0.25]));
  test.each<readonly [string, readonly object[], readonly object[]]>([
    [
      'Conv2D',
      [constant('w', [3, 2, 2, 6], numbers(72)), node('y', 'Conv2D', ['x', 'w'], window)],
      [constant('w', [3, 2, 2, 6], numbers(72)), node('y', 'Conv2D', ['x', 'w'], first)],
    ],
    [
      'Conv2D and BiasAdd',
      [
        constant('w', [3, 2, 4, 3], numbers(72)),
        constant('b', [3], [1, 2, 3]),
        node('c', 'Conv2D', ['x', 'w'], window),
        node('y', 'BiasAdd', ['c', 'b']),
      ],
      [
        constant('w', [3, 2, 4, 3], numbers(72)),
        constant('b', [3], [1, 2, 3]),
        node('c', 'Conv2D', ['x', 'w'], first),
        node('y', 'BiasAdd', ['c', 'b'], { data_format: text('NCHW') }),
      ],
    ],
    [
      'DepthwiseConv2dNative',
      [constant('w', [3, 2, 4, 2], numbers(48)), node('y', 'DepthwiseConv2dNative', ['x', 'w'], window)],
      [constant('w', [3, 2, 4, 2], numbers(48)), node('y', 'DepthwiseConv2dNative', ['x', 'w'], first)],
    ],
    [
      'MaxPool',
      [node('y', 'MaxPool', ['x'], { ...window, ksize: ints(1, 3, 2, 1) })],
      [node('y', 'MaxPool', ['x'], { ...first, ksize: ints(1, 1, 3, 2) })],
    ],
    [
      'AvgPool',
      [node('y', 'AvgPool', ['x'], { ...window, ksize: ints(1, 3, 2, 1) })],
      [node('y', 'AvgPool', ['x'], { ...first, ksize: ints(1, 1, 3, 2) })],
    ],
    [
      'FusedBatchNorm',
      [...four, node('y', 'FusedBatchNorm', ['x', ...statistics], { is_training: { b: false } })],
      [...four, node('y', 'FusedBatchNorm', ['x', ...statistics], { is_training: { b: false }, data_format: text('NCHW') })],
    ],
    [
      'BiasAdd',
      [constant('b', [4], [1, 2, 3, 4]), node('y', 'BiasAdd', ['x', 'b'])],
      [constant('b', [4], [1, 2, 3, 4]), node('y', 'BiasAdd', ['x', 'b'], { data_format: text('NCHW') })],
    ],
    [
      'DepthToSpace',
      [node('y', 'DepthToSpace', ['x'], { block_size: { i: 2 } })],
      [node('y', 'DepthToSpace', ['x'], { block_size: { i: 2 }, data_format: text('NCHW') })],
    ],
  ])('%s', async (_, last, front) => {
    const y = await run(graph(placeholder('x', shape), ...last), [shape, image]);
    const turned = [2, 4, 5, 4];
    const z = await run(graph(placeholder('x', turned), ...front), [turned, channelsFirst(shape, image)]);
    expect(Array.from(z.data)).toEqual(channelsFirst(y.shape, Array.from(y.data)));
  });
  test('an explicit padding has its pairs in the order of the format', async () => {
    const w = constant('w', [1, 1, 1, 1], [1]);
    const attrs = { strides: ints(1, 1, 1, 1), padding: text('EXPLICIT') };
    const last = await imported(
      graph(
        placeholder('x', [1, 3, 3, 1]),
        w,
        node('y', 'Conv2D', ['x', 'w'], { ...attrs, explicit_paddings: ints(0, 0, 1, 2, 3, 4, 0, 0) }),
      ),
    );
    const front = await imported(
      graph(
        placeholder('x', [1, 1, 3, 3]),
        w,
        node('y', 'Conv2D', ['x', 'w'], { ...attrs, explicit_paddings: ints(0, 0, 0, 0, 1, 2, 3, 4), data_format: text('NCHW') }),
      ),
    );
    const pads = (p: Program): unknown => p.nodes.find((n) => n.op === 'conv')?.attrs;
    expect(pads(last)).toMatchObject({ pads: [1, 3, 2, 4] });
    expect(pads(front)).toEqual(pads(last));
  });
});

describe('layers of TensorFlow.js alone', () => {
  const x = placeholder('x', [1, 2, 2, 2]);
  const slopes = [constant('w', [1, 1, 2, 1], [1, -1]), constant('b', [2], [0.5, -0.5]), constant('s', [2], [0.1, 0.2])];
  test('a depthwise convolution with a bias and slopes', async () => {
    const attrs = { strides: ints(1, 1, 1, 1), padding: text('VALID'), fused_ops: texts('BiasAdd', 'Prelu'), num_args: { i: 2 } };
    const y = await run(graph(x, ...slopes, node('y', 'FusedDepthwiseConv2dNative', ['x', 'w', 'b', 's'], attrs)), [
      [1, 2, 2, 2],
      [1, 1, -1, -1, 2, 3, -4, 0],
    ]);
    const f = Math.fround;
    expect(Array.from(y.data)).toEqual([
      1.5,
      f(-1.5 * f(0.2)),
      f(-0.5 * f(0.1)),
      0.5,
      2.5,
      f(-3.5 * f(0.2)),
      f(-3.5 * f(0.1)),
      f(-0.5 * f(0.2)),
    ]);
  });
  test('Prelu', async () => {
    const y = await run(graph(placeholder('x', [2, 2]), constant('s', [2], [0.5, 0.25]), node('y', 'Prelu', ['x', 's'])), [
      [2, 2],
      [1, -2, -4, 8],
    ]);
    expect(Array.from(y.data)).toEqual([1, -0.5, -2, 8]);
  });
});

describe('where a model starts and ends', () => {
  const nodes = [
    placeholder('x', [1, 4], 'DT_STRING'),
    placeholder('z', [4]),
    node('front', 'Mfcc', ['x']),
    constant('two', [], [2]),
    node('parts', 'Split', ['axis', 'front'], { num_split: { i: 2 } }),
    whole('axis', [], [0]),
    node('a', 'Mul', ['parts', 'two']),
    node('b', 'Mul', ['parts:1', 'two']),
    node('y', 'Add', ['a', 'b']),
    node('kept', 'Relu', ['z']),
    node('nothing', 'NoOp'),
  ];
  test('an inner tensor that --shape names is an input, and what stands before it is left out', async () => {
    const program = await imported(graph(...nodes), { front: [2, 3] });
    expect(program.inputs.map((p) => p.name)).toEqual(['z', 'front']);
    expect(program.outputs.map((p) => p.name).sort()).toEqual(['kept', 'y']);
  });
  test('also the second output of a layer whose first is made', async () => {
    const simple = graph(
      placeholder('x', [4]),
      whole('axis', [], [0]),
      node('s', 'Split', ['axis', 'x'], { num_split: { i: 2 } }),
      node('y', 'Add', ['s', 's:1']),
    );
    const program = await imported(simple, { 's:1': [2] });
    expect(program.inputs.map((p) => p.name)).toEqual(['x', 's:1']);
    const ones = (n: number): Tensor => ({ dtype: 'f32', shape: [n], data: new Float32Array(n).fill(1) });
    expect(Array.from(runProgram(program, [ones(4), { ...ones(2), data: Float32Array.of(5, 6) }])[0]?.data ?? [])).toEqual([6, 7]);
  });
  test('a name that the graph has not is a problem', async () => {
    const { problems } = await examined(tensorflow, graph(placeholder('x', [2]), node('y', 'Relu', ['x'])), {
      shapes: new Map([['q', [1]]]),
    });
    expect(problems.map((p) => p.code)).toEqual(['IMP1010']);
  });
  test('an open batch is 1, and shapes that old graphs leave out have to be given', async () => {
    const open = await imported(graph(placeholder('x', [-1, 3]), node('y', 'Relu', ['x'])));
    expect(open.types[at(open.inputs, 0).value]?.shape).toEqual([1, 3]);
    const old = graphBytes({ node: [placeholder('x', []), node('y', 'Relu', ['x'])] });
    expect((await examined(tensorflow, old)).problems.map((p) => p.code)).toEqual(['IMP1010']);
    expect((await imported(old, { x: [2, 2] })).types[0]?.shape).toEqual([2, 2]);
    const scalar = await imported(graph(placeholder('x', []), node('y', 'Relu', ['x'])));
    expect(scalar.types[0]?.shape).toEqual([]);
  });
  test('reads of variables that became constants are no layers', async () => {
    const read = graph(
      placeholder('x', [2]),
      constant('v', [2], [1, 2]),
      node('v/read', 'Identity', ['v']),
      node('y', 'Mul', ['x', 'v/read']),
    );
    const { nodes: reports, program } = await examined(tensorflow, read);
    expect([reports.map((n) => n.op), program?.params.map((p) => p.name)]).toEqual([['Mul'], ['v']]);
  });
  test('types that say nothing are not asked for', async () => {
    const typed = graph(placeholder('x', [2]), node('y', 'Relu', ['x'], { T: type('DT_FLOAT'), _output_shapes: { list: { shape: [] } } }));
    expect((await imported(typed)).nodes.map((n) => n.op)).toEqual(['relu']);
  });
});

describe('layers that are joined', () => {
  const layers = [
    placeholder('x', [2, 3]),
    constant('w', [3, 4], numbers(12)),
    constant('b', [4], [1, 2, 3, 4]),
    node('m', 'MatMul', ['x', 'w']),
  ];
  const becomes = async (...nodes: readonly object[]): Promise<readonly string[]> =>
    (await examined(tensorflow, graph(...layers, ...nodes))).nodes.map((n) => `${n.op}: ${n.becomes.join(' ')}`);
  test('a bias goes into the layer before', async () => {
    expect(await becomes(node('y', 'BiasAdd', ['m', 'b']))).toEqual(['MatMul: dense', 'BiasAdd: ']);
    expect(await becomes(node('y', 'AddV2', ['b', 'm']))).toEqual(['MatMul: dense', 'AddV2: ']);
  });
  test('not where something else reads the layer, nor where the sum is of another shape', async () => {
    expect(await becomes(node('y', 'BiasAdd', ['m', 'b']), node('z', 'Neg', ['m']))).toContain('BiasAdd: add');
    expect(await becomes(constant('row', [1], [1]), node('y', 'AddV2', ['m', 'row']))).toContain('AddV2: add');
    expect(await becomes(constant('one', [1, 4], [1, 2, 3, 4]), node('y', 'AddV2', ['m', 'one']))).toContain('AddV2: add');
  });
  test('no attribute of a file passes for a joined layer', async () => {
    const { problems } = await examined(tensorflow, graph(placeholder('x', [2]), node('y', 'BiasAdd', ['x'], { _joined: { b: true } })));
    expect(problems.map((p) => p.code)).toEqual(['IMP1006']);
  });
});
