import type { OnnxNode } from '../node.ts';
import { elemOf } from '../elem.ts';
import type { Made } from '../values.ts';
import type { OnnxOps } from './row.ts';
import { floatWire } from './util.ts';

const attrsOf = (n: OnnxNode) => ({
  axis: n.axis(n.hostScalar(1, 'axis'), n.rank(0)),
  exclusive: n.int('exclusive', 0) !== 0,
  reverse: n.int('reverse', 0) !== 0,
});

const cumSum = (n: OnnxNode): Made => {
  const elem = n.elem(0);
  if (elemOf(elem).hi < 2 ** 31 - 1) return n.refuse(`sums of ${elem} are not supported`);
  return { value: n.emit('cumsum', [n.wire(0)], attrsOf(n)), elem };
};

export const scan = {
  CumSum: { since: [11, 14], import: (n) => [cumSum(n)] },
  CumProd: { since: [26], import: (n) => [n.emit('cumprod', [floatWire(n, 0)], attrsOf(n))] },
} as const satisfies OnnxOps;
