import { type AnyNode, elementCount, type StaticType, stridesOf, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Stream } from './stages.ts';

/** A value of one batch as pictures: rank 4 [1, C, H, W], rank 3 [1, C, W], else all elements as channels of one pixel. */
export interface Picture {
  readonly h: number;
  readonly w: number;
  readonly c: number;
}

export const pictureOf = (shape: readonly number[]): Picture => {
  if (shape.length === 4) return { c: at(shape, 1), h: at(shape, 2), w: at(shape, 3) };
  if (shape.length === 3) return { c: at(shape, 1), h: 1, w: at(shape, 2) };
  return { c: elementCount(shape), h: 1, w: 1 };
};

/** Row by row, pixel by pixel, channels last: row-major index of each element of [C, H, W]. */
export const pictureOrder = ({ h, w, c }: Picture): Int32Array => {
  const order = new Int32Array(h * w * c);
  let k = 0;
  for (let p = 0; p < h * w; p++) for (let i = 0; i < c; i++) order[k++] = i * h * w + p;
  return order;
};

export const sameOrder = (a: Int32Array, b: Int32Array): boolean => a.length === b.length && a.every((v, i) => v === b[i]);

/** Row-major index in the result of transpose for each index in its operand. */
const transposed = (shape: readonly number[], perm: readonly number[]): Int32Array => {
  const strides = stridesOf(perm.map((axis) => at(shape, axis)));
  const place = new Array<number>(shape.length).fill(0);
  perm.forEach((axis, i) => (place[axis] = at(strides, i)));
  const from = stridesOf(shape);
  return Int32Array.from({ length: elementCount(shape) }, (_, index) =>
    from.reduce((sum, stride, axis) => sum + (Math.floor(index / stride) % at(shape, axis)) * at(place, axis), 0),
  );
};

const inverse = (order: Int32Array): Int32Array => {
  const back = new Int32Array(order.length);
  order.forEach((to, from) => (back[to] = from));
  return back;
};

/** For each row-major index of the operand of a view, its index in the result; undefined for other ops. */
export const viewOf = (node: AnyNode, shape: readonly number[]): Int32Array | undefined => {
  if (node.op === 'reshape') return Int32Array.from({ length: elementCount(shape) }, (_, i) => i);
  return node.op === 'transpose' ? transposed(shape, node.attrs['perm'] as readonly number[]) : undefined;
};

/** The stream of a view is that of its operand, with other indices. */
export const throughView = (stream: Stream, view: Int32Array, value: ValueId): Stream => ({
  ...stream,
  value,
  order: stream.order.map((index) => at(view, index)),
});

/**
 * The stream of an input: pictures at the first op that is no view, seen from the input. The order of channels last is then that of a
 * picture in memory, whichever way the model turns it.
 */
export const inputStream = (value: ValueId, type: StaticType, views: readonly Int32Array[], seen: readonly number[]): Stream => {
  const order = views.reduceRight<Int32Array>(
    (o, view) => {
      const back = inverse(view);
      return o.map((index) => at(back, index));
    },
    pictureOrder(pictureOf(seen)),
  );
  return { value, source: value, dtype: type.dtype, count: order.length, order };
};
