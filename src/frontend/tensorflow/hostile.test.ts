import { describe, expect, test } from '@jest/globals';
import { runProgram } from '../../ir/index.ts';
import { examined } from '../testing/recorded.ts';
import type { ImportReport } from '../contract.ts';
import { tensorflow } from './index.ts';
import { constant, graph, graphBytes, ints, node, placeholder, shape, text, texts, type, whole } from './testing/build.ts';

const codes = (report: ImportReport): readonly string[] => report.problems.map((p) => p.code);
const codesOf = async (...nodes: readonly object[]): Promise<readonly string[]> => codes(await examined(tensorflow, graph(...nodes)));

const x = placeholder('x', [2, 3]);

describe('what is wrong has a code', () => {
  test.each<readonly [string, readonly string[], readonly object[]]>([
    ['no nodes', ['IMP1002'], []],
    ['an input that nothing defines', ['IMP1004'], [node('y', 'Relu', ['x'])]],
    ['a circle', ['IMP1004', 'IMP1004'], [x, node('a', 'Add', ['x', 'b']), node('b', 'Relu', ['a']), node('y', 'Relu', ['b'])]],
    ['a node of its own output', ['IMP1002'], [node('a', 'Relu', ['a'])]],
    ['a name twice', ['IMP1003', 'IMP1003'], [x, node('y', 'Relu', ['x']), node('y', 'Exp', ['x']), node('z', 'Neg', ['y'])]],
    ['an operator nobody knows', ['IMP2001'], [x, node('y', 'Wibble', ['x'])]],
    ['the name of a method as operator', ['IMP2001'], [x, node('y', 'toString', ['x'])]],
    ['an attribute nobody knows', ['IMP2002'], [x, node('y', 'Relu', ['x'], { wobble: { i: 1 } })]],
    ['an attribute of another type', ['IMP1006'], [x, node('y', 'LeakyRelu', ['x'], { alpha: text('0.2') })]],
    ['too few inputs', ['IMP1006'], [x, node('y', 'Add', ['x'])]],
    ['a second output of an operator with one', ['IMP2002'], [x, node('h', 'Relu', ['x']), node('y', 'Neg', ['h:1'])]],
    ['an output far away', ['IMP1004'], [x, node('h', 'Relu', ['x']), node('y', 'Neg', ['h:999999'])]],
    ['an input of open shape', ['IMP1010'], [placeholder('x', [2, -1]), node('y', 'Relu', ['x'])]],
    ['an input of texts', ['IMP2002'], [placeholder('x', [2], 'DT_STRING'), node('y', 'Relu', ['x'])]],
    ['a constant of texts', ['IMP2002'], [x, node('c', 'Const', [], { dtype: type('DT_STRING') }), node('y', 'Add', ['x', 'c'])]],
    ['a constant without a value', ['IMP1004'], [x, node('c', 'Const', [], { dtype: type('DT_FLOAT') }), node('y', 'Add', ['x', 'c'])]],
    ['more elements than the shape has', ['IMP1005'], [x, constant('c', [3], [1, 2, 3, 4]), node('y', 'Add', ['x', 'c'])]],
    ['terabytes of one element', ['IMP1007'], [x, constant('c', [2 ** 15, 2 ** 15], [1]), node('y', 'Add', ['x', 'c'])]],
    ['more elements than an index counts', ['IMP1005'], [x, constant('c', [2 ** 30, 2 ** 30], [1]), node('y', 'Add', ['x', 'c'])]],
    ['a negative dimension', ['IMP1005'], [x, constant('c', [-3], [1]), node('y', 'Add', ['x', 'c'])]],
    ['ten dimensions', ['IMP1005'], [x, constant('c', new Array<number>(10).fill(1), [1]), node('y', 'Add', ['x', 'c'])]],
    ['a constant of NaN', ['IMP1008'], [x, constant('c', [3], [1, Number.NaN, 2]), node('y', 'Add', ['x', 'c'])]],
    ['a shape of terabytes', ['IMP2002'], [x, whole('s', [2], [2 ** 15, 2 ** 15]), constant('v', [], [0]), node('y', 'Fill', ['s', 'v'])]],
    [
      'a range of terabytes',
      ['IMP2002'],
      [whole('a', [], [0]), whole('b', [], [2 ** 30]), whole('d', [], [1]), node('y', 'Range', ['a', 'b', 'd'])],
    ],
    [
      'statistics of the batch',
      ['IMP2002'],
      [placeholder('x', [1, 2, 2, 1]), constant('c', [1], [1]), node('y', 'FusedBatchNorm', ['x', 'c', 'c', 'c', 'c'])],
    ],
    [
      'a variable',
      ['IMP2001'],
      [x, node('v', 'VariableV2', [], { shape: shape(3), dtype: type('DT_FLOAT') }), node('y', 'Add', ['x', 'v'])],
    ],
    ['a branch', ['IMP2001'], [x, placeholder('p', [], 'DT_BOOL'), node('s', 'Switch', ['x', 'p']), node('y', 'Relu', ['s:1'])]],
    [
      'weights for other channels',
      ['IMP1006'],
      [
        placeholder('x', [1, 4, 4, 3]),
        constant('w', [3, 3, 2, 4], [1]),
        node('y', 'Conv2D', ['x', 'w'], { strides: ints(1, 1, 1, 1), padding: text('SAME') }),
      ],
    ],
    [
      'strides of three',
      ['IMP1006'],
      [
        placeholder('x', [1, 4, 4, 2]),
        constant('w', [3, 3, 2, 4], [1]),
        node('y', 'Conv2D', ['x', 'w'], { strides: ints(1, 1, 1), padding: text('SAME') }),
      ],
    ],
    [
      'a stride over the batch',
      ['IMP2002'],
      [
        placeholder('x', [1, 4, 4, 2]),
        constant('w', [3, 3, 2, 4], [1]),
        node('y', 'Conv2D', ['x', 'w'], { strides: ints(2, 1, 1, 1), padding: text('SAME') }),
      ],
    ],
    [
      'a format nobody knows',
      ['IMP2002'],
      [
        placeholder('x', [1, 4, 4, 2]),
        constant('w', [3, 3, 2, 4], [1]),
        node('y', 'Conv2D', ['x', 'w'], { strides: ints(1, 1, 1, 1), padding: text('SAME'), data_format: text('NCHW_VECT_C') }),
      ],
    ],
    [
      'a fused operation nobody knows',
      ['IMP2002'],
      [
        placeholder('x', [1, 4, 4, 2]),
        constant('w', [3, 3, 2, 4], [1]),
        node('y', '_FusedConv2D', ['x', 'w'], { strides: ints(1, 1, 1, 1), padding: text('SAME'), fused_ops: texts('Swizzle') }),
      ],
    ],
    ['a cast to complex numbers', ['IMP2002'], [x, node('y', 'Cast', ['x'], { DstT: type('DT_COMPLEX64') })]],
  ])('%s', async (_, wanted, nodes) => {
    expect(await codesOf(...nodes)).toEqual(wanted);
  });
  test('all problems are listed, not the first', async () => {
    const report = await examined(
      tensorflow,
      graph(x, node('a', 'Wibble', ['x']), node('b', 'Wobble', ['x']), node('y', 'Add', ['a', 'b'])),
    );
    expect(codes(report)).toEqual(['IMP2001', 'IMP2001']);
    expect(report.nodes.map((n) => n.verdict)).toEqual(['unsupported', 'unsupported', 'ok']);
  });
});

