import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { flagOf, numberOf, valuesOf, wholeOf, wholesOf, wordOf } from './attributes.ts';

const METHODS = { MAX: 0, AVE: 1, STOCHASTIC: 2 } as const;
type Method = 'MAX' | 'AVE';

interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly pad: readonly number[];
  /** Rounds the number of windows up, as Caffe does; some forks round down. */
  readonly ceil: boolean;
}

interface PoolAttrs {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly pads: readonly number[];
  readonly ceil: boolean;
}

/**
 * The windows of pooling_layer.cpp: as many as the padded input needs, the last one gone where it would begin behind the input and
 * its begin padding, each cut at the end of the padding.
 */
const poolAttrs = (n: LayerNode, sizes: readonly number[], w: Window): PoolAttrs => {
  const isPadded = w.pad.some((p) => p > 0);
  if (w.kernel.some((k) => k < 1) || w.stride.some((s) => s < 1) || w.pad.some((p, i) => p < 0 || (p > 0 && p >= at(w.kernel, i))))
    return n.malformed(`kernel [${w.kernel.join(', ')}], stride [${w.stride.join(', ')}], pad [${w.pad.join(', ')}]`);
  const kernel: number[] = [];
  let ceil = false;
  sizes.forEach((size, i) => {
    const [k, s, p] = [at(w.kernel, i), at(w.stride, i), at(w.pad, i)];
    const down = Math.floor((size + 2 * p - k) / s) + 1;
    let count = w.ceil ? Math.ceil((size + 2 * p - k) / s) + 1 : down;
    if (isPadded && (count - 1) * s >= size + p) count--;
    if (count < 1 || (count - 1) * s - p >= size)
      n.malformed(`a window of ${k} with stride ${s} lies outside the ${size} cells of dimension ${i + 2}`);
    // one window, larger than the input: what is cut off is no part of it
    kernel.push(count === 1 ? Math.min(k, size + 2 * p) : k);
    if (count !== Math.floor((size + 2 * p - at(kernel, i)) / s) + 1) ceil = true;
  });
  return { kernel, stride: w.stride, dilation: w.stride.map(() => 1), pads: [...w.pad, ...w.pad], ceil };
};

/** Cells of the padding count in a mean, what lies behind it does not. */
const emitPool = (n: LayerNode, x: ValueId, method: Method, attrs: PoolAttrs): ValueId =>
  method === 'MAX' ? n.emit('max_pool', [x], attrs) : n.emit('average_pool', [x], { ...attrs, include_pad: attrs.pads.some((p) => p > 0) });

const methodOf = (n: LayerNode, name: string): Method => {
  const word = wordOf(n, name, METHODS, 'MAX');
  return word === 'STOCHASTIC' ? n.refuse('stochastic pooling draws random numbers') : (word as Method);
};

/** One number for both sides, or one each. */
const pair = (n: LayerNode, name: string, sides: readonly [string, string], fallback?: number): readonly number[] => {
  const both = wholesOf(n, `pooling_param.${name}`).at(-1);
  const own = sides.map((side) => wholesOf(n, `pooling_param.${side}`).at(-1));
  if (both !== undefined && own.some((v) => v !== undefined && v !== both)) return n.malformed(`${name} and ${sides.join(', ')} are given`);
  return own.map((v, i) => v ?? both ?? fallback ?? n.malformed(`pooling_param.${sides[i] ?? name} is missing`));
};

