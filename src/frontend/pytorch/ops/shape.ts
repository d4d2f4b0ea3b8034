import { elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { ELEMS } from '../../host-tensor.ts';
import type { Made } from '../../import-session.ts';
import type { LayerRow, LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { has, ignorePlace, ints, like, maybeNumber, maybeType, maybeWholes, one, span, tensor, tensors, whole, wholes } from '../args.ts';

/** The tensor that most operators are about. */
export const self = (n: LayerNode): number => tensor(n, has(n, 'self') ? 'self' : 'input');

/** Input `self` as it is. */
const same = (n: LayerNode): Made => {
  ignorePlace(n);
  n.ignore('implicit');
  return { same: n.input(self(n)) };
};

/** Input `self` in another shape; its elements stay in order. */
const shaped = (n: LayerNode, shape: readonly number[]): Made => {
  const x = self(n);
  const own = n.shapeOf(x);
  if (elementCount(shape) !== elementCount(own)) return n.malformed(`shape [${own.join(', ')}] cannot become [${shape.join(', ')}]`);
  if (own.length === shape.length && own.every((d, i) => d === shape[i])) return { same: n.input(x) };
  return like(n, n.reshape(n.x(x), shape), x);
};
/** A shape with -1 once for what is left of `count` elements. */
const target = (n: LayerNode, given: readonly number[], count: number): readonly number[] => {
  const rest = elementCount(given.filter((d) => d !== -1));
  if (given.filter((d) => d === -1).length > 1 || given.some((d) => d < -1) || (given.includes(-1) && (rest === 0 || count % rest !== 0)))
    return n.malformed(`the shape is [${given.join(', ')}]`);
  return given.map((d) => (d === -1 ? count / rest : d));
};
const view = (n: LayerNode): Made => {
  const x = self(n);
  return shaped(n, target(n, wholes(n, has(n, 'size') ? 'size' : 'shape'), elementCount(n.shapeOf(x))));
};
const asShapeOf = (n: LayerNode): Made => shaped(n, n.shapeOf(tensor(n, 'other')));

export const axisOf = (n: LayerNode, name: string, rank: number, fallback?: number): number =>
  rank === 0 ? 0 : n.axis(whole(n, name, fallback), rank, name);

const flatten = (n: LayerNode): Made => {
  const own = n.shapeOf(self(n));
  if (own.length === 0) return shaped(n, [1]);
  const [from, to] = [axisOf(n, 'start_dim', own.length, 0), axisOf(n, 'end_dim', own.length, -1)];
  if (from > to) return n.malformed(`start_dim is ${from}, end_dim ${to}`);
  return shaped(n, [...own.slice(0, from), elementCount(own.slice(from, to + 1)), ...own.slice(to + 1)]);
};
const unflatten = (n: LayerNode): Made => {
  const own = n.shapeOf(self(n));
  const axis = axisOf(n, 'dim', own.length);
  return shaped(n, [...own.slice(0, axis), ...target(n, wholes(n, 'sizes'), at(own, axis)), ...own.slice(axis + 1)]);
};
const unsqueeze = (n: LayerNode): Made => {
  const own = n.shapeOf(self(n));
  const axis = n.axis(whole(n, 'dim'), own.length + 1, 'dim');
  return shaped(n, [...own.slice(0, axis), 1, ...own.slice(axis)]);
};
/** Dimensions of 1 among those named, or among all. */
const squeeze = (n: LayerNode): Made => {
  const own = n.shapeOf(self(n));
  const axes = own.length === 0 ? [] : n.axes(maybeWholes(n, 'dim') ?? span(0, own.length), own.length);
  return shaped(
    n,
    own.filter((d, i) => d !== 1 || !axes.includes(i)),
  );
};

const turned = (n: LayerNode, perm: readonly number[]): Made => {
  const x = self(n);
  if (perm.every((p, i) => p === i)) return { same: n.input(x) };
  return like(n, n.emit('transpose', [n.x(x)], { perm }), x);
};
const permute = (n: LayerNode): Made => {
  const rank = n.rank(self(n));
  const perm = wholes(n, 'dims').map((d) => n.axis(d, rank, 'dims'));
  return new Set(perm).size === rank && perm.length === rank
    ? turned(n, perm)
    : n.malformed(`dims are [${perm.join(', ')}], the rank is ${rank}`);
};
const exchanged = (n: LayerNode, a: number, b: number): Made =>
  turned(
    n,
    span(0, n.rank(self(n))).map((i) => (i === a ? b : i === b ? a : i)),
  );
const transpose = (n: LayerNode): Made => {
  const rank = n.rank(self(n));
  return exchanged(n, axisOf(n, 'dim0', rank), axisOf(n, 'dim1', rank));
};
const matrixTurned = (n: LayerNode): Made => (n.rank(self(n)) < 2 ? same(n) : exchanged(n, 0, 1));
/** Each matrix turned. */
const matricesTurned = (n: LayerNode): Made => {
  const rank = n.rank(self(n));
  return rank < 2 ? n.malformed(`the rank is ${rank}`) : exchanged(n, rank - 2, rank - 1);
};
/** The dimensions in reverse. */
const allTurned = (n: LayerNode): Made => turned(n, span(0, n.rank(self(n))).reverse());
const movedim = (n: LayerNode): Made => {
  const rank = n.rank(self(n));
  const [source, destination] = [n.axes(wholes(n, 'source'), rank), n.axes(wholes(n, 'destination'), rank)];
  if (source.length !== destination.length) return n.malformed('source and destination have different lengths');
  const rest = span(0, rank).filter((i) => !source.includes(i));
  return turned(
    n,
    span(0, rank).map((i) => (destination.includes(i) ? at(source, destination.indexOf(i)) : (rest.shift() ?? 0))),
  );
};

/** -1 keeps a dimension. */
const expandedTo = (n: LayerNode, wanted: readonly number[]): Made => {
  const x = self(n);
  const own = n.shapeOf(x);
  const lead = wanted.length - own.length;
  const shape = wanted.map((d, i) => (d === -1 ? (own[i - lead] ?? -1) : d));
  if (lead < 0 || shape.some((d, i) => d < 0 || (i >= lead && own[i - lead] !== d && own[i - lead] !== 1)))
    return n.malformed(`shape [${own.join(', ')}] cannot become [${wanted.join(', ')}]`);
  if (lead === 0 && shape.every((d, i) => d === own[i])) return { same: n.input(x) };
  return like(n, n.emit('expand', [n.x(x)], { shape }), x);
};

const cat = (n: LayerNode): Made => {
  // old modules join empty vectors to anything
  const list = tensors(n, 'tensors').filter((i) => n.shapeOf(i).join() !== '0');
  const [head] = list;
  if (head === undefined) return n.refuse('nothing is joined');
  const axis = axisOf(n, 'dim', n.rank(head), 0);
  const kind = (i: number): string => ELEMS[n.elem(i)].dtype;
  const dtype = list.some((i) => kind(i) !== kind(head)) ? (list.some((i) => kind(i) === 'f32') ? 'f32' : 'i32') : undefined;
  const values = list.map((i) => (dtype === undefined ? n.x(i) : n.as(n.x(i), dtype)));
  return dtype === undefined
    ? like(n, values.length === 1 ? at(values, 0) : n.emit('concat', values, { axis }), head)
    : n.emit('concat', values, { axis });
};
const stack = (n: LayerNode): Made => {
  const list = tensors(n, 'tensors');
  const head = at(list, 0);
  const axis = n.axis(whole(n, 'dim', 0), n.rank(head) + 1, 'dim');
  return like(
    n,
    n.emit(
      'stack',
      list.map((i) => n.x(i)),
      { axis },
    ),
    head,
  );
};

const parts = (n: LayerNode, axis: number, sizes: readonly number[]): readonly ValueId[] =>
  n.emitAll('split', [n.x(self(n))], { axis, sizes });
const cut = (n: LayerNode, sizesOf: (size: number) => readonly number[]): readonly Made[] => {
  const own = n.shapeOf(self(n));
  const axis = axisOf(n, 'dim', own.length, 0);
  const sizes = sizesOf(at(own, axis));
  if (sizes.length > 65_536 || sizes.some((s) => s < 0) || sizes.reduce((a, b) => a + b, 0) !== at(own, axis))
    return n.malformed(`sizes [${sizes.slice(0, 8).join(', ')}] of ${at(own, axis)}`);
  return parts(n, axis, sizes).map((p) => like(n, p, self(n)));
};
/** Pieces of one size, the last of what is left. */
const pieces = (n: LayerNode, size: number, total: number): readonly number[] => {
  if (!(size >= 1) || total / size > 65_536) return n.malformed(`pieces of ${size}`);
  return span(0, Math.max(1, Math.ceil(total / size))).map((i) => Math.min(size, total - i * size));
};
const split = (n: LayerNode): readonly Made[] => {
  const sizes = has(n, 'split_sizes') ? wholes(n, 'split_sizes') : wholes(n, 'split_size');
  return cut(n, (total) => (sizes.length === 1 && !has(n, 'split_sizes') ? pieces(n, at(sizes, 0), total) : sizes));
};
const chunk = (n: LayerNode): readonly Made[] => cut(n, (total) => pieces(n, Math.max(1, Math.ceil(total / whole(n, 'chunks'))), total));
const unbind = (n: LayerNode): readonly Made[] => {
  const own = n.shapeOf(self(n));
  const axis = axisOf(n, 'dim', own.length, 0);
  const kept = own.filter((_, i) => i !== axis);
  return parts(n, axis, pieces(n, 1, at(own, axis))).map((p) => like(n, n.reshape(p, kept), self(n)));
};

const taken = (n: LayerNode, axis: number, start: number, size: number, step = 1): ValueId => {
  const own = n.shapeOf(self(n));
  return n.emit('slice', [n.x(self(n))], {
    starts: own.map((_, i) => (i === axis && size > 0 ? start : 0)),
    sizes: own.map((d, i) => (i === axis ? size : d)),
    steps: own.map((_, i) => (i === axis ? step : 1)),
  });
};
/** start to end as Python limits them. */
const slice = (n: LayerNode): Made => {
  const own = n.shapeOf(self(n));
  const axis = axisOf(n, 'dim', own.length, 0);
  const size = at(own, axis);
  const limited = (v: number): number => Math.max(0, Math.min(size, v < 0 ? v + size : v));
  const [start, end] = [limited(maybeNumber(n, 'start') ?? 0), limited(maybeNumber(n, 'end') ?? size)];
  const step = whole(n, 'step', 1);
  if (step < 1) return n.malformed(`step is ${step}`);
  const count = Math.max(0, Math.ceil((end - start) / step));
  if (count === size && step === 1) return { same: n.input(self(n)) };
  return like(n, taken(n, axis, start, count, count <= 1 ? 1 : step), self(n));
};
const select = (n: LayerNode): Made => {
  const own = n.shapeOf(self(n));
  const axis = axisOf(n, 'dim', own.length);
  const index = n.axis(whole(n, 'index'), at(own, axis), 'index');
  return like(
    n,
    n.reshape(
      taken(n, axis, index, 1),
      own.filter((_, i) => i !== axis),
    ),
    self(n),
  );
};
const narrow = (n: LayerNode): Made => {
  const own = n.shapeOf(self(n));
  const axis = axisOf(n, 'dim', own.length);
  const [start, length] = [whole(n, 'start'), whole(n, 'length')];
  const from = start < 0 ? start + at(own, axis) : start;
  if (from < 0 || length < 0 || from + length > at(own, axis)) return n.malformed(`from ${start} on ${length} of ${at(own, axis)}`);
  return like(n, taken(n, axis, from, length), self(n));
};

const flip = (n: LayerNode): Made => like(n, n.emit('flip', [n.x(self(n))], { axes: n.axes(wholes(n, 'dims'), n.rank(self(n))) }), self(n));
/** The end comes first. Without dimensions the elements are one row. */
const roll = (n: LayerNode): Made => {
  const x = self(n);
  const own = n.shapeOf(x);
  const [shifts, dims] = [wholes(n, 'shifts'), wholes(n, 'dims', [])];
  if (dims.length !== shifts.length) return n.refuse('roll without dimensions');
  const y = dims.reduce<ValueId>((v, d, k) => {
    const axis = n.axis(d, own.length, 'dims');
    const size = at(own, axis);
    const shift = size === 0 ? 0 : ((at(shifts, k) % size) + size) % size;
    if (shift === 0) return v;
    const [a, b] = n.emitAll('split', [v], { axis, sizes: [size - shift, shift] });
    return n.emit('concat', [b, a] as readonly ValueId[], { axis });
  }, n.x(x));
  return like(n, y, x);
};
const repeat = (n: LayerNode): Made => {
  const x = self(n);
  const repeats = wholes(n, has(n, 'repeats') ? 'repeats' : 'dims');
  const own = [...new Array<number>(Math.max(0, repeats.length - n.rank(x))).fill(1), ...n.shapeOf(x)];
  const all = [...new Array<number>(Math.max(0, own.length - repeats.length)).fill(1), ...repeats];
  if (all.some((r) => r < 1)) return n.refuse(`repeats are [${repeats.join(', ')}]`);
  const whole = own.length === n.rank(x) ? n.x(x) : n.reshape(n.x(x), own);
  return like(n, all.every((r) => r === 1) ? whole : n.emit('tile', [whole], { repeats: all }), x);
};
const interleave = (n: LayerNode): Made => {
  n.ignore('output_size');
  const x = self(n);
  const repeats = whole(n, 'repeats');
  if (!has(n, 'dim')) return n.refuse('repeat_interleave without a dimension');
  return like(n, n.emit('repeat', [n.x(x)], { axis: axisOf(n, 'dim', n.rank(x)), repeats }), x);
};

/** Conversion to a type; floats become integers by truncation. */
const converted = (n: LayerNode): Made => {
  ignorePlace(n);
  const x = self(n);
  const elem = has(n, 'other') ? n.elem(tensor(n, 'other')) : (maybeType(n) ?? n.elem(x));
  if (elem === n.elem(x)) return { same: n.input(x) };
  if (elem === 'float16' || elem === 'bfloat16') n.approximate(`values are not rounded to ${elem}`);
  return { value: n.as(n.x(x), ELEMS[elem].dtype), layout: 'file', elem };
};

/** Below (or above) a diagonal, else 0: by a mask that is known. */
const triangle = (upper: boolean): LayerRow =>
  one((n) => {
    const x = self(n);
    const [rows = 1, columns = 1] = n.shapeOf(x).slice(-2);
    const diagonal = whole(n, 'diagonal', 0);
    if (n.rank(x) < 2 || !n.session.take(rows * columns)) return n.refuse(`the input is [${n.shapeOf(x).join(', ')}]`);
    const { dtype } = ELEMS[n.elem(x)];
    const kept = (i: number): boolean =>
      upper ? (i % columns) - Math.floor(i / columns) >= diagonal : (i % columns) - Math.floor(i / columns) <= diagonal;
    const data = Uint8Array.from({ length: rows * columns }, (_, i) => (kept(i) ? 1 : 0));
    const mask = n.session.param('triangle', { dtype: 'bool', shape: [rows, columns], data });
    return like(n, n.emit('select', [mask, n.x(x), n.as(ints(n, 'zero', [], [0]), dtype)], {}), x);
  });

/** Sizes, which are known. */
const sizeOf = (n: LayerNode): Made => {
  const own = n.shapeOf(self(n));
  const size = at(own, axisOf(n, 'dim', own.length));
  return n.made('int64', [], () => size);
};

export const shape = {
  'aten.alias': one(same),
  'aten.clone': one(same),
  'aten.contiguous': one(same),
  'aten.detach': one(same),
  'aten.lift_fresh_copy': one(same),
  'aten.view': one(view),
  'aten._unsafe_view': one(view),
  'aten.reshape': one(view),
  'aten.view_as': one(asShapeOf),
  'aten.reshape_as': one(asShapeOf),
  'aten.flatten': one(flatten),
  'aten.unflatten': one(unflatten),
  'aten.unsqueeze': one(unsqueeze),
  'aten.squeeze': one(squeeze),
  'aten.permute': one(permute),
  'aten.transpose': one(transpose),
  'aten.t': one(matrixTurned),
  'aten.mT': one(matricesTurned),
  'aten.numpy_T': one(allTurned),
  'aten.movedim': one(movedim),
  'aten.expand': one((n) => {
    n.ignore('implicit');
    return expandedTo(n, wholes(n, 'size'));
  }),
  'aten.expand_as': one((n) => expandedTo(n, n.shapeOf(tensor(n, 'other')))),
  'aten.cat': one(cat),
  'aten.concat': one(cat),
  'aten.stack': one(stack),
  'aten.split': { import: split },
  'aten.split_with_sizes': { import: split },
  'aten.chunk': { import: chunk },
  'aten.unbind': { import: unbind },
  'aten.slice': one(slice),
  'aten.select': one(select),
  'aten.narrow': one(narrow),
  'aten.flip': one(flip),
  'aten.roll': one(roll),
  'aten.repeat': one(repeat),
  'aten.tile': one(repeat),
  'aten.repeat_interleave': one(interleave),
  'aten.to': one(converted),
  'aten._to_copy': one(converted),
  'aten.type_as': one(converted),
  'aten.tril': triangle(false),
  'aten.triu': triangle(true),
  'aten.sym_size': one(sizeOf),
} as const satisfies LayerTable;
