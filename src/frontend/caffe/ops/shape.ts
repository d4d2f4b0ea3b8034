import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { type Fields, numbers } from '../fields.ts';
import { blobs, flagOf, numberOf, span, valuesOf, wholeOf, wholesOf, wordOf } from './attributes.ts';

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** An axis by its name, or by the one it had before. */
const axisOf = (n: LayerNode, group: string, old: string): number => {
  const before = wholesOf(n, `${group}.${old}`).at(-1);
  return n.axis(before ?? wholeOf(n, `${group}.axis`, 1), n.rank(0));
};

const concat = (n: LayerNode): Made => {
  const axis = axisOf(n, 'concat_param', 'concat_dim');
  if (n.inputCount === 1) return { same: n.input(0) };
  return n.emit(
    'concat',
    span(0, n.inputCount).map((i) => n.real(i)),
    { axis },
  );
};

const slice = (n: LayerNode): readonly Made[] => {
  const axis = axisOf(n, 'slice_param', 'slice_dim');
  const size = at(n.shapeOf(0), axis);
  const points = wholesOf(n, 'slice_param.slice_point');
  const count = n.outputCount;
  if (points.length === 0 && size % count !== 0) return n.malformed(`${count} parts do not divide dimension ${axis} of ${size}`);
  if (points.length > 0 && points.length !== count - 1) return n.malformed(`${points.length} slice points are given for ${count} parts`);
  const ends = points.length === 0 ? span(1, count + 1).map((k) => (k * size) / count) : [...points, size];
  const sizes = ends.map((end, k) => end - (ends[k - 1] ?? 0));
  if (sizes.some((s) => s < 1)) return n.malformed(`slice points [${points.join(', ')}] of dimension ${axis} of ${size}`);
  return count === 1 ? [{ same: n.input(0) }] : n.emitAll('split', [n.real(0)], { axis, sizes });
};

const flatten = (n: LayerNode): ValueId => {
  const shape = n.shapeOf(0);
  const axis = n.axis(wholeOf(n, 'flatten_param.axis', 1), shape.length);
  const end = n.axis(wholeOf(n, 'flatten_param.end_axis', -1), shape.length, 'end_axis');
  if (end < axis) return n.malformed(`axis is ${axis}, end_axis is ${end}`);
  if (axis === 1 && end === shape.length - 1) return n.emit('flatten', [n.x(0)], { axis: 1 });
  return n.reshape(n.x(0), [...shape.slice(0, axis), product(shape.slice(axis, end + 1)), ...shape.slice(end + 1)]);
};

/** Some dimensions in a new form: 0 keeps one, -1 is what is left. */
const reshape = (n: LayerNode): ValueId => {
  const G = 'reshape_param';
  const shape = n.shapeOf(0);
  const given = valuesOf(n, `${G}.shape`).at(-1);
  const dims = given instanceof Map ? numbers(given as Fields, 'dim') : [];
  const start = wholeOf(n, `${G}.axis`, 0);
  const count = wholeOf(n, `${G}.num_axes`, -1);
  const axis = start < 0 ? shape.length + start + 1 : start;
  const end = count === -1 ? shape.length : axis + count;
  if (axis < 0 || axis > shape.length || count < -1 || end > shape.length) return n.malformed(`axis is ${start}, num_axes is ${count}`);
  const kept = dims.map((d, i) => (d === 0 ? (shape[axis + i] ?? n.malformed(`dimension ${axis + i} is kept, but there is none`)) : d));
  const open = kept.indexOf(-1);
  const rest = product(kept.filter((d) => d !== -1));
  const whole = product(shape.slice(axis, end));
  const sizes = kept.map((d, i) => (i === open ? whole / rest : d));
  if (kept.some((d) => d < -1 || !Number.isInteger(d)) || sizes.some((d) => !Number.isInteger(d)) || product(sizes) !== whole)
    return n.malformed(`[${shape.slice(axis, end).join(', ')}] cannot become [${dims.join(', ')}]`);
  return n.reshape(n.x(0), [...shape.slice(0, axis), ...sizes, ...shape.slice(end)]);
};

