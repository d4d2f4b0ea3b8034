import { elementCount } from '../../../ir/index.ts';
import { ELEMS } from '../elem.ts';
import { f32, i32, i8, single, type TestModel, type TestTensor } from './build.ts';

/** A model of one operator and values of its inputs. What TensorFlow Lite makes of them is in litert.json (record.py). */
export interface Case {
  readonly name: string;
  readonly model: TestModel;
}

type Tensors = Readonly<Record<string, TestTensor>>;
type Options = Parameters<typeof single>[3];

const u8 = (shape: readonly number[], scale: number, zero: number, data?: readonly number[]): TestTensor => ({
  ...i8(shape, scale, zero, data),
  elem: 'uint8',
});
const i16 = (shape: readonly number[], scale: number, data?: readonly number[]): TestTensor => ({
  ...i8(shape, scale, 0, data),
  elem: 'int16',
});
const bool = (shape: readonly number[]): TestTensor => ({ elem: 'bool', shape });

/** Numbers of a linear congruential generator (Numerical Recipes), for constants and inputs. */
export const numbers = (count: number, seed: number, scale = 1): readonly number[] => {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return Math.fround((state / 2 ** 31) * scale);
  });
};
const whole = (count: number, seed: number, lo: number, hi: number): readonly number[] =>
  numbers(count, seed).map((v) => lo + Math.floor(((v + 1) / 2) * (hi - lo + 1)));

/** Values of input k of a case: -2 to 2, the whole range of integers of 8 and 16 bits, small integers. */
export const inputOf = (t: TestTensor, k: number): readonly number[] => {
  const n = elementCount(t.shape);
  switch (ELEMS[t.elem].kind) {
    case 'float':
      return numbers(n, 7 + k, 2);
    case 'bool':
      return whole(n, 11 + k, 0, 1);
    default:
      return t.scales === undefined ? whole(n, 13 + k, 0, 2) : whole(n, 13 + k, ELEMS[t.elem].lo, ELEMS[t.elem].hi);
  }
};

const weights = (shape: readonly number[], seed: number): TestTensor => f32(shape, numbers(elementCount(shape), seed));
/** int8 weights with a scale for each index of a dimension. */
const qweights = (shape: readonly number[], axis: number, seed: number): TestTensor => {
  const count = shape[axis] ?? 1;
  return {
    elem: 'int8',
    shape,
    data: whole(elementCount(shape), seed, -127, 127),
    scales: Array.from({ length: count }, (_, i) => 0.01 + 0.002 * i),
    zeros: new Array<number>(count).fill(0),
    axis,
  };
};
/** A bias with the scales of x times those of the weights. */
const qbias = (x: TestTensor, w: TestTensor, seed: number, elem: 'int32' | 'int64' = 'int32'): TestTensor => {
  const scales = (w.scales ?? []).map((s) => Math.fround(s * (x.scales?.[0] ?? 1)));
  return { elem, shape: [scales.length], data: whole(scales.length, seed, -2000, 2000), scales, zeros: scales.map(() => 0), axis: 0 };
};

const one = (name: string, op: Parameters<typeof single>[0], inputs: Tensors, output: TestTensor, options?: Options): Case => ({
  name,
  model: single(op, inputs, { y: output }, options),
});

const CONV = { padding: 0, stride_w: 1, stride_h: 1 } as const;

