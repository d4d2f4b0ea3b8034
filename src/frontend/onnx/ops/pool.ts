import { elementCount, type ValueId } from '../../../ir/index.ts';
import { elemOf } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, span } from './util.ts';
import { spatialList, spatialShape, type WindowAttrs, windowOf } from './window.ts';

interface PoolWindow extends WindowAttrs {
  readonly kernel: readonly number[];
  readonly ceil: boolean;
}

const poolWindow = (n: OnnxNode): PoolWindow => {
  const kernel = n.ints('kernel_shape') ?? n.malformed('attribute kernel_shape is missing');
  return { ...windowOf(n, kernel), kernel, ceil: n.int('ceil_mode', 0) !== 0 };
};

const i32Param = (n: OnnxNode, name: string, shape: readonly number[], data: Int32Array): ValueId =>
  n.session.param(name, { dtype: 'i32', shape, data });

/** Where each plane of a tensor [N, C, …] starts, as [N, C, 1, …]. */
const planeStarts = (n: OnnxNode, shape: readonly number[], size: number): ValueId => {
  const [batch = 1, channels = 1, ...spatial] = shape;
  const starts = Int32Array.from(span(0, batch * channels), (plane) => plane * size);
  return i32Param(n, 'planes', [batch, channels, ...spatial.map(() => 1)], starts);
};

/** For each element of a plane, its number when the first spatial dimension runs fastest. */
const columnMajor = (spatial: readonly number[]): Int32Array => {
  const weights = spatial.map((_, d) => elementCount(spatial.slice(0, d)));
  const order = spatial.reduce<number[]>((all, size, d) => all.flatMap((v) => span(0, size).map((i) => v + i * (weights[d] ?? 1))), [0]);
  return Int32Array.from(order);
};

/** The second output of MaxPool counts elements of the whole input. */
const maxPoolIndices = (n: OnnxNode, window: PoolWindow, columns: boolean): Made => {
  const shape = n.staticShape(0);
  const spatial = shape.slice(2);
  const inPlane = n.emit('max_pool_indices', [n.wire(0)], window);
  const counted = columns
    ? n.emit('gather', [i32Param(n, 'columns', [elementCount(spatial)], columnMajor(spatial)), inPlane], { axis: 0 })
    : inPlane;
  return { value: n.emit('add', [counted, planeStarts(n, shape, elementCount(spatial))], {}), elem: 'int64' };
};

const maxPool = (n: OnnxNode): readonly Made[] => {
  const order = n.int('storage_order', 0);
  if (order !== 0 && order !== 1) return n.malformed(`storage_order is ${order}`);
  const window = poolWindow(n);
  const y: Made = { value: n.emit('max_pool', [n.wire(0)], window), elem: n.elem(0) };
  return n.outputCount > 1 ? [y, maxPoolIndices(n, window, order === 1)] : [y];
};

/** Spatial sizes before pooling: each window apart, pads taken off. */
const unpooledSizes = (n: OnnxNode, kernel: readonly number[]): readonly number[] => {
  const spatial = spatialShape(n);
  const stride = spatialList(n, 'strides', spatial.length, 1);
  const pads = spatialList(n, 'pads', 2 * spatial.length, 0);
  return spatial.map((size, i) => (size - 1) * (stride[i] ?? 1) + (kernel[i] ?? 1) - (pads[i] ?? 0) - (pads[spatial.length + i] ?? 0));
};

