import { type Dim, DTYPE_INFO, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, ones, span } from './util.ts';

/** How one axis is resized. */
interface AxisPlan {
  readonly size: number;
  readonly wanted: number;
  /** Output size over input size, as the coordinate transformation uses it. */
  readonly scale: number;
  /** The scale is wanted / size, not a little more as when a size was rounded down. */
  readonly exact: boolean;
  /** tf_crop_and_resize: where the region starts and ends, from 0 to 1. */
  readonly start: number;
  readonly end: number;
}

/** Longest side that the resize op makes. */
const MAX_SIDE = 2 ** 20;

const COORDINATES = [
  'half_pixel',
  'half_pixel_symmetric',
  'pytorch_half_pixel',
  'align_corners',
  'asymmetric',
  'tf_crop_and_resize',
] as const;
type Coordinates = (typeof COORDINATES)[number];
const NEAREST = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'] as const;
type Nearest = (typeof NEAREST)[number];

/** Where output index i lies in the input (ONNX Resize, coordinate_transformation_mode). */
const sourceOf = (i: number, p: AxisPlan, mode: Coordinates): number => {
  switch (mode) {
    case 'half_pixel':
      return (i + 0.5) / p.scale - 0.5;
    case 'half_pixel_symmetric': {
      const adjusted = p.wanted / (p.scale * p.size);
      const offset = (p.size / 2) * (1 - adjusted);
      return offset + (i + 0.5) / p.scale - 0.5;
    }
    case 'pytorch_half_pixel':
      return p.wanted > 1 ? (i + 0.5) / p.scale - 0.5 : 0;
    case 'align_corners':
      // the resized length before it is rounded down
      return p.wanted === 1 ? 0 : (i * (p.size - 1)) / (p.scale * p.size - 1);
    case 'asymmetric':
      return i / p.scale;
    case 'tf_crop_and_resize': {
      const [last, span] = [p.size - 1, (p.end - p.start) * (p.size - 1)];
      return p.start * last + (p.wanted > 1 ? (i * span) / (p.wanted - 1) : span / 2);
    }
    default:
      return mode satisfies never;
  }
};

const nearestIndex = (x: number, mode: Nearest): number => {
  switch (mode) {
    case 'floor':
      return Math.floor(x);
    case 'ceil':
      return Math.ceil(x);
    case 'round_prefer_floor':
      return Math.ceil(x - 0.5);
    case 'round_prefer_ceil':
      return Math.floor(x + 0.5);
    default:
      return mode satisfies never;
  }
};

/** What the outputs along an axis are made of: `taps` input indices and weights each. */
interface Taps {
  readonly taps: number;
  readonly indices: Int32Array;
  /** Undefined where the one cell is taken as it is. */
  readonly weights: Float32Array | undefined;
}

const clampIndex = (i: number, size: number): number => Math.max(0, Math.min(size - 1, i));

const nearestTaps = (p: AxisPlan, mode: Mode): Taps => ({
  taps: 1,
  indices: Int32Array.from({ length: p.wanted }, (_, i) =>
    clampIndex(nearestIndex(sourceOf(i, p, mode.coordinates), mode.nearest), p.size),
  ),
  weights: undefined,
});

/** Keys' kernel. */
const cubic = (t: number, a: number): number => {
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? a * (((t - 5) * t + 8) * t - 4) : 0;
};