const convolutions = (): readonly Case[] => {
  const x = f32([1, 5, 6, 3]);
  const qx = i8([1, 5, 6, 3], 0.05, -3);
  const w = weights([4, 3, 2, 3], 1);
  const qw = qweights([4, 3, 2, 3], 0, 2);
  const x16 = i16([1, 5, 6, 3], 0.0005);
  const dw = weights([1, 3, 3, 6], 4);
  const qdw = qweights([1, 3, 3, 6], 3, 5);
  const ux = u8([1, 5, 6, 3], 0.02, 120);
  const uw: TestTensor = { ...u8([4, 3, 2, 3], 0.015, 131, whole(72, 6, 0, 255)) };
  const conv = (name: string, xs: Tensors, y: TestTensor, options: Readonly<Record<string, number>>): Case =>
    one(name, 'CONV_2D', xs, y, ['Conv2DOptions', { ...CONV, ...options }]);
  return [
    conv('conv same', { x, w, b: weights([4], 3) }, f32([1, 5, 6, 4]), {}),
    conv('conv valid stride relu6', { x, w, b: weights([4], 3) }, f32([1, 2, 3, 4]), {
      padding: 1,
      stride_h: 2,
      stride_w: 2,
      fused_activation_function: 3,
    }),
    conv('conv same stride dilation', { x, w, b: weights([4], 3) }, f32([1, 3, 6, 4]), {
      stride_h: 2,
      dilation_w_factor: 2,
      fused_activation_function: 2,
    }),
    conv('conv grouped', { x: f32([1, 4, 4, 4]), w: weights([6, 2, 2, 2], 8), b: weights([6], 3) }, f32([1, 4, 4, 6]), {}),
    conv('conv int8', { x: qx, w: qw, b: qbias(qx, qw, 9) }, i8([1, 5, 6, 4], 0.12, 5), { fused_activation_function: 1 }),
    conv(
      'conv uint8',
      { x: ux, w: uw, b: { ...i32([4], [100, -50, 7, 0]), scales: [Math.fround(0.02 * 0.015)], zeros: [0] } },
      u8([1, 5, 6, 4], 0.08, 100),
      { stride_w: 2 },
    ),
    conv('conv int16x8', { x: x16, w: qw, b: qbias(x16, qw, 9, 'int64') }, i16([1, 5, 6, 4], 0.001), {}),
    one('depthwise', 'DEPTHWISE_CONV_2D', { x, w: dw, b: weights([6], 3) }, f32([1, 3, 3, 6]), [
      'DepthwiseConv2DOptions',
      { ...CONV, stride_w: 2, stride_h: 2, depth_multiplier: 2, fused_activation_function: 1 },
    ]),
    one('depthwise int8', 'DEPTHWISE_CONV_2D', { x: qx, w: qdw, b: qbias(qx, qdw, 9) }, i8([1, 5, 6, 6], 0.1, -20), [
      'DepthwiseConv2DOptions',
      { ...CONV, depth_multiplier: 2 },
    ]),
    one(
      'transpose conv same',
      'TRANSPOSE_CONV',
      { s: i32([4], [1, 9, 11, 2]), w: weights([2, 3, 4, 3], 1), x: f32([1, 5, 6, 3]) },
      f32([1, 9, 11, 2]),
      ['TransposeConvOptions', { ...CONV, stride_w: 2, stride_h: 2 }],
    ),
    one(
      'transpose conv valid',
      'TRANSPOSE_CONV',
      { s: i32([4], [1, 11, 14, 2]), w: weights([2, 3, 4, 3], 1), x: f32([1, 5, 6, 3]), b: weights([2], 2) },
      f32([1, 11, 14, 2]),
      ['TransposeConvOptions', { padding: 1, stride_w: 2, stride_h: 2, fused_activation_function: 1 }],
    ),
    one('conv 3d', 'CONV_3D', { x: f32([1, 3, 4, 5, 2]), w: weights([2, 2, 3, 2, 3], 1), b: weights([3], 2) }, f32([1, 3, 4, 5, 3]), [
      'Conv3DOptions',
      { padding: 0, stride_d: 1, stride_w: 1, stride_h: 1 },
    ]),
    one('fully connected', 'FULLY_CONNECTED', { x: f32([2, 2, 3]), w: weights([4, 6], 1), b: weights([4], 2) }, f32([2, 4]), [
      'FullyConnectedOptions',
      { fused_activation_function: 1 },
    ]),
    one('fully connected keep', 'FULLY_CONNECTED', { x: f32([2, 2, 3]), w: weights([4, 3], 1), b: weights([4], 2) }, f32([2, 2, 4]), [
      'FullyConnectedOptions',
      { keep_num_dims: true },
    ]),
    one(
      'fully connected int8',
      'FULLY_CONNECTED',
      {
        x: i8([2, 6], 0.04, 4),
        w: i8([4, 6], 0.01, 0, whole(24, 3, -127, 127)),
        b: { ...i32([4], [50, -60, 0, 9]), scales: [Math.fround(0.04 * 0.01)], zeros: [0] },
      },
      i8([2, 4], 0.05, -10),
      ['FullyConnectedOptions', {}],
    ),
    one('batch matmul', 'BATCH_MATMUL', { a: f32([2, 3, 4]), b: f32([2, 4, 5]) }, f32([2, 3, 5]), ['BatchMatMulOptions', {}]),
    one('batch matmul adjoint', 'BATCH_MATMUL', { a: f32([2, 4, 3]), b: f32([2, 5, 4]) }, f32([2, 3, 5]), [
      'BatchMatMulOptions',
      { adj_x: true, adj_y: true },
    ]),
  ];
};

