import type { ValueId } from '../ir/index.ts';
import { at } from '../support/index.ts';
import type { Made } from './import-session.ts';
import type { LayerRow, LayerTable } from './layer-graph.ts';
import type { LayerNode } from './layer-node.ts';
import { JOINED } from './tf-fuse.ts';
import { channelsFirst, checkReal, flagOf, imageOf, numberOf, one, span, textOf, textsOf, wholeOf, wholesOf, windowOf } from './tf-row.ts';

/** Hints for the machine that ran the model, and counts of operands. */
const hints = (n: LayerNode): void => {
  n.ignore('use_cudnn_on_gpu', 'num_args', 'num_host_args');
  const format = textOf(n, 'filter_format', 'HWIO');
  if (format !== 'HWIO') n.refuse(`filter_format is ${format}`);
};

const vector = (n: LayerNode, i: number, length: number): ValueId =>
  n.rank(i) === 1 && n.shapeOf(i)[0] === length
    ? n.real(i)
    : n.malformed(`input ${i} is [${n.shapeOf(i).join(', ')}], but [${length}] is wanted`);

/** A convolution by weights of the file, kernel…, I, O; `bias` is the input that holds the bias, if there is one. */
const convolution = (n: LayerNode, rank: number, bias?: number): { readonly y: ValueId; readonly made: (value: ValueId) => Made } => {
  hints(n);
  const image = imageOf(n, 0, rank);
  const weights = n.shapeOf(1);
  if (weights.length !== rank) return n.malformed(`the weights have rank ${weights.length}, but ${rank} is wanted`);
  checkReal(n, 1);
  const [own, outputs] = [at(weights, rank - 2), at(weights, rank - 1)];
  if (own < 1 || image.channels % own !== 0) return n.malformed(`the input has ${image.channels} channels, the weights ${own}`);
  const window = windowOf(n, image, weights.slice(0, -2));
  const w = n.permuted(1, [rank - 1, rank - 2, ...span(0, rank - 2)]);
  const operands = bias === undefined ? [image.x, w] : [image.x, w, vector(n, bias, outputs)];
  return { y: n.emit('conv', operands, { ...window, groups: image.channels / own }), made: image.made };
};

const conv =
  (rank: number) =>
  (n: LayerNode): Made => {
    const { y, made } = convolution(n, rank, n.has(2) ? 2 : undefined);
    return made(y);
  };

/** Weights [H, W, C, multiplier]: output channel c * multiplier + m is of input channel c. */
const depthwiseY = (n: LayerNode, bias?: number): { readonly y: ValueId; readonly made: (value: ValueId) => Made } => {
  hints(n);
  const image = imageOf(n, 0, 4);
  const weights = n.shapeOf(1);
  const [height, width, channels, multiplier] = weights;
  if (height === undefined || width === undefined || channels !== image.channels || multiplier === undefined || channels < 1)
    return n.malformed(`the weights are [${weights.join(', ')}], but the input has ${image.channels} channels`);
  checkReal(n, 1);
  const window = windowOf(n, image, [height, width]);
  const outputs = channels * multiplier;
  const { host, name } = n.input(1);
  const [shape, perm] = [
    [height, width, outputs, 1],
    [2, 3, 0, 1],
  ];
  const w = host === undefined ? n.emit('transpose', [n.reshape(n.x(1), shape)], { perm }) : n.session.constant(name, host, shape, perm);
  const operands = bias === undefined ? [image.x, w] : [image.x, w, vector(n, bias, outputs)];
  return { y: n.emit('conv', operands, { ...window, groups: channels }), made: image.made };
};

const depthwise = (n: LayerNode): Made => {
  const { y, made } = depthwiseY(n, n.has(2) ? 2 : undefined);
  return made(y);
};

/** An activation by the name that fused layers use. */
export const activation = (n: LayerNode, name: string, x: ValueId): ValueId => {
  switch (name) {
    case 'Relu':
      return n.emit('relu', [x], {});
    case 'Relu6':
      return n.emit('clip', [x], { min: 0, max: 6 });
    case 'Elu':
      return n.emit('elu', [x], { alpha: 1, gamma: 1 });
    case 'LeakyRelu':
      return n.emit('leaky_relu', [x], { alpha: numberOf(n, 'leakyrelu_alpha', 0.2) });
    case 'Sigmoid':
      return n.emit('sigmoid', [x], {});
    case 'Tanh':
      return n.emit('tanh', [x], {});
    case 'GeluExact':
      return n.emit('gelu', [x], { approximate: 'none' });
    case 'GeluApproximate':
      return n.emit('gelu', [x], { approximate: 'tanh' });
    default:
      return n.refuse(`the fused operation ${name} is not supported`);
  }
};

