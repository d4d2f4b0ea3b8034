import { describe, expect, test } from '@jest/globals';
import { runProgram } from '../../ir/index.ts';
import { unwrap } from '../../support/index.ts';
import { importOnnx } from './index.ts';
import { c, codesOf, evaluate, ints, model, node, type OneNode, oneNode, port, tensor, x } from './testing/build.ts';

type Case = readonly [name: string, node: OneNode, shape: readonly number[], values: readonly number[]];

const six = [1, 2, 3, 4, 5, 6];
const m = x([2, 3], six);

describe('movement', () => {
  test.each<Case>([
    ['Reshape with -1 and 0', { op: 'Reshape', operands: [x([2, 3, 1], six), ints(0, -1)] }, [2, 3], six],
    ['Reshape to no elements', { op: 'Reshape', attrs: { allowzero: 1 }, operands: [x([0, 3], []), ints(3, 0)] }, [3, 0], []],
    ['Reshape by attribute', { op: 'Reshape', opset: 1, attrs: { shape: [3, 2] }, operands: [m] }, [3, 2], six],
    ['Flatten at axis 0', { op: 'Flatten', attrs: { axis: 0 }, operands: [m] }, [1, 6], six],
    ['Transpose by default', { op: 'Transpose', operands: [m] }, [3, 2], [1, 4, 2, 5, 3, 6]],
    ['Squeeze of every 1', { op: 'Squeeze', operands: [x([1, 2, 1], [7, 8])] }, [2], [7, 8]],
    ['Unsqueeze by input', { op: 'Unsqueeze', operands: [x([2], [7, 8]), ints(-1)] }, [2, 1], [7, 8]],
    ['Unsqueeze by attribute', { op: 'Unsqueeze', opset: 11, attrs: { axes: [0, 2] }, operands: [x([2], [7, 8])] }, [1, 2, 1], [7, 8]],
    ['Concat', { op: 'Concat', attrs: { axis: -1 }, operands: [m, c([2, 1], [8, 9])] }, [2, 4], [1, 2, 3, 8, 4, 5, 6, 9]],
    ['Slice with negative step', { op: 'Slice', operands: [m, ints(-1), ints(-(2 ** 62)), ints(1), ints(-2)] }, [2, 2], [3, 1, 6, 4]],
    [
      'Slice by attributes, end beyond the size',
      { op: 'Slice', opset: 9, attrs: { starts: [1], ends: [2 ** 40], axes: [1] }, operands: [m] },
      [2, 2],
      [2, 3, 5, 6],
    ],
    ['Slice of nothing', { op: 'Slice', operands: [m, ints(2), ints(1), ints(0)] }, [0, 3], []],
    ['Expand', { op: 'Expand', operands: [x([2, 1], [1, 2]), ints(1, 1, 2)] }, [1, 2, 2], [1, 1, 2, 2]],
    ['Tile', { op: 'Tile', operands: [x([1, 2], [1, 2]), ints(2, 2)] }, [2, 4], [1, 2, 1, 2, 1, 2, 1, 2]],
    ['Gather with negative index', { op: 'Gather', attrs: { axis: 1 }, operands: [m, c([2], [-1, 0], 'int64')] }, [2, 2], [3, 1, 6, 4]],
    ['Gather by run-time index', { op: 'Gather', attrs: { axis: 0 }, operands: [m, x([1], [-1], 'int64')] }, [1, 3], [4, 5, 6]],
    ['Pad with value, opset 11', { op: 'Pad', opset: 11, operands: [x([2], [1, 2]), ints(1, 2), c([], [9])] }, [5], [9, 1, 2, 9, 9]],
    [
      'Pad that wraps, with a negative pad',
      { op: 'Pad', opset: 19, attrs: { mode: 'wrap' }, operands: [x([4], [1, 2, 3, 4]), ints(-1, 4)] },
      [7],
      [2, 3, 4, 2, 3, 4, 2],
    ],
    ['Pad by attribute, negative', { op: 'Pad', opset: 2, attrs: { pads: [-1, 2] }, operands: [x([3], [1, 2, 3])] }, [4], [2, 3, 0, 0]],
    [
      'Pad of named axes',
      { op: 'Pad', opset: 18, attrs: { mode: 'edge' }, operands: [m, ints(0, 1), undefined, ints(1)] },
      [2, 4],
      [1, 2, 3, 3, 4, 5, 6, 6],
    ],
    [
      'SpaceToDepth',
      { op: 'SpaceToDepth', attrs: { blocksize: 2 }, operands: [x([1, 1, 2, 2], [1, 2, 3, 4])] },
      [1, 4, 1, 1],
      [1, 2, 3, 4],
    ],
    ['Cast truncates', { op: 'Cast', attrs: { to: 6 }, operands: [x([2], [1.9, -1.9])], elem: 'int32' }, [2], [1, -1]],
    ['Dropout is the identity', { op: 'Dropout', operands: [x([2], [1, 2]), c([], [0.5])] }, [2], [1, 2]],
    ['Range', { op: 'Range', operands: [c([], [5], 'int64'), c([], [0], 'int64'), c([], [-2], 'int64')], elem: 'int64' }, [3], [5, 3, 1]],
  ])('%s', (_name, one, shape, values) => {
    expect(evaluate(one)).toEqual([[shape, values]]);
  });
  test('Split with a smaller last part', () => {
    expect(evaluate({ op: 'Split', opset: 18, outputs: 2, attrs: { num_outputs: 2 }, operands: [x([3], [1, 2, 3])] })).toEqual([
      [[2], [1, 2]],
      [[1], [3]],
    ]);
  });
  test.each([
    ['an index outside the dimension', { op: 'Gather', operands: [m, c([1], [2], 'int64')] }, 'ONX1013'],
    ['a reshape that does not fit', { op: 'Reshape', operands: [m, ints(4, 2)] }, 'reshape_c1'],
    ['a reshape with a rest', { op: 'Reshape', operands: [m, ints(4, -1)] }, 'ONX1013'],
    ['a shape computed at run time', { op: 'Reshape', operands: [m, x([1], [6], 'int64')] }, 'ONX2004'],
    ['a negative pad beyond the size', { op: 'Pad', opset: 2, attrs: { pads: [-1, -1] }, operands: [x([1], [1])] }, 'ONX1013'],
    ['an unknown mode', { op: 'Pad', opset: 19, attrs: { mode: 'around' }, operands: [x([2], [1, 2]), ints(1, 1)] }, 'ONX2002'],
    ['an attribute nobody reads', { op: 'Transpose', attrs: { sparkle: 1 }, operands: [m] }, 'ONX2002'],
    ['a huge expansion', { op: 'Expand', operands: [m, ints(2 ** 31 - 1, 2, 3)] }, 'IR0007'],
  ] as const)('refused: %s', (_name, one, code) => {
    expect(codesOf(oneNode(one))).toEqual([code]);
  });
});

