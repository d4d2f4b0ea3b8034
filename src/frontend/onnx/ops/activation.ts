import { DTYPE_INFO, type ValueId } from '../../../ir/index.ts';
import { elemOf } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { OnnxOp, OnnxOps } from './row.ts';
import { floatWire, narrowTo, type PlainOp, widened } from './util.ts';

const plain = (op: PlainOp, since: readonly number[]): OnnxOp => ({
  since,
  import: (n) => {
    n.ignore('consumed_inputs');
    return [n.emit(op, [floatWire(n, 0)], {})];
  },
});

const FLOAT_MAX = 3.4028234663852886e38;

interface Bounds {
  readonly min: number | undefined;
  readonly max: number | undefined;
}

/** Bounds that are numbers at import; undefined when one is computed at run time. */
const knownBounds = (n: OnnxNode): Bounds | undefined => {
  if (n.since < 11) return { min: n.float('min', -FLOAT_MAX), max: n.float('max', FLOAT_MAX) };
  const read = (i: number, what: string): number | undefined => (n.has(i) ? n.hostScalar(i, what) : undefined);
  const known = (i: number): boolean => !n.has(i) || n.input(i).host !== undefined;
  return known(1) && known(2) ? { min: read(1, 'min'), max: read(2, 'max') } : undefined;
};

const clipFloat = (n: OnnxNode, { min, max }: Bounds): ValueId => {
  const x = n.wire(0);
  const bounded = (v: number | undefined): v is number => v !== undefined && Number.isFinite(v);
  if (bounded(min) && bounded(max) && min <= max && n.typeOf(x).dtype === 'f32')
    return n.emit('clip', [x], { min: Math.fround(min), max: Math.fround(max) });
  if (min === 0 && max === undefined) return n.emit('relu', [x], {});
  const low = bounded(min) ? n.emit('maximum', [x, n.scalar(min)], {}) : x;
  return bounded(max) ? n.emit('minimum', [low, n.scalar(max)], {}) : low;
};

const clip = (n: OnnxNode): Made => {
  n.ignore('consumed_inputs');
  const elem = n.elem(0);
  const bounds = knownBounds(n);
  if (bounds !== undefined && elemOf(elem).kind === 'float') return { value: clipFloat(n, bounds), elem };
  if (bounds !== undefined) {
    const x = n.wire(0);
    const { lo, hi } = DTYPE_INFO[n.typeOf(x).dtype];
    const max = Math.max(lo, Math.min(hi, bounds.max ?? hi));
    // min above max gives max everywhere, as in numpy
    const min = Math.min(max, Math.max(lo, Math.min(hi, bounds.min ?? lo)));
    return { value: n.emit('clamp', [x], { lo: min, hi: max }), elem };
  }
  let y = widened(n, 0);
  if (n.has(1)) y = n.emit('maximum', [y, widened(n, 1)], {});
  if (n.has(2)) y = n.emit('minimum', [y, widened(n, 2)], {});
  return narrowTo(n, y, elem);
};

/** The slope of PRelu: per channel before opset 7, broadcast like numpy (but only towards x) after. */
const prelu = (n: OnnxNode): ValueId => {
  n.ignore('consumed_inputs');
  const x = floatWire(n, 0);
  const slope = floatWire(n, 1);
  const slopeShape = n.shapeOf(1);
  const perChannel = n.since < 7 && slopeShape.length === 1 && slopeShape[0] !== 1 && n.rank(0) > 2;
  const shaped = perChannel ? n.reshape(slope, [...slopeShape, ...new Array<number>(n.rank(0) - 2).fill(1)]) : slope;
  return n.emit('prelu', [x, shaped], {});
};

const celu = (n: OnnxNode): ValueId => {
  const alpha = n.float('alpha', 1);
  const x = floatWire(n, 0);
  if (alpha === 1) return n.emit('elu', [x], { alpha, gamma: 1 });
  // max(0, x) + min(0, alpha (e^(x / alpha) - 1)) = elu with alpha on x / alpha where x < 0
  const scaled = n.emit('elu', [n.emit('div', [x, n.scalar(alpha)], {})], { alpha, gamma: 1 });
  return n.emit('select', [n.emit('less', [x, n.scalar(0)], {}), scaled, x], {});
};

