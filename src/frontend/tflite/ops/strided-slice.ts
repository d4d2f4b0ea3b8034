import { at } from '../../../support/index.ts';
import type { TfliteNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { TfliteOps } from './row.ts';
import { box } from './shape.ts';
import { span } from './util.ts';

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
const stridedSlice = (n: TfliteNode): Made => {
  const o = n.options('StridedSliceOptions');
  const [begin, end, strides] = [n.hostInts(1, 'begin'), n.hostInts(2, 'end'), n.hostInts(3, 'strides')];
  const own = n.shapeOf(0);
  const masks: Masks = { begin: o.begin_mask, end: o.end_mask, shrink: o.shrink_axis_mask, offset: o.offset };
  if (begin.length > 32 || end.length !== begin.length || strides.length !== begin.length || strides.includes(0))
    return n.malformed(`begin is [${begin.join(', ')}], end [${end.join(', ')}], strides [${strides.join(', ')}]`);
  const entries = span(0, begin.length);
  const ellipses = entries.filter((i) => has(o.ellipsis_mask, i));
  const spoken = entries.filter((i) => !has(o.ellipsis_mask, i) && !has(o.new_axis_mask, i)).length;
  if (ellipses.length > 1 || spoken > own.length) return n.malformed(`it speaks of ${spoken} dimensions, but the rank is ${own.length}`);
  const cuts: Cut[] = [];
  /** Dimensions of the result, of the input or new. */
  const made: number[] = [];
  const keepWhole = (): void => {
    const size = at(own, cuts.length);
    cuts.push({ start: 0, size, step: 1, drop: false });
    made.push(size);
  };
  for (const i of entries) {
    if (has(o.ellipsis_mask, i)) for (let k = own.length - spoken; k > 0; k--) keepWhole();
    else if (has(o.new_axis_mask, i)) made.push(1);
    else {
      const cut = cutOf(n, own[cuts.length] ?? 0, i, { masks, begin: at(begin, i), end: at(end, i), step: at(strides, i) });
      cuts.push(cut);
      if (!cut.drop) made.push(cut.size);
    }
  }
  while (cuts.length < own.length) keepWhole();
  const taken = box(
    n,
    cuts.map((c) => c.start),
    cuts.map((c) => c.size),
    cuts.map((c) => c.step),
  );
  const same = made.length === cuts.length && cuts.every((c, i) => !c.drop && c.size === made[i]);
  if (same) return taken;
  const value = taken.layout === 'file' ? taken.value : n.fileOf(taken.value);
  return n.reshape(value, made);
};

interface Masks {
  readonly begin: number;
  readonly end: number;
  readonly shrink: number;
  /** end counts from begin. */
  readonly offset: boolean;
}

interface Entry {
  readonly masks: Masks;
  readonly begin: number;
  readonly end: number;
  readonly step: number;
}

const cutOf = (n: TfliteNode, size: number, i: number, { masks, begin, end, step }: Entry): Cut => {
  if (has(masks.shrink, i)) {
    const start = has(masks.begin, i) ? 0 : n.axis(begin, size, 'an index');
    return { start, size: 1, step: 1, drop: true };
  }
  const stop = masks.offset ? begin + end : end;
  return range(size, has(masks.begin, i) ? undefined : begin, has(masks.end, i) ? undefined : stop, step);
};

export const stridedSlices = { STRIDED_SLICE: { import: (n) => [stridedSlice(n)], keeps: true } } as const satisfies TfliteOps;
