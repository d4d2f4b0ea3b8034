import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { blobs, type BlobSpec, flagOf, ignoreTraining, ones, span, wholeOf, wholesOf } from './attributes.ts';

const P = 'convolution_param';

/** One number per spatial dimension: the repeated field, one entry for all, or the fields _h and _w. */
const spatial = (n: LayerNode, name: string, sides: readonly [string, string], count: number, fallback?: number): readonly number[] => {
  const list = wholesOf(n, `${P}.${name}`);
  const [h, w] = sides.map((side) => wholesOf(n, `${P}.${side}`).at(-1));
  if (h !== undefined || w !== undefined) {
    if (count !== 2 || list.length > 0) return n.malformed(`${name} is given twice, or ${sides.join(' and ')} for ${count} dimensions`);
    return [h ?? fallback ?? n.malformed(`${sides[0]} is missing`), w ?? fallback ?? n.malformed(`${sides[1]} is missing`)];
  }
  if (list.length === 1) return new Array<number>(count).fill(at(list, 0));
  if (list.length === count) return list;
  if (list.length > 0) return n.malformed(`${name} has ${list.length} entries for ${count} dimensions`);
  return new Array<number>(count).fill(fallback ?? n.malformed(`${name} is missing`));
};

interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** The same at both ends. */
  readonly pads: readonly number[];
}

const windowOf = (n: LayerNode): Window => {
  const rank = n.rank(0);
  if (rank < 3 || rank > 5) n.refuse(`the input has ${rank} dimensions, but 3 to 5 are supported`);
  const axis = n.axis(wholeOf(n, `${P}.axis`, 1), rank);
  if (axis !== 1) n.refuse(`axis is ${axis}: channels have to be axis 1`);
  const count = rank - 2;
  const kernel = spatial(n, 'kernel_size', ['kernel_h', 'kernel_w'], count);
  const stride = spatial(n, 'stride', ['stride_h', 'stride_w'], count, 1);
  const pad = spatial(n, 'pad', ['pad_h', 'pad_w'], count, 0);
  const dilation = spatial(n, 'dilation', ['dilation_h', 'dilation_w'], count, 1);
  if ([...kernel, ...stride, ...dilation].some((v) => v < 1) || pad.some((v) => v < 0))
    n.malformed(`kernel [${kernel.join(', ')}], stride [${stride.join(', ')}], dilation [${dilation.join(', ')}], pad [${pad.join(', ')}]`);
  return { kernel, stride, dilation, pads: [...pad, ...pad] };
};

/** Settings of a fork that quantizes weights when it is told to. */
const ignoreCompression = (n: LayerNode): void => {
  n.ignore('conserve_gpu_memory_test');
  if (flagOf(n, 'parameter_compress', false)) n.refuse('parameter_compress is true: the weights are in files of a fork of Caffe');
  n.ignore(
    ...['num_cluster', 'cluster_centers_file', 'cluster_indices_file'].map((name) => `${P}.quantization_kmean_${name}`),
    `${P}.quantization_num_segment`,
  );
};

interface Sizes {
  readonly channels: number;
  readonly outputs: number;
  readonly group: number;
}

const sizesOf = (n: LayerNode, group: (channels: number, outputs: number) => number): Sizes => {
  ignoreTraining(n, P);
  ignoreCompression(n);
  n.ignore(`${P}.force_nd_im2col`);
  const channels = at(n.shapeOf(0), 1);
  const outputs = wholeOf(n, `${P}.num_output`);
  const groups = group(channels, outputs);
  if (outputs < 1 || groups < 1 || channels % groups !== 0 || outputs % groups !== 0)
    return n.malformed(`num_output is ${outputs}, group ${groups}, and the input has ${channels} channels`);
  return { channels, outputs, group: groups };
};

const withBias = (n: LayerNode, weight: BlobSpec, outputs: number): readonly ValueId[] =>
  blobs(n, [weight, ...(flagOf(n, `${P}.bias_term`, true) ? [{ shape: [outputs], role: 'shift' } as const] : [])]);

const convolution = (n: LayerNode, groupOf: (channels: number, outputs: number) => number): ValueId => {
  const { kernel, ...window } = windowOf(n);
  const { channels, outputs, group } = sizesOf(n, groupOf);
  const own = withBias(n, { shape: [outputs, channels / group, ...kernel], role: 'weight' }, outputs);
  return n.emit('conv', [n.real(0), ...own], { ...window, groups: group });
};

const declared = (n: LayerNode): number => wholeOf(n, `${P}.group`, 1);

