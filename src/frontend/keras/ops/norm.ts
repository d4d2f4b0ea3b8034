import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made, Role } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { checkReal, one, wholeOf } from '../../tf-row.ts';
import { floatOf, filled, flagOf, someOf, spread, weight, weightHost } from './util.ts';

const epsilonOf = (n: LayerNode): number => floatOf(n, 'epsilon', 1e-3);

/** A vector of the layer, or the value that changes nothing. */
const vector = (n: LayerNode, key: string, shape: readonly number[], isThere: boolean, role: Role): ValueId =>
  isThere ? weight(n, key, shape, role) : filled(n, key, shape, role === 'shift' ? 0 : 1);

/** The one axis of a layer, counted from 0. */
const axisOf = (n: LayerNode): number => {
  const axes = someOf(n, 'axis', [-1]);
  return axes.length === 1 ? n.axis(at(axes, 0), n.rank(0)) : n.refuse(`it has the axes [${axes.join(', ')}]`);
};

/** The input with the axis in place 1. */
const atOne = (n: LayerNode, axis: number): { readonly x: ValueId; readonly made: (y: ValueId) => Made } => {
  const rank = n.rank(0);
  if (axis === 1) return { x: n.real(0), made: (y) => y };
  if (axis !== rank - 1 || rank > 5 || axis < 1) return n.refuse(`its axis is ${axis} of ${rank}; the channels have to be first or last`);
  checkReal(n, 0);
  return { x: n.first(0), made: (value) => ({ value, layout: 'first' }) };
};

const batchNorm = (n: LayerNode): Made => {
  if (flagOf(n, 'renorm')) return n.refuse('renorm is set');
  n.ignore('virtual_batch_size');
  const axis = axisOf(n);
  const { x, made } = atOne(n, axis);
  const shape = [at(n.shapeOf(0), axis)];
  const operands = [
    x,
    vector(n, 'gamma', shape, flagOf(n, 'scale', true), 'scale'),
    vector(n, 'beta', shape, flagOf(n, 'center', true), 'shift'),
    weight(n, 'moving_mean', shape, 'mean'),
    weight(n, 'moving_variance', shape, 'variance'),
  ];
  return made(n.emit('batch_norm', operands, { epsilon: epsilonOf(n) }));
};

/** Over trailing axes, with a scale and a shift for each of their elements. */
const layerNorm = (n: LayerNode): Made => {
  if (flagOf(n, 'rms_scaling')) return n.refuse('rms_scaling is set');
  const rank = n.rank(0);
  const axes = [...n.axes(someOf(n, 'axis', [-1]), rank)].sort((a, b) => a - b);
  const first = rank - axes.length;
  if (first < 1 || axes.some((a, i) => a !== first + i))
    return n.refuse(`its axes are [${axes.join(', ')}] of ${rank}; only the last ones are supported`);
  const shape = n.shapeOf(0).slice(first);
  const [scale, center] = [flagOf(n, 'scale', true), flagOf(n, 'center', true)];
  const operands = [
    ...(scale || center ? [vector(n, 'gamma', shape, scale, 'scale')] : []),
    ...(center ? [weight(n, 'beta', shape, 'shift')] : []),
  ];
  return n.emit('layer_norm', [n.real(0), ...operands], { axis: first, epsilon: epsilonOf(n) });
};

const rmsNorm = (n: LayerNode): Made => {
  const rank = n.rank(0);
  const axes = [...n.axes(someOf(n, 'axis', [-1]), rank)];
  if (axes.length !== 1 || axes[0] !== rank - 1)
    return n.refuse(`its axes are [${axes.join(', ')}] of ${rank}; only the last one is supported`);
  const epsilon = floatOf(n, 'epsilon', 1e-6);
  return n.emit('rms_norm', [n.real(0), weight(n, 'scale', n.shapeOf(0).slice(-1), 'scale')], { axis: rank - 1, epsilon });
};

const groupNorm = (n: LayerNode): Made => {
  const axis = axisOf(n);
  const channels = at(n.shapeOf(0), axis);
  const wanted = wholeOf(n, 'groups', 32);
  const groups = wanted === -1 ? channels : wanted;
  if (groups < 1 || channels % groups !== 0) return n.malformed(`${groups} groups do not divide ${channels} channels`);
  const { x, made } = atOne(n, axis);
  const flat = n.rank(0) === 2;
  const factors = [
    vector(n, 'gamma', [channels], flagOf(n, 'scale', true), 'scale'),
    vector(n, 'beta', [channels], flagOf(n, 'center', true), 'shift'),
  ];
  // the op wants a spatial dimension
  const image = flat ? n.reshape(x, [...n.sizes(x), 1]) : x;
  const y = n.emit('group_norm', [image, ...factors], { groups, epsilon: epsilonOf(n) });
  return flat ? n.reshape(y, n.sizes(x)) : made(y);
};

