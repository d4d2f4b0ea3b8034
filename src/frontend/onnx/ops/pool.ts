import { elementCount, type ValueId } from '../../../ir/index.ts';
import { elemOf } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, span } from './util.ts';
import { spatialShape, type WindowAttrs, windowOf } from './window.ts';

interface PoolWindow extends WindowAttrs {
  readonly kernel: readonly number[];
  readonly ceil: boolean;
}

const poolWindow = (n: OnnxNode): PoolWindow => {
  const kernel = n.ints('kernel_shape') ?? n.malformed('attribute kernel_shape is missing');
  return { ...windowOf(n, kernel), kernel, ceil: n.int('ceil_mode', 0) !== 0 };
};

const maxPool = (n: OnnxNode): Made => {
  // storage_order only tells how the second output counts, which is not supported
  n.ignore('storage_order');
  return { value: n.emit('max_pool', [n.wire(0)], poolWindow(n)), elem: n.elem(0) };
};

/** (sum |x|^p)^(1/p) over a window that may reach into zeros: the mean over all cells, times their number. */
const lpPool = (n: OnnxNode): ValueId => {
  const p = n.since < 2 ? n.float('p', 2) : n.int('p', 2);
  const window = poolWindow(n);
  if (window.ceil) return n.refuse('ceil_mode is 1');
  const powered = absPower(n, floatWire(n, 0), p);
  const mean = n.emit('average_pool', [powered], { ...window, include_pad: true });
  return root(n, n.emit('mul', [mean, n.scalar(elementCount(window.kernel))], {}), p);
};

/** |x|^p */
export const absPower = (n: OnnxNode, x: ValueId, p: number): ValueId => {
  if (p === 1) return n.emit('abs', [x], {});
  if (p === 2) return n.emit('mul', [x, x], {});
  return n.emit('pow', [n.emit('abs', [x], {}), n.scalar(p)], {});
};

/** x^(1/p) for x >= 0 */
export const root = (n: OnnxNode, x: ValueId, p: number): ValueId =>
  p === 1 ? x : p === 2 ? n.emit('sqrt', [x], {}) : n.emit('pow', [x, n.scalar(1 / p)], {});

const global = (op: 'global_max_pool' | 'global_average_pool') => (n: OnnxNode) => {
  if (elemOf(n.elem(0)).kind !== 'float') n.refuse(`the input is ${n.elem(0)}, but only float types are supported`);
  return [n.emit(op, [n.wire(0)], {})];
};

export const pool = {
  MaxPool: { since: [1, 8, 10, 11, 12, 22], import: (n) => [maxPool(n)] },
  AveragePool: {
    since: [1, 7, 10, 11, 19, 22],
    import: (n) => [n.emit('average_pool', [floatWire(n, 0)], { ...poolWindow(n), include_pad: n.int('count_include_pad', 0) !== 0 })],
  },
  LpPool: { since: [1, 2, 11, 18, 22], import: (n) => [lpPool(n)] },
  GlobalMaxPool: { since: [1, 22], import: global('global_max_pool') },
  GlobalAveragePool: { since: [1, 22], import: global('global_average_pool') },
  GlobalLpPool: {
    since: [1, 2, 22],
    import: (n) => {
      const p = n.since < 2 ? n.float('p', 2) : n.int('p', 2);
      spatialShape(n);
      const sum = n.emit('reduce_sum', [absPower(n, floatWire(n, 0), p)], { axes: span(2, n.rank(0)), keep: true });
      return [root(n, sum, p)];
    },
  },
} as const satisfies OnnxOps;
