import { elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerRow, LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { flag, has, isReal, like, maybeNumber, maybeWholes, one, promoted, span, tensor, whole } from '../args.ts';

/** The dimensions that `dim` names; all where it is left out or empty. */
const axesOf = (n: LayerNode, x: number): readonly number[] => {
  const given = maybeWholes(n, 'dim') ?? [];
  return given.length === 0 || n.rank(x) === 0 ? span(0, n.rank(x)) : n.axes(given, n.rank(x));
};

type Reduction = 'reduce_sum' | 'reduce_mean' | 'reduce_max' | 'reduce_min' | 'reduce_prod' | 'logsumexp';
const reduced = (n: LayerNode, op: Reduction, x: number): Made => {
  // the type of the result is float for floats, and integers are summed as int32
  n.ignore('dtype');
  const axes = axesOf(n, x);
  const keep = flag(n, 'keepdim');
  if (axes.length === 0) return { same: n.input(x) };
  if (axes.some((a) => n.shapeOf(x)[a] === 0)) return n.refuse('a reduction over no elements is not supported');
  if (op === 'reduce_mean' || op === 'logsumexp' || isReal(n, x)) return n.emit(op, [n.real(x)], { axes, keep });
  if (op === 'reduce_prod') return n.refuse('products of integers');
  const y = n.emit(op, [n.as(n.x(x), 'i32')], { axes, keep });
  // the sum of booleans is a number
  return n.elem(x) === 'bool' ? (op === 'reduce_sum' ? y : n.as(y, 'bool')) : like(n, y, x);
};
const reduction = (op: Reduction): LayerRow => one((n) => reduced(n, op, tensor(n, 'self')));

/** With `other` of two tensors; with `dim` the extreme and where it stands first; else of all. */
const extreme = (op: 'max' | 'min'): LayerRow => ({
  import: (n) => {
    if (has(n, 'other')) {
      const { kind, operands } = promoted(n, 'self', 'other');
      if (kind === 'bool') return n.refuse('of booleans');
      return [n.emit(op === 'max' ? 'maximum' : 'minimum', operands, {})];
    }
    const x = tensor(n, 'self');
    const value = reduced(n, `reduce_${op}`, x);
    if (n.outputCount === 1) return [value];
    return [value, indexOf(n, op === 'max' ? 'argmax' : 'argmin', x)];
  },
});

const indexOf = (n: LayerNode, op: 'argmax' | 'argmin', x: number): ValueId => {
  const own = n.shapeOf(x);
  if (!has(n, 'dim')) {
    if (flag(n, 'keepdim')) return n.refuse('keepdim without a dimension');
    return n.emit(op, [n.reshape(n.x(x), [elementCount(own)])], { axis: 0 });
  }
  const axis = n.axis(whole(n, 'dim'), own.length, 'dim');
  if (at(own, axis) === 0) return n.refuse('a reduction over no elements is not supported');
  const y = n.emit(op, [n.x(x)], { axis });
  return flag(n, 'keepdim')
    ? n.reshape(
        y,
        own.map((d, i) => (i === axis ? 1 : d)),
      )
    : y;
};
const extremeIndex = (op: 'argmax' | 'argmin'): LayerRow => one((n) => indexOf(n, op, tensor(n, 'self')));

/** Sum of squares of the differences to the mean over the count less a correction. */
const variance = (n: LayerNode, x: number, root: boolean): readonly [value: ValueId, mean: ValueId] => {
  const axes = axesOf(n, x);
  const count = elementCount(axes.map((a) => at(n.shapeOf(x), a)));
  const correction = has(n, 'unbiased') ? Number(flag(n, 'unbiased')) : (maybeNumber(n, 'correction') ?? 1);
  const keep = flag(n, 'keepdim');
  if (!(count - correction > 0)) return n.refuse(`the variance of ${count} elements less ${correction}`);
  const mean = n.emit('reduce_mean', [n.real(x)], { axes, keep: true });
  const difference = n.emit('sub', [n.x(x), mean], {});
  const squares = n.emit('mul', [difference, difference], {});
  const sum = n.emit('reduce_sum', [squares], { axes, keep });
  const value = n.emit('mul', [sum, n.scalar(1 / (count - correction))], {});
  const kept = n.sizes(value);
  return [root ? n.emit('sqrt', [value], {}) : value, keep ? mean : n.reshape(mean, kept)];
};
const spread = (root: boolean, withMean: boolean): LayerRow => ({
  import: (n) => {
    const both = variance(n, tensor(n, 'self'), root);
    return withMean ? both : [both[0]];
  },
});

/** Of order 1, 2, or the greatest. */
const norm = (n: LayerNode): Made => {
  n.ignore('dtype');
  const x = tensor(n, 'self');
  const order = maybeNumber(n, has(n, 'ord') ? 'ord' : 'p') ?? 2;
  const [axes, keep] = [axesOf(n, x), flag(n, 'keepdim')];
  if (order === 2) return n.emit('reduce_l2', [n.real(x)], { axes, keep });
  if (order === 1) return n.emit('reduce_l1', [n.real(x)], { axes, keep });
  return order === Number.POSITIVE_INFINITY
    ? n.emit('reduce_max', [n.emit('abs', [n.real(x)], {})], { axes, keep })
    : n.refuse(`the order is ${order}`);
};

const truth = (op: 'reduce_any' | 'reduce_all'): LayerRow =>
  one((n) => n.emit(op, [n.as(n.x(tensor(n, 'self')), 'bool')], { axes: axesOf(n, tensor(n, 'self')), keep: flag(n, 'keepdim') }));

const running = (op: 'cumsum' | 'cumprod'): LayerRow =>
  one((n) => {
    n.ignore('dtype');
    const x = tensor(n, 'self');
    const axis = n.axis(whole(n, 'dim'), n.rank(x), 'dim');
    return n.emit(op, [isReal(n, x) ? n.x(x) : n.as(n.x(x), 'i32')], { axis });
  });

const topK = (n: LayerNode): readonly Made[] => {
  n.ignore('sorted');
  const x = tensor(n, 'self');
  const axis = n.axis(whole(n, 'dim', -1), n.rank(x), 'dim');
  const [values, indices] = n.emitAll('top_k', [n.x(x)], { k: whole(n, 'k'), axis, largest: flag(n, 'largest', true) });
  return [like(n, values as ValueId, x), indices as ValueId];
};
const sort = (n: LayerNode): readonly Made[] => {
  n.ignore('stable');
  const x = tensor(n, 'self');
  const attrs = { axis: n.axis(whole(n, 'dim', -1), n.rank(x), 'dim'), descending: flag(n, 'descending') };
  const values = like(n, n.emit('sort', [n.x(x)], attrs), x);
  return n.outputCount === 1 ? [values] : [values, n.emit('argsort', [n.x(x)], attrs)];
};
const argsort = (n: LayerNode): Made => {
  n.ignore('stable');
  const x = tensor(n, 'self');
  return n.emit('argsort', [n.x(x)], { axis: n.axis(whole(n, 'dim', -1), n.rank(x), 'dim'), descending: flag(n, 'descending') });
};

export const reduce = {
  'aten.sum': reduction('reduce_sum'),
  'aten.mean': reduction('reduce_mean'),
  'aten.amax': reduction('reduce_max'),
  'aten.amin': reduction('reduce_min'),
  'aten.prod': reduction('reduce_prod'),
  'aten.logsumexp': reduction('logsumexp'),
  'aten.max': extreme('max'),
  'aten.min': extreme('min'),
  'aten.argmax': extremeIndex('argmax'),
  'aten.argmin': extremeIndex('argmin'),
  'aten.var': spread(false, false),
  'aten.std': spread(true, false),
  'aten.var_mean': spread(false, true),
  'aten.std_mean': spread(true, true),
  'aten.norm': one(norm),
  'aten.linalg_vector_norm': one(norm),
  'aten.any': truth('reduce_any'),
  'aten.all': truth('reduce_all'),
  'aten.cumsum': running('cumsum'),
  'aten.cumprod': running('cumprod'),
  'aten.topk': { import: topK },
  'aten.sort': { import: sort },
  'aten.argsort': one(argsort),
} as const satisfies LayerTable;
