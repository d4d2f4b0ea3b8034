import { describe, expect, test } from '@jest/globals';
import type { AnyNode } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import { examineTflite, importTflite, isTflite } from './index.ts';
import { f32, i32, i8, outputsOf, single, type TestModel, type TestTensor, tflite } from './testing/build.ts';

const importOf = (model: TestModel) => unwrap(importTflite(tflite(model)));
const opsOf = (model: TestModel): readonly string[] => importOf(model).program.nodes.map((n) => n.op);
const nodeOf = (model: TestModel, op: string): AnyNode =>
  at(
    (importOf(model).program.nodes as readonly AnyNode[]).filter((n) => n.op === op),
    0,
  );
const codes = (model: TestModel): readonly string[] => importOf(model).warnings.map((d) => d.code);
const type = (model: TestModel): readonly string[] =>
  [...importOf(model).inputs, ...importOf(model).outputs].map((p) => `${p.type.dtype}[${p.type.shape.join(', ')}]`);

const conv = (x: TestTensor, y: TestTensor, w: TestTensor, bias: TestTensor): TestModel =>
  single('CONV_2D', { x, w, b: bias }, { y }, ['Conv2DOptions', { stride_w: 1, stride_h: 1 }]);
const pointwise = (data: readonly number[]): TestTensor => f32([2, 1, 1, 2], data);

describe('interface', () => {
  test('names, types and the layout of the file stay', () => {
    const model = conv(f32([1, 3, 4, 2]), f32([1, 3, 4, 2]), pointwise([1, 2, 3, 4]), f32([2], [10, 20]));
    const { inputs, outputs } = importOf(model);
    expect([inputs[0]?.name, outputs[0]?.name]).toEqual(['x', 'y']);
    expect(type(model)).toEqual(['f32[1, 3, 4, 2]', 'f32[1, 3, 4, 2]']);
    // channels are last: 1 * 1 + 2 * 2 + 10, 3 * 1 + 4 * 2 + 20
    expect(
      Array.from(
        at(
          outputsOf(
            model,
            Array.from({ length: 24 }, (_, i) => (i % 2) + 1),
          ),
          0,
        ).data,
      ).slice(0, 2),
    ).toEqual([15, 31]);
  });

  test('integers stay integers', () => {
    const u8: TestTensor = { ...i8([4], 0.5, 128), elem: 'uint8' };
    const i16: TestTensor = { ...i8([4], 0.25, 0), elem: 'int16' };
    expect(type(single('QUANTIZE', { x: u8 }, { y: i16 }))).toEqual(['u8[4]', 'i16[4]']);
    expect(Array.from(at(outputsOf(single('QUANTIZE', { x: u8 }, { y: i16 }), [0, 127, 128, 255]), 0).data)).toEqual([-256, -2, 0, 254]);
    expect(type(single('NEG', { x: { elem: 'int64', shape: [2] } }, { y: { elem: 'int64', shape: [2] } }))).toEqual(['i32[2]', 'i32[2]']);
  });

  test('a model whose output is its input, and an output given twice', () => {
    const model: TestModel = { tensors: { x: f32([2]) }, inputs: ['x'], outputs: ['x', 'x'], operators: [] };
    expect(outputsOf(model, [1, 2]).map((t) => Array.from(t.data))).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(importOf(model).outputs.map((p) => p.name)).toEqual(['x', 'x_2']);
  });

  test('an open dimension has the size that the file stores, and that is told', () => {
    const x: TestTensor = { ...f32([1, 3]), raw: { shape_signature: [-1, 3] } };
    expect(codes(single('RELU', { x }, { y: f32([1, 3]) }))).toEqual(['TFL3006']);
  });

  test('bytes are told by their identifier', () => {
    expect([isTflite(tflite(single('RELU', { x: f32([1]) }, { y: f32([1]) }))), isTflite(new Uint8Array(8))]).toEqual([true, false]);
  });
});

