import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { one, span, wholeOf } from '../../tf-row.ts';
import { withActivation } from './activation.ts';
import { flagOf, type Image, imageOf, listOf, weight, type Window, windowOf } from './util.ts';

const product = (list: readonly number[]): number => list.reduce((p, v) => p * v, 1);

const bias = (n: LayerNode, outputs: number): readonly ValueId[] =>
  flagOf(n, 'use_bias', true) ? [weight(n, 'bias', [outputs], 'shift')] : [];

/** kernel…, I, O as the file has it, to O, I, kernel…. */
const outputsFirst = (dims: number): readonly number[] => [dims + 1, dims, ...span(0, dims)];

const filtersOf = (n: LayerNode): number => {
  const filters = wholeOf(n, 'filters');
  return filters > 0 ? filters : n.malformed(`filters is ${filters}`);
};

const windowAt = (n: LayerNode, dims: number, sizes: readonly number[], kernel: readonly number[]): Window => {
  const ones = new Array<number>(dims).fill(1);
  return windowOf(n, sizes, kernel, listOf(n, 'strides', dims, ones), listOf(n, 'dilation_rate', dims, ones));
};

const conv =
  (dims: number) =>
  (n: LayerNode): Made => {
    const image = imageOf(n, dims);
    const kernel = listOf(n, 'kernel_size', dims);
    const outputs = filtersOf(n);
    const groups = wholeOf(n, 'groups', 1);
    if (groups < 1 || image.channels % groups !== 0) return n.malformed(`${groups} groups do not divide ${image.channels} channels`);
    const own = image.channels / groups;
    const w = weight(n, 'kernel', [...kernel, own, outputs], 'weight', { perm: outputsFirst(dims), fanIn: own * product(kernel) });
    const y = n.emit('conv', [image.x, w, ...bias(n, outputs)], { ...windowAt(n, dims, image.sizes, kernel), groups });
    return withActivation(n, image.made(y));
  };

/** Weights [kernel…, C, multiplier]: output channel c * multiplier + m is of input channel c. */
const depthwiseWeight = (n: LayerNode, image: Image, kernel: readonly number[], multiplier: number): ValueId => {
  const dims = kernel.length;
  return weight(n, 'depthwise_kernel', [...kernel, image.channels, multiplier], 'weight', {
    as: [...kernel, image.channels * multiplier, 1],
    perm: [dims, dims + 1, ...span(0, dims)],
    fanIn: product(kernel),
  });
};

const multiplierOf = (n: LayerNode): number => {
  const multiplier = wholeOf(n, 'depth_multiplier', 1);
  return multiplier > 0 ? multiplier : n.malformed(`depth_multiplier is ${multiplier}`);
};

const depthwise =
  (dims: number) =>
  (n: LayerNode): Made => {
    // the config lists them and the layer never reads them
    n.ignore('filters', 'groups');
    const image = imageOf(n, dims);
    const kernel = listOf(n, 'kernel_size', dims);
    const multiplier = multiplierOf(n);
    const w = depthwiseWeight(n, image, kernel, multiplier);
    const window = windowAt(n, dims, image.sizes, kernel);
    const y = n.emit('conv', [image.x, w, ...bias(n, image.channels * multiplier)], { ...window, groups: image.channels });
    return withActivation(n, image.made(y));
  };

/** A depthwise convolution, then one of 1 x 1 with the bias. */
const separable =
  (dims: number) =>
  (n: LayerNode): Made => {
    n.ignore('groups');
    const image = imageOf(n, dims);
    const kernel = listOf(n, 'kernel_size', dims);
    const multiplier = multiplierOf(n);
    const outputs = filtersOf(n);
    const inner = image.channels * multiplier;
    const ones = new Array<number>(dims).fill(1);
    const window = windowAt(n, dims, image.sizes, kernel);
    const deep = n.emit('conv', [image.x, depthwiseWeight(n, image, kernel, multiplier)], { ...window, groups: image.channels });
    const w = weight(n, 'pointwise_kernel', [...ones, inner, outputs], 'weight', { perm: outputsFirst(dims), fanIn: inner });
    const y = n.emit('conv', [deep, w, ...bias(n, outputs)], { pads: [...ones, ...ones].map(() => 0), stride: ones, dilation: ones });
    return withActivation(n, image.made(y));
  };

/** Sizes of the result (keras/src/backend/common/backend_utils.py, keras 2: conv_utils.deconv_output_length). */
const transposedSizes = (
  n: LayerNode,
  sizes: readonly number[],
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): readonly number[] => {
  const extra = n.attribute('output_padding') === undefined ? undefined : listOf(n, 'output_padding', sizes.length);
  const isSame = String(n.attribute('padding') ?? 'valid').toLowerCase() === 'same';
  return sizes.map((size, i) => {
    const [step, reach] = [at(stride, i), (at(kernel, i) - 1) * at(dilation, i) + 1];
    if (extra !== undefined) return (size - 1) * step + reach - (isSame ? 2 * Math.floor(reach / 2) : 0) + at(extra, i);
    return isSame ? size * step : size * step + Math.max(0, reach - step);
  });
};

/**
 * The gradient of a convolution whose input has the size of the result: that convolution's padding is cut off, what is missing
 * at the end is added. Weights [kernel…, O, I].
 */
const transposed =
  (dims: number) =>
  (n: LayerNode): Made => {
    const image = imageOf(n, dims);
    const kernel = listOf(n, 'kernel_size', dims);
    const outputs = filtersOf(n);
    if (wholeOf(n, 'groups', 1) !== 1) return n.refuse('groups of a transposed convolution');
    const ones = new Array<number>(dims).fill(1);
    const stride = listOf(n, 'strides', dims, ones);
    const dilation = listOf(n, 'dilation_rate', dims, ones);
    const sizes = transposedSizes(n, image.sizes, kernel, stride, dilation);
    if (sizes.some((s) => s < 1)) return n.malformed(`the result would have the size [${sizes.join(', ')}]`);
    const { pads } = windowOf(n, sizes, kernel, stride, dilation);
    const begin = pads.slice(0, dims);
    const full = image.sizes.map((s, i) => (s - 1) * at(stride, i) + at(dilation, i) * (at(kernel, i) - 1) + 1);
    // end = full - begin - size, cut off where positive, added where negative
    const end = full.map((f, i) => f - at(begin, i) - at(sizes, i));
    const w = weight(n, 'kernel', [...kernel, outputs, image.channels], 'weight', {
      perm: outputsFirst(dims),
      fanIn: image.channels * product(kernel),
    });
    const y = n.emit('conv_transpose', [image.x, w, ...bias(n, outputs)], {
      stride,
      dilation,
      pads: [...begin, ...end.map((e) => Math.max(0, e))],
      output_padding: end.map((e) => Math.max(0, -e)),
      groups: 1,
    });
    return withActivation(n, image.made(y));
  };

export const convolutions = {
  Conv1D: one(conv(1)),
  Conv2D: one(conv(2)),
  Conv3D: one(conv(3)),
  DepthwiseConv1D: one(depthwise(1)),
  DepthwiseConv2D: one(depthwise(2)),
  SeparableConv1D: one(separable(1)),
  SeparableConv2D: one(separable(2)),
  Conv1DTranspose: one(transposed(1)),
  Conv2DTranspose: one(transposed(2)),
  Conv3DTranspose: one(transposed(3)),
} as const satisfies LayerTable;
