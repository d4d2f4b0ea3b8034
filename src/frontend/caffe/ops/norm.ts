import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type HostTensor, makeHost } from '../../host-tensor.ts';
import type { Made } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import type { BlobNames } from '../blobs.ts';
import type { FieldValue } from '../fields.ts';
import { COMPLETED, NORMALIZED } from '../net.ts';
import { blobHosts, blobs, flagOf, ignoreTraining, numberOf, ones, span, wholeOf, wordOf } from './attributes.ts';
import { meanOfSquares } from './pool.ts';

const filled = (count: number, value: number): HostTensor => {
  const data = makeHost('float32', count).fill(value);
  return { elem: 'float32', shape: [count], data };
};

const channelsOf = (n: LayerNode): number => (n.rank(0) > 1 ? at(n.shapeOf(0), 1) : 1);

const epsilonOf = (values: unknown): number => {
  const value = (values as readonly FieldValue[] | undefined)?.at(-1);
  return Math.fround(typeof value === 'number' ? value : 1e-5);
};

/** Mean and variance by which a BatchNorm divides: sums of its first two blobs, their number in the third (0: nothing was seen). */
const statistics = (n: LayerNode, from?: ReadonlyMap<string, unknown>): readonly [mean: ValueId, variance: ValueId] => {
  const channels = channelsOf(n);
  const [mean, variance, factor] = blobHosts(
    n,
    [
      { shape: [channels], role: 'mean' },
      { shape: [channels], role: 'variance' },
      { shape: [1], role: 'scale' },
    ],
    from,
  );
  if (mean === undefined || variance === undefined || factor === undefined) return n.malformed('it has no statistics');
  const { names } = (from ?? n.site.attributes).get('blobs') as BlobNames;
  const isStored = n.site.stored(at(names, 2)) !== undefined;
  const given = at(factor.data, 0);
  const scale = isStored ? (given === 0 ? 0 : Math.fround(1 / given)) : 1;
  const scaled = (k: number, host: HostTensor): ValueId =>
    n.session.constant(at(names, k), scale === 1 ? host : { ...host, data: Float32Array.from(host.data, (v) => v * scale) });
  return [scaled(0, mean), scaled(1, variance)];
};

const batchNorm = (n: LayerNode): Made => {
  n.ignore('batch_norm_param.moving_average_fraction');
  if (!flagOf(n, 'batch_norm_param.use_global_stats', true))
    return n.refuse('use_global_stats is false: statistics of a batch are not supported', [
      'Remove it: at inference the stored statistics are used.',
    ]);
  const epsilon = epsilonOf(n.attribute('batch_norm_param.eps'));
  n.ignore('blobs');
  if (n.attribute(COMPLETED) === true) return { same: n.input(0) };
  const channels = channelsOf(n);
  const [scale, bias] = [
    n.session.constant(`${n.site.origin}.scale`, filled(channels, 1)),
    n.session.constant(`${n.site.origin}.bias`, filled(channels, 0)),
  ];
  return n.emit('batch_norm', [n.real(0), scale, bias, ...statistics(n)], { epsilon });
};

interface Place {
  readonly shape: readonly number[];
  /** Dimensions behind. */
  readonly trailing: number;
}

/** Where the dimensions of a factor stand: from `axis` on, `num_axes` of them (-1: all). */
const placed = (n: LayerNode, group: string): Place => {
  const own = n.shapeOf(0);
  const axis = n.axis(wholeOf(n, `${group}.axis`, 1), own.length);
  const count = wholeOf(n, `${group}.num_axes`, 1);
  if (n.inputCount > 1) {
    const second = n.shapeOf(1);
    const first = second.length === 0 ? own.length : axis;
    if (second.some((d, i) => d !== own[first + i]))
      return n.malformed(`input 1 is [${second.join(', ')}], which is not a part of [${own.join(', ')}] from axis ${axis} on`);
    return { shape: second, trailing: second.length === 0 ? 0 : own.length - axis - second.length };
  }
  const end = count === -1 ? own.length : axis + count;
  if (count < -1 || end > own.length) return n.malformed(`num_axes is ${count}, but the input is [${own.join(', ')}]`);
  return count === 0 ? { shape: [], trailing: 0 } : { shape: own.slice(axis, end), trailing: own.length - end };
};

/** An input in the place where its dimensions stand; blobs are laid down there. */
const aligned = (n: LayerNode, value: ValueId, { shape, trailing }: Place): ValueId =>
  trailing === 0 ? value : n.reshape(value, [...shape, ...ones(trailing)]);

