import { filled, type TestBlob, type TestBlobs } from './build.ts';

/** A small net and what it is run on. */
export interface Case {
  readonly name: string;
  readonly net: string;
  readonly inputs: readonly TestBlob[];
  readonly blobs: TestBlobs;
}

const dims = (shape: readonly number[]): string => shape.map((d) => `dim: ${d}`).join(' ');

/** One layer on inputs x0, x1, …: its parameters as text. */
const one = (
  name: string,
  type: string,
  params: string,
  inputs: readonly TestBlob[],
  blobs: readonly TestBlob[] = [],
  tops: readonly string[] = ['y'],
): Case => ({
  name,
  net: [
    'name: "test"',
    ...inputs.map((x, i) => `input: "x${i}" input_shape { ${dims(x.shape)} }`),
    `layer { name: "l" type: "${type}" ${inputs.map((_, i) => `bottom: "x${i}"`).join(' ')} ${tops.map((t) => `top: "${t}"`).join(' ')} ${params} }`,
    '',
  ].join('\n'),
  inputs,
  blobs: blobs.length === 0 ? {} : { l: blobs },
});

const image = (...shape: readonly number[]): readonly TestBlob[] => [filled(shape, 1)];
const conv = (name: string, params: string, x: readonly number[], w: readonly number[], bias = true, type = 'Convolution'): Case => {
  const outputs = type === 'Deconvolution' ? Number(/num_output: (\d+)/.exec(params)?.[1]) : (w[0] ?? 0);
  const blobs = [filled(w, 2), ...(bias ? [filled([outputs], 3)] : [])];
  return one(name, type, `convolution_param { ${params} }`, image(...x), blobs);
};
const pool = (name: string, params: string, ...x: readonly number[]): Case =>
  one(name, 'Pooling', `pooling_param { ${params} }`, image(...x));
const unary = (name: string, type: string, params = '', lo = -3, hi = 3): Case =>
  one(name, type, params, [filled([2, 3, 4, 5], 1, lo, hi)]);
const pair = (shape = [2, 3, 4, 5]): readonly TestBlob[] => [filled(shape, 1), filled(shape, 4)];

