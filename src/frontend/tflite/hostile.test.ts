import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { verifyProgram } from '../../ir/index.ts';
import { flexMap } from './flex.ts';
import { examineTflite, importTflite } from './index.ts';
import { codesOf, f32, flexOptions, i32, i8, single, type TestModel, type TestTensor, tflite } from './testing/build.ts';
import { FlatReader } from './reader.ts';
import { FILE_TABLES } from './schema/tables.ts';

const x = f32([2]);
const y = f32([2]);
const relu = single('RELU', { x }, { y });
const withTensor = (t: TestTensor): TestModel => single('ADD', { x, w: t }, { y }, ['AddOptions', {}]);
const constant = (t: Partial<TestTensor>): TestModel => withTensor({ ...f32([2], [1, 2]), ...t });
const raw = (fields: TestTensor['raw']): TestModel => constant(fields === undefined ? {} : { raw: fields });

describe('malformed models have a code', () => {
  test.each<readonly [string, TestModel, readonly string[]]>([
    ['a newer schema', { ...relu, raw: { version: 4 } }, ['TFL1002']],
    ['no subgraph', { ...relu, raw: { subgraphs: [] } }, ['TFL1002']],
    ['no output', { ...relu, outputs: [] }, ['TFL1002']],
    ['no operator codes', { ...relu, raw: { operator_codes: [] } }, ['TFL1005']],
    ['a tensor made twice', { ...relu, operators: [...relu.operators, { op: 'NEG', inputs: ['x'], outputs: ['y'] }] }, ['TFL1003']],
    ['an operator that writes its input', { ...relu, operators: [{ op: 'RELU', inputs: ['y'], outputs: ['y'] }] }, ['TFL1004']],
    [
      'operators out of order',
      {
        ...relu,
        tensors: { x, z: x, y },
        operators: [
          { op: 'NEG', inputs: ['z'], outputs: ['y'] },
          { op: 'RELU', inputs: ['x'], outputs: ['z'] },
        ],
      },
      ['TFL1004'],
    ],
    ['an output nobody makes', { ...relu, operators: [] }, ['TFL1004']],
    ['a buffer that is not there', raw({ buffer: 99 }), ['TFL1005']],
    ['too few elements', constant({ shape: [3] }), ['TFL1006']],
    ['a shape of terabytes', constant({ shape: [2 ** 20, 2 ** 20] }), ['TFL1007']],
    ['a shape of gigabytes', constant({ shape: [2 ** 20, 2 ** 10] }), ['TFL1006']],
    ['a product beyond 2^31 beside a zero', constant({ shape: [0, 2 ** 30, 2 ** 30] }), ['TFL1007']],
    ['negative dimensions', constant({ shape: [-2, -1] }), ['TFL1007']],
    ['nine dimensions', constant({ shape: [1, 1, 1, 1, 1, 1, 1, 1, 2] }), ['TFL1007']],
    ['a type that is not in the schema', raw({ type: 77 }), ['TFL1009']],
    ['strings', raw({ type: 5 }), ['TFL2003']],
    ['a sparse tensor', raw({ sparsity: { spec: FILE_TABLES.Buffer, values: {} } }), ['TFL2003']],
    ['data in another file', raw({ external_buffer: 1 }), ['TFL2003']],
    [
      'blockwise quantization',
      raw({ quantization: { spec: FILE_TABLES.QuantizationParameters, values: { details_type: 2 } } }),
      ['TFL2003'],
    ],
    ['NaN in a constant', constant({ data: [1, Number.NaN] }), ['TFL1010']],
    [
      'a bool of 2',
      single(
        'LOGICAL_AND',
        { a: { elem: 'bool', shape: [2] }, b: { elem: 'bool', shape: [2], data: [1, 2] } },
        { y: { elem: 'bool', shape: [2] } },
      ),
      ['TFL1006'],
    ],
    [
      'int64 beyond int32',
      single(
        'ADD',
        { x: { elem: 'int64', shape: [1] }, w: { elem: 'int64', shape: [1], data: [2 ** 40] } },
        { y: { elem: 'int64', shape: [1] } },
        ['AddOptions', {}],
      ),
      ['TFL1011'],
    ],
    ['a scale below 0', withTensor({ ...i8([2], -1, 0, [1, 2]) }), ['TFL1008']],
    ['an infinite scale', withTensor({ ...i8([2], Number.POSITIVE_INFINITY, 0, [1, 2]) }), ['TFL1008']],
    ['a zero point outside the type', withTensor({ ...i8([2], 1, 300, [1, 2]) }), ['TFL1008']],
    ['scales for no dimension', withTensor({ ...i8([2], 1, 0, [1, 2]), scales: [1, 2, 3], zeros: [0, 0, 0] }), ['TFL1008']],
    ['three zero points for two scales', withTensor({ ...i8([2], 1, 0, [1, 2]), scales: [1, 2], zeros: [0, 0, 0] }), ['TFL1008']],
    ['a missing input', { ...relu, operators: [{ op: 'RELU', inputs: [], outputs: ['y'] }] }, ['TFL1013']],
    [
      'options of another operator',
      { ...relu, operators: [{ op: 'ADD', inputs: ['x', 'x'], outputs: ['y'], options: ['SoftmaxOptions', { beta: 1 }] }] },
      ['TFL1013'],
    ],
    [
      'options that no importer reads',
      { ...relu, operators: [{ op: 'RELU', inputs: ['x'], outputs: ['y'], options: ['SoftmaxOptions', { beta: 2 }] }] },
      ['TFL2002'],
    ],
    [
      'an activation that is not in the schema',
      single('ADD', { x, w: x }, { y }, ['AddOptions', { fused_activation_function: 9 }]),
      ['TFL2002'],
    ],
    ['another result type than declared', single('RELU', { x }, { y: i32([2]) }), ['TFL1013']],
    ['a shape computed at run time', single('RESHAPE', { x, s: i32([1]) }, { y }), ['TFL2004']],
    ['a custom operator', { ...relu, operators: [{ op: 'CUSTOM', inputs: ['x'], outputs: ['y'], custom: 'Mine' }] }, ['TFL2001']],
    ['control flow', single('WHILE', { x }, { y }), ['TFL2001']],
    [
      'a constant of 2^31 elements',
      single('FILL', { s: i32([2], [2 ** 16, 2 ** 15]), v: f32([], [1]) }, { y: f32([2 ** 16, 2 ** 15]) }),
      ['TFL1007'],
    ],
    [
      'a constant of 2^28 elements',
      single('FILL', { s: i32([2], [2 ** 14, 2 ** 14]), v: f32([], [1]) }, { y: f32([2 ** 14, 2 ** 14]) }),
      ['TFL2002'],
    ],
    [
      'a stride of 0',
      single('MAX_POOL_2D', { x: f32([1, 4, 4, 1]) }, { y: f32([1, 4, 4, 1]) }, ['Pool2DOptions', { filter_width: 2, filter_height: 2 }]),
      ['TFL1013'],
    ],
    ['an axis outside', single('ARG_MAX', { x, a: i32([], [3]) }, { y: i32([]) }), ['TFL1013']],
    ['a slice outside', single('SLICE', { x, b: i32([1], [1]), s: i32([1], [4]) }, { y: f32([4]) }), ['TFL1013']],
  ])('%s', (_, model, wanted) => {
    expect(codesOf(model)).toEqual(wanted);
    const report = examineTflite(tflite(model));
    expect(report.partial).toBe(true);
    for (const d of report.problems) expect(`${d.message} ${d.where ?? ''}`.length).toBeGreaterThan(10);
  });

  test('all problems of a model are listed, the operators behind them too', () => {
    const model: TestModel = {
      tensors: { x, a: x, b: x, y },
      inputs: ['x'],
      outputs: ['y'],
      operators: [
        { op: 'CUSTOM', inputs: ['x'], outputs: ['a'], custom: 'Mine' },
        { op: 'ADD', inputs: ['a', 'x'], outputs: ['b'], options: ['AddOptions', { fused_activation_function: 5 }] },
        { op: 'UNIQUE', inputs: ['b'], outputs: ['y'] },
      ],
    };
    const report = examineTflite(tflite(model));
    expect(report.problems.map((d) => [d.code, d.where])).toEqual([
      ['TFL2001', 'a'],
      ['TFL2002', 'b'],
      ['TFL2001', 'y'],
    ]);
    expect(report.totals).toEqual({ nodes: 3, ok: 0, approximated: 0, unsupported: 3 });
  });
});