const scale = (n: LayerNode): ValueId => {
  const G = 'scale_param';
  ignoreTraining(n, G);
  const place = placed(n, G);
  const withBias = flagOf(n, `${G}.bias_term`, false);
  const x = n.real(0);
  const norm = n.attribute(NORMALIZED) as ReadonlyMap<string, unknown> | undefined;
  const shape = norm === undefined ? [...place.shape, ...ones(place.trailing)] : place.shape;
  const bias = withBias ? [{ shape, role: 'shift' } as const] : [];
  if (norm !== undefined) {
    const [factor, shift] = blobs(n, [{ shape, role: 'scale' }, ...bias]);
    const none = (): ValueId => n.session.constant(`${n.site.origin}.bias`, filled(at(shape, 0), 0));
    const epsilon = epsilonOf(norm.get('batch_norm_param.eps'));
    return n.emit('batch_norm', [x, factor ?? n.malformed('it has no factors'), shift ?? none(), ...statistics(n, norm)], { epsilon });
  }
  const own = blobs(n, n.inputCount > 1 ? bias : [{ shape, role: 'scale' }, ...bias]);
  const factor = n.inputCount > 1 ? aligned(n, n.real(1), place) : at(own, 0);
  const shift = n.inputCount > 1 ? own[0] : own[1];
  const y = n.emit('mul', [x, factor], {});
  return shift === undefined ? y : n.emit('add', [y, shift], {});
};

const bias = (n: LayerNode): ValueId => {
  ignoreTraining(n, 'bias_param');
  const place = placed(n, 'bias_param');
  const own = blobs(n, n.inputCount > 1 ? [] : [{ shape: [...place.shape, ...ones(place.trailing)], role: 'shift' }]);
  return n.emit('add', [n.real(0), own[0] ?? aligned(n, n.real(1), place)], {});
};

/** Across channels, or over squares of cells within each, where k is always 1. */
const lrn = (n: LayerNode): ValueId => {
  const G = 'lrn_param';
  n.ignore(`${G}.engine`);
  const [size, alpha, beta] = [wholeOf(n, `${G}.local_size`, 5), numberOf(n, `${G}.alpha`, 1), numberOf(n, `${G}.beta`, 0.75)];
  if (size < 1 || size % 2 === 0) return n.malformed(`local_size is ${size}, but an odd number is wanted`);
  if (n.rank(0) !== 4) return n.refuse(`the input has ${n.rank(0)} dimensions, but 4 are supported`);
  const x = n.real(0);
  const k = numberOf(n, `${G}.k`, 1);
  if (wordOf(n, `${G}.norm_region`, { ACROSS_CHANNELS: 0, WITHIN_CHANNEL: 1 }, 'ACROSS_CHANNELS') === 'ACROSS_CHANNELS')
    return n.emit('lrn', [x], { size, alpha, beta, bias: k });
  const base = n.emit('add', [n.emit('mul', [meanOfSquares(n, size), n.scalar(alpha)], {}), n.scalar(1)], {});
  return n.emit('mul', [x, n.emit('pow', [base, n.scalar(-beta)], {})], {});
};

/** (x - mean) / (deviation + eps), over the spatial dimensions, or over all but the batch. */
const mvn = (n: LayerNode): ValueId => {
  const axes = span(flagOf(n, 'mvn_param.across_channels', false) ? 1 : 2, n.rank(0));
  if (axes.length === 0) return n.refuse(`the input has ${n.rank(0)} dimensions`);
  const x = n.real(0);
  const divides = flagOf(n, 'mvn_param.normalize_variance', true);
  const eps = numberOf(n, 'mvn_param.eps', 1e-9);
  const difference = n.emit('sub', [x, n.emit('reduce_mean', [x], { axes, keep: true })], {});
  if (!divides) return difference;
  const variance = n.emit('reduce_mean', [n.emit('mul', [difference, difference], {})], { axes, keep: true });
  return n.emit('div', [difference, n.emit('add', [n.emit('sqrt', [variance], {}), n.scalar(eps)], {})], {});
};

/** x over its Euclidean norm, over all channels and cells or over the channels of each cell, times a scale (of SSD). */
const normalize = (n: LayerNode): ValueId => {
  const G = 'norm_param';
  n.ignore(`${G}.scale_filler`);
  const axes = flagOf(n, `${G}.across_spatial`, true) ? span(1, n.rank(0)) : [1];
  const shape = [flagOf(n, `${G}.channel_shared`, true) ? 1 : channelsOf(n), ...ones(n.rank(0) - 2)];
  const eps = numberOf(n, `${G}.eps`, 1e-10);
  const [scales] = blobs(n, [{ shape, role: 'scale' }]);
  const x = n.real(0);
  const sum = n.emit('reduce_sum_square', [x], { axes, keep: true });
  const unit = n.emit('div', [x, n.emit('sqrt', [n.emit('add', [sum, n.scalar(eps)], {})], {})], {});
  return n.emit('mul', [unit, scales ?? n.malformed('it has no scale')], {});
};

export const norm = {
  BatchNorm: { import: (n) => [batchNorm(n)] },
  Scale: { import: (n) => [scale(n)] },
  Bias: { import: (n) => [bias(n)] },
  LRN: { import: (n) => [lrn(n)] },
  MVN: { import: (n) => [mvn(n)] },
  Normalize: { import: (n) => [normalize(n)] },
  BN: { refused: 'forks of Caffe give this name to layers with different parameters; use BatchNorm and Scale' },
} as const satisfies LayerTable;