/** Dimensions that are not named follow in their order. */
const permute = (n: LayerNode): ValueId => {
  const rank = n.rank(0);
  const named = wholesOf(n, 'permute_param.order');
  if (new Set(named).size !== named.length || named.some((d) => d < 0 || d >= rank)) return n.malformed(`order is [${named.join(', ')}]`);
  return n.emit('transpose', [n.x(0)], { perm: [...named, ...span(0, rank).filter((d) => !named.includes(d))] });
};

const softmax = (n: LayerNode): ValueId => {
  n.ignore('softmax_param.engine');
  return n.emit('softmax', [n.real(0)], { axis: n.axis(wholeOf(n, 'softmax_param.axis', 1), n.rank(0)) });
};

/** The greatest elements along an axis, or of each batch entry as a whole: [N, 1, k], with values [N, 2, k]. */
const argMax = (n: LayerNode): ValueId => {
  const G = 'argmax_param';
  const shape = n.shapeOf(0);
  const own = wholesOf(n, `${G}.axis`).at(-1);
  const [count, withValues] = [wholeOf(n, `${G}.top_k`, 1), flagOf(n, `${G}.out_max_val`, false)];
  const flat = own === undefined ? n.reshape(n.real(0), [at(shape, 0), 1, product(shape.slice(1))]) : n.real(0);
  const axis = own === undefined ? 2 : n.axis(own, shape.length);
  if (count < 1 || count > at(n.sizes(flat), axis)) return n.malformed(`top_k is ${count}`);
  // among equals Caffe takes the last, which one element alone can say
  if (count === 1 && !withValues) return n.as(n.emit('argmax', [flat], { axis, keep: true, last: true }), 'f32');
  if (own === undefined || !withValues) n.approximate('of equal elements the first is taken; Caffe takes the last');
  const [values, indices] = n.emitAll('top_k', [flat], { axis, k: count });
  if (values === undefined || indices === undefined) return n.malformed('it has no result');
  if (own !== undefined) return withValues ? values : n.as(indices, 'f32');
  return withValues ? n.emit('concat', [n.as(indices, 'f32'), values], { axis: 1 }) : n.as(indices, 'f32');
};

/** A function of all dimensions from `axis` on, times a factor. */
const reduction = (n: LayerNode): ValueId => {
  const G = 'reduction_param';
  const OPS = { SUM: 'reduce_sum', ASUM: 'reduce_l1', SUMSQ: 'reduce_sum_square', MEAN: 'reduce_mean' } as const;
  const word = wordOf(n, `${G}.operation`, { SUM: 1, ASUM: 2, SUMSQ: 3, MEAN: 4 }, 'SUM') as keyof typeof OPS;
  const rank = n.rank(0);
  const axes = span(n.axis(wholeOf(n, `${G}.axis`, 0), rank), rank);
  const factor = numberOf(n, `${G}.coeff`, 1);
  const y = n.emit(OPS[word], [n.real(0)], { axes, keep: false });
  return factor === 1 ? y : n.emit('mul', [y, n.scalar(factor)], {});
};

/** The part of input 0 that is as large as input 1, from `axis` on. */
const crop = (n: LayerNode): ValueId => {
  const shape = n.shapeOf(0);
  const wanted = n.shapeOf(1);
  const axis = n.axis(wholeOf(n, 'crop_param.axis', 2), shape.length);
  const offsets = wholesOf(n, 'crop_param.offset');
  if (offsets.length > 1 && offsets.length !== shape.length - axis)
    return n.malformed(`${offsets.length} offsets are given from axis ${axis} on`);
  if (wanted.length !== shape.length) return n.malformed(`input 1 is [${wanted.join(', ')}]`);
  const starts = shape.map((_, d) => (d < axis ? 0 : (offsets[offsets.length === 1 ? 0 : d - axis] ?? 0)));
  const sizes = shape.map((d, i) => (i < axis ? d : at(wanted, i)));
  if (starts.some((s, i) => s < 0 || s + at(sizes, i) > at(shape, i)))
    return n.malformed(`[${sizes.join(', ')}] from [${starts.join(', ')}] on is not inside [${shape.join(', ')}]`);
  return n.emit('slice', [n.x(0)], { starts, sizes, steps: shape.map(() => 1) });
};

