import { f32, flexOptions, i32, i8, single, type TestTensor } from './build.ts';
import { type Case, i16, one, qbias, qweights, type Tensors, u8, weights, whole } from './case-parts.ts';

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

/** Box codes and scores of three classes behind a background, four anchors. */
const detections = (regular: boolean, most: number): Case => ({
  name: regular ? 'detection regular' : 'detection fast',
  model: {
    tensors: {
      boxes: f32([1, 4, 4], whole(16, 3, -3, 3)),
      scores: f32([1, 4, 4], [0, 0.9, 0.1, 0.3, 0, 0.8, 0.2, 0.6, 0, 0.3, 0.95, 0.5, 0, 0.2, 0.7, 0.4]),
      anchors: f32([4, 4], [0.2, 0.2, 0.5, 0.5, 0.25, 0.2, 0.5, 0.5, 0.7, 0.7, 0.4, 0.3, 0.5, 0.5, 1, 1]),
      b: f32([1, most, 4]),
      c: f32([1, most]),
      s: f32([1, most]),
      n: f32([1]),
    },
    inputs: [],
    outputs: ['b', 'c', 's', 'n'],
    operators: [
      {
        op: 'CUSTOM',
        custom: 'TFLite_Detection_PostProcess',
        inputs: ['boxes', 'scores', 'anchors'],
        outputs: ['b', 'c', 's', 'n'],
        customOptions: flexOptions({
          max_detections: most,
          max_classes_per_detection: 1,
          detections_per_class: 2,
          use_regular_nms: regular ? 1 : 0,
          nms_score_threshold: 0.25,
          nms_iou_threshold: 0.55,
          num_classes: 3,
          y_scale: 10.5,
          x_scale: 10,
          h_scale: 5,
          w_scale: 5,
        }),
      },
    ],
  },
});

export const LAYER_CASES: readonly Case[] = [...convolutions(), ...pools(), ...recurrent(), detections(true, 7), detections(false, 3)];
