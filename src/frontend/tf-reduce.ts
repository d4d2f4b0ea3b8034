import { elementCount, type ValueId } from '../ir/index.ts';
import { at } from '../support/index.ts';
import type { Made } from './import-session.ts';
import type { LayerRow, LayerTable } from './layer-graph.ts';
import type { LayerNode } from './layer-node.ts';
import { flagOf, ints, isReal, narrowed, one, span, typeOf, widened } from './tf-row.ts';
import { moved } from './tf-shape.ts';

type Reduction = 'reduce_sum' | 'reduce_mean' | 'reduce_max' | 'reduce_min' | 'reduce_prod' | 'reduce_any' | 'reduce_all' | 'reduce_l2';

/** Axes of input 1; of a scalar there are none. */
const axesOf = (n: LayerNode): readonly number[] => (n.rank(0) === 0 ? [] : n.axes(n.hostInts(1, 'the axes'), n.rank(0)));

/** A reduction in the layout that the input has, where its axes are not kept only when they come out in the order of the file. */
const inLayout = (n: LayerNode, op: Reduction, axes: readonly number[], keep: boolean): Made => {
  const { value, layout, place } = n.either(0);
  if (layout === 'first' && keep) return { value: n.emit(op, [value], { axes: axes.map(place), keep }), layout };
  // [N, C] of [N, C, H, W] is in the order of the file too
  const left = span(0, n.rank(0)).filter((a) => !axes.includes(a));
  const ordered = left.every((a, i) => i === 0 || place(a) > place(at(left, i - 1)));
  if (ordered) return n.emit(op, [value], { axes: axes.map(place), keep });
  return n.emit(op, [n.x(0)], { axes, keep });
};

const reduction = (op: Reduction): LayerRow =>
  one((n) => {
    const keep = n.hasAttribute('keepdims') ? flagOf(n, 'keepdims') : flagOf(n, 'keep_dims');
    const axes = axesOf(n);
    if (axes.some((a) => n.shapeOf(0)[a] === 0)) return n.refuse('a reduction over no elements is not supported');
    if (axes.length === 0) return { same: n.input(0) };
    if (isReal(n, 0)) return inLayout(n, op, axes, keep);
    if (op === 'reduce_any' || op === 'reduce_all')
      return n.elem(0) === 'bool' ? inLayout(n, op, axes, keep) : n.malformed(`input 0 is ${n.elem(0)}, but bool is wanted`);
    return narrowed(n, wholeReduction(n, op, widened(n, 0), axes, keep), n.elem(0));
  });

/** Of int32. A mean truncates towards 0. */
const wholeReduction = (n: LayerNode, op: Reduction, x: ValueId, axes: readonly number[], keep: boolean): ValueId => {
  if (op === 'reduce_prod') return wholeProduct(n, x, axes, keep);
  if (op !== 'reduce_mean') return n.emit(op, [x], { axes, keep });
  const count = elementCount(axes.map((a) => at(n.shapeOf(0), a)));
  return n.emit('div', [n.emit('reduce_sum', [x], { axes, keep }), ints(n, 'count', [], [count])], {});
};

/** The product of int32 over one short axis, factor by factor. */
const wholeProduct = (n: LayerNode, x: ValueId, axes: readonly number[], keep: boolean): ValueId => {
  const [axis = 0] = axes;
  const size = n.shapeOf(0)[axis] ?? 0;
  if (axes.length !== 1 || size > 64) return n.refuse('products of integers are supported over one dimension of at most 64');
  const factors = n.emitAll('split', [x], { axis, sizes: span(0, size).map(() => 1) });
  const product = factors.slice(1).reduce((acc, f) => n.emit('mul', [acc, f], {}), at(factors, 0));
  const sizes = n.sizes(product);
  return keep
    ? product
    : n.reshape(
        product,
        sizes.filter((_, i) => i !== axis),
      );
};

const extremeIndex = (op: 'argmax' | 'argmin'): LayerRow =>
  one((n) => {
    const elem = typeOf(n, 'output_type', 'int64');
    const axis = n.axis(n.hostInt(1, 'the axis'), n.rank(0));
    if (n.shapeOf(0)[axis] === 0) return n.refuse('a reduction over no elements is not supported');
    const x = n.elem(0) === 'bool' ? n.as(n.x(0), 'u8') : n.x(0);
    return narrowed(n, n.emit(op, [x], { axis }), elem);
  });

/** The k greatest of the last dimension, and their indices. TensorFlow sorts them in any case. */
const topK = (n: LayerNode): readonly Made[] => {
  const k = n.hostInt(1, 'k');
  n.ignore('sorted', 'index_type');
  const size = n.shapeOf(0).at(-1);
  if (size === undefined || k < 0 || k > size) return n.malformed(`k is ${k}, but the last dimension is ${String(size)}`);
  const [values, indices] = n.emitAll('top_k', [n.x(0)], { k, axis: n.rank(0) - 1 });
  return [moved(n, values as ValueId), indices as ValueId];
};

const running = (op: 'cumsum' | 'cumprod'): LayerRow =>
  one((n) => {
    const [exclusive, reverse] = [flagOf(n, 'exclusive'), flagOf(n, 'reverse')];
    const axis = n.axis(n.hostInt(1, 'the axis'), n.rank(0));
    return narrowed(n, n.emit(op, [widened(n, 0)], { axis, exclusive, reverse }), n.elem(0));
  });

export const reduceRows = {
  Sum: reduction('reduce_sum'),
  Mean: reduction('reduce_mean'),
  Prod: reduction('reduce_prod'),
  Max: reduction('reduce_max'),
  Min: reduction('reduce_min'),
  Any: reduction('reduce_any'),
  All: reduction('reduce_all'),
  EuclideanNorm: reduction('reduce_l2'),
  ArgMax: extremeIndex('argmax'),
  ArgMin: extremeIndex('argmin'),
  TopKV2: { import: topK },
  Cumsum: running('cumsum'),
  Cumprod: running('cumprod'),
} as const satisfies LayerTable;
