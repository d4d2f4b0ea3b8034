import { elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerNode } from '../../layer-node.ts';
import { bool, float, int, ints, optionalFloat, optionalInts, word } from '../attributes.ts';
import type { MxTable } from './row.ts';
import { span } from './util.ts';
import { channelsLast, type Window, windowOf } from './window.ts';

const KINDS = ['max', 'avg', 'sum', 'lp'] as const;
type Kind = (typeof KINDS)[number];

/** Pads behind the input such that the last window of the convention `full`, which rounds the number of windows up, is whole. */
const fullPads = (n: LayerNode, { kernel, stride, pads }: Window, spatial: readonly number[]): readonly number[] => {
  const begin = pads.slice(0, kernel.length);
  const end = spatial.map((size, i) => {
    const left = size + 2 * at(begin, i) - at(kernel, i);
    if (left < 0) return n.malformed(`the kernel is larger than the input [${n.shapeOf(0).join(', ')}]`);
    const start = Math.ceil(left / at(stride, i)) * at(stride, i);
    if (start > left && start >= size + at(begin, i))
      return n.refuse('the last window of pooling_convention full lies in the padding alone: MXNet gives -3.4e38 or 0 there');
    return at(begin, i) + start - left;
  });
  return [...begin, ...end];
};

/** Whether full has more windows than valid. */
const roundsUp = (w: Window, spatial: readonly number[]): boolean =>
  spatial.some((size, i) => (size + 2 * at(w.pads, i) - at(w.kernel, i)) % at(w.stride, i) !== 0);

/**
 * Files from before October 2016 have no pooling_convention: MXNet reads them as valid, and before July 2016 all pooling was
 * full (apache/mxnet pull requests 2585 and 3438). Where the two differ, that is told.
 */
const noteAge = (n: LayerNode, w: Window, spatial: readonly number[]): void => {
  const assumed = n.attribute('assumed_convention');
  if (assumed !== undefined && roundsUp(w, spatial))
    n.approximate(`the file is from before pooling_convention: ${String(assumed)} was taken, but valid and full give other sizes here`);
};

/** The window of a convention: valid rounds the number of windows down, full up; same makes ceil(size / stride), from the first cell on. */
const conventional = (n: LayerNode, w: Window, spatial: readonly number[], kind: Kind): Window & { readonly ceil: boolean } => {
  noteAge(n, w, spatial);
  const convention = word(n, 'pooling_convention', ['valid', 'full', 'same'], 'valid');
  if (convention === 'valid') return { ...w, ceil: false };
  if (convention === 'full') {
    fullPads(n, w, spatial);
    return { ...w, ceil: roundsUp(w, spatial) };
  }
  const [size = 0, ...more] = spatial;
  if (kind !== 'max' || more.length > 0 || w.pads.some((p) => p !== 0))
    return n.refuse('pooling_convention same is there for maxima over one dimension, without pad');
  const total = (Math.ceil(size / at(w.stride, 0)) - 1) * at(w.stride, 0) + at(w.kernel, 0) - size;
  return { ...w, pads: [0, Math.max(0, total)], ceil: false };
};

/** MXNet takes no absolute values: with an odd p the sum is no norm. */
const evenPower = (n: LayerNode): number => {
  const p = int(n, 'p_value');
  return p === 2 ? p : n.refuse(`p_value is ${p}`);
};

const pooled = (n: LayerNode, x: ValueId, kind: Kind): ValueId => {
  const own = windowOf(n);
  const spatial = n.sizes(x).slice(2);
  const window = { ...conventional(n, own, spatial, kind), dilation: own.kernel.map(() => 1) };
  if (kind === 'max') return n.emit('max_pool', [x], window);
  const counts = bool(n, 'count_include_pad', true) && window.pads.some((p) => p > 0);
  if (kind === 'avg') return n.emit('average_pool', [x], { ...window, include_pad: counts });
  if (kind === 'lp') return n.emit('lp_pool', [x], { ...window, p: evenPower(n) });
  // the sum is the mean over windows that all have as many cells, those behind the input being 0
  const pads = window.ceil ? fullPads(n, own, spatial) : window.pads;
  const mean = n.emit('average_pool', [x], { ...window, pads, ceil: false, include_pad: true });
  return n.emit('mul', [mean, n.scalar(elementCount(own.kernel))], {});
};

const global = (n: LayerNode, x: ValueId, kind: Kind): ValueId => {
  const axes = span(2, n.sizes(x).length);
  if (kind === 'max') return n.emit('global_max_pool', [x], {});
  if (kind === 'avg') return n.emit('global_average_pool', [x], {});
  if (kind === 'sum') return n.emit('reduce_sum', [x], { axes, keep: true });
  const spatial = n.sizes(x).slice(2);
  const ones = spatial.map(() => 1);
  const pads = [...spatial, ...spatial].map(() => 0);
  return n.emit('lp_pool', [x], { kernel: spatial, stride: ones, dilation: ones, pads, p: evenPower(n) });
};

