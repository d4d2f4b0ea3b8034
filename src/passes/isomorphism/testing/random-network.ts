import {
  type AnyAttrs,
  type OpName,
  Philox,
  type Program,
  ProgramBuilder,
  randomTensor,
  type Tensor,
  type ValueId,
} from '../../../ir/index.ts';
import { at, unwrap } from '../../../support/index.ts';

/** Builds one layer on an image of shape [1, C, H, W]. */
type Layer = (net: Network, x: ValueId) => ValueId;

class Network {
  readonly builder = new ProgramBuilder('random');
  private readonly random: Philox;

  constructor(seed: number) {
    this.random = new Philox(seed);
  }

  below(n: number): number {
    return this.random.next() % n;
  }

  shape(x: ValueId): number[] {
    return this.builder.typeOf(x).shape.map(Number);
  }

  emit(op: OpName, operands: readonly ValueId[], attrs: AnyAttrs = {}): ValueId {
    return at(unwrap(this.builder.tryEmit(op, operands, attrs, `${op}${this.builder.typeOf(at(operands, 0)).shape.length}`)), 0);
  }

  constant(shape: readonly number[], lo = -1, hi = 1): ValueId {
    const tensor: Tensor = randomTensor({ dtype: 'f32', shape }, this.random, lo, hi);
    return this.builder.constant(tensor);
  }

  number(value: number): ValueId {
    return this.builder.constant({ dtype: 'f32', shape: [], data: Float32Array.of(value) });
  }

  channels(x: ValueId): number {
    return at(this.shape(x), 1);
  }
}

const conv =
  (kernel: number, grouped = false): Layer =>
  (net, x) => {
    const channels = net.channels(x);
    const groups = grouped ? channels : 1;
    const outputs = grouped ? channels : 2 + net.below(3);
    const pad = kernel === 1 ? 0 : net.below(2);
    const bias = net.below(2) === 0 ? [] : [net.constant([outputs])];
    const attrs = { stride: [1, 1 + net.below(2)], dilation: [1, 1], pads: [pad, pad, pad, pad], groups };
    return net.emit('conv', [x, net.constant([outputs, channels / groups, kernel, kernel]), ...bias], attrs);
  };

const unary =
  (op: OpName, attrs: AnyAttrs = {}): Layer =>
  (net, x) =>
    net.emit(op, [x], attrs);

const withChannels =
  (op: OpName): Layer =>
  (net, x) =>
    net.emit(op, [x, net.constant([net.channels(x), 1, 1], 0.5, 1.5)]);
const withNumber =
  (op: OpName, value: number): Layer =>
  (net, x) =>
    net.emit(op, [x, net.number(value)]);

const batchNorm: Layer = (net, x) => {
  const c = net.channels(x);
  return net.emit('batch_norm', [x, net.constant([c]), net.constant([c]), net.constant([c]), net.constant([c], 0.5, 2)], {
    epsilon: Math.fround(1e-3),
  });
};

const channelsLast: Layer = (net, x) => {
  const last = net.emit('transpose', [x], { perm: [0, 2, 3, 1] });
  const c = net.channels(x);
  const scaled = net.emit('mul', [net.emit('relu', [net.emit('add', [last, net.constant([c])])]), net.constant([c])]);
  const padded = net.emit('pad', [scaled], { pads: [0, 1, 0, 0, 0, 0, 1, 0], mode: 'constant', value: 0 });
  const mixed = net.below(2) === 0 ? padded : net.emit('dense', [padded, net.constant([3, c])]);
  return net.emit('transpose', [mixed], { perm: [0, 3, 1, 2] });
};

const pool =
  (op: 'max_pool' | 'average_pool'): Layer =>
  (net, x) => {
    const [, , h = 1, w = 1] = net.shape(x);
    if (h < 3 || w < 3) return x;
    const pad = net.below(2);
    const attrs = { kernel: [3, 2], stride: [2, 1 + net.below(2)], dilation: [1, 1], pads: [pad, pad, pad, 0], ceil: net.below(2) === 1 };
    return net.emit(op, [x], op === 'max_pool' ? attrs : { ...attrs, include_pad: net.below(2) === 1 });
  };