const swish = (n: OnnxNode): ValueId => {
  const alpha = n.float('alpha', 1);
  const x = floatWire(n, 0);
  return alpha === 1 ? n.emit('silu', [x], {}) : n.emit('mul', [x, n.emit('sigmoid', [n.emit('mul', [x, n.scalar(alpha)], {})], {})], {});
};

const gelu = (n: OnnxNode): ValueId => {
  const approximate = n.text('approximate', 'none');
  if (approximate !== 'none' && approximate !== 'tanh') return n.refuse(`approximate is ${approximate}`);
  return n.emit('gelu', [floatWire(n, 0)], { approximate });
};

export const activation = {
  Relu: {
    since: [1, 6, 13, 14],
    import: (n) => {
      n.ignore('consumed_inputs');
      return [narrowTo(n, n.emit('relu', [widened(n, 0)], {}), n.elem(0))];
    },
  },
  LeakyRelu: {
    since: [1, 6, 16],
    import: (n) => {
      n.ignore('consumed_inputs');
      return [n.emit('leaky_relu', [floatWire(n, 0)], { alpha: n.float('alpha', 0.01) })];
    },
  },
  Clip: { since: [1, 6, 11, 12, 13], import: (n) => [clip(n)] },
  Sigmoid: plain('sigmoid', [1, 6, 13]),
  Tanh: plain('tanh', [1, 6, 13]),
  Softplus: plain('softplus', [1, 22]),
  Softsign: plain('softsign', [1, 22]),
  HardSwish: plain('hard_swish', [14, 22]),
  HardSigmoid: {
    since: [1, 6, 22],
    import: (n) => {
      n.ignore('consumed_inputs');
      return [n.emit('hard_sigmoid', [floatWire(n, 0)], { alpha: n.float('alpha', 0.2), beta: n.float('beta', 0.5) })];
    },
  },
  Elu: {
    since: [1, 6, 22],
    import: (n) => {
      n.ignore('consumed_inputs');
      return [n.emit('elu', [floatWire(n, 0)], { alpha: n.float('alpha', 1), gamma: 1 })];
    },
  },
  Selu: {
    since: [1, 6, 22],
    import: (n) => {
      n.ignore('consumed_inputs');
      // version 1 had shorter constants
      const [alpha, gamma] = n.since < 6 ? [1.6732, 1.0507] : [1.6732631921768188, 1.0507010221481323];
      return [n.emit('elu', [floatWire(n, 0)], { alpha: n.float('alpha', alpha), gamma: n.float('gamma', gamma) })];
    },
  },
  Celu: { since: [12, 28], import: (n) => [celu(n)] },
  ThresholdedRelu: {
    since: [1, 10, 22],
    import: (n) => {
      const x = floatWire(n, 0);
      return [n.emit('select', [n.emit('less', [n.scalar(n.float('alpha', 1)), x], {}), x, n.scalar(0)], {})];
    },
  },
  Gelu: { since: [20], import: (n) => [gelu(n)] },
  Swish: { since: [24], import: (n) => [swish(n)] },
  SwiGLU: { since: [28], import: (n) => [n.emit('mul', [swish(n), floatWire(n, 1)], {})] },
  Mish: {
    since: [18, 22],
    import: (n) => {
      const x = floatWire(n, 0);
      return [n.emit('mul', [x, n.emit('tanh', [n.emit('softplus', [x], {})], {})], {})];
    },
  },
  Shrink: {
    since: [9],
    import: (n) => [n.emit('shrink', [floatWire(n, 0)], { bias: n.float('bias', 0), lambd: n.float('lambd', 0.5) })],
  },
  PRelu: { since: [1, 6, 7, 9, 16], import: (n) => [prelu(n)] },
} as const satisfies OnnxOps;