/** Statistics as operands of batch_norm; those that are left out of the file are none. */
const normalized = (n: LayerNode, x: ValueId, from: number, epsilon: number): ValueId => {
  const channels = n.typeOf(x).shape[1];
  const operands = span(from, from + 4).map((i) => vector(n, i, typeof channels === 'number' ? channels : 0));
  return n.emit('batch_norm', [x, ...operands], { epsilon });
};

/** A layer with what TensorFlow's own passes put behind it: a bias or statistics, and an activation. */
const fusedLayer = (
  n: LayerNode,
  layer: (bias?: number) => { readonly y: ValueId; readonly made: (value: ValueId) => Made },
  slope?: (x: ValueId) => ValueId,
): Made => {
  const [head, ...rest] = textsOf(n, 'fused_ops');
  const epsilon = numberOf(n, 'epsilon', 1e-4);
  n.ignore('leakyrelu_alpha');
  const { y, made } = layer(head === 'BiasAdd' ? 2 : undefined);
  if (head === 'FusedBatchNorm') return made(rest.reduce((x, name) => activation(n, name, x), normalized(n, y, 2, epsilon)));
  const names = head === 'BiasAdd' ? rest : head === undefined ? [] : [head, ...rest];
  return made(names.reduce((x, name) => (name === 'Prelu' && slope !== undefined ? slope(x) : activation(n, name, x)), y));
};

const batchNorm = (n: LayerNode): readonly Made[] => {
  n.ignore('exponential_avg_factor');
  if (flagOf(n, 'is_training', true)) return n.refuse('is_training is set', ['Freeze the graph for inference.']);
  const epsilon = numberOf(n, 'epsilon', 1e-4);
  const image = imageOf(n, 0, n.rank(0) === 5 ? 5 : 4);
  return [image.made(normalized(n, image.x, 1, epsilon))];
};

/** Sum with one element for each channel. */
const biasAdd = (n: LayerNode): Made => {
  const rank = n.rank(0);
  const first = channelsFirst(n, rank === 5 ? 'NDHWC' : 'NHWC') && rank > 2;
  checkReal(n, 0, 1);
  const [channels] = n.shapeOf(1);
  if (n.rank(1) !== 1 || rank < 2 || channels !== n.shapeOf(0)[first ? 1 : rank - 1])
    return n.malformed(`the bias is [${n.shapeOf(1).join(', ')}], the input [${n.shapeOf(0).join(', ')}]`);
  if (!first) return n.pointwise([0, 1], (xs) => n.emit('add', xs, {}));
  return n.emit('add', [n.x(0), n.reshape(n.x(1), [channels ?? 0, ...span(2, rank).map(() => 1)])], {});
};

/** f, unless a layer beside it has done its work already; see `fused`. */
export const joinable = (f: (n: LayerNode) => Made): LayerRow =>
  one((n) => (n.hasAttribute(JOINED) && n.attribute(JOINED) === true ? { same: n.input(0) } : f(n)));

/**
 * The gradient of a convolution whose input has the wanted size: that convolution's padding is cut off, what is missing at the end is
 * added. Inputs: wanted shape, weights kernel…, I, O, gradient with O channels.
 */