const pooling = (n: LayerNode): Made => {
  n.ignore('cudnn_off', 'workspace', 'p_value', 'count_include_pad');
  const kind = word(n, 'pool_type', KINDS, 'max');
  const last = channelsLast(n);
  const x = last ? n.first(0) : n.real(0);
  const layout = last ? 'first' : 'file';
  if (bool(n, 'global_pool', false)) {
    n.ignore('kernel', 'stride', 'pad', 'pooling_convention', 'assumed_convention');
    return { value: global(n, x, kind), layout };
  }
  return { value: pooled(n, x, kind), layout };
};

/**
 * The pooling of 0.8, kept as Pooling_v1: means divide by the whole window, padding counts as 0 for maxima too, and full windows
 * are counted as long as they start inside the padded input.
 */
const poolingV1 = (n: LayerNode): Made => {
  n.ignore('workspace');
  const kind = word(n, 'pool_type', ['max', 'avg', 'sum'], 'max');
  const x = n.real(0);
  const full = word(n, 'pooling_convention', ['valid', 'full'], 'valid') === 'full';
  if (bool(n, 'global_pool', false)) {
    n.ignore('kernel', 'stride', 'pad');
    return global(n, x, kind);
  }
  const w = windowOf(n);
  const { kernel, stride, pads } = w;
  const dilation = kernel.map(() => 1);
  const ends = full ? fullPads(n, w, n.sizes(x).slice(2)) : pads;
  if (kind === 'max') {
    if (pads.every((p) => p === 0)) return n.emit('max_pool', [x], { kernel, stride, dilation, pads: ends });
    const zeros = n.emit('pad', [x], { pads: [0, 0, ...pads.slice(0, kernel.length), 0, 0, ...pads.slice(kernel.length)] });
    const rest = ends.map((e, i) => e - at(pads, i));
    return n.emit('max_pool', [zeros], { kernel, stride, dilation, pads: rest });
  }
  const mean = n.emit('average_pool', [x], { kernel, stride, dilation, pads: ends, include_pad: true });
  return kind === 'avg' ? mean : n.emit('mul', [mean, n.scalar(elementCount(kernel))], {});
};

const adaptive = (n: LayerNode): Made => {
  const given = optionalInts(n, 'output_size') ?? [];
  const sizes = given.length === 0 ? [1, 1] : given.length === 1 ? [...given, ...given] : given;
  return n.emit('adaptive_average_pool', [n.real(0)], { sizes });
};

/** Regions [batch, x1, y1, x2, y2] as corners and the index of their image. */
const regions = (n: LayerNode): { readonly rois: ValueId; readonly batch: ValueId } => {
  const [count = 0, width] = n.shapeOf(1);
  if (n.rank(1) !== 2 || width !== 5) return n.malformed(`rois are [${n.shapeOf(1).join(', ')}], but five columns are wanted`);
  const [image, rois] = n.emitAll('split', [n.real(1)], { axis: 1, sizes: [1, 4] });
  if (image === undefined || rois === undefined) return n.malformed('rois have no columns');
  return { rois, batch: n.as(n.reshape(image, [count]), 'i32') };
};

const roiPooling = (n: LayerNode): Made => {
  const { rois, batch } = regions(n);
  return n.emit('roi_pool', [n.real(0), rois, batch], { size: ints(n, 'pooled_size'), spatial_scale: float(n, 'spatial_scale') });
};

const roiAlign = (n: LayerNode): Made => {
  const sampling = int(n, 'sample_ratio', -1);
  if (sampling < 1) return n.refuse(`sample_ratio is ${sampling}: the number of samples would depend on the region`);
  if (bool(n, 'position_sensitive', false)) return n.refuse('position_sensitive is True');
  const { rois, batch } = regions(n);
  return n.emit('roi_align', [n.real(0), rois, batch], {
    size: ints(n, 'pooled_size'),
    spatial_scale: float(n, 'spatial_scale'),
    sampling,
    aligned: bool(n, 'aligned', false),
  });
};

const resized = (n: LayerNode): Made => {
  const mode = word(n, 'mode', ['size', 'like', 'odd_scale', 'to_even_down', 'to_even_up', 'to_odd_down', 'to_odd_up'], 'size');
  if (mode !== 'size' && mode !== 'like') return n.refuse(`mode is ${mode}`);
  const [, , rows = 0, columns = 0] = n.shapeOf(0);
  const scales = [optionalFloat(n, 'scale_height'), optionalFloat(n, 'scale_width')];
  const given = [int(n, 'height', 1), int(n, 'width', 1)];
  const sizes =
    mode === 'like'
      ? n.shapeOf(1).slice(2)
      : [rows, columns].map((size, i) => {
          const scale = scales[i];
          return scale === undefined ? at(given, i) : Math.floor(size * Math.fround(scale));
        });
  const coordinates = bool(n, 'align_corners', true) ? 'align_corners' : 'half_pixel';
  return n.emit('resize', [n.real(0)], { mode: 'linear', coordinates, sizes });
};

export const pool = {
  Pooling: { import: (n) => [pooling(n)] },
  Pooling_v1: { import: (n) => [poolingV1(n)] },
  _contrib_AdaptiveAvgPooling2D: { import: (n) => [adaptive(n)] },
  ROIPooling: { import: (n) => [roiPooling(n)] },
  _contrib_ROIAlign: { import: (n) => [roiAlign(n)] },
  _contrib_BilinearResize2D: { import: (n) => [resized(n)] },
} as const satisfies MxTable;