const pools = (): readonly Case[] => {
  const options = { padding: 0, stride_w: 2, stride_h: 2, filter_width: 3, filter_height: 2 };
  const q = i8([1, 5, 6, 3], 0.05, -3);
  return [
    one('average pool', 'AVERAGE_POOL_2D', { x: f32([1, 5, 6, 3]) }, f32([1, 3, 3, 3]), [
      'Pool2DOptions',
      { ...options, fused_activation_function: 1 },
    ]),
    one('average pool int8', 'AVERAGE_POOL_2D', { x: q }, i8([1, 3, 3, 3], 0.05, -3), ['Pool2DOptions', options]),
    one('max pool', 'MAX_POOL_2D', { x: f32([1, 5, 6, 3]) }, f32([1, 2, 2, 3]), ['Pool2DOptions', { ...options, padding: 1 }]),
    one('max pool int8', 'MAX_POOL_2D', { x: q }, i8([1, 3, 3, 3], 0.05, -3), ['Pool2DOptions', options]),
    one('l2 pool', 'L2_POOL_2D', { x: f32([1, 5, 6, 3]) }, f32([1, 3, 3, 3]), ['Pool2DOptions', options]),
    one('resize bilinear', 'RESIZE_BILINEAR', { x: f32([1, 3, 4, 2]), s: i32([2], [5, 7]) }, f32([1, 5, 7, 2]), [
      'ResizeBilinearOptions',
      {},
    ]),
    one('resize bilinear corners', 'RESIZE_BILINEAR', { x: f32([1, 3, 4, 2]), s: i32([2], [5, 7]) }, f32([1, 5, 7, 2]), [
      'ResizeBilinearOptions',
      { align_corners: true },
    ]),
    one('resize bilinear half', 'RESIZE_BILINEAR', { x: f32([1, 3, 4, 2]), s: i32([2], [6, 3]) }, f32([1, 6, 3, 2]), [
      'ResizeBilinearOptions',
      { half_pixel_centers: true },
    ]),
    one('resize nearest', 'RESIZE_NEAREST_NEIGHBOR', { x: f32([1, 3, 4, 2]), s: i32([2], [5, 7]) }, f32([1, 5, 7, 2]), [
      'ResizeNearestNeighborOptions',
      {},
    ]),
    one('resize nearest corners', 'RESIZE_NEAREST_NEIGHBOR', { x: f32([1, 3, 4, 2]), s: i32([2], [5, 7]) }, f32([1, 5, 7, 2]), [
      'ResizeNearestNeighborOptions',
      { align_corners: true },
    ]),
    one('resize nearest half', 'RESIZE_NEAREST_NEIGHBOR', { x: f32([1, 3, 4, 2]), s: i32([2], [6, 3]) }, f32([1, 6, 3, 2]), [
      'ResizeNearestNeighborOptions',
      { half_pixel_centers: true },
    ]),
    one('space to depth', 'SPACE_TO_DEPTH', { x: f32([1, 4, 6, 2]) }, f32([1, 2, 3, 8]), ['SpaceToDepthOptions', { block_size: 2 }]),
    one('depth to space', 'DEPTH_TO_SPACE', { x: f32([1, 2, 3, 8]) }, f32([1, 4, 6, 2]), ['DepthToSpaceOptions', { block_size: 2 }]),
    one(
      'space to batch',
      'SPACE_TO_BATCH_ND',
      { x: f32([2, 3, 5, 2]), b: i32([2], [2, 3]), p: i32([2, 2], [0, 1, 1, 0]) },
      f32([12, 2, 2, 2]),
    ),
    one(
      'batch to space',
      'BATCH_TO_SPACE_ND',
      { x: f32([12, 2, 2, 2]), b: i32([2], [2, 3]), p: i32([2, 2], [0, 1, 1, 0]) },
      f32([2, 3, 5, 2]),
    ),
    one('local response', 'LOCAL_RESPONSE_NORMALIZATION', { x: f32([1, 2, 2, 7]) }, f32([1, 2, 2, 7]), [
      'LocalResponseNormalizationOptions',
      { radius: 2, bias: 1.5, alpha: 0.3, beta: 0.75 },
    ]),
    one('l2 normalization', 'L2_NORMALIZATION', { x: f32([2, 5]) }, f32([2, 5]), ['L2NormOptions', {}]),
  ];
};