const tile = (n: LayerNode): ValueId => {
  const axis = n.axis(wholeOf(n, 'tile_param.axis', 1), n.rank(0));
  const tiles = wholeOf(n, 'tile_param.tiles');
  if (tiles < 1) return n.malformed(`tiles is ${tiles}`);
  return n.emit('tile', [n.x(0)], { repeats: n.shapeOf(0).map((_, d) => (d === axis ? tiles : 1)) });
};

/** Channels of groups side by side become neighbours (of ShuffleNet). */
const shuffle = (n: LayerNode): ValueId => {
  const group = wholeOf(n, 'shuffle_channel_param.group');
  const [batch = 1, channels = 1, ...rest] = n.shapeOf(0);
  if (group < 1 || channels % group !== 0) return n.malformed(`group is ${group}, but there are ${channels} channels`);
  const opened = n.reshape(n.x(0), [batch, group, channels / group, ...rest]);
  const perm = [0, 2, 1, ...rest.map((_, i) => i + 3)];
  return n.reshape(n.emit('transpose', [opened], { perm }), n.shapeOf(0));
};

/** Tops of one value each. */
const dummyData = (n: LayerNode): readonly Made[] => {
  const G = 'dummy_data_param';
  const shapes = valuesOf(n, `${G}.shape`).map((s) => (s instanceof Map ? numbers(s as Fields, 'dim') : []));
  const old = ['num', 'channels', 'height', 'width'].map((name) => wholesOf(n, `${G}.${name}`));
  const fillers = valuesOf(n, `${G}.data_filler`).map((f) => (f instanceof Map ? (numbers(f as Fields, 'value').at(-1) ?? 0) : 0));
  return span(0, n.outputCount).map((k) => {
    const shape =
      shapes.length > 0
        ? at(shapes, Math.min(k, shapes.length - 1))
        : old.map((list) => list[Math.min(k, list.length - 1)] ?? n.malformed('it has no shape'));
    return n.made('float32', shape, () => fillers[Math.min(k, fillers.length - 1)] ?? 0);
  });
};

const parameter = (n: LayerNode): ValueId => {
  const given = valuesOf(n, 'parameter_param.shape').at(-1);
  const shape = given instanceof Map ? numbers(given as Fields, 'dim') : n.malformed('it has no shape');
  return at(blobs(n, [{ shape, role: 'weight' }]), 0);
};

export const shape = {
  Concat: { import: (n) => [concat(n)] },
  Slice: { import: slice },
  Split: { import: (n) => span(0, n.outputCount).map(() => ({ same: n.input(0) })) },
  Flatten: { import: (n) => [flatten(n)] },
  Reshape: { import: (n) => [reshape(n)] },
  Permute: { import: (n) => [permute(n)] },
  Softmax: { import: (n) => [softmax(n)] },
  ArgMax: { import: (n) => [argMax(n)] },
  Reduction: { import: (n) => [reduction(n)] },
  Crop: { import: (n) => [crop(n)] },
  Tile: { import: (n) => [tile(n)] },
  ShuffleChannel: { import: (n) => [shuffle(n)] },
  DummyData: { import: dummyData },
  Parameter: { import: (n) => [parameter(n)] },
  Dropout: {
    import: (n) => {
      n.ignore('dropout_param.dropout_ratio', 'dropout_param.scale_train');
      return [{ same: n.input(0) }];
    },
  },
} as const satisfies LayerTable;
