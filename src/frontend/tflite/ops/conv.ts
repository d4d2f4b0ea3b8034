import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { TfliteNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { TfliteOps } from './row.ts';
import { activated, first, span, windowOf } from './util.ts';

/** The bias, if there is one. Integers without a scale have that of the sums: the scale of x times those of the weights. */
export const biasOf = (n: TfliteNode, i: number, xi = 0, wi = 1): readonly ValueId[] => {
  if (!n.has(i)) return [];
  const [bias, x, w] = [n.input(i), n.input(xi).quantization, n.input(wi).quantization];
  if (bias.host === undefined || n.isReal(i) || x === undefined || w === undefined) return [n.real(i)];
  const scales = w.scales.map((s) => Math.fround(s * (x.scales[0] ?? 1)));
  if (scales.length !== 1 && scales.length !== n.shapeOf(i)[0]) return n.malformed(`the bias has shape [${n.shapeOf(i).join(', ')}]`);
  return [n.session.constant({ ...bias, quantization: { scales, zeros: scales.map(() => 0), axis: 0 } })];
};

/** Weights quantized, input float: the runtime rounds the input to int8 by its range at run time. */
export const noteHybrid = (n: TfliteNode, x: number, w: number): void => {
  if (n.input(x).quantization === undefined && n.input(w).quantization !== undefined)
    n.approximate(
      'weights are quantized, activations are float: TensorFlow Lite rounds them to int8 by their range at run time, here they stay float',
    );
};

interface ConvParts {
  readonly x: number;
  readonly w: number;
  readonly bias: number;
  /** Dimension k of the weights O, I, kernel… is dimension perm[k] of those of the file. */
  readonly perm: readonly number[];
  readonly groups: number;
  readonly padding: number;
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly activation: number;
}

const convolution = (n: TfliteNode, p: ConvParts): Made => {
  const rank = p.perm.length;
  if (n.rank(p.x) !== rank) return n.malformed(`input ${p.x} has rank ${n.rank(p.x)}, but ${rank} is wanted`);
  if (n.rank(p.w) !== rank) return n.malformed(`the weights have rank ${n.rank(p.w)}, but ${rank} is wanted`);
  const kernel = p.perm.slice(2).map((k) => at(n.shapeOf(p.w), k));
  const window = windowOf(n, p.padding, n.shapeOf(p.x).slice(1, -1), kernel, p.stride, p.dilation);
  noteHybrid(n, p.x, p.w);
  const y = n.emit('conv', [n.first(p.x), n.permuted(p.w, p.perm), ...biasOf(n, p.bias, p.x, p.w)], { ...window, groups: p.groups });
  return first(activated(n, y, p.activation));
};

/** Channels of x over those of the weights. */
const groupsOf = (n: TfliteNode, channels: number, own: number): number =>
  own > 0 && channels > 0 && channels % own === 0 ? channels / own : n.malformed(`the input has ${channels} channels, the weights ${own}`);

const conv2d = (n: TfliteNode): Made => {
  const o = n.options('Conv2DOptions');
  // says how wide the runtime's sums are; sums here are never cut
  void o.quantized_bias_type;
  return convolution(n, {
    x: 0,
    w: 1,
    bias: 2,
    perm: [0, 3, 1, 2],
    groups: groupsOf(n, n.shapeOf(0).at(-1) ?? 0, n.shapeOf(1).at(-1) ?? 0),
    padding: o.padding,
    stride: [o.stride_h, o.stride_w],
    dilation: [o.dilation_h_factor, o.dilation_w_factor],
    activation: o.fused_activation_function,
  });
};

/** Weights [1, H, W, C multiplier]: output channel c * multiplier + m is of input channel c. depth_multiplier says the same again. */
const depthwise = (n: TfliteNode): Made => {
  const o = n.options('DepthwiseConv2DOptions');
  void o.depth_multiplier;
  const [lead, , , own = 0] = n.shapeOf(1);
  const channels = n.shapeOf(0).at(-1) ?? 0;
  if (lead !== 1 || channels < 1 || own % channels !== 0)
    return n.malformed(`the weights are [${n.shapeOf(1).join(', ')}], but the input has ${channels} channels`);
  return convolution(n, {
    x: 0,
    w: 1,
    bias: 2,
    perm: [3, 0, 1, 2],
    groups: channels,
    padding: o.padding,
    stride: [o.stride_h, o.stride_w],
    dilation: [o.dilation_h_factor, o.dilation_w_factor],
    activation: o.fused_activation_function,
  });
};

const conv3d = (n: TfliteNode): Made => {
  const o = n.options('Conv3DOptions');
  return convolution(n, {
    x: 0,
    w: 1,
    bias: 2,
    perm: [4, 3, 0, 1, 2],
    groups: groupsOf(n, n.shapeOf(0).at(-1) ?? 0, n.shapeOf(1).at(-2) ?? 0),
    padding: o.padding,
    stride: [o.stride_d, o.stride_h, o.stride_w],
    dilation: [o.dilation_d_factor, o.dilation_h_factor, o.dilation_w_factor],
    activation: o.fused_activation_function,
  });
};

/** Computed at run time, the shape is the one that the file declares for the result. */
const wantedShape = (n: TfliteNode): readonly number[] => {
  if (n.input(0).host !== undefined) return n.hostInts(0, 'the shape of the output');
  n.approximate('the shape of the output is computed at run time; it is taken as the file declares it');
  return n.output(0).shape;
};

interface TransposedParts {
  /** Dimension k of the weights I, O, kernel… is dimension perm[k] of those of the file. */
  readonly perm: readonly number[];
  readonly padding: number;
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly activation: number;
}

/**
 * The gradient of a convolution whose input has the wanted size: that convolution's padding is cut off, what is missing at the
 * end is added. Inputs: wanted shape, weights, x, bias.
 */
const transposed = (n: TfliteNode, p: TransposedParts): Made => {
  const rank = p.perm.length;
  const wanted = wantedShape(n);
  if (wanted.length !== rank || n.rank(2) !== rank || n.rank(1) !== rank)
    return n.malformed(`the wanted shape is [${wanted.join(', ')}], the input [${n.shapeOf(2).join(', ')}]`);
  const kernel = p.perm.slice(2).map((k) => at(n.shapeOf(1), k));
  const size = wanted.slice(1, -1);
  if (size.some((d) => d < 1 || d > 2 ** 20)) return n.malformed(`the wanted shape is [${wanted.join(', ')}]`);
  const { pads } = windowOf(n, p.padding, size, kernel, p.stride, p.dilation);
  const axes = span(0, rank - 2);
  const begin = axes.map((i) => at(pads, i));
  const full = axes.map((i) => (at(n.shapeOf(2), i + 1) - 1) * at(p.stride, i) + at(p.dilation, i) * (at(kernel, i) - 1) + 1);
  // end = full - begin - wanted, cut off where positive, added where negative
  const end = axes.map((i) => at(full, i) - at(begin, i) - at(size, i));
  noteHybrid(n, 2, 1);
  const y = n.emit('conv_transpose', [n.first(2), n.permuted(1, p.perm), ...biasOf(n, 3, 2, 1)], {
    stride: p.stride,
    dilation: p.dilation,
    pads: [...begin, ...end.map((e) => Math.max(0, e))],
    output_padding: end.map((e) => Math.max(0, -e)),
    groups: 1,
  });
  return first(activated(n, y, p.activation));
};

const transposeConv = (n: TfliteNode): Made => {
  const o = n.options('TransposeConvOptions');
  void o.quantized_bias_type;
  return transposed(n, {
    perm: [3, 0, 1, 2],
    padding: o.padding,
    stride: [o.stride_h, o.stride_w],
    dilation: [1, 1],
    activation: o.fused_activation_function,
  });
};

const conv3dTranspose = (n: TfliteNode): Made => {
  const o = n.options('Conv3DOptions');
  return transposed(n, {
    perm: [4, 3, 0, 1, 2],
    padding: o.padding,
    stride: [o.stride_d, o.stride_h, o.stride_w],
    dilation: [o.dilation_d_factor, o.dilation_h_factor, o.dilation_w_factor],
    activation: o.fused_activation_function,
  });
};

type Pool = (
  n: TfliteNode,
  x: ValueId,
  attrs: {
    readonly kernel: readonly number[];
    readonly pads: readonly number[];
    readonly stride: readonly number[];
    readonly dilation: readonly number[];
  },
) => ValueId;

const pool =
  (emit: Pool) =>
  (n: TfliteNode): readonly Made[] => {
    const o = n.options('Pool2DOptions');
    const kernel = [o.filter_height, o.filter_width];
    const window = windowOf(n, o.padding, n.shapeOf(0).slice(1, -1), kernel, [o.stride_h, o.stride_w]);
    return [first(activated(n, emit(n, n.first(0), { kernel, ...window }), o.fused_activation_function))];
  };

/** sqrt of the mean of the squares. */
const l2Pool: Pool = (n, x, attrs) => n.emit('sqrt', [n.emit('average_pool', [n.emit('mul', [x, x], {})], attrs)], {});

export const conv = {
  CONV_2D: { import: (n) => [conv2d(n)] },
  DEPTHWISE_CONV_2D: { import: (n) => [depthwise(n)] },
  CONV_3D: { import: (n) => [conv3d(n)] },
  TRANSPOSE_CONV: { import: (n) => [transposeConv(n)] },
  CONV_3D_TRANSPOSE: { import: (n) => [conv3dTranspose(n)] },
  AVERAGE_POOL_2D: { import: pool((n, x, attrs) => n.emit('average_pool', [x], attrs)) },
  MAX_POOL_2D: { import: pool((n, x, attrs) => n.emit('max_pool', [x], attrs)), keeps: true },
  L2_POOL_2D: { import: pool(l2Pool) },
} as const satisfies TfliteOps;