const elementwise = (): readonly Case[] => {
  const pair = { a: f32([2, 3, 4]), b: f32([3, 1]) };
  const y = f32([2, 3, 4]);
  const plain = (['MAXIMUM', 'MINIMUM', 'FLOOR_MOD', 'SQUARED_DIFFERENCE'] as const).map((op) => one(op, op, pair, y));
  const tests = (['EQUAL', 'NOT_EQUAL', 'LESS', 'LESS_EQUAL', 'GREATER', 'GREATER_EQUAL'] as const).map((op) =>
    one(op, op, { a: i32([2, 3]), b: i32([3]) }, bool([2, 3])),
  );
  const x = { x: f32([2, 11]) };
  const unary = (
    [
      'ABS',
      'NEG',
      'EXP',
      'SQUARE',
      'SIN',
      'COS',
      'FLOOR',
      'TANH',
      'LOGISTIC',
      'RELU',
      'RELU6',
      'RELU_N1_TO_1',
      'RELU_0_TO_1',
      'ELU',
      'HARD_SWISH',
      'SIGN',
      'LOG_SOFTMAX',
    ] as const
  ).map((op) => one(op, op, x, f32([2, 11])));
  const q = { x: i8([2, 16], 0.05, 3) };
  return [
    ...plain,
    ...tests,
    ...unary,
    one('floor div', 'FLOOR_DIV', { a: i32([2, 3]), b: i32([3], [2, -3, 1]) }, i32([2, 3])),
    one('floor mod integers', 'FLOOR_MOD', { a: i32([2, 3]), b: i32([3], [2, -3, 5]) }, i32([2, 3])),
    one('div integers', 'DIV', { a: i32([2, 3]), b: i32([3], [2, -3, 1]) }, i32([2, 3]), ['DivOptions', {}]),
    one('add relu', 'ADD', pair, y, ['AddOptions', { fused_activation_function: 1 }]),
    one('sub', 'SUB', pair, y, ['SubOptions', {}]),
    one('mul relu6', 'MUL', pair, y, ['MulOptions', { fused_activation_function: 3 }]),
    one('div', 'DIV', { a: f32([2, 3]), b: f32([3], [0.5, -3, 1.25]) }, f32([2, 3]), ['DivOptions', {}]),
    one('pow', 'POW', { a: f32([2, 3]), b: f32([3], [2, 3, 1]) }, f32([2, 3])),
    one('add int8', 'ADD', { a: i8([2, 8], 0.05, 3), b: i8([8], 0.02, -7) }, i8([2, 8], 0.06, 1), ['AddOptions', {}]),
    one('sub uint8', 'SUB', { a: u8([2, 8], 0.05, 120), b: u8([2, 8], 0.02, 7) }, u8([2, 8], 0.06, 60), ['SubOptions', {}]),
    one('mul int8', 'MUL', { a: i8([2, 8], 0.05, 3), b: i8([2, 8], 0.02, -7) }, i8([2, 8], 0.1, 1), [
      'MulOptions',
      { fused_activation_function: 1 },
    ]),
    one('add int16', 'ADD', { a: i16([2, 8], 0.0005), b: i16([2, 8], 0.00025) }, i16([2, 8], 0.0006), [
      'AddOptions',
      { pot_scale_int16: false },
    ]),
    one('logistic int8', 'LOGISTIC', q, i8([2, 16], 1 / 256, -128)),
    one('tanh int8', 'TANH', q, i8([2, 16], 1 / 128, 0)),
    one('hard swish int8', 'HARD_SWISH', q, i8([2, 16], 0.03, -100)),
    one('softmax int8', 'SOFTMAX', q, i8([2, 16], 1 / 256, -128), ['SoftmaxOptions', { beta: 1 }]),
    one('softmax', 'SOFTMAX', { x: f32([2, 3, 5]) }, f32([2, 3, 5]), ['SoftmaxOptions', { beta: 0.75 }]),
    one('leaky relu', 'LEAKY_RELU', x, f32([2, 11]), ['LeakyReluOptions', { alpha: 0.2 }]),
    one('leaky relu int8', 'LEAKY_RELU', q, i8([2, 16], 0.043, -9), ['LeakyReluOptions', { alpha: 0.2 }]),
    one('prelu', 'PRELU', { x: f32([1, 2, 2, 3]), a: f32([1, 1, 3], [0.1, -0.5, 2]) }, f32([1, 2, 2, 3])),
    one('gelu', 'GELU', x, f32([2, 11]), ['GeluOptions', { approximate: false }]),
    one('gelu tanh', 'GELU', x, f32([2, 11]), ['GeluOptions', { approximate: true }]),
    one('sqrt', 'SQRT', { x: f32([4], [0.25, 2, 9, 0]) }, f32([4])),
    one('select v2', 'SELECT_V2', { c: bool([2, 1]), a: f32([2, 3]), b: f32([3]) }, f32([2, 3])),
    one('select rows', 'SELECT', { c: bool([2]), a: f32([2, 3]), b: f32([2, 3]) }, f32([2, 3])),
    one('logical and', 'LOGICAL_AND', { a: bool([4]), b: bool([4]) }, bool([4])),
    one('logical or', 'LOGICAL_OR', { a: bool([4]), b: bool([4]) }, bool([4])),
    one('fake quant', 'FAKE_QUANT', x, f32([2, 11]), ['FakeQuantOptions', { min: -0.7, max: 1.3, num_bits: 8 }]),
    one('quantize', 'QUANTIZE', { x: f32([2, 11]) }, i8([2, 11], 0.01, 5)),
    one('requantize', 'QUANTIZE', { x: i8([2, 11], 0.05, 5) }, u8([2, 11], 0.06, 100)),
    one('dequantize', 'DEQUANTIZE', { x: u8([2, 11], 0.05, 100) }, f32([2, 11])),
    one('cast', 'CAST', { x: f32([2, 11]) }, i32([2, 11]), ['CastOptions', { in_data_type: 0, out_data_type: 2 }]),
    { name: 'add n', model: single('ADD_N', { a: f32([3]), b: f32([3]), c: f32([3]) }, { y: f32([3]) }) },
  ];
};