/** The indices count in the tensor that kernel, strides and pads give; a given output shape is filled up with 0 behind it. */
const maxUnpool = (n: OnnxNode): Made => {
  const kernel = n.ints('kernel_shape') ?? n.malformed('attribute kernel_shape is missing');
  const sizes = unpooledSizes(n, kernel);
  if (kernel.length !== sizes.length || sizes.some((s) => s < 1))
    return n.malformed(`kernel_shape is [${kernel.join(', ')}] and the sizes before pooling are [${sizes.join(', ')}]`);
  const shape = n.staticShape(0);
  const raw = n.wire(1);
  const given = n.as(raw, 'i32');
  const indices = n.emit('sub', [given, planeStarts(n, shape, elementCount(sizes))], {});
  const y = n.emit('max_unpool', [n.wire(0), indices], { sizes });
  if (!n.has(2)) return { value: y, elem: n.elem(0) };
  const wanted = n.hostInts(2, 'output_shape');
  const added = wanted.map((d, i) => d - ([...shape.slice(0, 2), ...sizes][i] ?? d));
  if (wanted.length !== shape.length || added.some((d, i) => d < 0 || (i < 2 && d !== 0)))
    return n.malformed(`output_shape is [${wanted.join(', ')}] but the unpooled shape is [${[...shape.slice(0, 2), ...sizes].join(', ')}]`);
  if (added.every((d) => d === 0)) return { value: y, elem: n.elem(0) };
  return { value: n.emit('pad', [y], { pads: [...added.map(() => 0), ...added] }), elem: n.elem(0) };
};

/** (sum |x|^p)^(1/p) over a window that may reach into zeros. */
const lpPool = (n: OnnxNode): ValueId => {
  const p = n.since < 2 ? n.float('p', 2) : n.int('p', 2);
  if (!Number.isInteger(p) || p < 1 || p > 64) return n.refuse(`p is ${p}, but whole numbers from 1 to 64 are supported`);
  const channels = n.shapeOf(0)[1];
  if (typeof channels === 'string') return n.unbound([channels], ' of input 0');
  return n.emit('lp_pool', [floatWire(n, 0)], { ...poolWindow(n), p });
};

const col2im = (n: OnnxNode): Made => {
  const image = n.hostInts(1, 'image_shape');
  const kernel = n.hostInts(2, 'block_shape');
  const count = image.length;
  n.staticShape(0);
  const attrs = {
    stride: spatialList(n, 'strides', count, 1),
    dilation: spatialList(n, 'dilations', count, 1),
    pads: spatialList(n, 'pads', 2 * count, 0),
  };
  return { value: n.emit('col2im', [n.wire(0)], { image, kernel, ...attrs }), elem: n.elem(0) };
};

/** |x|^p */
export const absPower = (n: OnnxNode, x: ValueId, p: number): ValueId => {
  if (p === 1) return n.emit('abs', [x], {});
  if (p === 2) return n.emit('mul', [x, x], {});
  return n.emit('pow', [n.emit('abs', [x], {}), n.scalar(p)], {});
};

/** x^(1/p) for x >= 0 */
export const root = (n: OnnxNode, x: ValueId, p: number): ValueId =>
  p === 1 ? x : p === 2 ? n.emit('sqrt', [x], {}) : n.emit('pow', [x, n.scalar(1 / p)], {});

const global = (op: 'global_max_pool' | 'global_average_pool') => (n: OnnxNode) => {
  if (elemOf(n.elem(0)).kind !== 'float') n.refuse(`the input is ${n.elem(0)}, but only float types are supported`);
  return [n.emit(op, [n.wire(0)], {})];
};

export const pool = {
  MaxPool: { since: [1, 8, 10, 11, 12, 22], import: maxPool },
  AveragePool: {
    since: [1, 7, 10, 11, 19, 22],
    import: (n) => [n.emit('average_pool', [floatWire(n, 0)], { ...poolWindow(n), include_pad: n.int('count_include_pad', 0) !== 0 })],
  },
  LpPool: { since: [1, 2, 11, 18, 22], import: (n) => [lpPool(n)] },
  MaxUnpool: { since: [9, 11, 22], import: (n) => [maxUnpool(n)] },
  Col2Im: { since: [18], import: (n) => [col2im(n)] },
  GlobalMaxPool: { since: [1, 22], import: global('global_max_pool') },
  GlobalAveragePool: { since: [1, 22], import: global('global_average_pool') },
  GlobalLpPool: {
    since: [1, 2, 22],
    import: (n) => {
      const p = n.since < 2 ? n.float('p', 2) : n.int('p', 2);
      spatialShape(n);
      const sum = n.emit('reduce_sum', [absPower(n, floatWire(n, 0), p)], { axes: span(2, n.rank(0)), keep: true });
      return [root(n, sum, p)];
    },
  },
} as const satisfies OnnxOps;