describe('elements that decide a shape', () => {
  const values = [3, 1, 3, -2, 1, 3];
  const hosts = (attrs: OneNode['attrs'], operand: OneNode['operands'][number]): readonly (readonly number[])[] =>
    ['y', 'first', 'inverse', 'counts'].map((_, output) => {
      const bytes = model({
        nodes: [node('Unique', ['c'], ['', '', '', ''].with(output, 'y'), attrs)],
        params: operand === undefined ? [] : [tensor('c', 'int64', operand.shape, operand.values)],
        outputs: [port('y', 'int64', [])],
      });
      return runProgram(unwrap(importOnnx(bytes)).program, []).flatMap((t) => Array.from(t.data));
    });
  test('Unique of a constant, sorted or in the order of the input', () => {
    expect(hosts({}, ints(...values))).toEqual([
      [-2, 1, 3],
      [3, 1, 0],
      [2, 1, 2, 0, 1, 2],
      [1, 2, 3],
    ]);
    expect(hosts({ sorted: 0 }, ints(...values))).toEqual([
      [3, 1, -2],
      [0, 1, 3],
      [0, 1, 0, 2, 1, 0],
      [3, 2, 1],
    ]);
  });
  test('Unique of columns', () => {
    expect(hosts({ axis: -1 }, c([2, 3], [5, 2, 5, 1, 9, 1]))).toEqual([
      [2, 5, 9, 1],
      [1, 0],
      [1, 0, 1],
      [1, 2],
    ]);
  });
  test('Unique at run time is refused', () => {
    expect(codesOf(oneNode({ op: 'Unique', operands: [x([3], [1, 2, 1])] }))).toEqual(['ONX2004']);
  });
  test('the greatest and least of no elements are the ends of the type', () => {
    expect(evaluate({ op: 'ReduceMax', attrs: { axes: [1], keepdims: 0 }, operands: [x([2, 0], [])] })).toEqual([
      [[2], [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]],
    ]);
    const none = x([0, 1], [], 'int32');
    expect(evaluate({ op: 'ReduceMin', attrs: { axes: [0] }, operands: [none], elem: 'int32' })).toEqual([[[1, 1], [2147483647]]]);
  });
});

