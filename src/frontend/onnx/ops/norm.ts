import type { ValueId } from '../../../ir/index.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import { absPower, root } from './pool.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, ones, span } from './util.ts';

const batchNorm = (n: OnnxNode): ValueId => {
  n.ignore('consumed_inputs', 'momentum', 'is_test');
  if (n.int('training_mode', 0) !== 0) return n.refuse('training_mode is 1', ['Export the model for inference (model.eval()).']);
  if (n.int('spatial', 1) !== 1) return n.refuse('spatial is 0: statistics per element are not supported');
  const operands = span(0, 5).map((i) => floatWire(n, i));
  return n.emit('batch_norm', operands, { epsilon: n.float('epsilon', 1e-5) });
};

interface Centered {
  readonly mean: ValueId;
  readonly difference: ValueId;
  /** sqrt(variance + epsilon) */
  readonly deviation: ValueId;
}

const centered = (n: OnnxNode, x: ValueId, axes: readonly number[], epsilon: number): Centered => {
  const mean = n.emit('reduce_mean', [x], { axes, keep: true });
  const difference = n.emit('sub', [x, mean], {});
  const variance = n.emit('reduce_mean', [n.emit('mul', [difference, difference], {})], { axes, keep: true });
  return { mean, difference, deviation: n.emit('sqrt', [n.emit('add', [variance, n.scalar(epsilon)], {})], {}) };
};

const scaledAndShifted = (n: OnnxNode, x: ValueId, scale: ValueId, shift: ValueId | undefined): ValueId => {
  const scaled = n.emit('mul', [x, scale], {});
  return shift === undefined ? scaled : n.emit('add', [scaled, shift], {});
};

/** A per-channel vector so that it broadcasts along axis 1. */
const perChannel = (n: OnnxNode, i: number, rank: number): ValueId => n.reshape(floatWire(n, i), [...n.shapeOf(i), ...ones(rank - 2)]);

const instanceNorm = (n: OnnxNode): ValueId => {
  n.ignore('consumed_inputs');
  const rank = n.rank(0);
  if (rank < 3) return n.refuse(`the input has rank ${rank}`);
  const c = centered(n, floatWire(n, 0), span(2, rank), n.float('epsilon', 1e-5));
  return scaledAndShifted(n, n.emit('div', [c.difference, c.deviation], {}), perChannel(n, 1, rank), perChannel(n, 2, rank));
};

const layerNorm = (n: OnnxNode): readonly Made[] => {
  n.ignore('stash_type');
  const rank = n.rank(0);
  const axis = n.axis(n.int('axis', -1), rank);
  const c = centered(n, floatWire(n, 0), span(axis, rank), n.float('epsilon', 1e-5));
  const normal = n.emit('div', [c.difference, c.deviation], {});
  const y = scaledAndShifted(n, normal, floatWire(n, 1), n.has(2) ? floatWire(n, 2) : undefined);
  return n.outputCount === 1 ? [y] : [y, c.mean, n.emit('reciprocal', [c.deviation], {})];
};

const rmsNorm = (n: OnnxNode): ValueId => {
  n.ignore('stash_type');
  const rank = n.rank(0);
  const x = floatWire(n, 0);
  const axes = span(n.axis(n.int('axis', -1), rank), rank);
  const square = n.emit('reduce_mean', [n.emit('mul', [x, x], {})], { axes, keep: true });
  const deviation = n.emit('sqrt', [n.emit('add', [square, n.scalar(n.float('epsilon', 1e-5))], {})], {});
  return n.emit('mul', [n.emit('div', [x, deviation], {}), floatWire(n, 1)], {});
};

/** Groups of channels are normalized together; scale and bias are per group before opset 21, per channel after. */
const groupNorm = (n: OnnxNode): ValueId => {
  n.ignore('stash_type');
  const [batch = 1, channels, ...spatial] = n.shapeOf(0);
  const groups = n.int('num_groups');
  if (typeof channels !== 'number' || groups < 1 || channels % groups !== 0)
    return n.malformed(`num_groups is ${groups} but there are ${String(channels)} channels`);
  const grouped = n.reshape(floatWire(n, 0), [batch, groups, channels / groups, ...spatial]);
  const rank = n.typeOf(grouped).shape.length;
  const c = centered(n, grouped, span(2, rank), n.float('epsilon', 1e-5));
  const normal = n.emit('div', [c.difference, c.deviation], {});
  if (n.since < 21) {
    const y = scaledAndShifted(n, normal, perChannel(n, 1, rank), perChannel(n, 2, rank));
    return n.reshape(y, n.shapeOf(0));
  }
  const back = n.reshape(normal, n.shapeOf(0));
  return scaledAndShifted(n, back, perChannel(n, 1, n.rank(0)), perChannel(n, 2, n.rank(0)));
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
