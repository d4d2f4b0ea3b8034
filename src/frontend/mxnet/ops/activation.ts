import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerNode } from '../../layer-node.ts';
import { float, word } from '../attributes.ts';
import type { MxTable } from './row.ts';
import { perChannel } from './util.ts';

const SELU = { alpha: 1.6732631921768188, gamma: 1.0507010221481323 } as const;

const ACTIVATIONS = {
  relu: (n, x) => n.emit('relu', [x], {}),
  sigmoid: (n, x) => n.emit('sigmoid', [x], {}),
  log_sigmoid: (n, x) => n.emit('neg', [n.emit('softplus', [n.emit('neg', [x], {})], {})], {}),
  mish: (n, x) => n.emit('mul', [x, n.emit('tanh', [n.emit('softplus', [x], {})], {})], {}),
  tanh: (n, x) => n.emit('tanh', [x], {}),
  softrelu: (n, x) => n.emit('softplus', [x], {}),
  softsign: (n, x) => n.emit('softsign', [x], {}),
} as const satisfies Record<string, (n: LayerNode, x: ValueId) => ValueId>;
type Activation = keyof typeof ACTIVATIONS;
const NAMES = Object.keys(ACTIVATIONS) as readonly Activation[];

const real = (n: LayerNode, f: (x: ValueId) => ValueId): Made => {
  n.real(0);
  return n.map(0, f);
};

const activation = (n: LayerNode): Made => {
  const name = word(n, 'act_type', NAMES);
  return real(n, (x) => ACTIVATIONS[name](n, x));
};

/** Slopes below 0: one for all, one per channel, or with exponentials. */
const leakyRelu = (n: LayerNode): Made => {
  const type = word(n, 'act_type', ['elu', 'gelu', 'leaky', 'prelu', 'rrelu', 'selu'], 'leaky');
  const slope = float(n, 'slope', 0.25);
  const bounds = [float(n, 'lower_bound', 0.125), float(n, 'upper_bound', 0.334)] as const;
  switch (type) {
    case 'leaky':
      return real(n, (x) => n.emit('leaky_relu', [x], { alpha: slope }));
    case 'rrelu':
      // at inference the slope is the mean of its bounds
      return real(n, (x) => n.emit('leaky_relu', [x], { alpha: Math.fround((bounds[0] + bounds[1]) / 2) }));
    case 'elu':
      return real(n, (x) => n.emit('elu', [x], { alpha: slope, gamma: 1 }));
    case 'selu':
      return real(n, (x) => n.emit('elu', [x], SELU));
    case 'gelu':
      return real(n, (x) => n.emit('gelu', [x], {}));
    case 'prelu': {
      const channels = n.rank(0) < 2 ? 1 : at(n.shapeOf(0), 1);
      const given = n.site.inputs[1];
      const shared = given?.known === true && given.shape.length === 1 && given.shape[0] === 1;
      const gamma = perChannel(n, 1, shared ? 1 : channels, 'scale', shared ? 1 : n.rank(0));
      return n.emit('prelu', [n.real(0), gamma], {});
    }
    default:
      return type satisfies never;
  }
};

const one = (row: (n: LayerNode) => Made) => ({ import: (n: LayerNode) => [row(n)] }) as const;

export const activations = {
  Activation: one(activation),
  LeakyReLU: { parameters: [1], import: (n) => [leakyRelu(n)] },
  relu: one((n) => n.map(0, (x) => n.emit('relu', [x], {}))),
  hard_sigmoid: one((n) => {
    const attrs = { alpha: float(n, 'alpha', 0.2), beta: float(n, 'beta', 0.5) };
    return real(n, (x) => n.emit('hard_sigmoid', [x], attrs));
  }),
  clip: one((n) => {
    const [min, max] = [float(n, 'a_min'), float(n, 'a_max')];
    if (min > max) return n.malformed(`a_min is ${min}, a_max ${max}`);
    if (n.typeOf(n.x(0)).dtype !== 'i32') return real(n, (x) => n.emit('clip', [x], { min, max }));
    return n.emit('clamp', [n.x(0)], { lo: Math.trunc(min), hi: Math.trunc(max) });
  }),
} as const satisfies MxTable;
