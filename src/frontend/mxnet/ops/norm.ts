import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerNode } from '../../layer-node.ts';
import { bool, float, int, optionalFloat, word } from '../attributes.ts';
import type { MxTable } from './row.ts';
import { matrixOf, span } from './util.ts';

/** f of x with dimension `axis` in place 1; a channel dimension that stands last is brought forward by the layout. */
const overChannels = (n: LayerNode, axis: number, f: (x: ValueId) => ValueId): Made => {
  const rank = n.rank(0);
  const place = n.axis(axis, rank);
  if (place === 1 || rank < 2) return f(n.real(0));
  if (place === rank - 1 && rank >= 3 && rank <= 5) return { value: f(n.first(0)), layout: 'first' };
  const perm = [0, place, ...span(1, rank).filter((d) => d !== place)];
  if (place === 0) return n.refuse('axis is 0');
  const back = perm.map((_, d) => perm.indexOf(d));
  return n.emit('transpose', [f(n.emit('transpose', [n.real(0)], { perm }))], { perm: back });
};

const ones = (n: LayerNode, count: number): ValueId =>
  n.session.constant(`${n.site.origin}_ones`, { elem: 'float32', shape: [count], data: new Float32Array(count).fill(1) });

/** By the stored mean and variance; with fix_gamma, the default, the stored factors count as 1. */
const batchNorm = (n: LayerNode, relu = false): Made => {
  n.ignore('momentum', 'use_global_stats', 'cudnn_off', 'min_calib_range', 'max_calib_range', 'key', 'ndev', 'output_mean_var');
  const axis = int(n, 'axis', 1);
  const channels = at(n.shapeOf(0), n.axis(axis, n.rank(0)));
  const epsilon = float(n, 'eps', 1e-3);
  const scale = bool(n, 'fix_gamma', true) ? ones(n, channels) : n.param(1, [channels], 'scale');
  const rest = [n.param(2, [channels], 'shift'), n.param(3, [channels], 'mean'), n.param(4, [channels], 'variance')];
  return overChannels(n, axis, (x) => {
    const y = n.emit('batch_norm', [x, scale, ...rest], { epsilon });
    return relu ? n.emit('relu', [y], {}) : y;
  });
};

const instanceNorm = (n: LayerNode): Made => {
  const channels = at(n.shapeOf(0), 1);
  if (n.rank(0) < 3) return n.refuse(`the input has rank ${n.rank(0)}`);
  const factors = [n.param(1, [channels], 'scale'), n.param(2, [channels], 'shift')];
  return n.emit('instance_norm', [n.real(0), ...factors], { epsilon: float(n, 'eps', 1e-3) });
};

/** Over one axis. */
const layerNorm = (n: LayerNode): Made => {
  n.ignore('output_mean_var');
  const rank = n.rank(0);
  const axis = n.axis(int(n, 'axis', -1), rank);
  const size = at(n.shapeOf(0), axis);
  const epsilon = float(n, 'eps', 1e-5);
  const factors = [n.param(1, [size], 'scale'), n.param(2, [size], 'shift')];
  if (axis === rank - 1) return n.emit('layer_norm', [n.real(0), ...factors], { axis, epsilon });
  const perm = span(0, rank).map((d) => (d === axis ? rank - 1 : d === rank - 1 ? axis : d));
  const y = n.emit('layer_norm', [n.emit('transpose', [n.real(0)], { perm }), ...factors], { axis: rank - 1, epsilon });
  return n.emit('transpose', [y], { perm });
};

/** Factors are per group in 1.x, per channel in 2. */
const groupNorm = (n: LayerNode): Made => {
  n.ignore('output_mean_var');
  const channels = at(n.shapeOf(0), 1);
  const groups = int(n, 'num_groups', 1);
  if (groups < 1 || channels % groups !== 0) return n.malformed(`num_groups is ${groups}, but there are ${channels} channels`);
  const factor = (i: number, role: 'scale' | 'shift'): ValueId => {
    const given = n.site.inputs[i];
    if (given?.known === true && given.shape[0] === channels) return n.param(i, [channels], role);
    const grouped = n.reshape(n.param(i, [groups], role), [groups, 1]);
    return n.reshape(n.emit('expand', [grouped], { shape: [groups, channels / groups] }), [channels]);
  };
  const operands = [n.real(0), factor(1, 'scale'), factor(2, 'shift')];
  return n.emit('group_norm', operands, { groups, epsilon: float(n, 'eps', 1e-5) });
};