describe('functions', () => {
  const call = (name: string, f: string): object => node(name, 'PartitionedCall', ['x'], { f: { func: { name: f } } });
  const library = (bodies: Readonly<Record<string, readonly object[]>>): Uint8Array =>
    graphBytes({
      node: [x, call('y', 'f0')],
      library: {
        function: Object.entries(bodies).map(([name, nodeDef]) => ({
          signature: { name, inputArg: [{ name: 'a' }], outputArg: [{ name: 'r' }] },
          nodeDef,
          ret: { r: 'last:output:0' },
        })),
      },
    });
  const inside = (name: string, f: string): object => node(name, 'PartitionedCall', ['a'], { f: { func: { name: f } } });
  test('that call themselves come to an end', async () => {
    expect(codes(await examined(tensorflow, library({ f0: [inside('last', 'f0')] })))).toContain('IMP2001');
  });
  test('that grow with each call come to an end', async () => {
    const deep = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [`f${i}`, [inside('other', `f${i + 1}`), inside('last', `f${i + 1}`)]]),
    );
    expect(codes(await examined(tensorflow, library(deep)))).toContain('IMP1007');
  });
  test('that give what they are given, in a row of two thousand and in a circle', async () => {
    const same = { signature: { name: 'f', inputArg: [{ name: 'a' }], outputArg: [{ name: 'r' }] }, nodeDef: [], ret: { r: 'a' } };
    const name = (k: number): string => `c${k}`;
    const row = Array.from({ length: 2000 }, (_, k) =>
      node(name(k), 'PartitionedCall', [k === 0 ? 'x' : name(k - 1)], { f: { func: { name: 'f' } } }),
    );
    const with1 = (...nodes: readonly object[]): Uint8Array => graphBytes({ node: [x, ...nodes], library: { function: [same] } });
    const { program, problems } = await examined(tensorflow, with1(...row, ...row.map((_, k) => node(`r${k}`, 'Relu', [name(k)]))));
    expect([problems, program?.nodes.length]).toEqual([[], 2000]);
    const circle = row.map((_, k) => node(name(k), 'PartitionedCall', [name((k + 1) % row.length)], { f: { func: { name: 'f' } } }));
    expect(codes(await examined(tensorflow, with1(...circle, node('y', 'Relu', ['c7']))))).toEqual(['IMP1004']);
  });
  test('that are not there are operators nobody knows', async () => {
    expect(codes(await examined(tensorflow, library({})))).toEqual(['IMP2001']);
  });
});