const reductions = (): readonly Case[] => {
  const reduce = (
    op: 'SUM' | 'MEAN' | 'REDUCE_MAX' | 'REDUCE_MIN' | 'REDUCE_PROD',
    axes: readonly number[],
    shape: readonly number[],
    keep: boolean,
  ): Case =>
    one(`${op} ${axes.join(' ')}`, op, { x: f32([2, 3, 4, 2]), axes: i32([axes.length], axes) }, f32(shape), [
      'ReducerOptions',
      { keep_dims: keep },
    ]);
  return [
    reduce('MEAN', [1, 2], [2, 2], false),
    reduce('SUM', [-1, 0], [1, 3, 4, 1], true),
    reduce('REDUCE_MAX', [3], [2, 3, 4], false),
    reduce('REDUCE_MIN', [1], [2, 1, 4, 2], true),
    reduce('REDUCE_PROD', [2], [2, 3, 2], false),
    one('mean int8', 'MEAN', { x: i8([1, 4, 4, 3], 0.05, -3), axes: i32([2], [1, 2]) }, i8([1, 3], 0.03, 6), ['ReducerOptions', {}]),
    one('mean integers', 'MEAN', { x: i32([2, 3]), axes: i32([1], [1]) }, i32([2]), ['ReducerOptions', {}]),
    one('sum integers', 'SUM', { x: i32([2, 3]), axes: i32([1], [1]) }, i32([2]), ['ReducerOptions', {}]),
    one('any', 'REDUCE_ANY', { x: bool([3, 2]), axes: i32([1], [1]) }, bool([3]), ['ReducerOptions', {}]),
    one('all', 'REDUCE_ALL', { x: bool([3, 2]), axes: i32([1], [1]) }, bool([3]), ['ReducerOptions', {}]),
    one('arg max', 'ARG_MAX', { x: f32([2, 3, 4]), a: i32([], [1]) }, i32([2, 4]), ['ArgMaxOptions', { output_type: 2 }]),
    one('arg min', 'ARG_MIN', { x: f32([2, 3, 4]), a: i32([], [-1]) }, i32([2, 3]), ['ArgMinOptions', { output_type: 2 }]),
    { name: 'top k', model: single('TOPK_V2', { x: f32([2, 6]), k: i32([], [3]) }, { v: f32([2, 3]), i: i32([2, 3]) }) },
    one('cumsum', 'CUMSUM', { x: f32([2, 5]), a: i32([], [1]) }, f32([2, 5]), ['CumsumOptions', { exclusive: true, reverse: true }]),
    one('segment sum', 'SEGMENT_SUM', { x: f32([4, 2]), s: i32([4], [0, 0, 1, 2]) }, f32([3, 2])),
    one('unsorted max', 'UNSORTED_SEGMENT_MAX', { x: f32([4, 2]), s: i32([4], [1, 0, 1, 0]), n: i32([], [2]) }, f32([2, 2])),
  ];
};