/** Cases that OpenCV reads: record.py. */
export const OPENCV_CASES: readonly Case[] = [
  conv('conv', 'num_output: 4 kernel_size: 3 stride: 2 pad: 1', [2, 3, 7, 6], [4, 3, 3, 3]),
  conv('conv_sides', 'num_output: 2 kernel_h: 1 kernel_w: 3 stride_h: 1 stride_w: 2 pad_h: 0 pad_w: 2', [1, 2, 5, 6], [2, 2, 1, 3]),
  conv('conv_groups', 'num_output: 4 kernel_size: 3 group: 2 bias_term: false', [1, 4, 5, 5], [4, 2, 3, 3], false),
  conv('conv_dilated', 'num_output: 3 kernel_size: 3 dilation: 2 pad: 2', [1, 2, 7, 7], [3, 2, 3, 3]),
  conv('deconv', 'num_output: 3 kernel_size: 4 stride: 2 pad: 1', [1, 2, 4, 5], [2, 3, 4, 4], true, 'Deconvolution'),
  conv(
    'deconv_groups',
    'num_output: 4 kernel_size: 3 stride: 2 group: 4 bias_term: false',
    [1, 4, 4, 5],
    [4, 1, 3, 3],
    false,
    'Deconvolution',
  ),
  one('inner_product', 'InnerProduct', 'inner_product_param { num_output: 5 }', image(2, 3, 2, 2), [filled([5, 12], 2), filled([5], 3)]),
  pool('pool_ceil', 'kernel_size: 3 stride: 2', 1, 2, 8, 7),
  pool('pool_floor_and_ceil', 'kernel_size: 2 stride: 2', 1, 2, 7, 8),
  pool('pool_clipped', 'kernel_size: 2 stride: 2 pad: 1', 1, 2, 5, 7),
  pool('pool_average', 'pool: AVE kernel_size: 3 stride: 2', 1, 2, 8, 7),
  pool('pool_average_padded', 'pool: AVE kernel_size: 3 stride: 2 pad: 1', 1, 2, 6, 7),
  pool('pool_average_sides', 'pool: AVE kernel_h: 2 kernel_w: 3 stride_h: 1 stride_w: 2 pad_h: 1 pad_w: 0', 1, 2, 5, 8),
  pool('pool_global', 'pool: AVE global_pooling: true', 2, 3, 5, 4),
  pool('pool_global_max', 'pool: MAX global_pooling: true', 2, 3, 5, 4),
  one('lrn_across', 'LRN', 'lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 }', image(2, 5, 3, 4)),
  one('lrn_within', 'LRN', 'lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 norm_region: WITHIN_CHANNEL }', image(2, 3, 5, 4)),
  one('batch_norm', 'BatchNorm', 'batch_norm_param { eps: 0.001 }', image(2, 3, 4, 5), [
    filled([3], 2),
    filled([3], 3, 1, 4),
    { shape: [1], data: [2] },
  ]),
  one('scale', 'Scale', 'scale_param { bias_term: true }', image(2, 3, 4, 5), [filled([3], 2), filled([3], 3)]),
  unary('relu', 'ReLU'),
  unary('relu_leaky', 'ReLU', 'relu_param { negative_slope: 0.1 }'),
  unary('relu6', 'ReLU6', '', -8, 8),
  one('prelu', 'PReLU', '', image(2, 3, 4, 5), [filled([3], 2, 0, 1)]),
  unary('elu', 'ELU'),
  unary('sigmoid', 'Sigmoid'),
  unary('tanh', 'TanH'),
  unary('bnll', 'BNLL'),
  unary('abs', 'AbsVal'),
  unary('power', 'Power', 'power_param { power: 3 scale: 0.5 shift: 2 }'),
  unary('power_affine', 'Power', 'power_param { scale: 0.5 shift: -1 }'),
  unary('exp', 'Exp', 'exp_param { base: 2 scale: 0.5 shift: 1 }'),
  one('eltwise_sum', 'Eltwise', '', pair()),
  one('eltwise_coefficients', 'Eltwise', 'eltwise_param { operation: SUM coeff: 0.5 coeff: -1 }', pair()),
  one('eltwise_product', 'Eltwise', 'eltwise_param { operation: PROD }', pair()),
  one('eltwise_max', 'Eltwise', 'eltwise_param { operation: MAX }', pair()),
  one('concat', 'Concat', '', [filled([1, 2, 3, 4], 1), filled([1, 3, 3, 4], 2)]),
  one('concat_axis', 'Concat', 'concat_param { axis: 2 }', [filled([1, 2, 3, 4], 1), filled([1, 2, 1, 4], 2)]),
  one('softmax', 'Softmax', '', image(2, 5, 2, 3)),
  one('softmax_axis', 'Softmax', 'softmax_param { axis: 2 }', image(2, 3, 4, 2)),
  one('flatten', 'Flatten', '', image(2, 3, 2, 2)),
  one('flatten_axes', 'Flatten', 'flatten_param { axis: 2 end_axis: 3 }', image(2, 3, 2, 4)),
  one('reshape', 'Reshape', 'reshape_param { shape { dim: 0 dim: -1 dim: 4 } }', image(2, 3, 2, 4)),
  one('permute', 'Permute', 'permute_param { order: 0 order: 2 order: 3 order: 1 }', image(2, 3, 4, 5)),
  one('crop', 'Crop', 'crop_param { axis: 2 offset: 1 offset: 2 }', [filled([1, 2, 6, 7], 1), filled([1, 2, 3, 4], 2)]),
  one('mvn', 'MVN', '', image(2, 3, 4, 5)),
  one('mvn_across', 'MVN', 'mvn_param { across_channels: true }', image(2, 3, 4, 5)),
  one('normalize', 'Normalize', 'norm_param { across_spatial: false channel_shared: false }', image(1, 3, 4, 5), [filled([3], 2, 1, 5)]),
  one('shuffle', 'ShuffleChannel', 'shuffle_channel_param { group: 2 }', image(1, 6, 2, 3)),
  one('interp', 'Interp', 'interp_param { height: 7 width: 9 }', image(1, 2, 4, 5)),
];

const SEQUENCE = [filled([4, 2, 3], 1), { shape: [4, 2], data: [0, 0, 1, 1, 1, 0, 1, 1] }] as const;

