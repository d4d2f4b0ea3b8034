import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import {
  type Border,
  biasOf,
  borderOf,
  flagOf,
  isPadded,
  listOf,
  ones,
  padded,
  sameAs,
  type Sliding,
  type SlidingLists,
  slidingLists,
  slidingOf,
  span,
  wholeOf,
  wordOf,
} from './util.ts';

const flat = (padding: readonly (readonly [number, number])[]): readonly number[] => [
  ...padding.map(([p]) => p),
  ...padding.map(([, q]) => q),
];
const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** Windows over the spatial dimensions; other borders than zeros are laid around x before. */
const convOf = (
  n: LayerNode,
  x: ValueId,
  w: number,
  bias: readonly ValueId[],
  border: Border,
  sliding: Sliding,
  groups: number,
): ValueId => {
  const { stride, dilation, padding } = sliding;
  const zeros = border === 'constant' || border === 'ignore';
  const crops = padding.some(([p, q]) => p < 0 || q < 0);
  const own = zeros && !crops ? x : padded(n, x, [[0, 0], [0, 0], ...padding], border);
  const pads = zeros && !crops ? flat(padding) : padding.flatMap(() => [0, 0]);
  return n.emit('conv', [own, n.real(w), ...bias], { stride, dilation, pads, groups });
};

const groupsOf = (n: LayerNode, channels: number): number => {
  const groups = wholeOf(n, 'groups', 1);
  return groups === 0 ? channels : groups > 0 ? groups : n.malformed(`groups is ${groups}`);
};

const imageOf = (n: LayerNode): { readonly channels: number; readonly sizes: readonly number[] } => {
  const [, channels = 1, ...sizes] = n.shapeOf(0);
  return sizes.length >= 1 && sizes.length <= 3
    ? { channels, sizes }
    : n.refuse(`the input has ${n.rank(0)} dimensions, but 3 to 5 are supported`);
};

const conv = (n: LayerNode): ValueId => {
  const { channels, sizes } = imageOf(n);
  const sliding = slidingOf(n, sizes, n.shapeOf(1).slice(2));
  return convOf(n, n.real(0), 1, biasOf(n, 2, at(n.shapeOf(1), 0)), borderOf(n), sliding, groupsOf(n, channels));
};

interface Deconv {
  readonly x: ValueId;
  readonly weights: ValueId;
  readonly bias: readonly ValueId[];
  readonly groups: number;
  readonly lists: SlidingLists;
}

/** The gradient of a convolution: its padding is cut off, what is missing of a given size is added behind. */
const deconvOf = (n: LayerNode, { x, weights, bias, groups, lists }: Deconv): ValueId => {
  if (!['constant', 'ignore'].includes(borderOf(n))) return n.refuse('borders of transposed convolutions other than constant');
  const sizes = n.sizes(x).slice(2);
  const kernel = n.sizes(weights).slice(2);
  const given = listOf(n, 'output_shape').slice(2);
  const wanted = given.length > 0 ? given : sizes.map((size, i) => size * (lists.stride.length === 0 ? 1 : at(lists.stride, i)));
  const { stride, dilation, padding } = slidingOf(n, sizes, kernel, lists, wanted);
  if (padding.some(([p]) => p < 0)) return n.refuse('negative padding of a transposed convolution');
  const full = sizes.map((size, i) => (size - 1) * at(stride, i) + at(dilation, i) * (at(kernel, i) - 1) + 1);
  // padding that is given tells the size, unless that is given too
  const isTold = given.length === 0 && lists.padding.length > 0;
  const size = isTold ? full.map((f, i) => f - at(padding, i)[0] - at(padding, i)[1]) : wanted;
  const end = full.map((f, i) => f - at(padding, i)[0] - at(size, i));
  return n.emit('conv_transpose', [x, weights, ...bias], {
    stride,
    dilation,
    pads: [...padding.map(([p]) => p), ...end.map((e) => Math.max(0, e))],
    output_padding: end.map((e) => Math.max(0, -e)),
    groups,
  });
};

const deconv = (n: LayerNode): ValueId => {
  imageOf(n);
  const own = wholeOf(n, 'groups', 1);
  const groups = own === 0 ? (listOf(n, 'output_shape')[1] ?? at(n.shapeOf(1), 0)) : own;
  const bias = biasOf(n, 2, at(n.shapeOf(1), 1) * groups);
  return deconvOf(n, { x: n.real(0), weights: n.real(1), bias, groups, lists: slidingLists(n) });
};

