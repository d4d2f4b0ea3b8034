import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerRow, LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { flag, has, maybeNumber, maybeNumbers, maybeWholes, one, spatial, tensor, wholes } from '../args.ts';
import { batched } from './conv.ts';

interface Windows {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly pads: readonly number[];
  readonly dilation: readonly number[];
  readonly ceil: boolean;
}

/** The stride is the kernel where it is left out. A window that would begin in the padding behind is none. */
const windows = (n: LayerNode, count: number, sizes: readonly number[]): Windows => {
  const kernel = spatial(n, 'kernel_size', count, []);
  const stride = spatial(n, 'stride', count, kernel);
  const before = spatial(n, 'padding', count, 0);
  const dilation = spatial(n, 'dilation', count, 1);
  const ceil = flag(n, 'ceil_mode');
  const odd = sizes.some((size, i) => {
    const rest = size + 2 * at(before, i) - at(dilation, i) * (at(kernel, i) - 1) - 1;
    const last = Math.ceil(rest / at(stride, i)) * at(stride, i);
    return ceil && last >= size + at(before, i);
  });
  if (odd) return n.refuse('ceil_mode with a window that begins behind the input');
  return { kernel, stride, pads: [...before, ...before], dilation, ceil };
};

const maxPool = (n: LayerNode, count: number): readonly Made[] => {
  const { x, sizes, back } = batched(n, tensor(n, 'self'), count + 2);
  const attrs = windows(n, count, sizes.slice(2));
  const y = back(n.emit('max_pool', [x], attrs));
  return n.outputCount === 1 ? [y] : [y, back(n.emit('max_pool_indices', [x], attrs))];
};

/** The sum over a window by a number of one's own: the mean over all cells of the window, times their number over it. */
const averagePool = (n: LayerNode, count: number): Made => {
  const { x, sizes, back } = batched(n, tensor(n, 'self'), count + 2);
  const attrs = windows(n, count, sizes.slice(2));
  const include_pad = flag(n, 'count_include_pad', true) && attrs.pads.some((p) => p > 0);
  const divisor = maybeNumber(n, 'divisor_override');
  if (divisor === undefined) return back(n.emit('average_pool', [x], { ...attrs, include_pad }));
  const cells = attrs.kernel.reduce((a, b) => a * b, 1);
  if (attrs.ceil || divisor === 0) return n.refuse(`divisor_override is ${divisor}, ceil_mode ${String(attrs.ceil)}`);
  const mean = n.emit('average_pool', [x], { ...attrs, include_pad: attrs.pads.some((p) => p > 0) });
  return back(n.emit('mul', [mean, n.scalar(cells / divisor)], {}));
};

const adaptive = (op: 'adaptive_average_pool' | 'adaptive_max_pool', count: number): LayerRow =>
  one((n) => {
    const { x, sizes: own, back } = batched(n, tensor(n, 'self'), count + 2);
    const given = wholes(n, 'output_size');
    const sizes = given.length === 1 ? new Array<number>(count).fill(at(given, 0)) : given;
    if (sizes.length !== count) return n.malformed(`output_size is [${given.join(', ')}]`);
    // one bin over all: the form that other formats have
    if (sizes.every((s) => s === 1)) return back(n.emit(op === 'adaptive_max_pool' ? 'global_max_pool' : 'global_average_pool', [x], {}));
    return own.slice(2).every((d, i) => d === sizes[i]) ? back(x) : back(n.emit(op, [x], { sizes }));
  });