const shapes = (): readonly Case[] => {
  const x = f32([2, 3, 4]);
  const slice = (
    name: string,
    begin: readonly number[],
    end: readonly number[],
    strides: readonly number[],
    shape: readonly number[],
    masks: Readonly<Record<string, number>>,
  ): Case =>
    one(
      name,
      'STRIDED_SLICE',
      { x, b: i32([begin.length], begin), e: i32([end.length], end), s: i32([strides.length], strides) },
      f32(shape),
      ['StridedSliceOptions', masks],
    );
  return [
    one('reshape', 'RESHAPE', { x, s: i32([2], [-1, 8]) }, f32([3, 8]), ['ReshapeOptions', { new_shape: [-1, 8] }]),
    one('reshape by option', 'RESHAPE', { x }, f32([4, 6]), ['ReshapeOptions', { new_shape: [4, 6] }]),
    one('squeeze', 'SQUEEZE', { x: f32([1, 3, 1, 2]) }, f32([3, 1, 2]), ['SqueezeOptions', { squeeze_dims: [0] }]),
    one('expand dims', 'EXPAND_DIMS', { x, a: i32([], [-2]) }, f32([2, 3, 1, 4])),
    one('transpose', 'TRANSPOSE', { x, p: i32([3], [2, 0, 1]) }, f32([4, 2, 3])),
    one('concat', 'CONCATENATION', { a: f32([2, 1, 3]), b: f32([2, 2, 3]) }, f32([2, 3, 3]), ['ConcatenationOptions', { axis: -2 }]),
    one('concat int8', 'CONCATENATION', { a: i8([2, 3], 0.05, 3), b: i8([2, 3], 0.05, 3) }, i8([4, 3], 0.05, 3), [
      'ConcatenationOptions',
      { axis: 0 },
    ]),
    one('pack', 'PACK', { a: f32([2, 3]), b: f32([2, 3]) }, f32([2, 2, 3]), ['PackOptions', { values_count: 2, axis: 1 }]),
    { name: 'unpack', model: single('UNPACK', { x: f32([3, 2]) }, { a: f32([3]), b: f32([3]) }, ['UnpackOptions', { num: 2, axis: -1 }]) },
    {
      name: 'split',
      model: single('SPLIT', { a: i32([], [1]), x: f32([2, 4]) }, { p: f32([2, 2]), q: f32([2, 2]) }, ['SplitOptions', { num_splits: 2 }]),
    },
    {
      name: 'split v',
      model: single('SPLIT_V', { x: f32([2, 5]), s: i32([2], [2, -1]), a: i32([], [1]) }, { p: f32([2, 2]), q: f32([2, 3]) }, [
        'SplitVOptions',
        { num_splits: 2 },
      ]),
    },
    one('slice', 'SLICE', { x, b: i32([3], [1, 0, 1]), s: i32([3], [1, 2, -1]) }, f32([1, 2, 3])),
    slice('strided slice', [0, -1, 3], [2, -4, 0], [1, -1, -2], [2, 3, 2], {}),
    slice('strided slice masks', [1, 1, 0], [0, 2, 3], [1, 1, 2], [1, 1, 2], { begin_mask: 4, end_mask: 1 }),
    slice('strided slice shrink', [-1, 0, 1], [0, 3, 2], [1, 2, 1], [2], { shrink_axis_mask: 5 }),
    slice('strided slice ellipsis', [0, 1], [0, 3], [1, 1], [2, 3, 2], { ellipsis_mask: 1 }),
    slice('strided slice new axis', [0, 1], [0, 2], [1, 1], [1, 1, 3, 4], { new_axis_mask: 1 }),
    one('pad', 'PAD', { x: f32([2, 3]), p: i32([2, 2], [1, 0, 2, 1]) }, f32([3, 6])),
    one('pad int8', 'PAD', { x: i8([2, 3], 0.05, 7), p: i32([2, 2], [1, 0, 2, 1]) }, i8([3, 6], 0.05, 7)),
    one('pad v2', 'PADV2', { x: f32([2, 3]), p: i32([2, 2], [1, 0, 2, 1]), v: f32([], [-1.5]) }, f32([3, 6])),
    one('mirror reflect', 'MIRROR_PAD', { x: f32([2, 3]), p: i32([2, 2], [1, 0, 2, 1]) }, f32([3, 6]), ['MirrorPadOptions', { mode: 0 }]),
    one('mirror symmetric', 'MIRROR_PAD', { x: f32([2, 3]), p: i32([2, 2], [2, 1, 3, 1]) }, f32([5, 7]), ['MirrorPadOptions', { mode: 1 }]),
    one('tile', 'TILE', { x: f32([2, 3]), m: i32([2], [2, 1]) }, f32([4, 3])),
    one('broadcast to', 'BROADCAST_TO', { x: f32([3, 1]), s: i32([3], [2, 3, 4]) }, f32([2, 3, 4])),
    one('reverse', 'REVERSE_V2', { x, a: i32([1], [1]) }, f32([2, 3, 4])),
    one('reverse sequence', 'REVERSE_SEQUENCE', { x, l: i32([2], [3, 2]) }, f32([2, 3, 4]), [
      'ReverseSequenceOptions',
      { seq_dim: 1, batch_dim: 0 },
    ]),
    one('gather', 'GATHER', { x, i: i32([2, 2]) }, f32([2, 2, 2, 4]), ['GatherOptions', { axis: 1 }]),
    one('gather batch', 'GATHER', { x, i: i32([2, 2]) }, f32([2, 2, 4]), ['GatherOptions', { axis: 1, batch_dims: 1 }]),
    one('gather nd', 'GATHER_ND', { x: f32([3, 3, 2]), i: i32([4, 2]) }, f32([4, 2])),
    one('scatter nd', 'SCATTER_ND', { i: i32([4, 1], [2, 0, 2, 1]), u: f32([4, 2]), s: i32([2], [4, 2]) }, f32([4, 2])),
    one('one hot', 'ONE_HOT', { i: i32([3]), d: i32([], [4]), on: f32([], [5]), off: f32([], [-1]) }, f32([3, 4]), [
      'OneHotOptions',
      { axis: -1 },
    ]),
    one('embedding', 'EMBEDDING_LOOKUP', { i: i32([3]), w: weights([3, 4], 5) }, f32([3, 4])),
    one('update slice', 'DYNAMIC_UPDATE_SLICE', { x: f32([3, 4]), u: f32([2, 2]), s: i32([2], [1, 1]) }, f32([3, 4])),
  ];
};

