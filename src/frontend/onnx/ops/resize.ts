import type { Dim, ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, span } from './util.ts';

/** How one axis is resized. */
interface AxisPlan {
  readonly size: number;
  readonly wanted: number;
  /** Output size over input size, as the coordinate transformation uses it. */
  readonly scale: number;
  /** The scale is wanted / size, not a little more as when a size was rounded down. */
  readonly exact: boolean;
}

/** Longest side that the resize op makes. */
const MAX_SIDE = 2 ** 20;

const COORDINATES = ['half_pixel', 'half_pixel_symmetric', 'pytorch_half_pixel', 'align_corners', 'asymmetric'] as const;
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

/** One tap of an interpolation along an axis: for each output index the input index and its weight. */
interface Tap {
  readonly indices: Int32Array;
  readonly weights: Float32Array | undefined;
}

const clampIndex = (i: number, size: number): number => Math.max(0, Math.min(size - 1, i));

const nearestTaps = (p: AxisPlan, mode: Coordinates, nearest: Nearest): readonly Tap[] => [
  {
    indices: Int32Array.from({ length: p.wanted }, (_, i) => clampIndex(nearestIndex(sourceOf(i, p, mode), nearest), p.size)),
    weights: undefined,
  },
];

const linearTaps = (p: AxisPlan, mode: Coordinates): readonly Tap[] => {
  const x = Float64Array.from({ length: p.wanted }, (_, i) => clampIndex(sourceOf(i, p, mode), p.size));
  return [0, 1].map((k) => ({
    indices: Int32Array.from(x, (v) => clampIndex(Math.floor(v) + k, p.size)),
    weights: Float32Array.from(x, (v) => (k === 0 ? 1 - (v - Math.floor(v)) : v - Math.floor(v))),
  }));
};

/** Keys' kernel. */
const cubic = (d: number, a: number): number => {
  const t = Math.abs(d);
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? a * (((t - 5) * t + 8) * t - 4) : 0;
};

const cubicTaps = (p: AxisPlan, mode: Coordinates, a: number, excludeOutside: boolean): readonly Tap[] => {
  const x = Float64Array.from({ length: p.wanted }, (_, i) => sourceOf(i, p, mode));
  const weight = (v: number, k: number): number => {
    const index = Math.floor(v) + k;
    return excludeOutside && (index < 0 || index >= p.size) ? 0 : cubic(v - index, a);
  };
  return [-1, 0, 1, 2].map((k) => ({
    indices: Int32Array.from(x, (v) => clampIndex(Math.floor(v) + k, p.size)),
    weights: Float32Array.from(x, (v) => {
      const sum = excludeOutside ? [-1, 0, 1, 2].reduce((s, j) => s + weight(v, j), 0) : 1;
      return weight(v, k) / sum;
    }),
  }));
};

const resizeAxis = (n: OnnxNode, x: ValueId, axis: number, p: AxisPlan, taps: readonly Tap[]): ValueId => {
  const rank = n.typeOf(x).shape.length;
  const parts = taps.map((tap) => {
    const indices = n.session.param('resize_index', { dtype: 'i32', shape: [p.wanted], data: tap.indices });
    const taken = n.emit('gather', [x, indices], { axis });
    if (tap.weights === undefined) return taken;
    const shape = [p.wanted, ...new Array<number>(rank - 1 - axis).fill(1)];
    return n.emit('mul', [taken, n.session.param('resize_weight', { dtype: 'f32', shape, data: tap.weights })], {});
  });
  return parts.reduce((sum, part) => n.emit('add', [sum, part], {}));
};

interface Target {
  readonly scales: readonly number[] | undefined;
  readonly sizes: readonly Dim[] | undefined;
  readonly axes: readonly number[];
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
  return { scales, sizes: n.has(3) ? n.hostDims(3, 'sizes') : undefined, axes };
};

