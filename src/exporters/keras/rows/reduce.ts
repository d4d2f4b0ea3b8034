import { type AnyNode, type LoweringTable, UnsupportedError } from '../../../ir/index.ts';
import { type Code, py, type Step } from '../../outline/code.ts';
import { tuple } from '../../outline/python-names.ts';
import { identity, type Layouts } from '../../outline/writer.ts';

interface Reduction {
  readonly axes: readonly number[];
  readonly keep: boolean;
}

/** Reduces the operand as it is stored: axes are those of the stored dimensions, and what is left keeps its order. */
const reduce = (c: Layouts, node: AnyNode, a: Reduction, write: (x: Code, how: string) => Code): Step => {
  const w = c.writer(node);
  const perm = w.perm(0);
  const axes = a.axes.map((axis) => (axis < 0 ? axis + perm.length : axis));
  const x = w.stored(0);
  if (a.keep) w.store(perm);
  else {
    const left = identity(perm.length).filter((d) => !axes.includes(d));
    w.store(perm.filter((d) => !axes.includes(d)).map((d) => left.indexOf(d)));
  }
  const dims = axes.map((axis) => perm.indexOf(axis)).sort((p, q) => p - q);
  if (dims.length === 0) return w.step(write(py`ops.expand_dims(${x}, 0)`, ', axis=(0,)'));
  return w.step(write(x, `, axis=${dims.length === 1 ? String(dims[0]) : tuple(dims)}${a.keep ? ', keepdims=True' : ''}`));
};

const isEmpty = (c: Layouts, node: AnyNode): boolean => node.operands.slice(0, 1).some((v) => c.type(v).shape.includes(0));

const extreme = (c: Layouts, node: AnyNode, a: Reduction, name: string): Step => {
  if (isEmpty(c, node)) throw new UnsupportedError('Keras has no extremes of nothing');
  return reduce(c, node, a, (x, how) => py`ops.${name}(${x}${how})`);
};

const arg = (
  c: Layouts,
  node: AnyNode,
  a: { readonly axis: number; readonly keep: boolean; readonly last: boolean },
  name: string,
): Step => {
  if (isEmpty(c, node)) throw new UnsupportedError('Keras has no extremes of nothing');
  const w = c.writer(node);
  const axis = w.axis(0, a.axis);
  const size = w.type(0).shape[a.axis < 0 ? a.axis + w.rank(0) : a.axis];
  const keep = a.keep ? ', keepdims=True' : '';
  return reduce(c, node, { axes: [a.axis], keep: a.keep }, (x) => {
    if (!a.last) return py`ops.cast(ops.${name}(${x}, axis=${axis}${keep}), "int32")`;
    if (typeof size !== 'number') throw new UnsupportedError('the size of its axis has no number');
    return py`${size - 1} - ops.cast(ops.${name}(ops.flip(${x}, axis=${axis}), axis=${axis}${keep}), "int32")`;
  });
};

const scan = (
  c: Layouts,
  node: AnyNode,
  a: { readonly axis: number; readonly exclusive: boolean; readonly reverse: boolean },
  name: string,
): Step => {
  const w = c.writer(node);
  const axis = a.axis < 0 ? a.axis + w.rank(0) : a.axis;
  const x = w.type(0).dtype === 'f32' ? w.x(0) : py`ops.cast(${w.x(0)}, "int32")`;
  const turned = (y: Code): Code => (a.reverse ? py`ops.flip(${y}, axis=${axis})` : y);
  if (!a.exclusive) return w.step(turned(py`ops.${name}(${turned(x)}, axis=${axis})`));
  return w.step(turned(py`exclusive(ops.${name}(${turned(x)}, axis=${axis}), axis=${axis}, first=${name === 'cumsum' ? 0 : 1})`), {
    helpers: ['exclusive'],
  });
};

export const reduceRows = {
  reduce_sum: (c, n) => {
    const integer = c.writer(n).type(0).dtype !== 'f32';
    return reduce(c, n, n.attrs, (x, how) => (integer ? py`ops.sum(ops.cast(${x}, "int32")${how})` : py`ops.sum(${x}${how})`));
  },
  reduce_mean: (c, n) => {
    if (isEmpty(c, n) || c.writer(n).type(0).dtype !== 'f32') throw new UnsupportedError('Keras has means of floats alone');
    return reduce(c, n, n.attrs, (x, how) => py`ops.mean(${x}${how})`);
  },
  reduce_max: (c, n) => extreme(c, n, n.attrs, 'max'),
  reduce_min: (c, n) => extreme(c, n, n.attrs, 'min'),
  reduce_prod: (c, n) => reduce(c, n, n.attrs, (x, how) => py`ops.prod(${x}${how})`),
  logsumexp: (c, n) => {
    if (isEmpty(c, n)) throw new UnsupportedError('Keras has no extremes of nothing');
    return reduce(c, n, n.attrs, (x, how) => py`ops.logsumexp(${x}${how})`);
  },
  reduce_any: (c, n) => reduce(c, n, n.attrs, (x, how) => py`ops.any(${x}${how})`),
  reduce_all: (c, n) => reduce(c, n, n.attrs, (x, how) => py`ops.all(${x}${how})`),
  argmax: (c, n) => arg(c, n, n.attrs, 'argmax'),
  argmin: (c, n) => arg(c, n, n.attrs, 'argmin'),
  cumsum: (c, n) => scan(c, n, n.attrs, 'cumsum'),
  cumprod: (c, n) => scan(c, n, n.attrs, 'cumprod'),
  top_k: (c, n) => {
    const w = c.writer(n);
    const { axis, k, largest } = n.attrs;
    return w.step(py`top_k(${w.x(0)}, ${k}, axis=${axis}${largest ? '' : ', largest=False'})`, { helpers: ['top_k'] });
  },
  resize: (c, n) => {
    const w = c.writer(n);
    const { mode, coordinates, rounding, sizes } = n.attrs;
    const input = w.sizesBehindBatch(0).slice(2);
    const whole = sizes.every((s, i) => s % (input[i] ?? 1) === 0);
    const rank = w.rank(0);
    const repeats =
      (coordinates === 'asymmetric' && rounding === 'floor') || (coordinates === 'half_pixel' && rounding.startsWith('round'));
    if (mode !== 'nearest' || !whole || !repeats || w.type(0).dtype !== 'f32') throw new UnsupportedError('Keras resizes otherwise');
    const perm = [0, ...sizes.map((_, i) => i + 2), 1];
    const x = w.x(0, perm);
    w.store(perm);
    const factors = sizes.map((s, i) => s / (input[i] ?? 1));
    return w.step(py`layers.UpSampling${rank - 2}D(${factors.every((f) => f === factors[0]) ? String(factors[0]) : tuple(factors)})(${x})`);
  },
} satisfies Partial<LoweringTable<Layouts, Step>>;
