import type { ValueId } from '../../../ir/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerRow, LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { f32, number, one, real, tensor, text } from '../args.ts';
import { limited } from './elementwise.ts';

const of = (f: (n: LayerNode, x: ValueId) => ValueId): LayerRow => one((n) => f(n, real(n, 'self')));

const gelu = (n: LayerNode, x: ValueId): ValueId => {
  const approximate = text(n, 'approximate', 'none');
  if (approximate !== 'none' && approximate !== 'tanh') return n.malformed(`approximate is ${approximate}`);
  return n.emit('gelu', [x], { approximate });
};

/** scale x, or scale alpha (e^(input_scale x) - 1) below 0. */
const elu = (n: LayerNode, x: ValueId): ValueId => {
  const [alpha, gamma] = [f32(n, 'alpha', 1), f32(n, 'scale', 1)];
  return number(n, 'input_scale', 1) === 1 ? n.emit('elu', [x], { alpha, gamma }) : n.refuse('input_scale is not 1');
};
/** Klambauer et al. 2017, with their constants. */
const selu = (n: LayerNode, x: ValueId): ValueId =>
  n.emit('elu', [x], { alpha: Math.fround(1.6732632423543772), gamma: Math.fround(1.0507009873554805) });

/** max(x, 0) + min(alpha (e^(x / alpha) - 1), 0) */
const celu = (n: LayerNode, x: ValueId): ValueId => {
  const alpha = number(n, 'alpha', 1);
  if (alpha === 1) return n.emit('elu', [x], { alpha: 1, gamma: 1 });
  const slow = n.emit('elu', [n.emit('mul', [x, n.scalar(1 / alpha)], {})], { alpha: 1, gamma: 1 });
  return n.emit('mul', [slow, n.scalar(alpha)], {});
};

/** ln(1 + e^(beta x)) / beta, and x where beta x is above the threshold: a difference below float32's there. */
const softplus = (n: LayerNode, x: ValueId): ValueId => {
  const [beta, threshold] = [number(n, 'beta', 1), number(n, 'threshold', 20)];
  if (threshold < 17) return n.refuse(`threshold is ${threshold}`);
  if (beta === 1) return n.emit('softplus', [x], {});
  return n.emit('mul', [n.emit('softplus', [n.emit('mul', [x, n.scalar(beta)], {})], {}), n.scalar(1 / beta)], {});
};

const mish = (n: LayerNode, x: ValueId): ValueId => n.emit('mul', [x, n.emit('tanh', [n.emit('softplus', [x], {})], {})], {});
const logSigmoid = (n: LayerNode, x: ValueId): ValueId => n.emit('neg', [n.emit('softplus', [n.emit('neg', [x], {})], {})], {});

/** Slopes for each channel, which stand at dimension 1, or one for all. */
const prelu = (n: LayerNode): Made => {
  const [x, slope] = [tensor(n, 'self'), tensor(n, 'weight')];
  const [count] = n.shapeOf(slope);
  const rank = n.rank(x);
  if (n.rank(slope) !== 1 || count === undefined || rank < 2 || count === 1) return n.emit('prelu', [n.real(x), n.real(slope)], {});
  if (count !== n.shapeOf(x)[1]) return n.malformed(`there are ${count} slopes for [${n.shapeOf(x).join(', ')}]`);
  return n.emit('prelu', [n.real(x), n.reshape(n.real(slope), [count, ...new Array<number>(rank - 2).fill(1)])], {});
};
/** The same with slopes that broadcast already. */
const preluKernel = (n: LayerNode): Made => n.emit('prelu', [real(n, 'self'), real(n, 'weight')], {});

/** x where it is above the threshold, else the value. */
const threshold = (n: LayerNode, x: ValueId): ValueId => {
  const above = n.emit('less', [n.scalar(number(n, 'threshold')), x], {});
  return n.emit('select', [above, x, n.scalar(number(n, 'value'))], {});
};

/** Nothing happens at inference. */
const dropout = (n: LayerNode): Made => {
  n.ignore('p');
  if (n.attribute('train') === true) return n.refuse('train is set', ['Export the model for inference: model.eval().']);
  const x = tensor(n, n.hasAttribute('self') ? 'self' : 'input');
  return { same: n.input(x) };
};

export const activation = {
  'aten.relu': one((n) => limited(n, tensor(n, 'self'), 0, Number.POSITIVE_INFINITY)),
  'aten.relu6': one((n) => limited(n, tensor(n, 'self'), 0, 6)),
  'aten.hardtanh': one((n) => limited(n, tensor(n, 'self'), number(n, 'min_val', -1), number(n, 'max_val', 1))),
  'aten.gelu': of(gelu),
  'aten.silu': of((n, x) => n.emit('silu', [x], {})),
  'aten.mish': of(mish),
  'aten.elu': of(elu),
  'aten.selu': of(selu),
  'aten.celu': of(celu),
  'aten.leaky_relu': of((n, x) => n.emit('leaky_relu', [x], { alpha: f32(n, 'negative_slope', 0.01) })),
  'aten.prelu': one(prelu),
  'aten._prelu_kernel': one(preluKernel),
  'aten.softplus': of(softplus),
  'aten.hardswish': of((n, x) => n.emit('hard_swish', [x], {})),
  'aten.hardsigmoid': of((n, x) => n.emit('hard_sigmoid', [x], { alpha: Math.fround(1 / 6), beta: 0.5 })),
  'aten.hardshrink': of((n, x) => n.emit('shrink', [x], { lambd: f32(n, 'lambd', 0.5), bias: 0 })),
  'aten.softshrink': of((n, x) => n.emit('shrink', [x], { lambd: f32(n, 'lambd', 0.5), bias: f32(n, 'lambd', 0.5) })),
  'aten.log_sigmoid': of(logSigmoid),
  'aten.threshold': of(threshold),
  'aten.dropout': one(dropout),
  'aten.feature_dropout': one(dropout),
  'aten.alpha_dropout': one(dropout),
  'aten.feature_alpha_dropout': one(dropout),
  'aten.native_dropout': one(dropout),
} as const satisfies LayerTable;
