import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { one, span } from '../../tf-row.ts';
import { field, textField } from '../json.ts';

/** What is taken of one dimension; `drop`: the dimension goes. */
interface Cut {
  readonly start: number;
  readonly size: number;
  readonly step: number;
  readonly drop: boolean;
}

const isEllipsis = (entry: unknown): boolean => textField(entry, 'class_name') === '__ellipsis__';

/** `start:stop:step` of a dimension, limited to it as Python does. */
const cutOf = (n: LayerNode, entry: unknown, size: number): Cut => {
  if (typeof entry === 'number') return { start: n.axis(entry, size, 'an index'), size: 1, step: 1, drop: true };
  // Keras 3 wraps what Keras 2 writes as it is
  const parts = textField(entry, 'class_name') === '__slice__' ? field(entry, 'config') : entry;
  const bound = (key: string): number | undefined => {
    const value = field(parts, key) ?? undefined;
    return value === undefined || Number.isSafeInteger(value)
      ? (value as number | undefined)
      : n.refuse(`${key} of a slice is no whole number that the file has`);
  };
  if (typeof parts !== 'object' || parts === null || Array.isArray(parts))
    return n.refuse('an index is no number, no slice and no ellipsis');
  const step = bound('step') ?? 1;
  if (step === 0) return n.malformed('the step of a slice is 0');
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const limited = (v: number): number => Math.max(low, Math.min(high, v < 0 ? v + size : v));
  const [start, stop] = [bound('start'), bound('stop')];
  const from = start === undefined ? (step > 0 ? 0 : size - 1) : limited(start);
  const to = stop === undefined ? (step > 0 ? size : -1) : limited(stop);
  const count = Math.max(0, Math.ceil((to - from) / step));
  return { start: count === 0 ? 0 : from, size: count, step: count <= 1 ? 1 : step, drop: false };
};

/** x[…]: an entry for each dimension in turn; null makes a new one, an ellipsis stands for those that are not spoken of. */
const getItem = (n: LayerNode): Made => {
  const args = n.attribute('args');
  const key: unknown = n.attribute('call.slice_spec') ?? n.attribute('call.key') ?? (Array.isArray(args) ? args[1] : undefined);
  const entries: readonly unknown[] = Array.isArray(key) ? key : [key];
  const own = n.shapeOf(0);
  const spoken = entries.filter((e) => e !== null && !isEllipsis(e)).length;
  if (n.inputCount !== 1) return n.refuse('an index is computed at run time');
  if (entries.length > 32 || spoken > own.length || entries.filter(isEllipsis).length > 1)
    return n.malformed(`it speaks of ${spoken} dimensions, but the rank is ${own.length}`);
  const cuts: Cut[] = [];
  const shape: number[] = [];
  const whole = (count: number): void => {
    for (const size of own.slice(cuts.length, cuts.length + count)) {
      cuts.push({ start: 0, size, step: 1, drop: false });
      shape.push(size);
    }
  };
  for (const entry of entries) {
    if (isEllipsis(entry)) whole(own.length - spoken);
    else if (entry === null) shape.push(1);
    else {
      const cut = cutOf(n, entry, at(own, cuts.length));
      cuts.push(cut);
      if (!cut.drop) shape.push(cut.size);
    }
  }
  whole(own.length - cuts.length);
  const all = span(0, own.length);
  const taken = n.emit('slice', [n.x(0)], {
    starts: all.map((d) => at(cuts, d).start),
    sizes: all.map((d) => at(cuts, d).size),
    steps: all.map((d) => at(cuts, d).step),
  });
  return shape.length === own.length && cuts.every((c) => !c.drop) ? taken : n.reshape(taken, shape);
};

export const slicing = {
  'ops.GetItem': one(getItem),
  'tf.__operators__.getitem': one(getItem),
} as const satisfies LayerTable;
