import { at } from '../../../support/index.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { OnnxOps } from './row.ts';

/** `sorted` = 0 leaves the order open: the sorted one is as good as any. */
const topK = (n: OnnxNode): readonly Made[] => {
  n.ignore('sorted');
  const axis = n.axis(n.int('axis', -1), n.rank(0));
  const k = n.since < 10 ? n.int('k') : n.hostScalar(1, 'k');
  const size = at(n.shapeOf(0), axis);
  if (typeof size !== 'number') return n.unknown(`dimension ${size}`, [`Bind it: --bind ${size}=1.`]);
  if (!Number.isInteger(k) || k < 0 || k > size) return n.malformed(`k is ${k}, but dimension ${axis} has size ${size}`);
  const [values, indices] = n.emitAll('top_k', [n.wire(0)], { axis, k, largest: n.int('largest', 1) !== 0 });
  if (values === undefined || indices === undefined) return n.malformed('it has no results');
  return [
    { value: values, elem: n.elem(0) },
    { value: indices, elem: 'int64' },
  ];
};

export const sorting = {
  TopK: { since: [1, 10, 11, 24], import: topK },
} as const satisfies OnnxOps;
