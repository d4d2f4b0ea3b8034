import { type Dim, elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type HostTensor, makeHost } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { OnnxOps } from './row.ts';
import { span } from './util.ts';

export const sizeOf = (n: OnnxNode, d: Dim | undefined): number =>
  typeof d === 'number' ? d : n.unknown(`dimension ${String(d)}`, [`Bind it: --bind ${String(d)}=1.`]);

/** Input 1 with negative indices counted from the end; entry i of the last dimension belongs to sizes[i], one size to all. */
export const fromStart = (n: OnnxNode, sizes: readonly number[]): ValueId => {
  const { host, name } = n.input(1);
  const vector = (list: readonly number[]): ValueId => {
    const one = list.length === 1;
    return n.session.param('sizes', { dtype: 'i32', shape: one ? [] : [list.length], data: Int32Array.from(list) });
  };
  if (host === undefined) {
    const raw = n.wire(1);
    const indices = n.as(raw, 'i32');
    return n.emit('select', [n.emit('less', [indices, vector([0])], {}), n.emit('add', [indices, vector(sizes)], {}), indices], {});
  }
  if (host.symbols !== undefined) return n.unknown('the indices');
  const size = (i: number): number => at(sizes, i % sizes.length);
  const outside = host.data.findIndex((v, i) => !(v >= -size(i) && v < size(i)));
  if (outside >= 0) return n.malformed(`index ${host.data[outside]} is outside a dimension of size ${size(outside)}`);
  const data = Int32Array.from(host.data, (v, i) => (v < 0 ? v + size(i) : v));
  return n.session.param(name, { dtype: 'i32', shape: host.shape, data });
};

const gatherElements = (n: OnnxNode): Made => {
  const axis = n.axis(n.int('axis', 0), n.rank(0));
  const indices = fromStart(n, [sizeOf(n, n.shapeOf(0)[axis])]);
  return { value: n.emit('gather_elements', [n.wire(0), indices], { axis }), elem: n.elem(0) };
};

const gatherNd = (n: OnnxNode): Made => {
  const batch = n.since < 12 ? 0 : n.int('batch_dims', 0);
  const length = sizeOf(n, n.rank(1) === 0 ? n.malformed('the indices have no dimension') : n.shapeOf(1).at(-1));
  if (batch < 0 || length < 1 || batch + length > n.rank(0))
    return n.malformed(`index vectors of length ${length} after ${batch} batch dimensions, but the rank is ${n.rank(0)}`);
  const sizes = n.shapeOf(0).slice(batch, batch + length);
  const indices = fromStart(
    n,
    sizes.map((d) => sizeOf(n, d)),
  );
  return { value: n.emit('gather_nd', [n.wire(0), indices], { batch_dims: batch }), elem: n.elem(0) };
};

/** The first lengths[b] steps of batch entry b in reverse order, the others where they are. */
const reverseSequence = (n: OnnxNode): Made => {
  const rank = n.rank(0);
  const time = n.axis(n.int('time_axis', 0), rank, 'time_axis');
  const batch = n.axis(n.int('batch_axis', 1), rank, 'batch_axis');
  if (time === batch) return n.malformed(`time_axis and batch_axis are both ${time}`);
  const shape = n.staticShape(0);
  const along = (axis: number): number[] => shape.map((d, i) => (i === axis ? d : 1));
  const raw = n.wire(1);
  const given = n.as(raw, 'i32');
  const lengths = n.reshape(given, along(batch));
  const data = Int32Array.from(span(0, at(shape, time)));
  const steps = n.session.param('steps', { dtype: 'i32', shape: along(time), data });
  const mirrored = n.emit('sub', [n.emit('sub', [lengths, n.int32('one', 1)], {}), steps], {});
  const index = n.emit('select', [n.emit('less', [steps, lengths], {}), mirrored, steps], {});
  return { value: n.emit('gather_elements', [n.wire(0), n.emit('expand', [index], { shape })], { axis: time }), elem: n.elem(0) };
};

const MAX_DEPTH = 2 ** 24;