/** Cases whose results record.py computes by the definitions in Caffe's sources. */
export const NUMPY_CASES: readonly Case[] = [
  one('inner_product_axis', 'InnerProduct', 'inner_product_param { num_output: 5 axis: 2 bias_term: false }', image(2, 3, 4), [
    filled([5, 4], 2),
  ]),
  one('slice_points', 'Slice', 'slice_param { axis: 1 slice_point: 1 slice_point: 3 }', image(2, 4, 2, 3), [], ['y0', 'y1', 'y2']),
  one('slice_equal', 'Slice', 'slice_param { axis: 3 }', image(1, 2, 2, 6), [], ['y0', 'y1']),
  one('axpy', 'Axpy', '', [filled([1, 3, 1, 1], 1), filled([1, 3, 4, 5], 2), filled([1, 3, 4, 5], 3)]),
  one('lstm', 'LSTM', 'recurrent_param { num_output: 2 }', SEQUENCE, [filled([8, 3], 2), filled([8], 3), filled([8, 2], 4)]),
  one(
    'lstm_exposed',
    'LSTM',
    'recurrent_param { num_output: 2 expose_hidden: true }',
    [...SEQUENCE, filled([1, 2, 2], 5), filled([1, 2, 2], 6)],
    [filled([8, 3], 2), filled([8], 3), filled([8, 2], 4)],
    ['y', 'h', 'c'],
  ),
  one('rnn', 'RNN', 'recurrent_param { num_output: 2 }', SEQUENCE, [
    filled([2, 3], 2),
    filled([2], 3),
    filled([2, 2], 4),
    filled([2, 2], 5),
    filled([2], 6),
  ]),
  unary('log', 'Log', 'log_param { base: 10 scale: 2 shift: 1 }', 0.1, 3),
  unary('threshold', 'Threshold', 'threshold_param { threshold: 0.5 }'),
  unary('clip', 'Clip', 'clip_param { min: -1 max: 2 }'),
  unary('swish', 'Swish', 'swish_param { beta: 1.5 }'),
  one('bias', 'Bias', 'bias_param { axis: 2 num_axes: 2 }', image(2, 3, 4, 5), [filled([4, 5], 2)]),
  one('scale_two', 'Scale', 'scale_param { axis: 0 }', [filled([2, 3, 4, 5], 1), filled([2, 3], 2)]),
  one('tile', 'Tile', 'tile_param { axis: 1 tiles: 3 }', image(2, 2, 3)),
  one(
    'embed',
    'Embed',
    'embed_param { num_output: 3 input_dim: 5 }',
    [{ shape: [2, 2], data: [0, 4, 2, 1] }],
    [filled([5, 3], 2), filled([3], 3)],
  ),
  one('argmax', 'ArgMax', '', [{ shape: [2, 3], data: [1, 5, 5, 2, 2, 0] }]),
  one('argmax_values', 'ArgMax', 'argmax_param { out_max_val: true top_k: 2 }', image(2, 5)),
  one('argmax_axis', 'ArgMax', 'argmax_param { axis: 1 }', image(2, 5, 3)),
  one('reduction_sum', 'Reduction', 'reduction_param { axis: 1 coeff: 0.5 }', image(2, 3, 4)),
  one('reduction_asum', 'Reduction', 'reduction_param { operation: ASUM axis: 2 }', image(2, 3, 4)),
  one('reduction_sumsq', 'Reduction', 'reduction_param { operation: SUMSQ }', image(2, 3, 4)),
  one('reduction_mean', 'Reduction', 'reduction_param { operation: MEAN axis: -1 }', image(2, 3, 4)),
  one('inner_product_transposed', 'InnerProduct', 'inner_product_param { num_output: 5 transpose: true }', image(2, 3), [
    filled([3, 5], 2),
    filled([5], 3),
  ]),
  one('spp', 'SPP', 'spp_param { pyramid_height: 3 }', image(1, 2, 7, 9)),
  one('spp_average', 'SPP', 'spp_param { pyramid_height: 2 pool: AVE }', image(1, 2, 5, 4)),
  one('pool_mask', 'Pooling', 'pooling_param { kernel_size: 2 stride: 2 }', image(1, 2, 4, 6), [], ['y', 'mask']),
  one('upsample_mask', 'Upsample', 'upsample_param { scale: 2 }', [
    { shape: [1, 1, 2, 2], data: [5, 6, 7, 8] },
    { shape: [1, 1, 2, 2], data: [1, 2, 12, 15] },
  ]),
  one('upsample_nearest', 'Upsample', 'upsample_param { scale: 2 }', image(1, 2, 2, 3)),
  one('im2col', 'Im2col', 'convolution_param { kernel_size: 2 stride: 2 pad: 1 }', image(1, 2, 3, 4)),
  one('interp_factors', 'Interp', 'interp_param { shrink_factor: 2 zoom_factor: 3 }', image(1, 2, 5, 7)),
];