/** A recurrent layer and its weights; states are variables. */
const recurrent = (): readonly Case[] => {
  const [batch, steps, inputs, units] = [2, 3, 4, 3];
  const gate = (seed: number): TestTensor => weights([units, inputs], seed);
  const back = (seed: number): TestTensor => weights([units, units], seed);
  const state = (n: number): TestTensor => ({ elem: 'float32', shape: [batch, n], variable: true });
  const lstm = {
    tensors: {
      x: f32([batch, steps, inputs]),
      ...Object.fromEntries(
        ['i', 'f', 'c', 'o'].flatMap((g, k) => [
          [`w${g}`, gate(20 + k)],
          [`r${g}`, back(30 + k)],
          [`b${g}`, weights([units], 40 + k)],
        ]),
      ),
      h: state(units),
      c: state(units),
      y: f32([batch, steps, units]),
    },
    inputs: ['x'],
    outputs: ['y'],
    operators: [
      {
        op: 'UNIDIRECTIONAL_SEQUENCE_LSTM' as const,
        inputs: ['x', 'wi', 'wf', 'wc', 'wo', 'ri', 'rf', 'rc', 'ro', '-', '-', '-', 'bi', 'bf', 'bc', 'bo', '-', '-', 'h', 'c'],
        outputs: ['y'],
        options: ['UnidirectionalSequenceLSTMOptions', { fused_activation_function: 4, cell_clip: 0.5 }] as const,
      },
    ],
  };
  return [
    { name: 'lstm', model: lstm },
    {
      name: 'rnn',
      model: {
        ...single(
          'UNIDIRECTIONAL_SEQUENCE_RNN',
          { x: f32([batch, steps, inputs]), w: gate(1), r: back(2), b: weights([units], 3), h: state(units) },
          { y: f32([batch, steps, units]) },
          ['SequenceRNNOptions', { fused_activation_function: 1 }],
        ),
      },
    },
    {
      name: 'svdf',
      model: single(
        'SVDF',
        {
          x: f32([2, 4]),
          w: weights([6, 4], 1),
          t: weights([6, 3], 2),
          b: weights([3], 3),
          s: { elem: 'float32', shape: [2, 18], variable: true },
        },
        { y: f32([2, 3]) },
        ['SVDFOptions', { rank: 2 }],
      ),
    },
  ];
};

export const CASES: readonly Case[] = [...convolutions(), ...pools(), ...elementwise(), ...reductions(), ...shapes(), ...recurrent()];