/** Each channel apart, then the channels together. */
const separableConv = (n: LayerNode): ValueId => {
  const { channels, sizes } = imageOf(n);
  const sliding = slidingOf(n, sizes, n.shapeOf(1).slice(2));
  const plane = convOf(n, n.real(0), 1, [], borderOf(n), sliding, channels);
  const one = ones(sizes.length);
  const point = { stride: one, dilation: one, padding: sameAs(sizes, n.shapeOf(2).slice(2), one, one) };
  return convOf(n, plane, 2, biasOf(n, 3, at(n.shapeOf(2), 0)), 'constant', point, wholeOf(n, 'groups', 1));
};

const separableDeconv = (n: LayerNode): ValueId => {
  const one = ones(imageOf(n).sizes.length);
  if (
    n
      .shapeOf(2)
      .slice(2)
      .some((k) => k !== 1)
  )
    return n.refuse('a point filter of more than one cell');
  const none = one.flatMap(() => [0, 0]);
  const attrs = { stride: one, dilation: one, pads: none, output_padding: one.map(() => 0), groups: wholeOf(n, 'groups', 1) };
  const point = n.emit('conv_transpose', [n.real(0), n.real(2)], attrs);
  const groups = at(n.sizes(point), 1);
  const bias = biasOf(n, 3, groups * at(n.shapeOf(1), 1));
  return deconvOf(n, { x: point, weights: n.real(1), bias, groups, lists: slidingLists(n) });
};

/** A value with two dimensions in front of those over which windows slide, and the way back. */
interface Planes {
  readonly x: ValueId;
  readonly kernel: readonly number[];
  readonly sliding: Sliding;
  readonly back: (y: ValueId) => ValueId;
}

/** Windows may slide over any dimensions; those of pooling ops stand behind batch and channels. */
const planesOf = (n: LayerNode, x: ValueId, kernel: readonly number[], sliding: Sliding): Planes => {
  const sizes = n.sizes(x);
  const active = span(0, sizes.length).filter((d) => at(kernel, d) > 1 || at(sliding.stride, d) > 1 || isPadded([at(sliding.padding, d)]));
  const still = span(0, sizes.length).filter((d) => !active.includes(d));
  const pick = (dims: readonly number[]): Planes['sliding'] => ({
    stride: dims.map((d) => at(sliding.stride, d)),
    dilation: dims.map((d) => at(sliding.dilation, d)),
    padding: dims.map((d) => at(sliding.padding, d)),
  });
  if (sizes.length >= 3 && sizes.length <= 5 && active.every((d) => d >= 2))
    return { x, kernel: kernel.slice(2), sliding: pick(span(2, sizes.length)), back: (y) => y };
  if (active.length > 3) return n.refuse(`windows over ${active.length} dimensions`);
  const moving = active.length === 0 ? still.slice(-1) : active;
  const rest = span(0, sizes.length).filter((d) => !moving.includes(d));
  const perm = [...rest, ...moving];
  const turned = n.emit('transpose', [x], { perm });
  const planes = n.reshape(turned, [1, product(rest.map((d) => at(sizes, d))), ...moving.map((d) => at(sizes, d))]);
  const back = (y: ValueId): ValueId => {
    const opened = n.reshape(y, [...rest.map((d) => at(sizes, d)), ...n.sizes(y).slice(2)]);
    return n.emit('transpose', [opened], { perm: perm.map((_, d) => perm.indexOf(d)) });
  };
  return { x: planes, kernel: moving.map((d) => at(kernel, d)), sliding: pick(moving), back };
};

type Reduce = 'max' | 'mean' | 'sum';

/** Constant borders are zeros, which count; what is ignored does not. */
export const pooled = (
  n: LayerNode,
  value: ValueId,
  kernel: readonly number[],
  sliding: Sliding,
  border: Border,
  reduce: Reduce,
): ValueId => {
  const { x, kernel: own, sliding: s, back } = planesOf(n, value, kernel, sliding);
  const crops = s.padding.some(([p, q]) => p < 0 || q < 0);
  const asIs = isPadded(s.padding) && (crops || (border !== 'ignore' && (reduce === 'max' || border !== 'constant')));
  const source = asIs ? padded(n, x, [[0, 0], [0, 0], ...s.padding], border) : x;
  const attrs = {
    kernel: own,
    stride: s.stride,
    dilation: s.dilation,
    pads: asIs ? s.padding.flatMap(() => [0, 0]) : flat(s.padding),
    ceil: false,
  };
  if (reduce === 'max') return back(n.emit('max_pool', [source], attrs));
  const counts = border !== 'ignore' || reduce === 'sum';
  const mean = n.emit('average_pool', [source], { ...attrs, include_pad: counts && !asIs && isPadded(s.padding) });
  return back(reduce === 'mean' ? mean : n.emit('mul', [mean, n.scalar(product(kernel))], {}));
};

