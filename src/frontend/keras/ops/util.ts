import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { HostTensor } from '../../host-tensor.ts';
import { parameterProblem, stop } from '../../import-problems.ts';
import type { Layout, Made, Role } from '../../import-session.ts';
import type { LayerNode } from '../../layer-node.ts';
import { checkReal, numberOf, span, textOf } from '../../tf-row.ts';

/** The config of a layer holds numbers and lists of them alike: `3` is `[3, 3]` in two dimensions. */
export const listOf = (n: LayerNode, name: string, length: number, fallback?: readonly number[]): readonly number[] => {
  const value = n.attribute(name) ?? fallback;
  const list: readonly unknown[] = typeof value === 'number' ? new Array<number>(length).fill(value) : Array.isArray(value) ? value : [];
  if (list.length !== length || !list.every((v) => Number.isSafeInteger(v)))
    return n.malformed(`attribute ${name} is ${JSON.stringify(value)?.slice(0, 80) ?? 'missing'}, but ${length} whole numbers are wanted`);
  return list as readonly number[];
};

/** A number as programs keep it. */
export const floatOf = (n: LayerNode, name: string, fallback?: number): number => Math.fround(numberOf(n, name, fallback));

/** A flag; some writers have 0 and 1. */
export const flagOf = (n: LayerNode, name: string, fallback = false): boolean => {
  const value = n.attribute(name) ?? fallback;
  if (typeof value === 'boolean') return value;
  return value === 0 || value === 1 ? value === 1 : n.malformed(`attribute ${name} is ${String(value)}, but a boolean is wanted`);
};

/** Whole numbers, one or several. */
export const someOf = (n: LayerNode, name: string, fallback: readonly number[]): readonly number[] => {
  const value = n.attribute(name) ?? fallback;
  const length = Array.isArray(value) ? value.length : 1;
  return length > 32 ? n.malformed(`attribute ${name} has ${length} entries`) : listOf(n, name, length, fallback);
};

/** Checks the shape that the file gives a weight. */
const checked = (n: LayerNode, key: string, shape: readonly number[]): string => {
  const name = `${n.site.origin}/${key}`;
  const host = n.site.stored(name);
  if (host !== undefined && (host.shape.length !== shape.length || host.shape.some((d, i) => d !== shape[i])))
    return stop(
      parameterProblem(name, `it is [${host.shape.join(', ')}], but ${n.op} needs [${shape.join(', ')}]`, [
        'The weights may be of another model.',
      ]),
    );
  return name;
};

/**
 * A weight of the layer as a value: its elements taken as shape `as`, then dimension k of the result being dimension perm[k].
 * @param shape - as the file has it
 */
export const weight = (
  n: LayerNode,
  key: string,
  shape: readonly number[],
  role: Role,
  o: { readonly as?: readonly number[]; readonly perm?: readonly number[]; readonly fanIn?: number } = {},
): ValueId => n.stored(checked(n, key, shape), o.as ?? shape, role, o.perm, o.fanIn);

/** Elements of a weight, for layers that compute with them at import. */
export const weightHost = (n: LayerNode, key: string, shape: readonly number[], role: Role): HostTensor =>
  n.storedHost(checked(n, key, shape), shape, role);

/** A constant vector or tensor that the layer makes. */
export const filled = (n: LayerNode, name: string, shape: readonly number[], value: number): ValueId =>
  n.session.param(`${n.site.origin}/${name}`, {
    dtype: 'f32',
    shape,
    data: new Float32Array(shape.reduce((product, d) => product * d, 1)).fill(value),
  });

/** The input of a layer for images, its channels first. */
export interface Image {
  readonly x: ValueId;
  readonly batch: number;
  readonly channels: number;
  readonly sizes: readonly number[];
  readonly channelAxis: number;
  /** A result with its channels first. */
  readonly made: (value: ValueId) => Made;
}

/** Whether data_format says that the channels stand first in the file. */
export const channelsFirst = (n: LayerNode): boolean => {
  const format = textOf(n, 'data_format', 'channels_last');
  if (format === 'channels_first') return true;
  return format === 'channels_last' ? false : n.refuse(`data_format is ${format}`);
};

/** Input 0 with `dims` spatial dimensions. */
export const imageOf = (n: LayerNode, dims: number): Image => {
  const isFirst = channelsFirst(n);
  const shape = n.shapeOf(0);
  if (shape.length !== dims + 2) return n.malformed(`the input has shape [${shape.join(', ')}], but ${dims + 2} dimensions are wanted`);
  checkReal(n, 0);
  const layout: Layout = isFirst ? 'file' : 'first';
  return {
    x: isFirst ? n.x(0) : n.first(0),
    batch: at(shape, 0),
    channels: at(shape, isFirst ? 1 : dims + 1),
    sizes: isFirst ? shape.slice(2) : shape.slice(1, -1),
    channelAxis: isFirst ? 1 : dims + 1,
    made: (value) => ({ value, layout }),
  };
};

/** Begin of each spatial dimension, then end; steps; distances. */
export interface Window {
  readonly pads: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
}

/**
 * The padding of TensorFlow: `valid` has none; `same` makes ceil(size / stride) places and puts the smaller half before;
 * `causal` puts dilation (kernel - 1) before. total = max(0, (out - 1) stride + dilation (kernel - 1) + 1 - size).
 */
export const windowOf = (
  n: LayerNode,
  sizes: readonly number[],
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[] = kernel.map(() => 1),
): Window => {
  if ([...kernel, ...stride, ...dilation].some((v) => v < 1))
    return n.malformed(`its kernel is [${kernel.join(', ')}], stride [${stride.join(', ')}], dilation [${dilation.join(', ')}]`);
  const padding = textOf(n, 'padding', 'valid').toLowerCase();
  const reach = kernel.map((k, i) => at(dilation, i) * (k - 1));
  if (padding === 'valid') return { pads: new Array<number>(2 * kernel.length).fill(0), stride, dilation };
  if (padding === 'causal') return { pads: [...reach, ...reach.map(() => 0)], stride, dilation };
  if (padding !== 'same') return n.refuse(`padding is ${padding}`);
  const totals = sizes.map((s, i) => Math.max(0, (Math.ceil(s / at(stride, i)) - 1) * at(stride, i) + at(reach, i) + 1 - s));
  const before = totals.map((t) => Math.floor(t / 2));
  return { pads: [...before, ...totals.map((t, i) => t - at(before, i))], stride, dilation };
};

/** Shape of rank `rank` with `sizes` at `axes` and 1 elsewhere. */
export const spread = (rank: number, axes: readonly number[], sizes: readonly number[]): readonly number[] =>
  span(0, rank).map((d) => (axes.includes(d) ? at(sizes, axes.indexOf(d)) : 1));