const pooling = (n: LayerNode): readonly Made[] => {
  n.ignore('pooling_param.engine');
  if (n.rank(0) !== 4) return n.refuse(`the input has ${n.rank(0)} dimensions, but 4 are supported`);
  const method = methodOf(n, 'pooling_param.pool');
  const sizes = n.shapeOf(0).slice(2);
  const x = n.real(0);
  const ceil = wordOf(n, 'pooling_param.round_mode', { CEIL: 0, FLOOR: 1 }, 'CEIL') === 'CEIL';
  // what a fork called it
  const isCeil = flagOf(n, 'pooling_param.ceil_mode', ceil);
  const whole = flagOf(n, 'pooling_param.global_pooling', false);
  if (whole) {
    if (['kernel_size', 'kernel_h', 'kernel_w'].some((name) => valuesOf(n, `pooling_param.${name}`).length > 0))
      n.malformed('a kernel is given with global_pooling');
    if ([...pair(n, 'pad', ['pad_h', 'pad_w'], 0), ...pair(n, 'stride', ['stride_h', 'stride_w'], 1)].join() !== '0,0,1,1')
      n.malformed('pad or stride is given with global_pooling');
    const y = n.emit(method === 'MAX' ? 'global_max_pool' : 'global_average_pool', [x], {});
    return n.outputCount > 1 ? n.refuse('positions of global pooling are not supported') : [y];
  }
  const attrs = poolAttrs(n, sizes, {
    kernel: pair(n, 'kernel_size', ['kernel_h', 'kernel_w']),
    stride: pair(n, 'stride', ['stride_h', 'stride_w'], 1),
    pad: pair(n, 'pad', ['pad_h', 'pad_w'], 0),
    ceil: isCeil,
  });
  const y = emitPool(n, x, method, attrs);
  if (n.outputCount < 2) return [y];
  // where each maximum stands in its plane
  return method === 'MAX' ? [y, n.as(n.emit('max_pool_indices', [x], attrs), 'f32')] : n.refuse('a mean has no positions');
};

/** Levels of 1, 2, 4, … bins per side, as vectors one after another. */
const pyramid = (n: LayerNode): ValueId => {
  n.ignore('spp_param.engine');
  const [batch = 1, channels = 1, ...sizes] = n.shapeOf(0);
  if (sizes.length !== 2) return n.refuse(`the input has ${n.rank(0)} dimensions, but 4 are supported`);
  const height = wholeOf(n, 'spp_param.pyramid_height');
  if (height < 1 || height > 12) return n.refuse(`pyramid_height is ${height}, but 1 to 12 are supported`);
  const method = methodOf(n, 'spp_param.pool');
  const x = n.real(0);
  const levels = Array.from({ length: height }, (_, level) => {
    const bins = 2 ** level;
    const kernel = sizes.map((size) => Math.ceil(size / bins));
    const pad = sizes.map((size, i) => Math.floor((at(kernel, i) * bins - size + 1) / 2));
    const y = emitPool(n, x, method, poolAttrs(n, sizes, { kernel, stride: kernel, pad, ceil: true }));
    return n.reshape(y, [
      batch,
      channels *
        n
          .sizes(y)
          .slice(2)
          .reduce((a, b) => a * b, 1),
    ]);
  });
  return levels.length === 1 ? at(levels, 0) : n.emit('concat', levels, { axis: 1 });
};

/** Regions are [R, 5]: number of the image, then the corners x1, y1, x2, y2. */
const roiPooling = (n: LayerNode): ValueId => {
  const [count = 0, five] = n.shapeOf(1);
  if (five !== 5 || n.shapeOf(1).some((d, i) => i > 1 && d !== 1))
    return n.malformed(`the regions are [${n.shapeOf(1).join(', ')}], but [R, 5] is wanted`);
  const rows = n.reshape(n.real(1), [count, 5]);
  const column = (start: number, size: number): ValueId =>
    n.emit('slice', [rows], { starts: [0, start], sizes: [-1, size], steps: [1, 1] });
  const batch = n.reshape(n.as(column(0, 1), 'i32'), [count]);
  return n.emit('roi_pool', [n.real(0), column(1, 4), batch], {
    size: [wholeOf(n, 'roi_pooling_param.pooled_h'), wholeOf(n, 'roi_pooling_param.pooled_w')],
    spatial_scale: numberOf(n, 'roi_pooling_param.spatial_scale', 1),
  });
};

/** Means of the channels' neighbourhoods: LRN within channels pads so that every window has its full size. */
export const meanOfSquares = (n: LayerNode, size: number): ValueId => {
  const x = n.real(0);
  const pad = [(size - 1) / 2, (size - 1) / 2];
  const attrs = poolAttrs(n, n.shapeOf(0).slice(2), { kernel: [size, size], stride: [1, 1], pad, ceil: true });
  return emitPool(n, n.emit('mul', [x, x], {}), 'AVE', attrs);
};

export const pool = {
  Pooling: { import: pooling },
  SPP: { import: (n) => [pyramid(n)] },
  ROIPooling: { import: (n) => [roiPooling(n)] },
} as const satisfies LayerTable;
