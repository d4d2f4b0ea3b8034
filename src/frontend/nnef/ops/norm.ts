import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { flagOf, listOf, numberOf, ones, raised, sameAs, span } from './util.ts';
import { pooled } from './window.ts';

const axesOf = (n: LayerNode): readonly number[] => n.axes(listOf(n, 'axes'), n.rank(0));

type Reduction = 'reduce_sum' | 'reduce_mean' | 'reduce_max' | 'reduce_min' | 'reduce_any' | 'reduce_all';
const reduced =
  (op: Reduction) =>
  (n: LayerNode): readonly Made[] => [n.emit(op, [n.x(0)], { axes: axesOf(n), keep: true })];

/** Counts along one axis, or through several side by side. */
const arg =
  (op: 'argmax' | 'argmin') =>
  (n: LayerNode): readonly Made[] => {
    const axes = [...axesOf(n)].sort((a, b) => a - b);
    const [first = 0] = axes;
    const shape = n.shapeOf(0);
    if (axes.some((a, i) => a !== first + i)) return n.refuse(`axes [${axes.join(', ')}] do not stand side by side`);
    if (axes.length === 0) return n.malformed('it has no axes');
    const count = axes.reduce((p, a) => p * at(shape, a), 1);
    const flat = axes.length === 1 ? n.x(0) : n.reshape(n.x(0), [...shape.slice(0, first), count, ...shape.slice(first + axes.length)]);
    const y = n.emit(op, [flat], { axis: first, keep: true });
    return [axes.length === 1 ? y : n.reshape(y, [...shape.slice(0, first), ...ones(axes.length), ...shape.slice(first + axes.length)])];
  };

const moments = (n: LayerNode): readonly Made[] => {
  const axes = axesOf(n);
  const x = n.real(0);
  const mean = n.emit('reduce_mean', [x], { axes, keep: true });
  const difference = n.emit('sub', [x, mean], {});
  return [mean, n.emit('reduce_mean', [n.emit('mul', [difference, difference], {})], { axes, keep: true })];
};

const softmax = (n: LayerNode): ValueId => {
  const given = n.hasAttribute('axes') ? axesOf(n) : [1];
  const x = n.real(0);
  const [axis] = given;
  if (given.length === 1 && axis !== undefined) return n.emit('softmax', [x], { axis: n.axis(axis, n.rank(0)) });
  const e = n.emit('exp', [n.emit('sub', [x, n.emit('reduce_max', [x], { axes: given, keep: true })], {})], {});
  return n.emit('div', [e, n.emit('reduce_sum', [e], { axes: given, keep: true })], {});
};

const sizeOf = (n: LayerNode): readonly number[] => {
  const size = listOf(n, 'size');
  return size.length === n.rank(0) && size.every((s) => s >= 1)
    ? size
    : n.malformed(`size is [${size.join(', ')}] for ${n.rank(0)} dimensions`);
};

/** Means over windows around each cell; zeros stand outside. */
const meanAround = (n: LayerNode, x: ValueId, size: readonly number[]): ValueId => {
  const one = ones(size.length);
  return pooled(n, x, size, { stride: one, dilation: one, padding: sameAs(n.sizes(x), size, one, one) }, 'constant', 'mean');
};

/** x / (bias + alpha mean of squares)^beta */
const localResponse = (n: LayerNode): ValueId => {
  const size = sizeOf(n);
  const [alpha, beta, bias] = [numberOf(n, 'alpha', 1), numberOf(n, 'beta', 0.5), numberOf(n, 'bias', 1)];
  const x = n.real(0);
  if (n.rank(0) >= 3 && size.every((s, i) => i === 1 || s === 1)) return n.emit('lrn', [x], { size: at(size, 1), alpha, beta, bias });
  const mean = meanAround(n, n.emit('mul', [x, x], {}), size);
  const base = n.emit('add', [n.emit('mul', [mean, n.scalar(alpha)], {}), n.scalar(bias)], {});
  return n.emit('div', [x, n.emit('pow', [base, n.scalar(beta)], {})], {});
};

const localMean = (n: LayerNode, x: ValueId): ValueId => n.emit('sub', [x, meanAround(n, x, sizeOf(n))], {});