describe('layout', () => {
  const chain = (middle: TestModel['operators'], tensors: TestModel['tensors']): TestModel => ({
    tensors: {
      x: f32([1, 4, 4, 2]),
      w: pointwise([1, 2, 3, 4]),
      a: f32([1, 4, 4, 2]),
      y: f32([1, 4, 4, 2]),
      ...tensors,
    },
    inputs: ['x'],
    outputs: ['y'],
    operators: [
      { op: 'CONV_2D', inputs: ['x', 'w'], outputs: ['a'], options: ['Conv2DOptions', { stride_w: 1, stride_h: 1 }] },
      ...middle,
      { op: 'CONV_2D', inputs: ['b', 'w'], outputs: ['y'], options: ['Conv2DOptions', { stride_w: 1, stride_h: 1 }] },
    ],
  });
  const b = f32([1, 4, 4, 2]);

  test.each<readonly [string, TestModel]>([
    ['an activation', chain([{ op: 'RELU', inputs: ['a'], outputs: ['b'] }], { b })],
    [
      'an addition of a vector',
      chain([{ op: 'ADD', inputs: ['a', 'v'], outputs: ['b'], options: ['AddOptions', {}] }], { b, v: f32([2], [1, 2]) }),
    ],
    ['an addition of itself', chain([{ op: 'ADD', inputs: ['a', 'a'], outputs: ['b'], options: ['AddOptions', {}] }], { b })],
    [
      'padding',
      chain([{ op: 'PAD', inputs: ['a', 'p'], outputs: ['b'] }], {
        b: f32([1, 5, 4, 2]),
        y: f32([1, 5, 4, 2]),
        p: i32([4, 2], [0, 0, 1, 0, 0, 0, 0, 0]),
      }),
    ],
    [
      'a slice',
      chain([{ op: 'SLICE', inputs: ['a', 's', 'n'], outputs: ['b'] }], {
        b: f32([1, 3, 4, 2]),
        y: f32([1, 3, 4, 2]),
        s: i32([4], [0, 1, 0, 0]),
        n: i32([4], [1, -1, 4, 2]),
      }),
    ],
    [
      'a concatenation',
      chain([{ op: 'CONCATENATION', inputs: ['a', 'a'], outputs: ['b'], options: ['ConcatenationOptions', { axis: 1 }] }], {
        b: f32([1, 8, 4, 2]),
        y: f32([1, 8, 4, 2]),
      }),
    ],
    [
      'a mean that keeps its axes',
      chain([{ op: 'MEAN', inputs: ['a', 'd'], outputs: ['b'], options: ['ReducerOptions', { keep_dims: true }] }], {
        b: f32([1, 1, 1, 2]),
        y: f32([1, 1, 1, 2]),
        d: i32([2], [1, 2]),
      }),
    ],
  ])('no transpose between convolutions and %s', (_, model) => {
    expect(opsOf(model).filter((op) => op === 'transpose')).toHaveLength(2);
  });

  test('a mean over the rows alone comes out in the order of the file', () => {
    const model: TestModel = {
      tensors: { x: f32([1, 2, 3, 2]), w: pointwise([1, 0, 0, 1]), a: f32([1, 2, 3, 2]), d: i32([1], [1]), y: f32([1, 3, 2]) },
      inputs: ['x'],
      outputs: ['y'],
      operators: [
        { op: 'CONV_2D', inputs: ['x', 'w'], outputs: ['a'], options: ['Conv2DOptions', { stride_w: 1, stride_h: 1 }] },
        { op: 'MEAN', inputs: ['a', 'd'], outputs: ['y'], options: ['ReducerOptions', {}] },
      ],
    };
    const [y] = outputsOf(model, [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]);
    expect([y?.shape, Array.from(y?.data ?? [])]).toEqual([
      [1, 3, 2],
      [5, 6, 7, 8, 9, 10],
    ]);
  });

  test('and the numbers are those of the file', () => {
    const model = chain([{ op: 'ADD', inputs: ['a', 'v'], outputs: ['b'], options: ['AddOptions', {}] }], {
      b,
      v: f32([4, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
    });
    // x = 0: a = 0, b = v along width and channels, y = (1 b0 + 2 b1, 3 b0 + 4 b1)
    expect(Array.from(at(outputsOf(model, new Array<number>(32).fill(0)), 0).data).slice(0, 8)).toEqual([5, 11, 11, 25, 17, 39, 23, 53]);
  });
});

describe('quantization', () => {
  const w: TestTensor = { elem: 'int8', shape: [2, 1, 1, 2], data: [1, 2, 3, 4], scales: [0.5, 0.25], zeros: [0, 0], axis: 0 };
  const bias: TestTensor = { elem: 'int32', shape: [2], data: [10, -20], scales: [0.05, 0.025], zeros: [0, 0] };
  const model = conv(i8([1, 1, 1, 2], 0.1, 4), i8([1, 1, 1, 2], 0.2, -7), w, bias);

  test('weights, biases and activations keep the integers and the scales of the file', () => {
    const { program, warnings } = importOf(model);
    expect(program.nodes.map((n) => n.op)).toEqual([
      'dequantize',
      'transpose',
      'dequantize',
      'mul',
      'dequantize',
      'mul',
      'conv',
      'quantize',
      'dequantize',
      'transpose',
      'quantize',
    ]);
    expect(nodeOf(model, 'dequantize').attrs).toEqual({ scale: Math.fround(0.1), zero: 4 });
    expect(nodeOf(model, 'quantize').attrs).toEqual({ inverse_scale: Math.fround(1 / Math.fround(0.2)), zero: -7 });
    expect(program.params.map((p) => Array.from(p.tensor.data))).toEqual([
      [1, 2, 3, 4],
      [0.5, 0.25],
      [10, -20],
      [Math.fround(0.05), Math.fround(0.025)],
    ]);
    expect(warnings.map((d) => d.code)).toEqual(['TFL3004']);
    expect(warnings[0]?.message).toMatch(/31-bit.*15-bit/);
  });

  test('the result is the rounded sum', () => {
    // x = 0.6, -1.4: 0.5 (0.6 - 2.8) + 0.5 = -0.6, 0.25 (1.8 - 5.6) - 0.5 = -1.45
    expect(Array.from(at(outputsOf(model, [10, -10]), 0).data)).toEqual([-10, -14]);
  });

  test('what only moves elements rounds nothing when the scale stays, and rounds when it changes', () => {
    const pool = (y: TestTensor): TestModel =>
      single('MAX_POOL_2D', { x: i8([1, 2, 2, 1], 0.1, 4) }, { y }, [
        'Pool2DOptions',
        { padding: 1, stride_w: 2, stride_h: 2, filter_width: 2, filter_height: 2 },
      ]);
    expect(opsOf(pool(i8([1, 1, 1, 1], 0.1, 4))).filter((op) => op === 'quantize')).toHaveLength(1);
    expect(opsOf(pool(i8([1, 1, 1, 1], 0.2, 4))).filter((op) => op === 'quantize')).toHaveLength(2);
  });

  test('arithmetic rounds, also between equal scales; uint8 saturates at its own ends', () => {
    const q = i8([2], 0.1, 4);
    const sum = single('ADD', { a: q, b: q }, { y: q }, ['AddOptions', {}]);
    expect(opsOf(sum).filter((op) => op === 'quantize')).toHaveLength(2);
    const u8: TestTensor = { ...i8([4], 0.5, 100), elem: 'uint8' };
    const twice: TestModel = {
      tensors: { x: u8, a: u8, y: f32([4]) },
      inputs: ['x'],
      outputs: ['y'],
      operators: [
        { op: 'ADD', inputs: ['x', 'x'], outputs: ['a'], options: ['AddOptions', {}] },
        { op: 'DEQUANTIZE', inputs: ['a'], outputs: ['y'] },
      ],
    };
    expect(Array.from(at(outputsOf(twice, [0, 99, 120, 255]), 0).data)).toEqual([-50, -1, 20, 77.5]);
  });

  test('a bias without a scale is in units of the sums', () => {
    const m = conv(i8([1, 1, 1, 2], 0.1, 4), i8([1, 1, 1, 2], 0.2, -7), w, i32([2], [10, -20]));
    expect(Array.from(at(outputsOf(m, [10, -10]), 0).data)).toEqual(Array.from(at(outputsOf(model, [10, -10]), 0).data));
  });

  test('int64 biases beyond int32 become reals', () => {
    const x: TestTensor = { ...i8([1, 1, 1, 2], 0.1, 0), elem: 'int16' };
    const wide: TestTensor = { elem: 'int64', shape: [2], data: [2 ** 40, -(2 ** 35)], scales: [2 ** -40, 2 ** -34], zeros: [0, 0] };
    const m = conv(x, { ...i8([1, 1, 1, 2], 0.5, 0), elem: 'int16' }, w, wide);
    expect(Array.from(at(outputsOf(m, [0, 0]), 0).data)).toEqual([2, -4]);
  });

  test('float activations with int8 weights are told to differ', () => {
    const hybrid = conv(f32([1, 1, 1, 2]), f32([1, 1, 1, 2]), w, f32([2], [0, 0]));
    const report = examineTflite(tflite(hybrid));
    expect(report.nodes[0]?.verdict).toBe('approximated');
    expect(report.nodes[0]?.reason).toMatch(/int8/);
    expect(codes(hybrid)).toEqual([]);
  });

  test('a cast of a quantized tensor gives its integers', () => {
    const m = single('CAST', { x: i8([2], 0.5, 3) }, { y: f32([2]) }, ['CastOptions', {}]);
    expect(Array.from(at(outputsOf(m, [-128, 5]), 0).data)).toEqual([-128, 5]);
  });
});

describe('constants', () => {
  test('shapes that the graph computes are computed at import', () => {
    const model: TestModel = {
      tensors: {
        x: f32([2, 3, 4]),
        s: i32([3]),
        b: i32([1], [0]),
        e: i32([1], [1]),
        one: i32([1], [1]),
        n: i32([]),
        rest: i32([], [-1]),
        t: i32([2]),
        y: f32([2, 12]),
      },
      inputs: ['x'],
      outputs: ['y'],
      operators: [
        { op: 'SHAPE', inputs: ['x'], outputs: ['s'], options: ['ShapeOptions', { out_type: 2 }] },
        { op: 'STRIDED_SLICE', inputs: ['s', 'b', 'e', 'one'], outputs: ['n'], options: ['StridedSliceOptions', { shrink_axis_mask: 1 }] },
        { op: 'PACK', inputs: ['n', 'rest'], outputs: ['t'], options: ['PackOptions', { values_count: 2 }] },
        { op: 'RESHAPE', inputs: ['x', 't'], outputs: ['y'] },
      ],
    };
    expect(opsOf(model)).toEqual(['reshape']);
    expect(type(model)).toEqual(['f32[2, 3, 4]', 'f32[2, 12]']);
  });

  test('float16 weights, 4-bit weights, bool and int64 constants', () => {
    const half = single('DEQUANTIZE', { w: { elem: 'float16', shape: [4], data: [0x3c00, 0xc100, 0x0001, 0x7bff] } }, { y: f32([4]) });
    expect(Array.from(at(outputsOf(half), 0).data)).toEqual([1, -2.5, 2 ** -24, 65504]);
    const four: TestTensor = { elem: 'int4', shape: [1, 3], data: [-8, 7, -1], scales: [0.5], zeros: [0] };
    const dense = single('FULLY_CONNECTED', { x: f32([1, 3]), w: four }, { y: f32([1, 1]) }, ['FullyConnectedOptions', {}]);
    expect(Array.from(at(outputsOf(dense, [1, 2, 3]), 0).data)).toEqual([1.5]);
    const long: TestTensor = { elem: 'int64', shape: [2], data: [5, -6] };
    expect(
      Array.from(
        at(
          outputsOf(
            single('ADD', { x: { elem: 'int64', shape: [2] }, w: long }, { y: { elem: 'int64', shape: [2] } }, ['AddOptions', {}]),
            [1, 2],
          ),
          0,
        ).data,
      ),
    ).toEqual([6, -4]);
  });

  test('operators that no output depends on are left out, and that is told', () => {
    const model: TestModel = {
      tensors: { x: f32([1]), y: f32([1]), z: f32([1]) },
      inputs: ['x'],
      outputs: ['y'],
      operators: [
        { op: 'RELU', inputs: ['x'], outputs: ['y'] },
        { op: 'CUSTOM', inputs: ['x'], outputs: ['z'], custom: 'Print' },
      ],
    };
    expect([opsOf(model), codes(model)]).toEqual([['relu'], ['TFL3003']]);
  });

  test('state starts at 0, and that is told', () => {
    const state: TestTensor = { elem: 'float32', shape: [1, 1], variable: true };
    const model = single(
      'RNN',
      { x: f32([1, 1]), w: f32([1, 1], [2]), r: f32([1, 1], [100]), b: f32([1], [1]), h: state },
      { y: f32([1, 1]) },
      ['RNNOptions', {}],
    );
    expect(Array.from(at(outputsOf(model, [3]), 0).data)).toEqual([7]);
    expect(codes(model)).toEqual(['TFL3005']);
  });

  test('the same bytes give the same program', () => {
    const bytes = tflite(
      conv(
        i8([1, 1, 1, 2], 0.1, 4),
        i8([1, 1, 1, 2], 0.2, -7),
        { elem: 'int8', shape: [2, 1, 1, 2], data: [1, 2, 3, 4], scales: [0.5], zeros: [0] },
        i32([2], [1, 2]),
      ),
    );
    expect(unwrap(importTflite(bytes)).program).toEqual(unwrap(importTflite(bytes.slice())).program);
  });
});
