import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { isElemName } from '../../host-tensor.ts';
import type { Made } from '../../import-session.ts';
import type { LayerRow, LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { one, span } from '../../tf-row.ts';
import { field } from '../json.ts';
import { activated } from './activation.ts';

/** An argument of a call: one of the inputs, or a constant. */
type Argument = { readonly input: number } | { readonly constant: unknown };

/** By place, by a name of the call, or by a name in the config; undefined where it is left out. */
const argumentOf = (n: LayerNode, place: number, ...names: readonly string[]): Argument | undefined => {
  const args = n.attribute('args');
  const positional: unknown = Array.isArray(args) ? args[place] : undefined;
  const values = [positional, ...names.flatMap((name) => [n.attribute(`call.${name}`), n.attribute(name)])];
  const value = values.find((v) => v !== undefined && v !== null);
  if (value === undefined) return undefined;
  const input = field(value, 'tensor');
  return typeof input === 'number' ? { input } : { constant: value };
};

const inputOf = (n: LayerNode, place: number, ...names: readonly string[]): number => {
  const found = argumentOf(n, place, ...names);
  return found !== undefined && 'input' in found ? found.input : n.malformed(`argument ${place} is no tensor`);
};

/** A constant argument. */
const constantOf = (n: LayerNode, place: number, ...names: readonly string[]): unknown => {
  const found = argumentOf(n, place, ...names);
  if (found === undefined) return undefined;
  return 'constant' in found ? found.constant : n.refuse(`${names[0] ?? 'an argument'} is computed at run time`);
};

const wholes = (n: LayerNode, value: unknown, what: string): readonly number[] => {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.every((v): v is number => Number.isSafeInteger(v))
    ? list
    : n.malformed(`${what} is ${JSON.stringify(value)?.slice(0, 80) ?? 'missing'}`);
};

/** Names of calls that change nothing. */
const named = (n: LayerNode): void => n.ignore('call.name', 'args');

type Binary = 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'minimum' | 'pow';

/** f of two operands, of which one may be a constant. */
const binary = (op: Binary, turned = false): LayerRow =>
  one((n) => {
    named(n);
    const pair = [argumentOf(n, 0, 'x', 'x1', 'a'), argumentOf(n, 1, 'y', 'x2', 'b')] as const;
    const [a, b] = turned ? [pair[1], pair[0]] : pair;
    if (a === undefined || b === undefined) return n.malformed('an operand is missing');
    if ('input' in a && 'input' in b) return n.pointwise([a.input, b.input], (xs) => n.emit(op, [at(xs, 0), at(xs, 1)], {}));
    const scalar = (c: unknown): ValueId => (typeof c === 'number' ? n.scalar(c) : n.refuse('an operand is a constant that is no number'));
    if ('input' in a) return n.map(a.input, (x) => n.emit(op, [x, 'constant' in b ? scalar(b.constant) : n.scalar(0)], {}));
    return 'input' in b ? n.map(b.input, (x) => n.emit(op, [scalar(a.constant), x], {})) : n.malformed('both operands are constants');
  });

/** f of each element. */
const unary = (f: (n: LayerNode, x: ValueId) => ValueId): LayerRow =>
  one((n) => {
    named(n);
    return n.map(inputOf(n, 0, 'x', 'features'), (x) => f(n, x));
  });
const byName = (name: string): LayerRow => unary((n, x) => activated(n, name, x, n.sizes(x).length - 1));
const plain = (op: 'exp' | 'log' | 'sqrt' | 'rsqrt' | 'abs' | 'neg' | 'sin' | 'cos' | 'floor' | 'ceil' | 'sign'): LayerRow =>
  unary((n, x) => n.emit(op, [x], {}));
const square = unary((n, x) => n.emit('mul', [x, x], {}));

const gelu: LayerRow = one((n) => {
  named(n);
  // the operation is approximate by default, the activation is not
  const approximate = constantOf(n, 1, 'approximate') ?? n.op.startsWith('ops.');
  return n.map(inputOf(n, 0, 'x', 'features'), (x) => n.emit('gelu', [x], { approximate: approximate === true ? 'tanh' : 'none' }));
});

const leakyRelu: LayerRow = one((n) => {
  named(n);
  const alpha = constantOf(n, 1, 'alpha', 'negative_slope') ?? 0.2;
  return n.map(inputOf(n, 0, 'x', 'features'), (x) =>
    n.emit('leaky_relu', [x], { alpha: typeof alpha === 'number' ? Math.fround(alpha) : n.malformed('alpha is no number') }),
  );
});

const clip: LayerRow = one((n) => {
  named(n);
  const [min, max] = [constantOf(n, 1, 'x_min', 'clip_value_min'), constantOf(n, 2, 'x_max', 'clip_value_max')];
  if (typeof min !== 'number' || typeof max !== 'number') return n.refuse('its limits are no numbers');
  return n.map(inputOf(n, 0, 'x', 't'), (x) => n.emit('clip', [x], { min: Math.fround(min), max: Math.fround(max) }));
});

const softmax: LayerRow = one((n) => {
  named(n);
  const i = inputOf(n, 0, 'x', 'logits');
  const [axis = -1] = wholes(n, constantOf(n, 1, 'axis') ?? -1, 'axis');
  const { value, layout, place } = n.either(i);
  return { value: n.emit('softmax', [value], { axis: place(n.axis(axis, n.rank(i))) }), layout };
});

/** Over axes, all of them where none is named. */
const reduction = (op: 'reduce_mean' | 'reduce_sum' | 'reduce_max' | 'reduce_min'): LayerRow =>
  one((n) => {
    named(n);
    const i = inputOf(n, 0, 'x', 'input_tensor');
    const rank = n.rank(i);
    const given = constantOf(n, 1, 'axis');
    const axes = given === undefined ? span(0, rank) : n.axes(wholes(n, given, 'axis'), rank);
    const keep = constantOf(n, 2, 'keepdims') === true;
    return n.emit(op, [n.x(i)], { axes, keep });
  });

const reshape: LayerRow = one((n) => {
  named(n);
  const i = inputOf(n, 0, 'x', 'tensor');
  const target = wholes(n, constantOf(n, 1, 'newshape', 'shape'), 'the shape');
  const count = n.shapeOf(i).reduce((p, d) => p * d, 1);
  const known = target.filter((d) => d !== -1).reduce((p, d) => p * d, 1);
  const shape = target.map((d) => (d === -1 ? count / known : d));
  if (shape.some((d) => !Number.isInteger(d) || d < 0))
    return n.malformed(`[${n.shapeOf(i).join(', ')}] cannot become [${target.join(', ')}]`);
  return n.reshape(n.x(i), shape);
});

const transpose: LayerRow = one((n) => {
  named(n);
  const i = inputOf(n, 0, 'x', 'a');
  const rank = n.rank(i);
  const given = constantOf(n, 1, 'axes', 'perm');
  if (n.attribute('call.conjugate') === true) return n.refuse('conjugate is set');
  const perm = given === undefined ? span(0, rank).reverse() : wholes(n, given, 'the permutation').map((p) => n.axis(p, rank));
  if (new Set(perm).size !== rank) return n.malformed(`the permutation is [${perm.join(', ')}]`);
  return n.emit('transpose', [n.x(i)], { perm });
});

/** Of a list of tensors. */
const concat: LayerRow = one((n) => {
  n.ignore('args', 'call.name', 'call.values', 'call.xs');
  const axis = n.attribute('call.axis') ?? n.attribute('axis') ?? -1;
  const place = n.axis(typeof axis === 'number' ? axis : n.malformed('axis is no number'), n.rank(0));
  return n.emit(
    'concat',
    span(0, n.inputCount).map((i) => n.x(i)),
    { axis: place },
  );
});

const expandDims: LayerRow = one((n) => {
  named(n);
  const i = inputOf(n, 0, 'x', 'input');
  const own = n.shapeOf(i);
  const [axis = -1] = wholes(n, constantOf(n, 1, 'axis'), 'axis');
  const place = n.axis(axis, own.length + 1);
  return n.reshape(n.x(i), [...own.slice(0, place), 1, ...own.slice(place)]);
});

const squeeze: LayerRow = one((n) => {
  named(n);
  const i = inputOf(n, 0, 'x', 'input');
  const own = n.shapeOf(i);
  const given = constantOf(n, 1, 'axis');
  const axes = given === undefined ? span(0, own.length).filter((d) => own[d] === 1) : n.axes(wholes(n, given, 'axis'), own.length);
  if (axes.some((a) => own[a] !== 1)) return n.malformed(`axes [${axes.join(', ')}] of [${own.join(', ')}] are not all 1`);
  return n.reshape(
    n.x(i),
    own.filter((_, d) => !axes.includes(d)),
  );
});

const cast: LayerRow = one((n): Made => {
  named(n);
  const i = inputOf(n, 0, 'x');
  const name = String(constantOf(n, 1, 'dtype') ?? '');
  if (!isElemName(name)) return n.refuse(`the type ${name}`);
  return { value: n.as(n.x(i), name.startsWith('float') ? 'f32' : name === 'bool' ? 'bool' : 'i32'), layout: 'file' };
});

/** Operations of Keras 3 in a functional model, and functions of TensorFlow in one of Keras 2. */
export const functions = {
  'ops.Add': binary('add'),
  'ops.Subtract': binary('sub'),
  'ops.Multiply': binary('mul'),
  'ops.Divide': binary('div'),
  'ops.TrueDivide': binary('div'),
  'ops.Maximum': binary('maximum'),
  'ops.Minimum': binary('minimum'),
  'ops.Power': binary('pow'),
  'ops.Relu': byName('relu'),
  'ops.Relu6': byName('relu6'),
  'ops.Sigmoid': byName('sigmoid'),
  'ops.Tanh': byName('tanh'),
  'ops.Silu': byName('silu'),
  'ops.Softplus': byName('softplus'),
  'ops.Softsign': byName('softsign'),
  'ops.HardSigmoid': unary((n, x) => n.emit('hard_sigmoid', [x], { alpha: Math.fround(1 / 6), beta: 0.5 })),
  'ops.HardSilu': byName('hard_silu'),
  'ops.Gelu': gelu,
  'ops.LeakyRelu': leakyRelu,
  'ops.Softmax': softmax,
  'ops.Exp': plain('exp'),
  'ops.Log': plain('log'),
  'ops.Sqrt': plain('sqrt'),
  'ops.Rsqrt': plain('rsqrt'),
  'ops.Abs': plain('abs'),
  'ops.Absolute': plain('abs'),
  'ops.Negative': plain('neg'),
  'ops.Sin': plain('sin'),
  'ops.Cos': plain('cos'),
  'ops.Floor': plain('floor'),
  'ops.Ceil': plain('ceil'),
  'ops.Sign': plain('sign'),
  'ops.Square': square,
  'ops.Clip': clip,
  'ops.Mean': reduction('reduce_mean'),
  'ops.Sum': reduction('reduce_sum'),
  'ops.Max': reduction('reduce_max'),
  'ops.Min': reduction('reduce_min'),
  'ops.Reshape': reshape,
  'ops.Transpose': transpose,
  'ops.Concatenate': concat,
  'ops.ExpandDims': expandDims,
  'ops.Squeeze': squeeze,
  'ops.Cast': cast,
  'tf.__operators__.add': binary('add'),
  'tf.math.add': binary('add'),
  'tf.math.subtract': binary('sub'),
  'tf.math.multiply': binary('mul'),
  'tf.math.truediv': binary('div'),
  'tf.math.divide': binary('div'),
  'tf.math.maximum': binary('maximum'),
  'tf.math.minimum': binary('minimum'),
  'tf.math.pow': binary('pow'),
  'tf.nn.relu': byName('relu'),
  'tf.nn.relu6': byName('relu6'),
  'tf.nn.silu': byName('silu'),
  'tf.nn.gelu': gelu,
  'tf.nn.leaky_relu': leakyRelu,
  'tf.nn.softmax': softmax,
  'tf.math.sigmoid': byName('sigmoid'),
  'tf.math.tanh': byName('tanh'),
  'tf.math.softplus': byName('softplus'),
  'tf.math.exp': plain('exp'),
  'tf.math.log': plain('log'),
  'tf.math.sqrt': plain('sqrt'),
  'tf.math.rsqrt': plain('rsqrt'),
  'tf.math.abs': plain('abs'),
  'tf.math.negative': plain('neg'),
  'tf.math.square': square,
  'tf.clip_by_value': clip,
  'tf.math.reduce_mean': reduction('reduce_mean'),
  'tf.math.reduce_sum': reduction('reduce_sum'),
  'tf.math.reduce_max': reduction('reduce_max'),
  'tf.math.reduce_min': reduction('reduce_min'),
  'tf.reshape': reshape,
  'tf.transpose': transpose,
  'tf.compat.v1.transpose': transpose,
  'tf.concat': concat,
  'tf.expand_dims': expandDims,
  'tf.compat.v1.squeeze': squeeze,
  'tf.squeeze': squeeze,
  'tf.cast': cast,
} as const satisfies LayerTable;
