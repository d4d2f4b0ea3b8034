import { elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { TfliteNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { TfliteOp, TfliteOps } from './row.ts';
import { narrowed, span, widened } from './util.ts';

type Reduction = 'reduce_sum' | 'reduce_mean' | 'reduce_max' | 'reduce_min' | 'reduce_prod' | 'reduce_any' | 'reduce_all';

/** Axes of input 1. A scalar has none to reduce. */
const axesOf = (n: TfliteNode): readonly number[] => (n.rank(0) === 0 ? [] : n.axes(n.hostInts(1, 'the axes'), n.rank(0)));

/** A reduction in the layout that the input has, where its axes are not kept only when they come out in the order of the file. */
const inLayout = (n: TfliteNode, op: Reduction, axes: readonly number[], keep: boolean): Made => {
  const { value, layout, place } = n.either(0);
  const rank = n.rank(0);
  if (layout === 'first' && keep) return { value: n.emit(op, [value], { axes: axes.map(place), keep }), layout };
  // [N, C] of [N, C, H, W] is in the order of the file too
  const left = span(0, rank).filter((a) => !axes.includes(a));
  const ordered = left.every((a, i) => i === 0 || place(a) > place(at(left, i - 1)));
  if (ordered) return n.emit(op, [value], { axes: axes.map(place), keep });
  return n.emit(op, [n.x(0)], { axes, keep });
};

const reduction = (op: Reduction): TfliteOp => ({
  import: (n) => {
    const keep = n.options('ReducerOptions').keep_dims;
    const axes = axesOf(n);
    if (axes.some((a) => n.shapeOf(0)[a] === 0)) return n.refuse('a reduction over no elements is not supported');
    if (n.isReal(0)) return [inLayout(n, op, axes, keep)];
    if (op === 'reduce_any' || op === 'reduce_all')
      return [n.elem(0) === 'bool' ? n.emit(op, [n.x(0)], { axes, keep }) : n.malformed(`input 0 is ${n.elem(0)}, but bool is wanted`)];
    return [narrowed(n, wholeReduction(n, op, widened(n, 0), axes, keep))];
  },
});

/** Of int32. A mean truncates towards 0; products fold only while float32 is exact, so they are refused. */
const wholeReduction = (n: TfliteNode, op: Reduction, x: ValueId, axes: readonly number[], keep: boolean): ValueId => {
  if (op === 'reduce_prod') return wholeProduct(n, x, axes, keep);
  if (op !== 'reduce_mean') return n.emit(op, [x], { axes, keep });
  const count = elementCount(axes.map((a) => at(n.shapeOf(0), a)));
  return n.emit('div', [n.emit('reduce_sum', [x], { axes, keep }), n.ints('count', [], [count])], {});
};

/** The product of int32 over one short axis, factor by factor. */
const wholeProduct = (n: TfliteNode, x: ValueId, axes: readonly number[], keep: boolean): ValueId => {
  const [axis = 0] = axes;
  const size = n.shapeOf(0)[axis] ?? 0;
  if (axes.length !== 1 || size > 64) return n.refuse('products of integers are supported over one dimension of at most 64');
  const factors = n.emitAll('split', [x], { axis, sizes: span(0, size).map(() => 1) });
  const product = factors.slice(1).reduce((acc, f) => n.emit('mul', [acc, f], {}), at(factors, 0));
  return keep
    ? product
    : n.reshape(
        product,
        n.sizes(product).filter((_, i) => i !== axis),
      );
};

const extremeIndex = (op: 'argmax' | 'argmin', options: 'ArgMaxOptions' | 'ArgMinOptions'): TfliteOp => ({
  import: (n) => {
    // the type of the output tensor says it too
    void n.options(options).output_type;
    const axis = n.axis(n.hostInt(1, 'the axis'), n.rank(0));
    if (n.shapeOf(0)[axis] === 0) return n.refuse('a reduction over no elements is not supported');
    const x = n.elem(0) === 'bool' ? n.as(n.x(0), 'u8') : n.x(0);
    return [n.emit(op, [x], { axis })];
  },
});

/** The k greatest of the last dimension, and their indices. */
const topK = (n: TfliteNode): readonly Made[] => {
  const k = n.hostInt(1, 'k');
  const size = n.shapeOf(0).at(-1);
  if (size === undefined || k < 0 || k > size) return n.malformed(`k is ${k}, but the last dimension is ${String(size)}`);
  return n.emitAll('top_k', [n.x(0)], { k, axis: n.rank(0) - 1 });
};

const cumsum = (n: TfliteNode): Made => {
  const { exclusive, reverse } = n.options('CumsumOptions');
  const axis = n.axis(n.hostInt(1, 'the axis'), n.rank(0));
  return n.emit('cumsum', [widened(n, 0)], { axis, exclusive, reverse });
};

/** Sums of rows that share a segment number, numbers known: row r of the result is the sum of the rows with number r. */
const segments =
  (mode: 'add' | 'mul' | 'max' | 'min', start: number, sorted: boolean) =>
  (n: TfliteNode): readonly Made[] => {
    const ids = n.hostInts(1, 'the segment numbers');
    const count = sorted ? Math.max(-1, ...ids) + 1 : n.hostInt(2, 'the number of segments');
    const [rows, ...rest] = n.shapeOf(0);
    if (n.rank(1) !== 1 || rows !== ids.length) return n.refuse('segment numbers of more than one dimension are not supported');
    if (count < 0 || ids.some((v) => v < 0 || v >= count) || elementCount([count, ...rest]) > n.session.maxFold)
      return n.malformed(`there are ${count} segments of [${rest.join(', ')}], numbers up to ${Math.max(...ids)}`);
    if (mode !== 'add' && new Set(ids).size !== count) return n.refuse('a segment without rows');
    const x = n.isReal(0) ? n.x(0) : n.elem(0) === 'int32' ? n.x(0) : n.refuse(`input 0 is ${n.elem(0)}`);
    const shape = [count, ...rest];
    const [size, whole] = [elementCount(shape), Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, start))];
    const empty = n.isReal(0)
      ? n.session.param('segments', { dtype: 'f32', shape, data: new Float32Array(size).fill(start) })
      : n.session.param('segments', { dtype: 'i32', shape, data: new Int32Array(size).fill(whole) });
    return [n.emit('scatter_nd', [empty, n.ints('segment', [ids.length, 1], ids), x], { mode })];
  };

const LEAST = -3.4028234663852886e38;

export const reduce = {
  SUM: reduction('reduce_sum'),
  MEAN: reduction('reduce_mean'),
  REDUCE_PROD: reduction('reduce_prod'),
  REDUCE_MAX: { ...reduction('reduce_max'), keeps: true },
  REDUCE_MIN: { ...reduction('reduce_min'), keeps: true },
  REDUCE_ANY: reduction('reduce_any'),
  REDUCE_ALL: reduction('reduce_all'),
  ARG_MAX: extremeIndex('argmax', 'ArgMaxOptions'),
  ARG_MIN: extremeIndex('argmin', 'ArgMinOptions'),
  TOPK_V2: { import: topK, keeps: true },
  CUMSUM: { import: (n) => [cumsum(n)] },
  SEGMENT_SUM: { import: segments('add', 0, true) },
  UNSORTED_SEGMENT_SUM: { import: segments('add', 0, false) },
  UNSORTED_SEGMENT_PROD: { import: segments('mul', 1, false) },
  UNSORTED_SEGMENT_MAX: { import: segments('max', LEAST, false) },
  UNSORTED_SEGMENT_MIN: { import: segments('min', -LEAST, false) },
} as const satisfies TfliteOps;