/** Linear and cubic; antialias stretches the kernel where the axis shrinks. */
const kernelTaps = (p: AxisPlan, mode: Mode): Taps => {
  const scale = mode.antialias ? Math.min(1, p.scale) : 1;
  const first = 1 - Math.ceil((mode.kind === 'cubic' ? 2 : 1) / scale);
  const taps = 2 - 2 * first;
  const [indices, weights] = [new Int32Array(taps * p.wanted), new Float32Array(taps * p.wanted)];
  for (let i = 0; i < p.wanted; i++) {
    const source = sourceOf(i, p, mode.coordinates);
    const x = mode.kind === 'linear' && !mode.antialias ? clampIndex(source, p.size) : source;
    const low = Math.floor(x);
    const own = span(first, first + taps).map((k) => {
      const distance = Math.abs(k - (x - low)) * scale;
      if (mode.excludeOutside && clampIndex(low + k, p.size) !== low + k) return 0;
      return mode.kind === 'cubic' ? cubic(distance, mode.coefficient) : Math.max(0, 1 - distance);
    });
    const sum = mode.antialias || mode.excludeOutside ? own.reduce((s, w) => s + w, 0) : 1;
    own.forEach((w, k) => {
      indices[i * taps + k] = clampIndex(low + first + k, p.size);
      weights[i * taps + k] = w / (sum === 0 ? 1 : sum);
    });
  }
  return { taps, indices, weights };
};

const everyNth = <T extends Int32Array | Float32Array>(list: T, step: number, from: number): T =>
  list.filter((_, i) => i % step === from) as T;

/** Few taps one after another, many side by side and then summed. */
const resizeAxis = (n: OnnxNode, x: ValueId, axis: number, p: AxisPlan, { taps, indices, weights }: Taps): ValueId => {
  const trailing = ones(n.typeOf(x).shape.length - 1 - axis);
  const take = (shape: readonly number[], data: Int32Array): ValueId =>
    n.emit('gather', [x, n.session.param('resize_index', { dtype: 'i32', shape, data })], { axis });
  const weigh = (y: ValueId, shape: readonly number[], data: Float32Array): ValueId =>
    n.emit('mul', [y, n.session.param('resize_weight', { dtype: 'f32', shape: [...shape, ...trailing], data })], {});
  if (weights === undefined) return take([p.wanted], indices);
  if (taps > 4) return n.emit('reduce_sum', [weigh(take([p.wanted, taps], indices), [p.wanted, taps], weights)], { axes: [axis + 1] });
  return span(0, taps)
    .map((k) => weigh(take([p.wanted], everyNth(indices, taps, k)), [p.wanted], everyNth(weights, taps, k)))
    .reduce((sum, part) => n.emit('add', [sum, part], {}));
};

/** tf_crop_and_resize: outputs that lie outside the input hold the extrapolation value. */
const extrapolate = (n: OnnxNode, y: ValueId, axis: number, p: AxisPlan, value: number): ValueId => {
  const outside = Uint8Array.from({ length: p.wanted }, (_, i) => {
    const x = sourceOf(i, p, 'tf_crop_and_resize');
    return x < 0 || x > p.size - 1 ? 1 : 0;
  });
  if (!outside.includes(1)) return y;
  const { dtype, shape } = n.typeOf(y);
  const data = DTYPE_INFO[dtype].make(1);
  data[0] = value;
  if (data[0] !== value) n.refuse(`extrapolation_value is ${value}, but the input is ${n.elem(0)}`);
  const mask = n.session.param('resize_outside', { dtype: 'bool', shape: [p.wanted, ...ones(shape.length - 1 - axis)], data: outside });
  return n.emit('select', [mask, n.session.param('resize_value', { dtype, shape: [], data }), y], {});
};

interface Target {
  readonly scales: readonly number[] | undefined;
  readonly sizes: readonly Dim[] | undefined;
  readonly axes: readonly number[];
  /** Starts, then ends, of the region of each of the axes. */
  readonly region?: readonly number[] | undefined;
}