/** Sizes by number, or by factors that have to give whole ones: coordinates go by the factor in torch, by the sizes here. */
const resizedTo = (n: LayerNode, spatialSizes: readonly number[]): readonly number[] => {
  const names = ['scale_factors', 'scales', 'scales_d', 'scales_h', 'scales_w'];
  const given = maybeWholes(n, 'output_size');
  const factors = maybeNumbers(n, 'scale_factors');
  if (given !== undefined) {
    // factors beside sizes are those that the sizes were computed with
    for (const name of names.slice(1)) {
      const factor = maybeNumber(n, name);
      if (factor !== undefined && !spatialSizes.some((d, i) => Math.abs(d * factor - at(given, i)) < 1e-6))
        return n.refuse(`${name} is ${factor}, which does not make [${given.join(', ')}] of [${spatialSizes.join(', ')}]`);
    }
    return given;
  }
  if (factors?.length !== spatialSizes.length) return n.malformed('it has neither sizes nor factors');
  const sizes = spatialSizes.map((d, i) => d * at(factors, i));
  if (sizes.some((s) => Math.abs(s - Math.round(s)) > 1e-6))
    return n.refuse(`factors [${factors.join(', ')}] make no whole sizes of [${spatialSizes.join(', ')}]`, [
      'Give sizes, or set recompute_scale_factor.',
    ]);
  return sizes.map(Math.round);
};

const upsample = (mode: 'nearest' | 'nearest_exact' | 'linear' | 'cubic', count: number): LayerRow =>
  one((n) => {
    const x = tensor(n, has(n, 'input') ? 'input' : 'self');
    if (n.rank(x) !== count + 2) return n.malformed(`the input has rank ${n.rank(x)}, but ${count + 2} is wanted`);
    const sizes = resizedTo(n, n.shapeOf(x).slice(2));
    const coordinates = mode !== 'nearest' && mode !== 'nearest_exact' && flag(n, 'align_corners') ? 'align_corners' : 'half_pixel';
    if (mode === 'nearest') return n.emit('resize', [n.real(x)], { mode, coordinates: 'asymmetric', rounding: 'floor', sizes });
    if (mode === 'nearest_exact')
      return n.emit('resize', [n.real(x)], { mode: 'nearest', coordinates, rounding: 'round_prefer_ceil', sizes });
    if (mode === 'linear') return n.emit('resize', [n.real(x)], { mode, coordinates, sizes });
    return n.emit('cubic_resize', [n.real(x)], { coordinates, cubic_a: -0.75, sizes });
  });

export const pool = {
  'aten.max_pool1d': { import: (n) => maxPool(n, 1) },
  'aten.max_pool2d': { import: (n) => maxPool(n, 2) },
  'aten.max_pool3d': { import: (n) => maxPool(n, 3) },
  'aten.max_pool1d_with_indices': { import: (n) => maxPool(n, 1) },
  'aten.max_pool2d_with_indices': { import: (n) => maxPool(n, 2) },
  'aten.max_pool3d_with_indices': { import: (n) => maxPool(n, 3) },
  'aten.avg_pool1d': one((n) => averagePool(n, 1)),
  'aten.avg_pool2d': one((n) => averagePool(n, 2)),
  'aten.avg_pool3d': one((n) => averagePool(n, 3)),
  'aten.adaptive_avg_pool1d': adaptive('adaptive_average_pool', 1),
  'aten.adaptive_avg_pool2d': adaptive('adaptive_average_pool', 2),
  'aten.adaptive_avg_pool3d': adaptive('adaptive_average_pool', 3),
  'aten._adaptive_avg_pool2d': adaptive('adaptive_average_pool', 2),
  'aten._adaptive_avg_pool3d': adaptive('adaptive_average_pool', 3),
  'aten.adaptive_max_pool1d': adaptive('adaptive_max_pool', 1),
  'aten.adaptive_max_pool2d': adaptive('adaptive_max_pool', 2),
  'aten.adaptive_max_pool3d': adaptive('adaptive_max_pool', 3),
  'aten.upsample_nearest1d': upsample('nearest', 1),
  'aten.upsample_nearest2d': upsample('nearest', 2),
  'aten.upsample_nearest3d': upsample('nearest', 3),
  'aten._upsample_nearest_exact1d': upsample('nearest_exact', 1),
  'aten._upsample_nearest_exact2d': upsample('nearest_exact', 2),
  'aten.upsample_linear1d': upsample('linear', 1),
  'aten.upsample_bilinear2d': upsample('linear', 2),
  'aten.upsample_trilinear3d': upsample('linear', 3),
  'aten.upsample_bicubic2d': upsample('cubic', 2),
} as const satisfies LayerTable;