/** A model with a shape computation, weights, quantization and a name: most of what the reader reads. */
const BASE = tflite({
  tensors: {
    x: i8([1, 4, 4, 2], 0.1, 3),
    w: {
      elem: 'int8',
      shape: [2, 3, 3, 2],
      data: Array.from({ length: 36 }, (_, i) => i - 18),
      scales: [0.1, 0.2],
      zeros: [0, 0],
      axis: 0,
    },
    b: { ...i32([2], [5, 6]), scales: [0.01, 0.02], zeros: [0, 0] },
    c: i8([1, 4, 4, 2], 0.2, -5),
    s: i32([2], [1, -1]),
    y: i8([1, 32], 0.2, -5),
  },
  inputs: ['x'],
  outputs: ['y'],
  operators: [
    { op: 'CONV_2D', inputs: ['x', 'w', 'b'], outputs: ['c'], options: ['Conv2DOptions', { padding: 0, stride_w: 1, stride_h: 1 }] },
    { op: 'RESHAPE', inputs: ['c', 's'], outputs: ['y'], options: ['ReshapeOptions', { new_shape: [1, -1] }] },
  ],
});

/** Bytes give a program that verifies, or diagnostics; never a crash. */
const survives = (bytes: Uint8Array): void => {
  const result = importTflite(bytes);
  if (result.ok) expect(verifyProgram(result.value.program)).toMatchObject({ ok: true });
  else {
    expect(result.diagnostics.length).toBeGreaterThan(0);
    for (const d of result.diagnostics) expect(d.code).toMatch(/^TFL|_c\d+$|^IR/);
  }
};

