import type { ValueId } from '../../../ir/index.ts';
import { elemOf } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import { iota } from '../session.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, ones, span } from './util.ts';

/** What one class index per place picks from values per class (axis 1). */
interface Targets {
  /** True at the class of each place. */
  readonly hot: ValueId;
  /** False where the class is to be ignored; undefined when none is. */
  readonly counts: ValueId | undefined;
  /** Rank of the targets. */
  readonly rank: number;
}

const targetsOf = (n: OnnxNode): Targets => {
  const rank = n.rank(0) - 1;
  const classes = n.shapeOf(0)[1];
  if (rank < 1) return n.malformed(`input 0 has rank ${n.rank(0)}`);
  if (n.rank(1) !== rank) return n.malformed(`the target has rank ${n.rank(1)}, but ${rank} is wanted`);
  if (elemOf(n.elem(1)).kind !== 'int') return n.malformed(`the target is ${n.elem(1)}`);
  if (typeof classes !== 'number') return n.unknown(`dimension ${String(classes)} of input 0`);
  if (!n.session.budget.take(classes)) return n.refuse(`${classes} classes are too many`);
  const target = n.wire(1);
  const names = n.session.param('classes', iota([classes, ...ones(rank - 1)]));
  const hot = n.emit('equal', [n.emit('unsqueeze', [target], { axes: [1] }), names], {});
  if (!n.hasAttr('ignore_index')) return { hot, counts: undefined, rank };
  const ignored = n.int('ignore_index');
  // no int32 target equals an index beyond int32
  if (Math.abs(ignored) >= 2 ** 31) return { hot, counts: undefined, rank };
  const index = n.int32('ignored', ignored);
  return { hot, counts: n.emit('logical_not', [n.emit('equal', [target, index], {})], {}), rank };
};

/** The value at the class of each place; 0 where the target is no class. */
const pick = (n: OnnxNode, { hot }: Targets, values: ValueId): ValueId =>
  n.emit('reduce_sum', [n.emit('select', [hot, values, n.scalar(0)], {})], { axes: [1], keep: false });

const total = (n: OnnxNode, { rank }: Targets, x: ValueId): ValueId => n.emit('reduce_sum', [x], { axes: span(0, rank), keep: false });

/** -weight[target] * x[target], ignored places 0; then nothing, the sum, or the sum over the sum of the weights. */
const negativeLogLikelihood = (n: OnnxNode, x: ValueId): ValueId => {
  const reduction = n.text('reduction', 'mean');
  if (reduction !== 'none' && reduction !== 'sum' && reduction !== 'mean') return n.malformed(`reduction is ${reduction}`);
  const t = targetsOf(n);
  const only = (v: ValueId): ValueId => (t.counts === undefined ? v : n.emit('select', [t.counts, v, n.scalar(0)], {}));
  const picked = n.emit('neg', [pick(n, t, x)], {});
  const weight = n.has(2) ? pick(n, t, n.reshape(floatWire(n, 2), [...n.shapeOf(2), ...ones(t.rank - 1)])) : undefined;
  const loss = only(weight === undefined ? picked : n.emit('mul', [picked, weight], {}));
  if (reduction === 'none') return loss;
  if (reduction === 'sum') return total(n, t, loss);
  if (weight === undefined && t.counts === undefined) return n.emit('reduce_mean', [loss], { axes: span(0, t.rank), keep: false });
  const counted = weight ?? n.emit('expand', [n.scalar(1)], { shape: [...n.staticShape(1)] });
  return n.emit('div', [total(n, t, loss), total(n, t, only(counted))], {});
};

/** Losses over classes on axis 1. */
export const losses = {
  NegativeLogLikelihoodLoss: { since: [12, 13, 22], import: (n) => [negativeLogLikelihood(n, floatWire(n, 0))] },
  SoftmaxCrossEntropyLoss: {
    since: [12, 13],
    import: (n) => {
      const logarithms = n.emit('log_softmax', [floatWire(n, 0)], { axis: 1 });
      const loss = negativeLogLikelihood(n, logarithms);
      return n.outputCount > 1 ? [loss, logarithms] : [loss];
    },
  },
} as const satisfies OnnxOps;