/** Upsample-1 names two scales, Upsample-7 a list, later versions have inputs. */
const targetOf = (n: OnnxNode): Target => {
  const rank = n.rank(0);
  const all = span(0, rank);
  if (n.op === 'Upsample') {
    if (n.since === 1) return { scales: [1, 1, n.float('height_scale'), n.float('width_scale')], sizes: undefined, axes: all };
    return { scales: n.since < 9 ? n.floats('scales') : Array.from(n.host(1, 'scales').data), sizes: undefined, axes: all };
  }
  if (n.since < 11) return { scales: Array.from(n.host(1, 'scales').data), sizes: undefined, axes: all };
  const given = n.since >= 18 ? n.ints('axes') : undefined;
  const axes = given === undefined ? all : n.axes(given, rank);
  const scales = n.has(2) && n.shapeOf(2)[0] !== 0 ? Array.from(n.host(2, 'scales').data) : undefined;
  const region = n.text('coordinate_transformation_mode', '') === 'tf_crop_and_resize' ? Array.from(n.host(1, 'roi').data) : undefined;
  if (region !== undefined && region.length !== 2 * axes.length)
    return n.malformed(`roi has ${region.length} entries but ${2 * axes.length} are wanted`);
  return { scales, sizes: n.has(3) ? n.hostDims(3, 'sizes') : undefined, axes, region };
};

/** One scale for all axes by keep_aspect_ratio_policy; undefined where each axis has its own. */
const commonScale = (n: OnnxNode, t: Target): number | undefined => {
  const policy = n.text('keep_aspect_ratio_policy', 'stretch');
  if (policy === 'stretch' || t.sizes === undefined) return undefined;
  if (policy !== 'not_larger' && policy !== 'not_smaller') return n.refuse(`keep_aspect_ratio_policy is ${policy}`);
  const scales = t.axes.map((axis, k) => {
    const [size, wanted] = [at(n.shapeOf(0), axis), t.sizes?.[k]];
    return typeof size === 'number' && typeof wanted === 'number' ? wanted / size : n.unbound([size, wanted ?? 1]);
  });
  return policy === 'not_larger' ? Math.min(...scales) : Math.max(...scales);
};

const planOf = (n: OnnxNode, t: Target, common: number | undefined, k: number, axis: number): AxisPlan | undefined => {
  const size = at(n.shapeOf(0), axis);
  const scale = common ?? t.scales?.[k];
  const wanted = scale === undefined ? t.sizes?.[k] : undefined;
  const [start, end] = [t.region?.[k] ?? 0, t.region?.[t.axes.length + k] ?? 1];
  if ((scale === 1 || (wanted !== undefined && wanted === size)) && start === 0 && end === 1) return undefined;
  if (typeof size !== 'number' || typeof wanted === 'string')
    return n.unknown(`dimension ${typeof size === 'number' ? String(wanted) : size}`);
  const scaled = Math.floor(size * (scale ?? 1) + (common === undefined ? 0 : 0.5));
  const result = scale === undefined ? (wanted ?? n.malformed('neither scales nor sizes are given')) : scaled;
  if (!(result >= 0 && result < 2 ** 31) || size === 0) return n.malformed(`dimension ${axis} of size ${size} becomes ${result}`);
  return { size, wanted: result, scale: scale ?? result / size, exact: scale === undefined || scale * size === result, start, end };
};

interface Mode {
  readonly kind: 'nearest' | 'linear' | 'cubic';
  readonly coordinates: Coordinates;
  readonly nearest: Nearest;
  readonly coefficient: number;
  readonly excludeOutside: boolean;
  readonly antialias: boolean;
  readonly extrapolation: number;
}

const oneOf = <T extends string>(n: OnnxNode, name: string, allowed: readonly T[], fallback: T): T => {
  const text = n.text(name, fallback);
  return allowed.find((a) => a === text) ?? n.refuse(`${name} is ${text}`);
};

const modeOf = (n: OnnxNode): Mode => {
  const kind = oneOf(n, 'mode', ['nearest', 'linear', 'bilinear', 'cubic'] as const, 'nearest');
  // before version 11 there was one rule: i / scale, rounded down
  const old = n.op === 'Upsample' || n.since < 11;
  const coordinates = old ? 'asymmetric' : oneOf(n, 'coordinate_transformation_mode', COORDINATES, 'half_pixel');
  const nearest = old ? 'floor' : oneOf(n, 'nearest_mode', NEAREST, 'round_prefer_floor');
  const antialias = n.int('antialias', 0) !== 0;
  if (antialias && kind === 'nearest') n.malformed('antialias is 1 but mode is nearest');
  return {
    kind: kind === 'bilinear' ? 'linear' : kind,
    coordinates,
    nearest,
    coefficient: n.float('cubic_coeff_a', -0.75),
    excludeOutside: n.int('exclude_outside', 0) !== 0,
    antialias,
    extrapolation: n.float('extrapolation_value', 0),
  };
};

