import { elementCount, type ValueId } from '../ir/index.ts';
import { at } from '../support/index.ts';
import type { ElemName } from './host-tensor.ts';
import { ELEMS } from './host-tensor.ts';
import type { Made } from './import-session.ts';
import type { LayerTable } from './layer-graph.ts';
import type { LayerNode } from './layer-node.ts';
import { ints, isReal, one, span, typeOf, wholeOf } from './tf-row.ts';
import { moved } from './tf-shape.ts';

/** Slices of input 0 along an axis by index; with batch_dims, each batch entry by its own indices. */
const gatherAt = (n: LayerNode, wantedAxis: number, wantedBatch: number): Made => {
  const axis = n.axis(wantedAxis, n.rank(0));
  const batch = wantedBatch < 0 ? wantedBatch + n.rank(1) : wantedBatch;
  const indices = n.as(n.x(1), 'i32');
  if (batch === 0) return moved(n, n.emit('gather', [n.x(0), indices], { axis }));
  if (batch !== axis) return n.refuse(`batch_dims is ${wantedBatch} and the axis ${axis}: they are supported where they are equal`);
  return moved(n, n.emit('gather_nd', [n.x(0), n.reshape(indices, [...n.shapeOf(1), 1])], { batch_dims: batch }));
};

const gather = (n: LayerNode): Made => {
  n.ignore('validate_indices');
  return gatherAt(n, 0, 0);
};
const gatherV2 = (n: LayerNode): Made => gatherAt(n, n.hostInt(2, 'the axis'), wholeOf(n, 'batch_dims', 0));
const gatherNd = (n: LayerNode): Made => {
  n.ignore('bad_indices_policy');
  return moved(n, n.emit('gather_nd', [n.x(0), n.as(n.x(1), 'i32')], {}));
};

/** Sums of updates at index vectors, in a tensor of zeros. */
const scatterNd = (n: LayerNode): Made => {
  n.ignore('bad_indices_policy');
  const shape = n.hostInts(2, 'the shape');
  const count = elementCount(shape);
  if (shape.some((d) => d < 0) || !n.session.take(count)) return n.refuse(`the shape is [${shape.join(', ')}]`);
  const updates = n.x(1);
  const { dtype } = n.typeOf(updates);
  if (dtype !== 'f32' && dtype !== 'i32') return n.refuse(`updates are ${n.elem(1)}`);
  const data = dtype === 'f32' ? new Float32Array(count) : new Int32Array(count);
  const zeros = n.session.param('zeros', { dtype, shape, data });
  return moved(n, n.emit('scatter_nd', [zeros, n.as(n.x(0), 'i32'), updates], { mode: 'add' }), 1);
};

/** Inputs: indices, depth, value at the place, value elsewhere. */
const oneHot = (n: LayerNode): Made => {
  const depth = n.hostInt(1, 'depth');
  const axis = n.axis(wholeOf(n, 'axis', -1), n.rank(0) + 1);
  const value = (i: number): ValueId => n.reshape(n.x(i), [1]);
  const values = n.emit('concat', [value(3), value(2)], { axis: 0 });
  return moved(n, n.emit('one_hot', [n.as(n.x(0), 'i32'), values], { axis, depth }), 2);
};

const fill = (n: LayerNode): Made => {
  n.ignore('index_type');
  const shape = n.hostInts(0, 'the shape');
  if (elementCount(n.shapeOf(1)) !== 1) return n.malformed(`the value has shape [${n.shapeOf(1).join(', ')}]`);
  const { host } = n.input(1);
  if (host !== undefined) return n.made(host.elem, shape, () => at(host.data, 0));
  const ones = shape.map(() => 1);
  return moved(n, n.emit('expand', [n.reshape(n.x(1), ones)], { shape }), 1);
};

const numberAt = (n: LayerNode, i: number, what: string): number => {
  const values = n.hostNumbers(i, what);
  return values.length === 1 ? at(values, 0) : n.malformed(`${what} (input ${i}) has ${values.length} elements, but 1 is wanted`);
};

/** start, start + delta, … before limit. */
const range = (n: LayerNode): Made => {
  const [start, limit, delta] = [numberAt(n, 0, 'start'), numberAt(n, 1, 'limit'), numberAt(n, 2, 'delta')];
  const count = delta === 0 ? Number.NaN : Math.max(0, Math.ceil((limit - start) / delta));
  if (!Number.isSafeInteger(count)) return n.malformed(`it goes from ${start} to ${limit} in steps of ${delta}`);
  return n.made(n.elem(0), [count], (i) => start + i * delta);
};