/** x / max(|x|, floor): the floor of Keras 3 is 1e-12, that of Keras 2 sqrt(1e-12). */
const unitNorm = (n: LayerNode): Made => {
  const isThird = n.attribute('keras') === 3;
  const { value, layout, place } = n.either(0);
  const axes = n.axes(someOf(n, 'axis', [-1]), n.rank(0)).map(place);
  const squares = n.emit('reduce_sum_square', [value], { axes, keep: true });
  const limited = n.emit('maximum', [squares, n.scalar(isThird ? 1e-24 : 1e-12)], {});
  return { value: n.emit('mul', [value, n.emit('rsqrt', [limited], {})], {}), layout };
};

/** Numbers that the config lists for mean and variance; undefined where the file has them as weights. */
const listedNumbers = (n: LayerNode, key: string): readonly number[] | undefined => {
  const value = n.attribute(key);
  if (value === undefined) return undefined;
  const list = (Array.isArray(value) ? value.flat(Number.POSITIVE_INFINITY) : [value]) as readonly unknown[];
  return list.every((v) => typeof v === 'number') ? list : n.malformed(`${key} is no list of numbers`);
};

/** (x - mean) / max(sqrt(variance), 1e-7), or back again; along the axes that are kept. */
const normalization = (n: LayerNode): Made => {
  const rank = n.rank(0);
  const axes = [...n.axes(n.hasAttribute('axis') ? someOf(n, 'axis', [-1]) : [], rank)];
  const kept = axes.map((a) => at(n.shapeOf(0), a));
  const count = kept.reduce((p, d) => p * d, 1);
  const numbers = (key: string, role: Role): ArrayLike<number> => {
    const listed = listedNumbers(n, key);
    if (listed === undefined) return weightHost(n, key, kept, role).data;
    if (listed.length !== count && listed.length !== 1) return n.malformed(`${key} has ${listed.length} entries, but ${count} are wanted`);
    return listed.length === count ? listed : new Array<number>(count).fill(listed[0] ?? 0);
  };
  const [mean, variance] = [numbers('mean', 'mean'), numbers('variance', 'variance')];
  const shape = spread(rank, axes, kept);
  const constant = (name: string, f: (i: number) => number): ValueId =>
    n.session.constant(`${n.site.origin}/${name}`, n.made('float32', shape, f).host);
  const means = constant('mean', (i) => mean[i] ?? 0);
  const deviations = constant('deviation', (i) => Math.max(Math.fround(Math.sqrt(variance[i] ?? 1)), Math.fround(1e-7)));
  const x = n.real(0);
  if (flagOf(n, 'invert')) return n.emit('add', [means, n.emit('mul', [x, deviations], {})], {});
  return n.emit('div', [n.emit('sub', [x, means], {}), deviations], {});
};

/** A number, or one for each entry of the last axis. */
const factor = (n: LayerNode, key: string, fallback: number): ValueId => {
  const list = listedNumbers(n, key) ?? [fallback];
  if (list.length === 1) return n.scalar(list[0] ?? fallback);
  const { host } = n.made('float32', [list.length], (i) => list[i] ?? 0);
  return n.session.constant(`${n.site.origin}/${key}`, host);
};

const rescaling = (n: LayerNode): Made => {
  const [scale, offset] = [factor(n, 'scale', 1), factor(n, 'offset', 0)];
  const x = n.as(n.x(0), 'f32');
  const scaled = n.emit('mul', [x, scale], {});
  return offset === n.scalar(0) ? scaled : n.emit('add', [scaled, offset], {});
};

/** A factor for each feature (Touvron et al. 2021), as the models of keras.applications have it. */
const layerScale = (n: LayerNode): Made => {
  n.ignore('init_values');
  const width = wholeOf(n, 'projection_dim');
  return n.emit('mul', [n.real(0), weight(n, 'gamma', [width], 'scale')], {});
};

export const norms = {
  BatchNormalization: one(batchNorm),
  SyncBatchNormalization: one(batchNorm),
  LayerNormalization: one(layerNorm),
  RMSNormalization: one(rmsNorm),
  GroupNormalization: one(groupNorm),
  UnitNormalization: one(unitNorm),
  Normalization: one(normalization),
  Rescaling: one(rescaling),
  LayerScale: one(layerScale),
} as const satisfies LayerTable;
