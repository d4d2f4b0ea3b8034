import { elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { ElemName } from '../../host-tensor.ts';
import { ELEMS } from '../../host-tensor.ts';
import type { Made } from '../../import-session.ts';
import type { LayerRow, LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import {
  has,
  ignorePlace,
  ints,
  like,
  maybeNumber,
  maybeTensors,
  maybeType,
  number,
  one,
  span,
  tensor,
  tensors,
  text,
  whole,
  wholes,
} from '../args.ts';

const indexSelect = (n: LayerNode): Made => {
  const x = tensor(n, 'self');
  const axis = n.axis(whole(n, 'dim'), n.rank(x), 'dim');
  return like(n, n.emit('gather', [n.x(x), n.as(n.x(tensor(n, 'index')), 'i32')], { axis }), x);
};
const gather = (n: LayerNode): Made => {
  n.ignore('sparse_grad');
  const x = tensor(n, 'self');
  const axis = n.axis(whole(n, 'dim'), n.rank(x), 'dim');
  return like(n, n.emit('gather_elements', [n.x(x), n.as(n.x(tensor(n, 'index')), 'i32')], { axis }), x);
};

/** Indices may count from the end; those that are known are counted from the start. */
const fromStart = (n: LayerNode, i: number, size: number): ValueId => {
  const { host } = n.input(i);
  const whole = n.as(n.x(i), 'i32');
  if (host !== undefined) {
    if (host.data.every((v) => v >= 0)) return whole;
    return ints(
      n,
      'indices',
      host.shape,
      Array.from(host.data, (v) => (v < 0 ? v + size : v)),
    );
  }
  const below = n.emit('less', [whole, ints(n, 'zero', [], [0])], {});
  return n.emit('select', [below, n.emit('add', [whole, ints(n, 'size', [], [size])], {}), whole], {});
};

/** x[indices]: one tensor of indices, or several for neighbouring dimensions, which broadcast. */
const index = (n: LayerNode): Made => {
  const x = tensor(n, 'self');
  const own = n.shapeOf(x);
  const list = maybeTensors(n, 'indices');
  const used = list.flatMap((i, axis) => (i === undefined ? [] : [{ i, axis }]));
  const [head] = used;
  if (head === undefined || list.length > own.length) return n.malformed(`there are ${list.length} indices for rank ${own.length}`);
  if (used.some(({ i }) => ELEMS[n.elem(i)].kind !== 'int')) return n.refuse('a mask as an index gives a shape that depends on values');
  if (used.length === 1) return like(n, n.emit('gather', [n.x(x), fromStart(n, head.i, at(own, head.axis))], { axis: head.axis }), x);
  if (used.some(({ axis }, k) => axis !== head.axis + k) || head.axis !== 0)
    return n.refuse('indices of dimensions behind the first, or apart');
  const rank = Math.max(...used.map(({ i }) => n.rank(i)));
  const sizes = span(0, rank).map((d) => Math.max(...used.map(({ i }) => n.shapeOf(i)[d - rank + n.rank(i)] ?? 1)));
  const columns = used.map(({ i, axis }) => n.reshape(n.emit('expand', [fromStart(n, i, at(own, axis))], { shape: sizes }), [...sizes, 1]));
  return like(n, n.emit('gather_nd', [n.x(x), n.emit('concat', columns, { axis: rank })], {}), x);
};

const oneHot = (n: LayerNode): Made => {
  const x = tensor(n, 'self');
  const depth = whole(n, 'num_classes', -1);
  if (depth < 1) return n.refuse('num_classes is left out, so the shape depends on values');
  return n.emit('one_hot', [n.as(n.x(x), 'i32'), ints(n, 'values', [2], [0, 1])], { axis: n.rank(x), depth });
};

/** A tensor of one number; integers and booleans where the number is one, and no type is given. */
const filled = (n: LayerNode, shape: readonly number[], value: number, elem: ElemName): Made => {
  ignorePlace(n);
  return n.made(elem, shape, () => value);
};
const full = (n: LayerNode): Made => {
  const value = number(n, 'fill_value');
  const given = n.attribute('fill_value');
  const own: ElemName = typeof given === 'boolean' ? 'bool' : typeof given === 'number' ? 'int64' : 'float32';
  return filled(n, wholes(n, 'size'), value, maybeType(n) ?? own);
};
const constant = (value: number): LayerRow => one((n) => filled(n, wholes(n, 'size'), value, maybeType(n) ?? 'float32'));
/** Of the shape and type of `self`, or of another shape. */
const alike = (value: (n: LayerNode) => number): LayerRow =>
  one((n) => {
    const x = tensor(n, 'self');
    return filled(n, has(n, 'size') ? wholes(n, 'size') : n.shapeOf(x), value(n), maybeType(n) ?? n.elem(x));
  });
const scalar = (n: LayerNode): Made => filled(n, [], number(n, 's'), maybeType(n) ?? 'float32');

/** start, start + step, … before end. */
const arange = (n: LayerNode): Made => {
  ignorePlace(n);
  const [start, end, step] = [maybeNumber(n, 'start') ?? 0, number(n, 'end'), maybeNumber(n, 'step') ?? 1];
  const count = step === 0 ? Number.NaN : Math.max(0, Math.ceil((end - start) / step));
  if (!Number.isSafeInteger(count)) return n.malformed(`it goes from ${start} to ${end} in steps of ${step}`);
  const isWhole = ['start', 'end', 'step'].every(
    (name) => typeof (n.attribute(name) ?? 0) !== 'object' || Number.isInteger(maybeNumber(n, name)),
  );
  const isFloat = ['start', 'end', 'step'].some(
    (name) => typeof n.attribute(name) === 'object' && 'float' in (n.attribute(name) as object),
  );
  return n.made(maybeType(n) ?? (isFloat || !isWhole ? 'float32' : 'int64'), [count], (i) => start + i * step);
};

const linspace = (n: LayerNode): Made => {
  ignorePlace(n);
  const [start, end, steps] = [number(n, 'start'), number(n, 'end'), whole(n, 'steps')];
  const step = steps > 1 ? (end - start) / (steps - 1) : 0;
  // from both ends, so that the last is the end
  return n.made(maybeType(n) ?? 'float32', [steps], (i) => (2 * i < steps ? start + i * step : end - (steps - 1 - i) * step));
};

/** Coordinates of a grid, one tensor for each dimension; xy has the second dimension first. */
const meshgrid = (n: LayerNode): readonly Made[] => {
  const list = tensors(n, 'tensors');
  const indexing = text(n, 'indexing', 'ij');
  if (indexing !== 'ij' && indexing !== 'xy') return n.malformed(`indexing is ${indexing}`);
  const place = (k: number): number => (indexing === 'xy' && k < 2 && list.length > 1 ? 1 - k : k);
  const shape = span(0, list.length).map((k) => elementCount(n.shapeOf(at(list, place(k)))));
  return list.map((i, k) => {
    const own = shape.map((d, axis) => (axis === place(k) ? d : 1));
    return like(n, n.emit('expand', [n.reshape(n.x(i), own)], { shape }), i);
  });
};

/** Elements of self at places along a dimension become those of src, or a number. */
const scatter = (n: LayerNode): Made => {
  const [x, index] = [tensor(n, 'self'), tensor(n, 'index')];
  const axis = n.axis(whole(n, 'dim'), n.rank(x), 'dim');
  const updates = has(n, 'src')
    ? n.x(tensor(n, 'src'))
    : n.emit('expand', [n.as(n.scalar(number(n, 'value')), ELEMS[n.elem(x)].dtype)], { shape: n.shapeOf(index) });
  return like(n, n.emit('scatter_elements', [n.x(x), n.as(n.x(index), 'i32'), updates], { axis }), x);
};

/** Numbers that are computed of sizes: known. */
const computed = (f: (a: number, b: number) => number): LayerRow =>
  one((n) => {
    const names = [...n.site.attributes.keys()];
    const [a, b] = names.map((name) => number(n, name));
    return n.made('int64', [], () => f(a ?? 0, b ?? 0));
  });

export const indexing = {
  'aten.index_select': one(indexSelect),
  'aten.gather': one(gather),
  'aten.index': one(index),
  'aten.one_hot': one(oneHot),
  'aten.full': one(full),
  'aten.zeros': constant(0),
  'aten.ones': constant(1),
  'aten.full_like': alike((n) => number(n, 'fill_value')),
  'aten.zeros_like': alike(() => 0),
  'aten.ones_like': alike(() => 1),
  'aten.new_zeros': alike(() => 0),
  'aten.new_ones': alike(() => 1),
  'aten.new_full': alike((n) => number(n, 'fill_value')),
  'aten.scalar_tensor': one(scalar),
  'aten.arange': one(arange),
  'aten.linspace': one(linspace),
  'aten.meshgrid': { import: meshgrid },
  'aten.scatter': one(scatter),
  'aten.fill': alike((n) => number(n, 'value')),
  '_operator.add': computed((a, b) => a + b),
  '_operator.sub': computed((a, b) => a - b),
  '_operator.mul': computed((a, b) => a * b),
  '_operator.floordiv': computed((a, b) => Math.floor(a / b)),
} as const satisfies LayerTable;