/**
 * The program's own resize, over spatial dimensions, where the scale is exactly output size over input
 * size. half_pixel_symmetric is then half_pixel: they differ by the part of the output that rounding its size cuts off.
 */
const asComposite = (n: OnnxNode, x: ValueId, plans: ReadonlyMap<number, AxisPlan>, mode: Mode): ValueId | undefined => {
  const spatial = n.typeOf(x).shape.slice(2);
  const sizes = spatial.map((d, i) => plans.get(i + 2)?.wanted ?? d).filter((d) => typeof d === 'number');
  const isExact = [...plans.values()].every((p) => p.wanted >= 1 && p.wanted <= MAX_SIDE && p.exact);
  const isSpatial = [...plans.keys()].every((axis) => axis >= 2) && spatial.length <= 3 && sizes.length === spatial.length;
  if (mode.coordinates === 'tf_crop_and_resize' || !isExact || !isSpatial) return undefined;
  const coordinates = mode.coordinates === 'half_pixel_symmetric' ? 'half_pixel' : mode.coordinates;
  const kernel = { sizes, coordinates, cubic_a: mode.coefficient, exclude_outside: mode.excludeOutside };
  if (mode.kind === 'nearest') return n.emit('resize', [x], { sizes, coordinates, mode: 'nearest', rounding: mode.nearest });
  if (mode.antialias) return n.emit('antialias_resize', [x], { ...kernel, mode: mode.kind });
  return mode.kind === 'cubic' ? n.emit('cubic_resize', [x], kernel) : n.emit('resize', [x], { sizes, coordinates, mode: 'linear' });
};

/** Scales that are no ratio of whole sizes, regions, and dimensions that are not spatial: axis after axis. */
const byTaps = (n: OnnxNode, x: ValueId, plans: ReadonlyMap<number, AxisPlan>, mode: Mode): ValueId => {
  let y = x;
  for (const [axis, p] of plans) {
    const taps = (mode.kind === 'cubic' ? 4 : 2) * (mode.antialias ? Math.ceil(Math.max(1, 1 / p.scale)) : 1);
    if (!n.session.budget.take(2 * taps * p.wanted)) n.refuse(`dimension ${axis} becomes ${p.wanted} of ${taps} cells each`);
    y = resizeAxis(n, y, axis, p, (mode.kind === 'nearest' ? nearestTaps : kernelTaps)(p, mode));
    if (mode.coordinates === 'tf_crop_and_resize') y = extrapolate(n, y, axis, p, mode.extrapolation);
  }
  return y;
};

const resize = (n: OnnxNode): Made => {
  const target = targetOf(n);
  const mode = modeOf(n);
  const count = (target.scales ?? target.sizes)?.length;
  if (count !== target.axes.length) return n.malformed(`${String(count)} scales or sizes are given for ${target.axes.length} dimensions`);
  const x = mode.kind === 'nearest' ? n.wire(0) : floatWire(n, 0);
  const common = commonScale(n, target);
  const plans = new Map<number, AxisPlan>();
  target.axes.forEach((axis, k) => {
    const p = planOf(n, target, common, k, axis);
    if (p !== undefined) plans.set(axis, p);
  });
  return { value: plans.size === 0 ? x : (asComposite(n, x, plans, mode) ?? byTaps(n, x, plans, mode)), elem: n.elem(0) };
};

export const resizing = {
  Resize: { since: [10, 11, 13, 18, 19], import: (n) => [resize(n)] },
  Upsample: { since: [1, 7, 9, 10], import: (n) => [resize(n)] },
} as const satisfies OnnxOps;