const planOf = (n: OnnxNode, t: Target, k: number, axis: number): AxisPlan | undefined => {
  const size = at(n.shapeOf(0), axis);
  const scale = t.scales?.[k];
  const wanted = scale === undefined ? t.sizes?.[k] : undefined;
  if (scale === 1 || (wanted !== undefined && wanted === size)) return undefined;
  if (typeof size !== 'number' || typeof wanted === 'string')
    return n.unknown(`dimension ${typeof size === 'number' ? String(wanted) : size}`);
  const result = scale === undefined ? (wanted ?? n.malformed('neither scales nor sizes are given')) : Math.floor(size * scale);
  if (!(result >= 0 && result < 2 ** 31) || size === 0) return n.malformed(`dimension ${axis} of size ${size} becomes ${result}`);
  return { size, wanted: result, scale: scale ?? result / size, exact: scale === undefined || scale * size === result };
};

interface Mode {
  readonly kind: 'nearest' | 'linear' | 'cubic';
  readonly coordinates: Coordinates;
  readonly nearest: Nearest;
  readonly taps: (p: AxisPlan) => readonly Tap[];
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
  const a = n.float('cubic_coeff_a', -0.75);
  const exclude = n.int('exclude_outside', 0) !== 0;
  n.ignore('extrapolation_value');
  if (n.int('antialias', 0) !== 0) n.refuse('antialias is 1');
  const policy = n.text('keep_aspect_ratio_policy', 'stretch');
  if (policy !== 'stretch') n.refuse(`keep_aspect_ratio_policy is ${policy}`);
  const common = { coordinates, nearest };
  if (kind === 'nearest') return { ...common, kind, taps: (p) => nearestTaps(p, coordinates, nearest) };
  if (kind === 'cubic') return { ...common, kind, taps: (p) => cubicTaps(p, coordinates, a, exclude) };
  return { ...common, kind: 'linear', taps: (p) => linearTaps(p, coordinates) };
};

/**
 * The program's own resize: nearest or linear, over spatial dimensions, where the scale is exactly output size over input
 * size. half_pixel_symmetric is then half_pixel: they differ by the part of the output that rounding its size cuts off.
 */
const asComposite = (n: OnnxNode, x: ValueId, plans: ReadonlyMap<number, AxisPlan>, mode: Mode): ValueId | undefined => {
  const spatial = n.typeOf(x).shape.slice(2);
  const sizes = spatial.map((d, i) => plans.get(i + 2)?.wanted ?? d).filter((d) => typeof d === 'number');
  const isExact = [...plans.values()].every((p) => p.wanted >= 1 && p.wanted <= MAX_SIDE && p.exact);
  const isSpatial = [...plans.keys()].every((axis) => axis >= 2) && spatial.length <= 3 && sizes.length === spatial.length;
  if (mode.kind === 'cubic' || !isExact || !isSpatial) return undefined;
  const coordinates = mode.coordinates === 'half_pixel_symmetric' ? 'half_pixel' : mode.coordinates;
  return n.emit('resize', [x], { sizes, mode: mode.kind, coordinates, rounding: mode.nearest });
};

/** Cubic, scales that are no ratio of whole sizes, and dimensions that are not spatial: axis after axis. */
const byTaps = (n: OnnxNode, x: ValueId, plans: ReadonlyMap<number, AxisPlan>, mode: Mode): ValueId => {
  let y = x;
  for (const [axis, p] of plans) {
    if (!n.session.budget.take(4 * p.wanted)) n.refuse(`dimension ${axis} becomes ${p.wanted}`);
    y = resizeAxis(n, y, axis, p, mode.taps(p));
  }
  return y;
};

const resize = (n: OnnxNode): Made => {
  const target = targetOf(n);
  const mode = modeOf(n);
  const count = (target.scales ?? target.sizes)?.length;
  if (count !== target.axes.length) return n.malformed(`${String(count)} scales or sizes are given for ${target.axes.length} dimensions`);
  const x = mode.kind === 'nearest' ? n.wire(0) : floatWire(n, 0);
  const plans = new Map<number, AxisPlan>();
  target.axes.forEach((axis, k) => {
    const p = planOf(n, target, k, axis);
    if (p !== undefined) plans.set(axis, p);
  });
  return { value: plans.size === 0 ? x : (asComposite(n, x, plans, mode) ?? byTaps(n, x, plans, mode)), elem: n.elem(0) };
};

export const resizing = {
  Resize: { since: [10, 11, 13, 18, 19], import: (n) => [resize(n)] },
  Upsample: { since: [1, 7, 9, 10], import: (n) => [resize(n)] },
} as const satisfies OnnxOps;