describe('shape computations are done at import', () => {
  /** x[N, 3, 4] -> Reshape to [Shape(x)[0], -1], written as PyTorch exports view(x.size(0), -1). */
  const view = (batch: number | string): Uint8Array =>
    model({
      inputs: [port('x', 'float', [batch, 3, 4])],
      outputs: [port('y', 'float', [])],
      params: [tensor('zero', 'int64', [], [0]), tensor('axes', 'int64', [1], [0]), tensor('rest', 'int64', [1], [-1])],
      nodes: [
        node('Shape', ['x'], ['s']),
        node('Gather', ['s', 'zero'], ['b']),
        node('Unsqueeze', ['b', 'axes'], ['u']),
        node('Concat', ['u', 'rest'], ['t'], { axis: 0 }),
        node('Reshape', ['x', 't'], ['y']),
      ],
    });
  test('with numbers', () => {
    const { program } = unwrap(importOnnx(view(2)));
    expect(program.nodes.map((n) => n.op)).toEqual(['reshape']);
    expect(program.types.at(-1)).toEqual({ dtype: 'f32', shape: [2, 12] });
  });
  test('with a symbol that stays symbolic', () => {
    const { program } = unwrap(importOnnx(view('batch')));
    expect(program.types.at(-1)).toEqual({ dtype: 'f32', shape: ['batch', 12] });
  });
  test.each([
    ['Mul', 1, ['batch', 12]],
    ['Add', 0, ['batch', 12]],
    ['Div', 1, ['batch', 12]],
    ['Mul', 2, undefined],
    ['Add', 1, undefined],
  ] as const)('a symbol passes %s by %d only where it stays what it is', (op, by, shape) => {
    const bytes = model({
      inputs: [port('x', 'float', ['batch', 12])],
      outputs: [port('y', 'float', [])],
      params: [tensor('by', 'int64', [1], [by]), tensor('zero', 'int64', [1], [0]), tensor('rest', 'int64', [1], [-1])],
      nodes: [
        node('Shape', ['x'], ['s']),
        node('Gather', ['s', 'zero'], ['b']),
        node(op, ['b', 'by'], ['t']),
        node('Concat', ['t', 'rest'], ['u'], { axis: 0 }),
        node('Reshape', ['x', 'u'], ['y']),
      ],
    });
    const result = importOnnx(bytes);
    expect(result.ok ? result.value.program.types.at(-1)?.shape : undefined).toEqual(shape);
    if (!result.ok) expect(result.diagnostics.map((d) => d.code)).toEqual(['ONX2004']);
  });
  test('exactly: products beyond float32, quotients truncated', () => {
    const bytes = model({
      outputs: [port('y', 'int64', [])],
      params: [tensor('a', 'int64', [2], [46341, -7]), tensor('b', 'int64', [2], [46341, 2])],
      nodes: [node('Mul', ['a', 'b'], ['p']), node('Div', ['p', 'b'], ['y'])],
    });
    const { program } = unwrap(importOnnx(bytes));
    expect(Array.from(program.params[0]?.tensor.data ?? [])).toEqual([46341, -7]);
    expect(program.nodes).toEqual([]);
  });
  test('float scales of a resize', () => {
    const bytes = model(
      {
        inputs: [port('x', 'float', [1, 1, 2, 2])],
        outputs: [port('y', 'float', [])],
        params: [
          tensor('two', 'float', [], [2]),
          tensor('ends', 'int64', [1], [4]),
          tensor('starts', 'int64', [1], [2]),
          tensor('nc', 'int64', [2], [1, 1]),
        ],
        nodes: [
          node('Shape', ['x'], ['s']),
          node('Slice', ['s', 'starts', 'ends'], ['hw']),
          node('Cast', ['hw'], ['f'], { to: 1 }),
          node('Mul', ['f', 'two'], ['g']),
          node('Floor', ['g'], ['h']),
          node('Cast', ['h'], ['i'], { to: 7 }),
          node('Concat', ['nc', 'i'], ['sizes'], { axis: 0 }),
          node('Resize', ['x', '', '', 'sizes'], ['y']),
        ],
      },
      13,
    );
    expect(unwrap(importOnnx(bytes)).program.types.at(-1)?.shape).toEqual([1, 1, 4, 4]);
  });
  test('a filled tensor of 2^28 elements costs no memory', () => {
    const bytes = model({
      outputs: [port('y', 'float', [])],
      params: [tensor('s', 'int64', [2], [2 ** 14, 2 ** 14])],
      nodes: [node('ConstantOfShape', ['s'], ['y'], { value: { tensor: tensor('', 'float', [1], [0.5]) } })],
    });
    const { program } = unwrap(importOnnx(bytes));
    expect(program.nodes.map((n) => n.op)).toEqual(['expand']);
    expect(program.params.map((p) => p.tensor.data.length)).toEqual([1]);
  });
});
