import { elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { TfliteNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { TfliteOps } from './row.ts';
import { span } from './util.ts';

/** Slices of input 0 along an axis by index; with batch_dims, each batch entry by its own indices. */
const gather = (n: TfliteNode): Made => {
  const o = n.options('GatherOptions');
  const axis = n.axis(o.axis, n.rank(0));
  const batch = o.batch_dims < 0 ? o.batch_dims + n.rank(1) : o.batch_dims;
  const indices = n.as(n.x(1), 'i32');
  if (batch === 0) return n.emit('gather', [n.x(0), indices], { axis });
  if (batch !== axis) return n.refuse(`batch_dims is ${o.batch_dims} and axis ${o.axis}: they are supported where they are equal`);
  return n.emit('gather_nd', [n.x(0), n.reshape(indices, [...n.shapeOf(1), 1])], { batch_dims: batch });
};

/** Sums of updates at index vectors, in a tensor of zeros. */
const scatterNd = (n: TfliteNode): Made => {
  const shape = n.hostInts(2, 'the shape');
  const count = elementCount(shape);
  if (shape.some((d) => d < 0) || !n.session.budget.take(count)) return n.refuse(`the shape is [${shape.join(', ')}]`);
  const updates = n.x(1);
  const { dtype } = n.typeOf(updates);
  if (dtype !== 'f32' && dtype !== 'i32') return n.refuse(`updates are ${n.elem(1)}`);
  const data = dtype === 'f32' ? new Float32Array(count) : new Int32Array(count);
  return n.emit('scatter_nd', [n.session.param('zeros', { dtype, shape, data }), n.as(n.x(0), 'i32'), updates], { mode: 'add' });
};

/** Inputs: indices, depth, value at the place, value elsewhere. */
const oneHot = (n: TfliteNode): Made => {
  const { axis } = n.options('OneHotOptions');
  const depth = n.hostInt(1, 'depth');
  const value = (i: number): ValueId => n.reshape(n.x(i), [1]);
  const along = n.axis(axis, n.rank(0) + 1);
  return n.emit('one_hot', [n.as(n.x(0), 'i32'), n.emit('concat', [value(3), value(2)], { axis: 0 })], { axis: along, depth });
};

const fill = (n: TfliteNode): Made => {
  const shape = n.hostInts(0, 'the shape');
  if (elementCount(n.shapeOf(1)) !== 1) return n.malformed(`the value has shape [${n.shapeOf(1).join(', ')}]`);
  const { host, quantization } = n.input(1);
  if (host !== undefined && quantization === undefined) return n.made(host.elem, shape, () => at(host.data, 0));
  return n.emit(
    'expand',
    [
      n.reshape(
        n.x(1),
        shape.map(() => 1),
      ),
    ],
    { shape },
  );
};

/** start, start + delta, … before limit. */
const range = (n: TfliteNode): Made => {
  const [start, limit, delta] = [n.hostNumber(0, 'start'), n.hostNumber(1, 'limit'), n.hostNumber(2, 'delta')];
  const count = delta === 0 ? Number.NaN : Math.max(0, Math.ceil((limit - start) / delta));
  if (!Number.isSafeInteger(count)) return n.malformed(`it goes from ${start} to ${limit} in steps of ${delta}`);
  return n.made(n.elem(0), [count], (i) => start + i * delta);
};

/** Index vectors of the true elements: known at import only, since their number is a size. */
const where = (n: TfliteNode): Made => {
  const host = n.host(0, 'the condition');
  const places = span(0, host.data.length).filter((i) => host.data[i] !== 0);
  const rank = host.shape.length;
  const stride = (axis: number): number => elementCount(host.shape.slice(axis + 1));
  return n.made(
    n.output(0).elem,
    [places.length, rank],
    (i) => Math.floor(at(places, Math.floor(i / rank)) / stride(i % rank)) % at(host.shape, i % rank),
  );
};

const shapeOf = (n: TfliteNode): Made => {
  // the type of the output tensor says it too
  void n.options('ShapeOptions').out_type;
  const own = n.shapeOf(0);
  return n.made(n.output(0).elem, [own.length], (i) => at(own, i));
};

const broadcastArgs = (n: TfliteNode): Made => {
  const [a, b] = [n.hostInts(0, 'a shape'), n.hostInts(1, 'a shape')];
  const rank = Math.max(a.length, b.length);
  const dims = span(0, rank).map((i) => [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1] as const);
  if (dims.some(([p, q]) => p !== q && p !== 1 && q !== 1))
    return n.malformed(`shapes [${a.join(', ')}] and [${b.join(', ')}] do not broadcast`);
  return n.made(n.output(0).elem, [rank], (i) => {
    const [p, q] = at(dims, i);
    return p === 1 ? q : p;
  });
};

/** Writes a box into a tensor at a known place: around it, parts of the tensor are put back axis by axis, the last first. */
const updateSlice = (n: TfliteNode): Made => {
  const [own, box] = [n.shapeOf(0), n.shapeOf(1)];
  const given = n.hostInts(2, 'the start');
  if (box.length !== own.length || given.length !== own.length || box.some((d, i) => d > at(own, i)))
    return n.malformed(`the update is [${box.join(', ')}], the tensor [${own.join(', ')}]`);
  const start = given.map((s, i) => Math.max(0, Math.min(s, at(own, i) - at(box, i))));
  return own
    .map((_, k) => k)
    .reduceRight<ValueId>((inner, axis) => {
      const part = (from: number, size: number): ValueId[] => {
        if (size === 0) return [];
        const starts = own.map((_, i) => (i < axis ? at(start, i) : i === axis ? from : 0));
        const sizes = own.map((d, i) => (i < axis ? at(box, i) : i === axis ? size : d));
        return [n.emit('slice', [n.x(0)], { starts, sizes, steps: own.map(() => 1) })];
      };
      const end = at(start, axis) + at(box, axis);
      const parts = [...part(0, at(start, axis)), inner, ...part(end, at(own, axis) - end)];
      return parts.length === 1 ? inner : n.emit('concat', parts, { axis });
    }, n.x(1));
};

export const indexing = {
  GATHER: { import: (n) => [gather(n)], keeps: true },
  GATHER_ND: { import: (n) => [n.emit('gather_nd', [n.x(0), n.as(n.x(1), 'i32')], {})], keeps: true },
  SCATTER_ND: { import: (n) => [scatterNd(n)] },
  ONE_HOT: { import: (n) => [oneHot(n)] },
  FILL: { import: (n) => [fill(n)] },
  RANGE: { import: (n) => [range(n)] },
  WHERE: { import: (n) => [where(n)] },
  SHAPE: { import: (n) => [shapeOf(n)] },
  RANK: { import: (n) => [n.made(n.output(0).elem, [], () => n.rank(0))] },
  ZEROS_LIKE: { import: (n) => [n.made(n.elem(0), n.shapeOf(0), () => n.input(0).quantization?.zeros[0] ?? 0)] },
  BROADCAST_ARGS: { import: (n) => [broadcastArgs(n)] },
  DYNAMIC_UPDATE_SLICE: { import: (n) => [updateSlice(n)], keeps: true },
} as const satisfies TfliteOps;