const transposed =
  (rank: number) =>
  (n: LayerNode): Made => {
    hints(n);
    const image = imageOf(n, 2, rank);
    const wanted = n.hostInts(0, 'the shape of the output');
    const weights = n.shapeOf(1);
    if (wanted.length !== rank || weights.length !== rank)
      return n.malformed(`the wanted shape is [${wanted.join(', ')}], the weights [${weights.join(', ')}]`);
    checkReal(n, 1);
    const kernel = weights.slice(0, -2);
    const size = image.spatial(wanted);
    if (size.some((d) => d < 1 || d > 2 ** 20)) return n.malformed(`the wanted shape is [${wanted.join(', ')}]`);
    if (weights.at(-1) !== image.channels)
      return n.malformed(`the input has ${image.channels} channels, the weights ${String(weights.at(-1))}`);
    const { pads, stride, dilation } = windowOf(n, image, kernel, size);
    const axes = span(0, rank - 2);
    const begin = axes.map((i) => at(pads, i));
    const full = axes.map((i) => (at(image.sizes, i) - 1) * at(stride, i) + at(dilation, i) * (at(kernel, i) - 1) + 1);
    // end = full - begin - wanted, cut off where positive, added where negative
    const end = axes.map((i) => at(full, i) - at(begin, i) - at(size, i));
    return image.made(
      n.emit('conv_transpose', [image.x, n.permuted(1, [rank - 1, rank - 2, ...axes])], {
        stride,
        dilation,
        pads: [...begin, ...end.map((e) => Math.max(0, e))],
        output_padding: end.map((e) => Math.max(0, -e)),
        groups: 1,
      }),
    );
  };

/** `ksize` has an entry for each dimension of the file; those of batch and channels have to be 1. */
const pool =
  (op: 'max_pool' | 'average_pool', rank: number) =>
  (n: LayerNode): Made => {
    const image = imageOf(n, 0, rank);
    const list = wholesOf(n, 'ksize');
    const kernel = image.spatial(list);
    if (list.length !== rank || list.reduce((a, b) => a * b, 1) !== kernel.reduce((a, b) => a * b, 1))
      return n.refuse(`ksize is [${list.join(', ')}]: batch and channels have to be whole`);
    return image.made(n.emit(op, [image.x], { kernel, ...windowOf(n, image, kernel) }));
  };

/** y = x / (bias + alpha * sum of squares of the channels within radius)^beta; alpha is not divided by the size of the window. */
const localNorm = (n: LayerNode): Made => {
  const radius = wholeOf(n, 'depth_radius', 5);
  const [bias, alpha, beta] = [numberOf(n, 'bias', 1), numberOf(n, 'alpha', 1), numberOf(n, 'beta', 0.5)];
  if (radius < 0 || radius > 511) return n.refuse(`depth_radius is ${radius}`);
  checkReal(n, 0);
  if (n.rank(0) !== 4) return n.malformed(`the input has rank ${n.rank(0)}`);
  const size = 2 * radius + 1;
  return { value: n.emit('lrn', [n.first(0)], { size, alpha: Math.fround(alpha * size), beta, bias }), layout: 'first' };
};

/** Slopes for each channel, or one for all. */
const preluOf =
  (n: LayerNode, i: number) =>
  (x: ValueId): ValueId => {
    const host = n.host(i, 'the slope');
    const channels = n.typeOf(x).shape[1];
    if (host.data.length !== 1 && host.data.length !== channels) return n.refuse(`the slope is [${host.shape.join(', ')}]`);
    const slope = n.session.constant(n.input(i).name, host, host.data.length === 1 ? [] : [host.data.length, 1, 1]);
    return n.emit('prelu', [x, slope], {});
  };

export const convRows = {
  Conv2D: one(conv(4)),
  Conv3D: one(conv(5)),
  DepthwiseConv2dNative: one(depthwise),
  _FusedConv2D: one((n) => fusedLayer(n, (bias) => convolution(n, 4, bias), preluOf(n, 3))),
  FusedDepthwiseConv2dNative: one((n) => fusedLayer(n, (bias) => depthwiseY(n, bias), preluOf(n, 3))),
  _FusedDepthwiseConv2dNative: one((n) => fusedLayer(n, (bias) => depthwiseY(n, bias), preluOf(n, 3))),
  Conv2DBackpropInput: one(transposed(4)),
  Conv3DBackpropInputV2: one(transposed(5)),
  FusedBatchNorm: { import: batchNorm },
  FusedBatchNormV2: { import: batchNorm },
  FusedBatchNormV3: { import: batchNorm },
  BiasAdd: joinable(biasAdd),
  BiasAddV1: joinable(biasAdd),
  MaxPool: one(pool('max_pool', 4)),
  MaxPool3D: one(pool('max_pool', 5)),
  AvgPool: one(pool('average_pool', 4)),
  AvgPool3D: one(pool('average_pool', 5)),
  LRN: one(localNorm),
} as const satisfies LayerTable;
