import type { ValueId } from '../../../ir/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { one } from '../../tf-row.ts';
import { field, isObject, textField } from '../json.ts';
import { floatOf, someOf, weight } from './util.ts';

type Activation = (n: LayerNode, x: ValueId) => ValueId;

/** alpha of Klambauer et al. 2017. */
const SELU = { alpha: Math.fround(1.6732632423543772), gamma: Math.fround(1.0507009873554805) };

const clip = (n: LayerNode, x: ValueId, min: number, max: number): ValueId => n.emit('clip', [x], { min, max });
const hardSigmoid =
  (alpha: number, beta: number): Activation =>
  (n, x) =>
    n.emit('hard_sigmoid', [x], { alpha, beta });
const plain =
  (op: 'sigmoid' | 'tanh' | 'relu' | 'softplus' | 'softsign' | 'silu' | 'exp' | 'hard_swish'): Activation =>
  (n, x) =>
    n.emit(op, [x], {});

/** x - tanh x. */
const tanhShrink: Activation = (n, x) => n.emit('sub', [x, n.emit('tanh', [x], {})], {});
/** (x + sqrt(x^2 + 4)) / 2. */
const squareplus: Activation = (n, x) => {
  const root = n.emit('sqrt', [n.emit('add', [n.emit('mul', [x, x], {}), n.scalar(4)], {})], {});
  return n.emit('mul', [n.emit('add', [x, root], {}), n.scalar(0.5)], {});
};
/** 0 to -1, (x + 1)^2 / 4 to 1, then x. */
const sparsePlus: Activation = (n, x) => {
  const clipped = clip(n, x, -1, 1);
  const next = n.emit('add', [clipped, n.scalar(1)], {});
  const middle = n.emit('mul', [n.emit('mul', [next, next], {}), n.scalar(0.25)], {});
  return n.emit('add', [middle, n.emit('relu', [n.emit('sub', [x, n.scalar(1)], {})], {})], {});
};
/** x tanh(softplus x). */
const mish: Activation = (n, x) => n.emit('mul', [x, n.emit('tanh', [n.emit('softplus', [x], {})], {})], {});

/** By name (keras/src/activations). Those that look along an axis are not here. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  linear: (_, x) => x,
  relu: plain('relu'),
  relu6: (n, x) => clip(n, x, 0, 6),
  sigmoid: plain('sigmoid'),
  tanh: plain('tanh'),
  elu: (n, x) => n.emit('elu', [x], {}),
  celu: (n, x) => n.emit('elu', [x], {}),
  selu: (n, x) => n.emit('elu', [x], SELU),
  gelu: (n, x) => n.emit('gelu', [x], {}),
  softplus: plain('softplus'),
  softsign: plain('softsign'),
  swish: plain('silu'),
  silu: plain('silu'),
  exponential: plain('exp'),
  // Keras 3: relu6(x + 3) / 6
  hard_sigmoid: hardSigmoid(Math.fround(1 / 6), 0.5),
  // Keras 1 and 2: clip(0.2 x + 0.5, 0, 1)
  'hard_sigmoid of Keras 2': hardSigmoid(Math.fround(0.2), 0.5),
  hard_silu: plain('hard_swish'),
  hard_swish: plain('hard_swish'),
  leaky_relu: (n, x) => n.emit('leaky_relu', [x], { alpha: Math.fround(0.2) }),
  mish,
  log_sigmoid: (n, x) => n.emit('neg', [n.emit('softplus', [n.emit('neg', [x], {})], {})], {}),
  hard_tanh: (n, x) => clip(n, x, -1, 1),
  hard_shrink: (n, x) => n.emit('shrink', [x], { lambd: 0.5, bias: 0 }),
  soft_shrink: (n, x) => n.emit('shrink', [x], { lambd: 0.5, bias: 0.5 }),
  tanh_shrink: tanhShrink,
  squareplus,
  sparse_plus: sparsePlus,
  sparse_sigmoid: hardSigmoid(0.5, 0.5),
};

/** The name of a function that is given as a text, or as `{class_name: "function", config: "relu"}`. */
const functionName = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value;
  return textField(value, 'config') ?? undefined;
};

/** Of `activation` and the like: a layer for an activation that is a layer, else the name of a function. */
type Chosen = { readonly name: string } | { readonly layer: unknown };

const chosenOf = (n: LayerNode, key: string, fallback: string): Chosen => {
  const value = n.attribute(key) ?? fallback;
  const name = functionName(value);
  if (name !== undefined) return { name: name === 'hard_sigmoid' && n.attribute('keras') !== 3 ? 'hard_sigmoid of Keras 2' : name };
  return isObject(value) ? { layer: value } : n.malformed(`${key} is no name`);
};

/** The name of an activation, for ops that have it inside. */
export const activationName = (n: LayerNode, key: string, fallback: string): string => {
  const chosen = chosenOf(n, key, fallback);
  return 'name' in chosen ? chosen.name : n.refuse(`${key} is a layer`);
};

/** A layer as activation: those without weights. */
const asLayer = (n: LayerNode, layer: unknown, x: ValueId): ValueId => {
  const name = textField(layer, 'class_name') ?? '';
  const number = (keys: readonly string[], fallback: number): number => {
    const value = keys.map((k) => field(field(layer, 'config'), k)).find((v) => v !== undefined && v !== null) ?? fallback;
    return typeof value === 'number' ? Math.fround(value) : n.malformed(`${name} has ${String(value)} where a number is wanted`);
  };
  switch (name) {
    case 'LeakyReLU':
      return n.emit('leaky_relu', [x], { alpha: number(['negative_slope', 'alpha'], 0.3) });
    case 'ELU':
      return n.emit('elu', [x], { alpha: number(['alpha'], 1) });
    default:
      return n.refuse(`the activation ${name} is not supported`);
  }
};

