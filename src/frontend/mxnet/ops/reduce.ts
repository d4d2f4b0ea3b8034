import { elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerNode } from '../../layer-node.ts';
import { bool, int, optionalInt, optionalInts, word } from '../attributes.ts';
import type { MxTable } from './row.ts';
import { asFloat, cast, dtype, span, widened } from './util.ts';

/** Axes of a reduction; none given, or an empty tuple, means all. `exclude` names those that stay. */
const axesOf = (n: LayerNode, name = 'axis'): readonly number[] => {
  const rank = n.rank(0);
  const given = n.axes(optionalInts(n, name) ?? [], rank);
  if (given.length === 0) return span(0, rank);
  return bool(n, 'exclude', false) ? span(0, rank).filter((d) => !given.includes(d)) : given;
};

/** All axes reduced leave one element in one dimension. */
const shaped = (n: LayerNode, y: ValueId, scalar: boolean): ValueId => (scalar || n.sizes(y).length > 0 ? y : n.reshape(y, [1]));

type Reduction = 'reduce_sum' | 'reduce_mean' | 'reduce_max' | 'reduce_min' | 'reduce_prod';
/** @param scalar - numpy operators give a scalar where all is reduced */
export const reduction =
  (op: Reduction, scalar = false) =>
  (n: LayerNode): Made => {
    n.ignore('exclude', 'dtype', 'safe_accumulation');
    if (n.hasAttribute('initial') && n.attribute('initial') !== 'None') return n.refuse('initial is given');
    n.ignore('initial');
    const axes = axesOf(n);
    return shaped(n, n.emit(op, [widened(n, n.x(0))], { axes, keep: bool(n, 'keepdims', false) }), scalar);
  };

/** Square root of the sum of squares, or the sum of absolute values. */
const norm = (n: LayerNode): Made => {
  n.ignore('out_dtype');
  const order = int(n, 'ord', 2);
  if (order !== 1 && order !== 2) return n.refuse(`ord is ${order}`);
  const op = order === 1 ? 'reduce_l1' : 'reduce_l2';
  return shaped(n, n.emit(op, [n.real(0)], { axes: axesOf(n), keep: bool(n, 'keepdims', false) }), false);
};

const moments = (n: LayerNode): readonly Made[] => {
  const axes = axesOf(n, 'axes');
  const keep = bool(n, 'keepdims', false);
  const x = n.real(0);
  const mean = n.emit('reduce_mean', [x], { axes, keep: true });
  const difference = n.emit('sub', [x, mean], {});
  const variance = n.emit('reduce_mean', [n.emit('mul', [difference, difference], {})], { axes, keep });
  return [n.emit('reduce_mean', [x], { axes, keep }), variance].map((y) => shaped(n, y, false));
};

/** The place of the greatest or least element; without an axis, in the flattened tensor. */
const place = (n: LayerNode, op: 'argmax' | 'argmin'): Made => {
  const keep = bool(n, 'keepdims', false);
  const given = optionalInt(n, 'axis');
  if (given !== undefined) {
    const axis = n.axis(given, n.rank(0));
    return asFloat(n, shaped(n, n.emit(op, [n.x(0)], { axis, keep }), false));
  }
  if (keep) return n.refuse('keepdims without an axis');
  return asFloat(n, n.reshape(n.emit(op, [n.reshape(n.x(0), [elementCount(n.shapeOf(0))])], { axis: 0 }), [1]));
};

interface Ordered {
  readonly x: ValueId;
  readonly axis: number;
}
/** What is sorted along which axis; without one, the flattened tensor. */
const ordered = (n: LayerNode): Ordered => {
  if (n.attribute('axis') === 'None') return { x: n.reshape(n.x(0), [elementCount(n.shapeOf(0))]), axis: 0 };
  return { x: n.x(0), axis: n.axis(int(n, 'axis', -1), n.rank(0)) };
};

const topk = (n: LayerNode): readonly Made[] => {
  const { x, axis } = ordered(n);
  const type = word(n, 'ret_typ', ['both', 'indices', 'mask', 'value'], 'indices');
  if (type === 'mask') return n.refuse('ret_typ is mask');
  const size = at(n.sizes(x), axis);
  const wanted = int(n, 'k', 1);
  const k = wanted < 1 ? size : wanted;
  const elem = dtype(n, 'float32');
  const [values, places] = n.emitAll('top_k', [x], { axis, k, largest: !bool(n, 'is_ascend', false) });
  if (values === undefined || places === undefined) return [];
  const index = cast(n, places, elem);
  return type === 'indices' ? [index] : type === 'value' ? [values] : [values, index];
};

const argmaxChannel = (n: LayerNode): Made => {
  if (n.rank(0) < 2) return n.malformed(`the input has rank ${n.rank(0)}`);
  return asFloat(n, n.emit('argmax', [n.x(0)], { axis: 1 }));
};

const one = (row: (n: LayerNode) => Made) => ({ import: (n: LayerNode) => [row(n)] }) as const;

export const reduce = {
  sum: one(reduction('reduce_sum')),
  mean: one(reduction('reduce_mean')),
  max: one(reduction('reduce_max')),
  min: one(reduction('reduce_min')),
  prod: one(reduction('reduce_prod')),
  norm: one(norm),
  moments: { import: moments },
  argmax: one((n) => place(n, 'argmax')),
  argmin: one((n) => place(n, 'argmin')),
  argmax_channel: one(argmaxChannel),
  topk: { import: topk },
  sort: one((n) => {
    const { x, axis } = ordered(n);
    return n.emit('sort', [x], { axis, descending: !bool(n, 'is_ascend', true) });
  }),
  argsort: one((n) => {
    const { x, axis } = ordered(n);
    return cast(n, n.emit('argsort', [x], { axis, descending: !bool(n, 'is_ascend', true) }), dtype(n, 'float32'));
  }),
  cumsum: one((n) => {
    n.ignore('dtype');
    const axis = optionalInt(n, 'axis');
    if (axis !== undefined) return n.emit('cumsum', [widened(n, n.x(0))], { axis: n.axis(axis, n.rank(0)) });
    return n.emit('cumsum', [n.reshape(widened(n, n.x(0)), [elementCount(n.shapeOf(0))])], { axis: 0 });
  }),
} as const satisfies MxTable;