const pool =
  (reduce: Reduce | 'rms' | 'box') =>
  (n: LayerNode): readonly Made[] => {
    const kernel = listOf(n, 'size');
    const sliding = slidingOf(n, n.shapeOf(0), kernel);
    const border = borderOf(n);
    const x = n.real(0);
    if (reduce === 'rms') return [n.emit('sqrt', [pooled(n, n.emit('mul', [x, x], {}), kernel, sliding, border, 'mean')], {})];
    return [pooled(n, x, kernel, sliding, border, reduce === 'box' ? (flagOf(n, 'normalize') ? 'mean' : 'sum') : reduce)];
  };

const factorOf = (n: LayerNode): readonly number[] => {
  const { sizes } = imageOf(n);
  const factor = listOf(n, 'factor');
  return factor.length === sizes.length && factor.every((f) => f >= 1)
    ? factor
    : n.malformed(`factor is [${factor.join(', ')}] for [${sizes.join(', ')}]`);
};

const nearestDown = (n: LayerNode): ValueId => {
  const steps = [1, 1, ...factorOf(n)];
  const sizes = n.shapeOf(0).map((d, i) => Math.floor((d - 1) / at(steps, i)) + 1);
  return n.emit('slice', [n.x(0)], { starts: steps.map(() => 0), sizes, steps });
};

const areaDown = (n: LayerNode): ValueId => {
  const factor = factorOf(n);
  const none = factor.flatMap(() => [0, 0]);
  return n.emit('average_pool', [n.real(0)], { kernel: factor, stride: factor, dilation: ones(factor.length), pads: none });
};

const upsampledSizes = (n: LayerNode): readonly number[] => factorOf(n).map((f, i) => f * at(n.shapeOf(0), i + 2));

const multilinear = (n: LayerNode): ValueId => {
  const method = wordOf(n, 'method', ['symmetric', 'asymmetric', 'aligned'] as const, 'symmetric');
  const border = borderOf(n, 'replicate');
  if (border !== 'replicate' && method !== 'aligned') return n.refuse(`border ${border} of ${method} upsampling`);
  const coordinates = ({ symmetric: 'half_pixel', asymmetric: 'asymmetric', aligned: 'align_corners' } as const)[method];
  return n.emit('resize', [n.real(0)], { mode: 'linear', coordinates, sizes: upsampledSizes(n) });
};

/** Each cell spread over a window of ones. */
const debox = (n: LayerNode): ValueId => {
  const kernel = listOf(n, 'size');
  const { channels } = imageOf(n);
  if (kernel.length !== n.rank(0) || kernel[0] !== 1 || kernel[1] !== 1) return n.refuse(`a window of [${kernel.join(', ')}]`);
  const size = kernel.slice(2);
  const { stride, dilation, padding } = slidingLists(n);
  const lists = { stride: stride.slice(2), dilation: dilation.slice(2), padding: padding.slice(2) };
  const value = flagOf(n, 'normalize') ? 1 / product(size) : 1;
  const weights = n.session.constant(`${n.site.origin}.ones`, n.made('float32', [channels, 1, ...size], () => value).host);
  return deconvOf(n, { x: n.real(0), weights, bias: [], groups: channels, lists });
};

export const window = {
  conv: { import: (n) => [conv(n)] },
  deconv: { import: (n) => [deconv(n)] },
  separable_conv: { import: (n) => [separableConv(n)] },
  separable_deconv: { import: (n) => [separableDeconv(n)] },
  box: { import: pool('box') },
  debox: { import: (n) => [debox(n)] },
  max_pool: { import: pool('max') },
  avg_pool: { import: pool('mean') },
  rms_pool: { import: pool('rms') },
  nearest_downsample: { import: (n) => [nearestDown(n)] },
  area_downsample: { import: (n) => [areaDown(n)] },
  nearest_upsample: {
    import: (n) => [
      n.emit('resize', [n.real(0)], { mode: 'nearest', coordinates: 'asymmetric', rounding: 'floor', sizes: upsampledSizes(n) }),
    ],
  },
  multilinear_upsample: { import: (n) => [multilinear(n)] },
  argmax_pool: { refused: 'positions of pooling are not imported' },
  max_pool_with_index: { refused: 'positions of pooling are not imported' },
  sample: { refused: 'positions of pooling are not imported' },
  desample: { refused: 'positions of pooling are not imported' },
  avg_roi_pool: { refused: 'regions are not imported' },
  max_roi_pool: { refused: 'regions are not imported' },
  roi_resample: { refused: 'regions are not imported' },
  avg_roi_align: { refused: 'regions are not imported' },
  max_roi_align: { refused: 'regions are not imported' },
} as const satisfies LayerTable;