const residual: Layer = (net, x) => {
  const y = net.emit('mul', [net.emit('sigmoid', [x]), x]);
  return net.emit(net.below(2) === 0 ? 'sub' : 'add', [y, net.emit('mul', [x, net.number(0.25)])]);
};

const joined: Layer = (net, x) => {
  const y = net.emit('concat', [net.emit('relu', [x]), net.emit('concat', [x, net.emit('neg', [x])], { axis: 1 })], { axis: 1 });
  const c = net.channels(y);
  const [, , h = 1, w = 1] = net.shape(y);
  return net.emit('slice', [net.emit('relu', [y])], {
    starts: [0, c > 2 ? 1 : 0, 0, 0],
    sizes: [1, Math.max(1, c - 2), h, w],
    steps: [1, 1, 1, 1],
  });
};

const normalized: Layer = (net, x) => {
  const mean = net.emit('reduce_mean', [x], { axes: [1], keep: true });
  const centred = net.emit('sub', [x, mean]);
  const variance = net.emit('reduce_mean', [net.emit('mul', [centred, centred])], { axes: [1], keep: true });
  return net.emit('div', [centred, net.emit('sqrt', [net.emit('add', [variance, net.number(0.5)])])]);
};

const LAYERS: readonly Layer[] = [
  conv(1),
  conv(3),
  conv(3, true),
  batchNorm,
  unary('relu'),
  unary('relu6'),
  unary('hard_swish'),
  unary('silu'),
  unary('gelu', { approximate: 'none' }),
  unary('gelu', { approximate: 'tanh' }),
  unary('leaky_relu', { alpha: 0.125 }),
  unary('clip', { min: -0.5, max: 1.5 }),
  unary('neg'),
  unary('layer_norm', { axis: -1 }),
  withChannels('add'),
  withChannels('mul'),
  withChannels('div'),
  withNumber('mul', -1.5),
  withNumber('mul', 0.75),
  withNumber('add', 0.5),
  withNumber('sub', 0.25),
  withNumber('maximum', 0.1),
  withNumber('pow', 2),
  channelsLast,
  pool('max_pool'),
  pool('average_pool'),
  residual,
  joined,
  normalized,
  unary('softmax', { axis: 1 }),
];

/** The end of a classifier: pooled and flattened one way or another, then fully connected. */
const classifier = (net: Network, x: ValueId): ValueId => {
  const [, c = 1, h = 1, w = 1] = net.shape(x);
  const kind = net.below(4);
  if (kind === 0) {
    const pooled = net.emit('global_average_pool', [x]);
    return net.emit('dense', [net.emit('flatten', [pooled], { axis: 1 }), net.constant([4, c]), net.constant([4])]);
  }
  if (kind === 1) {
    const flat = net.emit('reshape', [net.emit('transpose', [x], { perm: [0, 2, 3, 1] })], { shape: [1, c * h * w] });
    return net.emit('add', [net.emit('matmul', [flat, net.constant([c * h * w, 4])]), net.constant([4])]);
  }
  if (kind === 2) {
    return net.emit('conv', [x, net.constant([4, c, h, w]), net.constant([4])], { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] });
  }
  return net.emit('softmax', [net.emit('reshape', [x], { shape: [1, c, h * w] })], { axis: -1 });
};

/** A random convolutional network of `layers` layers; the same for a seed everywhere. */
export const randomNetwork = (seed: number, layers: number): Program => {
  const net = new Network(seed);
  let x = net.builder.input('image', { dtype: 'f32', shape: [1, 3, 7, 6] });
  for (let i = 0; i < layers; i++) {
    const [, , h = 0, w = 0] = net.shape(x);
    const layer = at(LAYERS, net.below(LAYERS.length));
    if (h < 3 || w < 3) break;
    x = layer(net, x);
  }
  net.builder.output('y', classifier(net, x));
  return net.builder.finish();
};