/** Functions that look along an axis: the last, or the one that stands for it in this layout. */
const alongAxis = (n: LayerNode, name: string, x: ValueId, axis: number): ValueId | undefined => {
  if (name === 'softmax') return n.emit('softmax', [x], { axis });
  if (name === 'log_softmax') return n.emit('log_softmax', [x], { axis });
  if (name !== 'glu') return undefined;
  const size = n.sizes(x)[axis] ?? 0;
  if (size % 2 !== 0) return n.malformed(`glu halves ${size} features`);
  const [a, b] = n.emitAll('split', [x], { axis, sizes: [size / 2, size / 2] });
  return a === undefined || b === undefined ? x : n.emit('mul', [a, n.emit('sigmoid', [b], {})], {});
};

/** A function by its name. @param last - the axis that is the last in the file */
export const activated = (n: LayerNode, name: string, x: ValueId, last: number): ValueId => {
  const f = Object.hasOwn(ACTIVATIONS, name) ? ACTIVATIONS[name] : undefined;
  return f?.(n, x) ?? alongAxis(n, name, x, last) ?? n.refuse(`the activation ${name} is not supported`);
};

/** The activation of a layer on its result, in the layout that it has. */
export const withActivation = (n: LayerNode, made: Made, key = 'activation'): Made => {
  const chosen = chosenOf(n, key, 'linear');
  const apply = (x: ValueId, last: number): ValueId =>
    'name' in chosen ? activated(n, chosen.name, x, last) : asLayer(n, chosen.layer, x);
  if (typeof made === 'number') return apply(made, n.sizes(made).length - 1);
  if (!('value' in made)) return made;
  return { ...made, value: apply(made.value, made.layout === 'first' ? 1 : n.sizes(made.value).length - 1) };
};

/** max_value, negative_slope, threshold: f(x) = max_value where x >= max_value, x from threshold on, else negative_slope (x - threshold). */
const relu = (n: LayerNode): Made => {
  const max = n.hasAttribute('max_value') ? floatOf(n, 'max_value') : undefined;
  const slope = floatOf(n, 'negative_slope', 0);
  const threshold = floatOf(n, 'threshold', 0);
  if (max !== undefined && !(max >= 0)) return n.malformed(`max_value is ${max}`);
  return n.map(0, (x) => reluOf(n, x, { max, slope, threshold }));
};

interface Relu {
  readonly max: number | undefined;
  readonly slope: number;
  readonly threshold: number;
}

export const reluOf = (n: LayerNode, x: ValueId, { max, slope, threshold }: Relu): ValueId => {
  const limited = (y: ValueId): ValueId => (max === undefined ? y : n.emit('minimum', [y, n.scalar(max)], {}));
  if (threshold === 0) {
    if (slope === 0) return max === undefined ? n.emit('relu', [x], {}) : clip(n, x, 0, max);
    return limited(n.emit('leaky_relu', [x], { alpha: slope }));
  }
  const below = slope === 0 ? n.scalar(0) : n.emit('mul', [n.emit('sub', [x, n.scalar(threshold)], {}), n.scalar(slope)], {});
  return n.emit('select', [n.emit('less', [x, n.scalar(threshold)], {}), n.emit('expand', [below], { shape: n.sizes(x) }), limited(x)], {});
};

/** x where x > theta, else 0. */
const thresholded = (n: LayerNode): Made => {
  const theta = floatOf(n, 'theta', 1);
  return n.map(0, (x) => n.emit('mul', [x, n.as(n.emit('less', [n.scalar(theta), x], {}), 'f32')], {}));
};

/** A slope for each element behind the batch, or one along shared axes. */
const prelu = (n: LayerNode): Made => {
  const rank = n.rank(0);
  const own = n.shapeOf(0).slice(1);
  const shared = someOf(n, 'shared_axes', []).map((a) => n.axis(a, rank, 'shared_axes'));
  const shape = own.map((d, i) => (shared.includes(i + 1) ? 1 : d));
  const { value, layout } = n.either(0);
  const isFirst = layout === 'first';
  const perm = isFirst ? [rank - 2, ...shape.keys()].slice(0, rank - 1) : undefined;
  const slope = weight(n, 'alpha', shape, 'scale', perm === undefined ? {} : { perm });
  return { value: n.emit('prelu', [value, slope], {}), layout };
};

const softmax = (n: LayerNode): Made => {
  const axes = someOf(n, 'axis', [-1]);
  const [axis] = axes;
  if (axes.length !== 1 || axis === undefined) return n.refuse(`softmax over the axes [${axes.join(', ')}]`);
  const { value, layout, place } = n.either(0);
  return { value: n.emit('softmax', [value], { axis: place(n.axis(axis, n.rank(0))) }), layout };
};

const activationLayer = (n: LayerNode): Made => {
  const { value, layout } = n.either(0);
  return withActivation(n, { value, layout });
};

/** Of Keras 2 or 3: the slope changed its name. */
const slopeOf = (n: LayerNode): number => floatOf(n, n.hasAttribute('alpha') ? 'alpha' : 'negative_slope', 0.3);

export const activation = {
  Activation: one(activationLayer),
  ReLU: one(relu),
  LeakyReLU: one((n) => {
    const alpha = slopeOf(n);
    return n.map(0, (x) => n.emit('leaky_relu', [x], { alpha }));
  }),
  PReLU: one(prelu),
  ELU: one((n) => {
    const alpha = floatOf(n, 'alpha', 1);
    return n.map(0, (x) => n.emit('elu', [x], { alpha }));
  }),
  ThresholdedReLU: one(thresholded),
  Softmax: one(softmax),
} as const satisfies LayerTable;