/** Each channel apart, whatever `group` says. */
const depthwise = (n: LayerNode, channels: number, outputs: number): number => {
  const group = wholeOf(n, `${P}.group`, channels);
  if (outputs !== channels || (group !== channels && group !== 1))
    return n.refuse(
      `num_output is ${outputs} and group ${group}, but forks agree only where both are the ${channels} channels of the input`,
    );
  return channels;
};

const deconvolution = (n: LayerNode): ValueId => {
  const { kernel, ...window } = windowOf(n);
  const { channels, outputs, group } = sizesOf(n, () => declared(n));
  const shape = [channels, outputs / group, ...kernel];
  const own = withBias(n, { shape, role: 'weight', fanIn: (channels / group) * kernel.reduce((a, b) => a * b, 1) }, outputs);
  const attrs = { ...window, output_padding: kernel.map(() => 0), groups: group };
  return n.emit('conv_transpose', [n.real(0), ...own], attrs);
};

const innerProduct = (n: LayerNode): ValueId => {
  const G = 'inner_product_param';
  ignoreTraining(n, G);
  const shape = n.shapeOf(0);
  const axis = n.axis(wholeOf(n, `${G}.axis`, 1), shape.length);
  const outputs = wholeOf(n, `${G}.num_output`);
  const inputs = shape.slice(axis).reduce((a, b) => a * b, 1);
  const transposed = flagOf(n, `${G}.transpose`, false);
  const own = blobs(n, [
    transposed
      ? { shape: [inputs, outputs], role: 'weight', perm: [1, 0], fanIn: inputs }
      : { shape: [outputs, inputs], role: 'weight', fanIn: inputs },
    ...(flagOf(n, `${G}.bias_term`, true) ? [{ shape: [outputs], role: 'shift' } as const] : []),
  ]);
  const x = n.real(0);
  const flat =
    shape.length === axis + 1 ? x : axis === 1 ? n.emit('flatten', [x], { axis: 1 }) : n.reshape(x, [...shape.slice(0, axis), inputs]);
  return n.emit('dense', [flat, ...own], {});
};

/** Rows of a table by the whole numbers of the input. */
const embed = (n: LayerNode): ValueId => {
  const G = 'embed_param';
  ignoreTraining(n, G);
  const [outputs, rows] = [wholeOf(n, `${G}.num_output`), wholeOf(n, `${G}.input_dim`)];
  const [weight, bias] = blobs(n, [
    { shape: [rows, outputs], role: 'weight', fanIn: 1 },
    ...(flagOf(n, `${G}.bias_term`, true) ? [{ shape: [outputs], role: 'shift' } as const] : []),
  ]);
  const y = n.emit('embedding', [weight ?? n.malformed('it has no weights'), n.as(n.x(0), 'i32')], {});
  return bias === undefined ? y : n.emit('add', [y, bias], {});
};

/** Elements of windows as columns: [N, C k, H, W]. */
const im2col = (n: LayerNode): ValueId => {
  const window = windowOf(n);
  ignoreTraining(n, P);
  const [batch = 1, channels = 1] = n.shapeOf(0);
  const columns = n.emit('im2col', [n.real(0)], window);
  const taps = window.kernel.reduce((a, b) => a * b, 1);
  const sizes = span(0, n.rank(0) - 2).map((i) => {
    const reach = at(window.dilation, i) * (at(window.kernel, i) - 1) + 1;
    return Math.floor((at(n.shapeOf(0), i + 2) + 2 * at(window.pads, i) - reach) / at(window.stride, i)) + 1;
  });
  return n.reshape(columns, [batch, channels * taps, ...sizes]);
};

/** y = a x + y, a per channel (of networks that excite channels). */
const axpy = (n: LayerNode): ValueId => {
  const [batch = 1, channels = 1] = n.shapeOf(1);
  if (n.shapeOf(0).reduce((a, b) => a * b, 1) !== batch * channels)
    return n.malformed(`the factors are [${n.shapeOf(0).join(', ')}], but the input is [${n.shapeOf(1).join(', ')}]`);
  const factors = n.reshape(n.real(0), [batch, channels, ...ones(n.rank(1) - 2)]);
  return n.emit('add', [n.emit('mul', [n.real(1), factors], {}), n.real(2)], {});
};

export const conv = {
  Convolution: { import: (n) => [convolution(n, () => declared(n))] },
  ConvolutionDepthwise: { import: (n) => [convolution(n, (c, o) => depthwise(n, c, o))] },
  DepthwiseConvolution: { import: (n) => [convolution(n, (c, o) => depthwise(n, c, o))] },
  Deconvolution: { import: (n) => [deconvolution(n)] },
  InnerProduct: { import: (n) => [innerProduct(n)] },
  Embed: { import: (n) => [embed(n)] },
  Im2col: { import: (n) => [im2col(n)] },
  Axpy: { import: (n) => [axpy(n)] },
} as const satisfies LayerTable;