describe('bytes', () => {
  const nodes = [
    placeholder('x', [1, 3, 3, 2]),
    constant('w', [2, 2, 2, 1], [1, 2, 3, 4, 5, 6, 7, 8]),
    constant('b', [1], [0.5]),
    node('c', 'Conv2D', ['x', 'w'], { strides: ints(1, 1, 1, 1), padding: text('SAME') }),
    node('y', 'BiasAdd', ['c', 'b']),
  ];
  const bytes = graph(...nodes);
  test('the model is one', async () => {
    const { program, problems } = await examined(tensorflow, bytes);
    expect([problems, program?.nodes.map((n) => n.op)]).toEqual([[], ['transpose', 'conv', 'transpose']]);
  });
  test('cut off anywhere they have a code, or are a shorter graph', async () => {
    for (let length = 0; length < bytes.length; length++) {
      const report = await examined(tensorflow, bytes.subarray(0, length));
      expect(report.problems.length > 0 || report.outputs.length > 0).toBe(true);
    }
  });
  test('with any byte turned they have a code, or are a graph that runs', async () => {
    for (let i = 0; i < bytes.length; i++)
      for (const mask of [0x01, 0x80, 0xff]) {
        const broken = bytes.slice();
        broken[i] = (broken[i] ?? 0) ^ mask;
        const { program, problems } = await examined(tensorflow, broken);
        if (problems.length > 0 || program === undefined) continue;
        const inputs = program.inputs.map((p) => {
          const dims = program.types[p.value]?.shape as readonly number[];
          return { dtype: 'f32' as const, shape: dims, data: new Float32Array(dims.reduce((a, b) => a * b, 1)) };
        });
        expect(() => runProgram(program, inputs)).not.toThrow();
      }
  });
  test('messages nested without end are refused', async () => {
    // attribute values whose list has functions whose attributes have…
    let inner = new Uint8Array(0);
    const wrap = (tag: number, body: Uint8Array): Uint8Array => {
      const length: number[] = [];
      for (let n = body.length; ; n = Math.floor(n / 128)) {
        length.push(n < 128 ? n : (n % 128) + 128);
        if (n < 128) break;
      }
      return Uint8Array.of(tag, ...length, ...body);
    };
    for (let i = 0; i < 2000; i++) inner = new Uint8Array(wrap(0x52, wrap(0x12, wrap(0x12, inner))));
    const report = await examined(tensorflow, wrap(0x0a, Uint8Array.of(0x0a, 1, 0x61, 0x12, 1, 0x62, ...wrap(0x2a, wrap(0x12, inner)))));
    expect(codes(report)[0]).toMatch(/^IMP/);
  });
});

test('a SavedModel is refused with a remedy', async () => {
  expect(codes(await examined(tensorflow, Uint8Array.of(0x08, 0x01, 0x12, 0x00)))).toEqual(['IMP2004']);
});

test('other protobuf files are not taken for graphs', () => {
  const { detect } = tensorflow;
  // an ONNX model begins with its version, a tensor with its shape
  expect(detect(Uint8Array.of(0x08, 0x07, 0x12, 0x04, 0x61, 0x62, 0x63, 0x64), 'm.onnx')).toBe(false);
  expect(detect(Uint8Array.of(0x0a, 0x02, 0x01, 0x03, 0x10, 0x01), 'input_0.pb')).toBe(false);
  // a SavedModel is told what to do
  expect(detect(Uint8Array.of(0x08, 0x01, 0x12, 0x00), 'net/saved_model.pb')).toBe(true);
  expect(detect(graph(x, node('y', 'Relu', ['x'])), 'm.pb')).toBe(true);
});