/** x / sqrt(sum of x^2 + eps) over all but the batch, the channels, or the spatial dimensions. */
const l2Normalization = (n: LayerNode): Made => {
  const mode = word(n, 'mode', ['instance', 'channel', 'spatial'], 'instance');
  const rank = n.rank(0);
  const axes = mode === 'channel' ? [1] : span(mode === 'spatial' ? 2 : 1, rank);
  const x = n.real(0);
  const sum = n.emit('reduce_sum', [n.emit('mul', [x, x], {})], { axes, keep: true });
  const length = n.emit('sqrt', [n.emit('add', [sum, n.scalar(float(n, 'eps', 1e-10))], {})], {});
  return n.emit('div', [x, length], {});
};

const lrn = (n: LayerNode): Made => {
  const size = int(n, 'nsize');
  if (size % 2 !== 1) return n.malformed(`nsize is ${size}, but an odd number is wanted`);
  const [alpha, beta, bias] = [float(n, 'alpha', 1e-4), float(n, 'beta', 0.75), float(n, 'knorm', 2)];
  return n.emit('lrn', [n.real(0)], { size, alpha, beta, bias });
};

/** x over the temperature, along the axis. */
const alongAxis = (n: LayerNode, op: 'softmax' | 'log_softmax', sign = 1): Made => {
  n.ignore('dtype');
  if (bool(n, 'use_length', false)) return n.refuse('use_length is True');
  const axis = n.axis(int(n, 'axis', -1), n.rank(0));
  const temperature = optionalFloat(n, 'temperature') ?? 1;
  const x = sign < 0 ? n.emit('neg', [n.real(0)], {}) : n.real(0);
  const scaled = temperature === 1 ? x : n.emit('div', [x, n.scalar(temperature)], {});
  return n.emit(op, [scaled], { axis });
};

/** Softmax of each sample as one row, whatever its shape. */
const perSample = (n: LayerNode): ValueId => {
  const x = n.real(0);
  if (n.rank(0) <= 2) return n.emit('softmax', [x], { axis: n.rank(0) - 1 });
  return n.reshape(n.emit('softmax', [matrixOf(n, x)], { axis: 1 }), n.shapeOf(0));
};

const TRAINING = ['grad_scale', 'ignore_label', 'use_ignore', 'normalization', 'out_grad', 'smooth_alpha'] as const;
const softmaxOutput = (n: LayerNode): Made => {
  n.ignore(...TRAINING);
  const multi = bool(n, 'multi_output', false);
  const preserve = bool(n, 'preserve_shape', false);
  if (preserve) return n.emit('softmax', [n.real(0)], { axis: n.rank(0) - 1 });
  return multi ? n.emit('softmax', [n.real(0)], { axis: 1 }) : perSample(n);
};

const softmaxActivation = (n: LayerNode): Made => {
  if (word(n, 'mode', ['instance', 'channel'], 'instance') === 'channel') return n.emit('softmax', [n.real(0)], { axis: 1 });
  if (n.rank(0) > 2) return n.refuse('mode is instance and the input is no matrix: builds of MXNet differ in what they do then');
  return perSample(n);
};

const one = (row: (n: LayerNode) => Made) => ({ import: (n: LayerNode) => [row(n)] }) as const;
const normed = (row: (n: LayerNode) => Made, parameters: readonly number[]) => ({ ...one(row), parameters }) as const;
const output = (row: (n: LayerNode) => Made) => ({ ...one(row), labels: [1] }) as const;

export const norm = {
  BatchNorm: normed(batchNorm, [1, 2, 3, 4]),
  _contrib_BatchNormWithReLU: normed((n) => batchNorm(n, true), [1, 2, 3, 4]),
  InstanceNorm: normed(instanceNorm, [1, 2]),
  LayerNorm: normed(layerNorm, [1, 2]),
  GroupNorm: normed(groupNorm, [1, 2]),
  L2Normalization: one(l2Normalization),
  LRN: one(lrn),
  softmax: one((n) => alongAxis(n, 'softmax')),
  log_softmax: one((n) => alongAxis(n, 'log_softmax')),
  softmin: one((n) => alongAxis(n, 'softmax', -1)),
  SoftmaxOutput: output(softmaxOutput),
  SoftmaxActivation: one(softmaxActivation),
} as const satisfies MxTable;