/** depth may be a tensor of one element; indices may be of any number type and count from depth when negative. */
const oneHot = (n: OnnxNode): Made => {
  const depth = Math.trunc(n.hostScalar(1, 'depth'));
  if (!(depth >= 1 && depth <= MAX_DEPTH)) return n.refuse(`depth is ${depth}, but 1 to ${MAX_DEPTH} is supported`);
  if (n.shapeOf(2).join() !== '2') return n.malformed(`values have shape [${n.shapeOf(2).join(', ')}] but [2] is wanted`);
  const raw = n.wire(0);
  const indices = n.as(raw, 'i32');
  const scalar = (v: number): ValueId => n.int32('scalar', v);
  const counted = [n.emit('less', [indices, scalar(0)], {}), n.emit('add', [indices, scalar(depth)], {}), indices];
  const axis = n.axis(n.int('axis', -1), n.rank(0) + 1);
  return { value: n.emit('one_hot', [n.emit('select', counted, {}), n.wire(2)], { axis, depth }), elem: n.elem(2) };
};

/** Slices of a known tensor along an axis, each in row-major order; without an axis its elements. */
const slicesOf = (host: HostTensor, axis: number | undefined): readonly (readonly number[])[] => {
  if (axis === undefined) return Array.from(host.data, (v) => [v]);
  const outer = elementCount(host.shape.slice(0, axis));
  const inner = elementCount(host.shape.slice(axis + 1));
  const size = at(host.shape, axis);
  return span(0, size).map((i) =>
    span(0, outer).flatMap((o) => Array.from(host.data.subarray((o * size + i) * inner, (o * size + i + 1) * inner))),
  );
};

const compareSlices = (a: readonly number[], b: readonly number[]): number => {
  const i = a.findIndex((v, k) => v !== b[k]);
  return i < 0 ? 0 : at(a, i) < at(b, i) ? -1 : 1;
};

/** Different slices: where each stands first, which of them every slice is, and how often it is there. */
const distinct = (slices: readonly (readonly number[])[], sorted: boolean) => {
  const order = span(0, slices.length).sort((i, j) => compareSlices(at(slices, i), at(slices, j)) || i - j);
  const groups: number[][] = [];
  for (const i of order) {
    const last = groups.at(-1);
    if (last !== undefined && compareSlices(at(slices, at(last, 0)), at(slices, i)) === 0) last.push(i);
    else groups.push([i]);
  }
  if (!sorted) groups.sort((a, b) => at(a, 0) - at(b, 0));
  const inverse = new Array<number>(slices.length).fill(0);
  groups.forEach((group, k) => {
    for (const i of group) inverse[i] = k;
  });
  return { first: groups.map((g) => at(g, 0)), inverse, counts: groups.map((g) => g.length) };
};

/** How many different elements there are decides the shape of the result, so they have to be known at import. */
const unique = (n: OnnxNode): readonly Made[] => {
  const sorted = n.int('sorted', 1) !== 0;
  const axis = n.hasAttr('axis') ? n.axis(n.int('axis'), n.rank(0)) : undefined;
  const host =
    n.input(0).host ?? n.unknown(`the elements of input 0 (${n.input(0).name}), since the number of different ones decides a shape,`);
  if (host.symbols !== undefined) return n.unknown('every dimension');
  if (host.data.some((v) => Number.isNaN(v))) return n.refuse('input 0 holds NaN');
  const slices = slicesOf(host, axis);
  const { first, inverse, counts } = distinct(slices, sorted);
  const shape = axis === undefined ? [first.length] : host.shape.with(axis, first.length);
  const data = makeHost(host.elem, elementCount(shape));
  const [outer, inner] = axis === undefined ? [1, 1] : [elementCount(shape.slice(0, axis)), elementCount(shape.slice(axis + 1))];
  first.forEach((i, k) => {
    for (let o = 0; o < outer; o++) data.set(at(slices, i).slice(o * inner, (o + 1) * inner), (o * first.length + k) * inner);
  });
  const list = (values: readonly number[]): Made => ({ host: { elem: 'int64', shape: [values.length], data: Float64Array.from(values) } });
  return [{ host: { elem: host.elem, shape, data } }, list(first), list(inverse), list(counts)];
};

export const indexing = {
  GatherElements: { since: [11, 13], moves: 'first', import: (n) => [gatherElements(n)] },
  GatherND: { since: [11, 12, 13], moves: 'first', import: (n) => [gatherNd(n)] },
  OneHot: { since: [9, 11], import: (n) => [oneHot(n)] },
  Unique: { since: [11], import: unique },
  ReverseSequence: { since: [10], import: (n) => [reverseSequence(n)] },
} as const satisfies OnnxOps;
