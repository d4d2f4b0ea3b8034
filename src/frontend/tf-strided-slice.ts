import { at } from '../support/index.ts';
import type { Made } from './import-session.ts';
import type { LayerTable } from './layer-graph.ts';
import type { LayerNode } from './layer-node.ts';
import { one, span, wholeOf } from './tf-row.ts';
import { box, moved } from './tf-shape.ts';

/** What is taken of one dimension; `drop`: the dimension goes. */
interface Cut {
  readonly start: number;
  readonly size: number;
  readonly step: number;
  readonly drop: boolean;
}

const has = (mask: number, bit: number): boolean => ((mask >> bit) & 1) === 1;

/** Indices start, start + step, … before end, limited to a dimension as Python does. */
const range = (size: number, begin: number | undefined, end: number | undefined, step: number): Cut => {
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const limited = (v: number): number => Math.max(low, Math.min(high, v < 0 ? v + size : v));
  const from = begin === undefined ? (step > 0 ? 0 : size - 1) : limited(begin);
  const to = end === undefined ? (step > 0 ? size : -1) : limited(end);
  const count = Math.max(0, Math.ceil((to - from) / step));
  return { start: count === 0 ? 0 : from, size: count, step: count <= 1 ? 1 : step, drop: false };
};

/**
 * tf.strided_slice: entry i of begin, end and strides is about one dimension; an entry of new_axis_mask makes a dimension of 1, that of
 * ellipsis_mask stands for as many whole dimensions as are not spoken of, one of shrink_axis_mask takes a single index.
 */
const stridedSlice = (n: LayerNode): Made => {
  const mask = (name: string): number => wholeOf(n, name, 0);
  const [beginMask, endMask, shrink] = [mask('begin_mask'), mask('end_mask'), mask('shrink_axis_mask')];
  const [ellipsis, newAxis] = [mask('ellipsis_mask'), mask('new_axis_mask')];
  const [begin, end, strides] = [n.hostInts(1, 'begin'), n.hostInts(2, 'end'), n.hostInts(3, 'strides')];
  const own = n.shapeOf(0);
  if (begin.length > 31 || end.length !== begin.length || strides.length !== begin.length || strides.includes(0))
    return n.malformed(`begin is [${begin.join(', ')}], end [${end.join(', ')}], strides [${strides.join(', ')}]`);
  const entries = span(0, begin.length);
  const ellipses = entries.filter((i) => has(ellipsis, i));
  const spoken = entries.filter((i) => !has(ellipsis, i) && !has(newAxis, i)).length;
  if (ellipses.length > 1 || spoken > own.length) return n.malformed(`it speaks of ${spoken} dimensions, but the rank is ${own.length}`);
  const cuts: Cut[] = [];
  /** Dimensions of the result, of the input or new. */
  const made: number[] = [];
  const keepWhole = (): void => {
    const size = at(own, cuts.length);
    cuts.push({ start: 0, size, step: 1, drop: false });
    made.push(size);
  };
  const cutAt = (i: number): Cut => {
    const size = at(own, cuts.length);
    if (has(shrink, i)) return { start: has(beginMask, i) ? 0 : n.axis(at(begin, i), size, 'an index'), size: 1, step: 1, drop: true };
    return range(size, has(beginMask, i) ? undefined : at(begin, i), has(endMask, i) ? undefined : at(end, i), at(strides, i));
  };
  for (const i of entries) {
    if (has(ellipsis, i)) for (let k = own.length - spoken; k > 0; k--) keepWhole();
    else if (has(newAxis, i)) made.push(1);
    else {
      const cut = cutAt(i);
      cuts.push(cut);
      if (!cut.drop) made.push(cut.size);
    }
  }
  while (cuts.length < own.length) keepWhole();
  const whole = cuts.every((c, i) => c.size === own[i] && c.step === 1);
  if (whole && made.length === own.length && made.every((d, i) => d === own[i])) return { same: n.input(0) };
  const taken = box(
    n,
    cuts.map((c) => c.start),
    cuts.map((c) => c.size),
    cuts.map((c) => c.step),
  );
  const same = made.length === cuts.length && cuts.every((c, i) => !c.drop && c.size === made[i]);
  if (same) return moved(n, taken.value, 0, taken.layout);
  return moved(n, n.reshape(taken.layout === 'file' ? taken.value : n.fileOf(taken.value), made));
};

export const stridedSliceRows = { StridedSlice: one(stridedSlice) } as const satisfies LayerTable;