const linSpace = (n: LayerNode): Made => {
  const [start, stop, count] = [numberAt(n, 0, 'start'), numberAt(n, 1, 'stop'), n.hostInt(2, 'num')];
  if (count < 1) return n.malformed(`num is ${count}`);
  const step = count === 1 ? 0 : (stop - start) / (count - 1);
  return n.made(n.elem(0), [count], (i) => (i === count - 1 && count > 1 ? stop : start + i * step));
};

/** Index vectors of the true elements: known at import only, since their number is a size. */
const where = (n: LayerNode): Made => {
  const host = n.host(0, 'the condition');
  const places = span(0, host.data.length).filter((i) => host.data[i] !== 0);
  const rank = host.shape.length;
  const stride = (axis: number): number => elementCount(host.shape.slice(axis + 1));
  return n.made(
    'int64',
    [places.length, rank],
    (i) => Math.floor(at(places, Math.floor(i / rank)) / stride(i % rank)) % at(host.shape, i % rank),
  );
};

const listOf = (n: LayerNode, elem: ElemName, values: readonly number[]): Made => n.made(elem, [values.length], (i) => at(values, i));
const shapeOf = (n: LayerNode): Made => listOf(n, typeOf(n, 'out_type', 'int32'), n.shapeOf(0));
const shapesOf = (n: LayerNode): readonly Made[] => {
  n.ignore('N');
  const elem = typeOf(n, 'out_type', 'int32');
  return span(0, n.inputCount).map((i) => listOf(n, elem, n.shapeOf(i)));
};
const sizeOf = (n: LayerNode): Made => n.made(typeOf(n, 'out_type', 'int32'), [], () => elementCount(n.shapeOf(0)));

const broadcastArgs = (n: LayerNode): Made => {
  const [a, b] = [n.hostInts(0, 'a shape'), n.hostInts(1, 'a shape')];
  const rank = Math.max(a.length, b.length);
  const dims = span(0, rank).map((i) => [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1] as const);
  if (dims.some(([p, q]) => p !== q && p !== 1 && q !== 1))
    return n.malformed(`shapes [${a.join(', ')}] and [${b.join(', ')}] do not broadcast`);
  return listOf(
    n,
    n.elem(0),
    dims.map(([p, q]) => (p === 1 ? q : p)),
  );
};

const invertPermutation = (n: LayerNode): Made => {
  const perm = n.hostInts(0, 'the permutation');
  const inverse = perm.map((_, i) => perm.indexOf(i));
  return inverse.includes(-1) ? n.malformed(`[${perm.join(', ')}] is no permutation`) : listOf(n, n.elem(0), inverse);
};

/** The number that stands for every element, in the shape of input 0. */
const filled =
  (value: number) =>
  (n: LayerNode): Made =>
    n.made(n.elem(0), n.shapeOf(0), () => value);

/** Sums of rows that share a segment number, numbers known: row r of the result is the sum of the rows with number r. */
const segmentSum =
  (sorted: boolean) =>
  (n: LayerNode): Made => {
    const ids = n.hostInts(1, 'the segment numbers');
    const count = sorted ? ids.reduce((most, v) => Math.max(most, v), -1) + 1 : n.hostInt(2, 'the number of segments');
    const [rows, ...rest] = n.shapeOf(0);
    if (n.rank(1) !== 1 || rows !== ids.length) return n.refuse('segment numbers of more than one dimension are not supported');
    const shape = [count, ...rest];
    if (count < 0 || ids.some((v) => v < 0 || v >= count) || elementCount(shape) > n.session.maxFold)
      return n.malformed(`there are ${count} segments of [${rest.join(', ')}]`);
    const size = elementCount(shape);
    const { dtype } = ELEMS[n.elem(0)];
    if (dtype !== 'f32' && dtype !== 'i32') return n.refuse(`input 0 is ${n.elem(0)}`);
    const data = isReal(n, 0) ? new Float32Array(size) : new Int32Array(size);
    const empty = n.session.param('segments', { dtype, shape, data });
    return moved(n, n.emit('scatter_nd', [empty, ints(n, 'segment', [ids.length, 1], ids), n.x(0)], { mode: 'add' }));
  };

export const indexingRows = {
  Gather: one(gather),
  GatherV2: one(gatherV2),
  GatherNd: one(gatherNd),
  ScatterNd: one(scatterNd),
  OneHot: one(oneHot),
  Fill: one(fill),
  Range: one(range),
  LinSpace: one(linSpace),
  Where: one(where),
  Shape: one(shapeOf),
  ShapeN: { import: shapesOf },
  Size: one(sizeOf),
  Rank: one((n) => n.made('int32', [], () => n.rank(0))),
  ZerosLike: one(filled(0)),
  OnesLike: one(filled(1)),
  BroadcastArgs: one(broadcastArgs),
  InvertPermutation: one(invertPermutation),
  SegmentSum: one(segmentSum(true)),
  UnsortedSegmentSum: one(segmentSum(false)),
} as const satisfies LayerTable;