describe('small files that ask for much', () => {
  test('tensors that share the weights of one buffer', () => {
    const count = 400;
    const names = Array.from({ length: count }, (_, i) => `w${i}`);
    const shared = { ...f32([64, 10, 10, 8]), raw: { buffer: 2 } };
    const model: TestModel = {
      tensors: {
        x: f32([1, 10, 10, 8]),
        data: f32([64, 10, 10, 8], new Array<number>(51_200).fill(1)),
        ...Object.fromEntries(names.map((n) => [n, shared])),
        ...Object.fromEntries(names.map((n) => [`y${n}`, f32([1, 1, 1, 64])])),
      },
      inputs: ['x'],
      outputs: names.map((n) => `y${n}`),
      operators: names.map((n) => ({
        op: 'CONV_2D',
        inputs: ['x', n],
        outputs: [`y${n}`],
        options: ['Conv2DOptions', { padding: 1, stride_w: 1, stride_h: 1 }],
      })),
    };
    expect(new Set(codesOf(model))).toEqual(new Set(['TFL1012']));
  });

  test('recurrent layers of thousands of steps', () => {
    const count = 40;
    const names = Array.from({ length: count }, (_, i) => `y${i}`);
    const model: TestModel = {
      tensors: {
        x: f32([1, 2048, 1]),
        w: f32([1, 1], [1]),
        b: f32([1], [1]),
        h: { ...f32([1, 1]), variable: true },
        ...Object.fromEntries(names.map((n) => [n, f32([1, 2048, 1])])),
      },
      inputs: ['x'],
      outputs: names,
      operators: names.map((n) => ({
        op: 'UNIDIRECTIONAL_SEQUENCE_RNN',
        inputs: ['x', 'w', 'w', 'b', 'h'],
        outputs: [n],
        options: ['SequenceRNNOptions', {}],
      })),
    };
    expect(new Set(codesOf(model))).toEqual(new Set(['TFL1012']));
  });
});

describe('damaged files', () => {
  test('the base is a model', () => expect(importTflite(BASE).ok).toBe(true));

  test('every cut', () => {
    for (let n = 0; n < BASE.length; n += n < 64 ? 1 : 7) survives(BASE.slice(0, n));
  });

  test('every byte set to 0 and to 255', () => {
    for (let i = 0; i < BASE.length; i++)
      for (const v of [0, 255]) {
        const bytes = BASE.slice();
        bytes[i] = v;
        survives(bytes);
      }
  }, 120_000);

  test('several bytes at random', () => {
    const change = fc.tuple(fc.nat(BASE.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
        const bytes = BASE.slice();
        for (const [i, v] of changes) bytes[i] = v;
        survives(bytes);
      }),
      { numRuns: 1500, seed: 20261126 },
    );
  }, 120_000);

  test('random bytes behind the identifier', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 256 }), (bytes) => {
        bytes.set([0x54, 0x46, 0x4c, 0x33], 4);
        survives(bytes);
      }),
      { numRuns: 500, seed: 20261126 },
    );
  });

  test('options of custom operators', () => {
    const good = flexOptions({ max_detections: 5, y_scale: 10.5, flag: 1 });
    expect(flexMap(good)).toEqual(
      new Map([
        ['flag', 1],
        ['max_detections', 5],
        ['y_scale', 10.5],
      ]),
    );
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(good.length), (changes, length) => {
        const bytes = good.slice();
        for (const [i, v] of changes) bytes[i] = v;
        const map = flexMap(bytes.slice(0, length));
        expect(map === undefined || map.size <= good.length).toBe(true);
      }),
      { numRuns: 2000, seed: 20261126 },
    );
  });

  test('a vector of 2^32 tables', () => {
    const bytes = BASE.slice();
    const view = new DataView(bytes.buffer);
    const root = view.getUint32(0, true);
    const vtable = root - view.getInt32(root, true);
    const buffers = root + view.getUint16(vtable + 4 + 2 * 4, true);
    const vector = buffers + view.getUint32(buffers, true);
    view.setUint32(vector, 0xffff_ffff, true);
    const result = importTflite(bytes);
    expect(result.ok ? [] : result.diagnostics.map((d) => d.code)).toEqual(['TFL1001']);
  });

  test('tables that are read again and again, as when thousands of offsets share one, end at a limit', () => {
    const reader = new FlatReader(BASE);
    const readOften = (): void => {
      for (let i = 0; i < 10_000; i++) reader.table(FILE_TABLES.Model, reader.root());
    };
    expect(readOften).toThrow(/TFL1012/);
  });
});
