import { isStaticShape, type ValueId } from '../../../ir/index.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import { absPower, root } from './pool.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, span } from './util.ts';

const batchNorm = (n: OnnxNode): ValueId => {
  n.ignore('consumed_inputs', 'momentum', 'is_test');
  if (n.int('training_mode', 0) !== 0) return n.refuse('training_mode is 1', ['Export the model for inference (model.eval()).']);
  if (n.int('spatial', 1) !== 1) return n.refuse('spatial is 0: statistics per element are not supported');
  const operands = span(0, 5).map((i) => floatWire(n, i));
  return n.emit('batch_norm', operands, { epsilon: n.float('epsilon', 1e-5) });
};

const instanceNorm = (n: OnnxNode): ValueId => {
  n.ignore('consumed_inputs');
  if (n.rank(0) < 3) return n.refuse(`the input has rank ${n.rank(0)}`);
  return n.emit('instance_norm', [floatWire(n, 0), floatWire(n, 1), floatWire(n, 2)], { epsilon: n.float('epsilon', 1e-5) });
};

/** Mean and 1 / sqrt(variance + epsilon): layer_norm does not give out its statistics. */
const statistics = (n: OnnxNode, x: ValueId, axes: readonly number[], epsilon: number): readonly ValueId[] => {
  const mean = n.emit('reduce_mean', [x], { axes, keep: true });
  const difference = n.emit('sub', [x, mean], {});
  const variance = n.emit('reduce_mean', [n.emit('mul', [difference, difference], {})], { axes, keep: true });
  const deviation = n.emit('sqrt', [n.emit('add', [variance, n.scalar(epsilon)], {})], {});
  return [mean, n.emit('reciprocal', [deviation], {})];
};

const layerNorm = (n: OnnxNode): readonly Made[] => {
  n.ignore('stash_type');
  const rank = n.rank(0);
  const axis = n.axis(n.int('axis', -1), rank);
  const epsilon = n.float('epsilon', 1e-5);
  const x = floatWire(n, 0);
  const y = n.emit('layer_norm', [x, floatWire(n, 1), ...(n.has(2) ? [floatWire(n, 2)] : [])], { axis, epsilon });
  return n.outputCount === 1 ? [y] : [y, ...statistics(n, x, span(axis, rank), epsilon)];
};

const rmsNorm = (n: OnnxNode): ValueId => {
  n.ignore('stash_type');
  return n.emit('rms_norm', [floatWire(n, 0), floatWire(n, 1)], {
    axis: n.axis(n.int('axis', -1), n.rank(0)),
    epsilon: n.float('epsilon', 1e-5),
  });
};

/** A vector with one entry per group as one with an entry per channel. */
const perChannel = (n: OnnxNode, v: ValueId, groups: number, channels: number): ValueId =>
  n.reshape(n.emit('expand', [n.reshape(v, [groups, 1])], { shape: [groups, channels / groups] }), [channels]);

/** Groups of channels are normalized together; scale and bias are per group before opset 21, per channel after. */
const groupNorm = (n: OnnxNode): ValueId => {
  n.ignore('stash_type');
  const [, channels, ...spatial] = n.shapeOf(0);
  const groups = n.int('num_groups');
  if (typeof channels === 'string' || !isStaticShape(spatial)) return n.unbound(n.shapeOf(0).slice(1));
  if (channels === undefined || groups < 1 || channels % groups !== 0)
    return n.malformed(`num_groups is ${groups} but there are ${String(channels)} channels`);
  const factors = [1, 2].map((i) => (n.since < 21 ? perChannel(n, floatWire(n, i), groups, channels) : floatWire(n, i)));
  return n.emit('group_norm', [floatWire(n, 0), ...factors], { groups, epsilon: n.float('epsilon', 1e-5) });
};

const meanVariance = (n: OnnxNode): ValueId => {
  const axes = n.axes(n.ints('axes') ?? [0, 2, 3], n.rank(0));
  const x = floatWire(n, 0);
  const mean = n.emit('reduce_mean', [x], { axes, keep: true });
  const difference = n.emit('sub', [x, mean], {});
  const variance = n.emit('reduce_mean', [n.emit('mul', [difference, difference], {})], { axes, keep: true });
  return n.emit('div', [difference, n.emit('add', [n.emit('sqrt', [variance], {}), n.scalar(1e-9)], {})], {});
};

const lpNorm = (n: OnnxNode): ValueId => {
  const p = n.int('p', 2);
  if (p !== 1 && p !== 2) return n.refuse(`p is ${p}`);
  const x = floatWire(n, 0);
  const axes = [n.axis(n.int('axis', -1), n.rank(0))];
  const norm = root(n, n.emit('reduce_sum', [absPower(n, x, p)], { axes, keep: true }), p);
  const zero = n.emit('equal', [norm, n.scalar(0)], {});
  // 0 / 0 counts as 0
  return n.emit('div', [x, n.emit('select', [zero, n.scalar(1), norm], {})], {});
};

/** Before opset 13 the input counts as a matrix, split at axis; after, one axis is normalized. */
const softmaxLike = (op: 'softmax' | 'log_softmax') => (n: OnnxNode) => {
  const rank = n.rank(0);
  const x = floatWire(n, 0);
  if (n.since >= 13) return [n.emit(op, [x], { axis: n.axis(n.int('axis', -1), rank) })];
  const wanted = n.int('axis', 1);
  const axis = wanted < 0 ? wanted + rank : wanted;
  if (axis === rank - 1) return [n.emit(op, [x], { axis })];
  if (axis < 0 || axis > rank) n.malformed(`axis is ${wanted} but the rank is ${rank}`);
  // trailing dimensions of size 1 change nothing
  if (n.shapeOf(0).every((d, i) => i <= axis || d === 1) && axis < rank) return [n.emit(op, [x], { axis })];
  const flat = n.emit('flatten', [x], { axis });
  return [n.reshape(n.emit(op, [flat], { axis: 1 }), n.shapeOf(0))];
};

export const norm = {
  BatchNormalization: { since: [1, 6, 7, 9, 14, 15], import: (n) => [batchNorm(n)] },
  InstanceNormalization: { since: [1, 6, 22], import: (n) => [instanceNorm(n)] },
  LayerNormalization: { since: [17], import: layerNorm },
  RMSNormalization: { since: [23], import: (n) => [rmsNorm(n)] },
  GroupNormalization: { since: [18, 21], import: (n) => [groupNorm(n)] },
  MeanVarianceNormalization: { since: [9, 13], import: (n) => [meanVariance(n)] },
  LpNormalization: { since: [1, 22], import: (n) => [lpNorm(n)] },
  LRN: {
    since: [1, 13],
    import: (n) => [
      n.emit('lrn', [floatWire(n, 0)], {
        size: n.int('size'),
        alpha: n.float('alpha', 1e-4),
        beta: n.float('beta', 0.75),
        bias: n.float('bias', 1),
      }),
    ],
  },
  Softmax: { since: [1, 11, 13], import: softmaxLike('softmax') },
  LogSoftmax: { since: [1, 11, 13], import: softmaxLike('log_softmax') },
} as const satisfies OnnxOps;