/** x / max(sigma + bias, epsilon) */
const divided = (n: LayerNode, x: ValueId, sigma: ValueId): ValueId => {
  const [bias, epsilon] = [numberOf(n, 'bias', 0), numberOf(n, 'epsilon', 0)];
  const moved = bias === 0 ? sigma : n.emit('add', [sigma, n.scalar(bias)], {});
  return n.emit('div', [x, n.emit('maximum', [moved, n.scalar(epsilon)], {})], {});
};
const localVariance = (n: LayerNode, x: ValueId): ValueId =>
  divided(n, x, n.emit('sqrt', [meanAround(n, n.emit('mul', [x, x], {}), sizeOf(n))], {}));

/** offset + scale (x - mean) / sqrt(variance + epsilon) */
const batchNorm = (n: LayerNode): ValueId => {
  const epsilon = numberOf(n, 'epsilon', 0);
  const channels = n.rank(0) > 1 ? at(n.shapeOf(0), 1) : 1;
  const x = n.real(0);
  const count = (i: number): number => n.shapeOf(i).reduce((a, b) => a * b, 1);
  const perChannel = (i: number): boolean =>
    !n.has(i) || (count(i) === channels && (n.shapeOf(i)[1] ?? n.shapeOf(i)[0]) === channels) || count(i) === 1;
  const vector = (i: number, missing: number): ValueId => {
    const { host, name } = n.has(i) ? n.input(i) : { host: undefined, name: '' };
    if (!n.has(i) || (host !== undefined && host.data.length === 1)) {
      const value = host === undefined ? missing : at(host.data, 0);
      return n.session.constant(`${n.site.origin}.${i}`, n.made('float32', [channels], () => value).host);
    }
    if (host !== undefined) return n.session.constant(name, host, [channels]);
    return count(i) === 1 ? n.emit('expand', [n.reshape(n.x(i), [1])], { shape: [channels] }) : n.reshape(n.x(i), [channels]);
  };
  if (n.rank(0) >= 2 && span(1, 5).every(perChannel))
    return n.emit('batch_norm', [x, vector(4, 1), vector(3, 0), vector(1, 0), vector(2, 1)], { epsilon });
  const rank = n.rank(0);
  const centred = n.emit('sub', [x, raised(n, 1, rank)], {});
  const deviation = n.emit('sqrt', [n.emit('add', [raised(n, 2, rank), n.scalar(epsilon)], {})], {});
  const scaled = n.emit('div', [n.has(4) ? n.emit('mul', [raised(n, 4, rank), centred], {}) : centred, deviation], {});
  return n.has(3) ? n.emit('add', [raised(n, 3, rank), scaled], {}) : scaled;
};

export const norm = {
  sum_reduce: {
    import: (n) => [n.emit(flagOf(n, 'normalize') ? 'reduce_mean' : 'reduce_sum', [n.real(0)], { axes: axesOf(n), keep: true })],
  },
  mean_reduce: { import: reduced('reduce_mean') },
  max_reduce: { import: reduced('reduce_max') },
  min_reduce: { import: reduced('reduce_min') },
  any_reduce: { import: reduced('reduce_any') },
  all_reduce: { import: reduced('reduce_all') },
  argmax_reduce: { import: arg('argmax') },
  argmin_reduce: { import: arg('argmin') },
  moments: { import: moments },
  softmax: { import: (n) => [softmax(n)] },
  local_response_normalization: { import: (n) => [localResponse(n)] },
  local_mean_normalization: { import: (n) => [localMean(n, n.real(0))] },
  local_variance_normalization: { import: (n) => [localVariance(n, n.real(0))] },
  local_contrast_normalization: { import: (n) => [localVariance(n, localMean(n, n.real(0)))] },
  l1_normalization: { import: (n) => [divided(n, n.real(0), n.emit('reduce_l1', [n.real(0)], { axes: axesOf(n), keep: true }))] },
  l2_normalization: { import: (n) => [divided(n, n.real(0), n.emit('reduce_l2', [n.real(0)], { axes: axesOf(n), keep: true }))] },
  batch_normalization: { import: (n) => [batchNorm(n)] },
} as const satisfies LayerTable;
