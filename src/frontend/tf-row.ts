import { elementCount, type ValueId } from '../ir/index.ts';
import { at } from '../support/index.ts';
import { type ElemName, ELEMS, isElemName } from './host-tensor.ts';
import type { Layout, Made } from './import-session.ts';
import type { LayerRow } from './layer-graph.ts';
import type { LayerNode } from './layer-node.ts';

/** Whole numbers from..to - 1. */
export const span = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

/** A row with one output. */
export const one = (f: (n: LayerNode) => Made): LayerRow => ({ import: (n) => [f(n)] });

const wrong = (n: LayerNode, name: string, value: unknown, wanted: string): never =>
  n.malformed(`attribute ${name} is ${value === undefined ? 'missing' : String(value)}, but ${wanted} is wanted`);

/** A float32: JSON has more digits than the attribute. */
export const numberOf = (n: LayerNode, name: string, fallback?: number): number => {
  const value = n.attribute(name) ?? fallback;
  return typeof value === 'number' ? Math.fround(value) : wrong(n, name, value, 'a number');
};
export const wholeOf = (n: LayerNode, name: string, fallback?: number): number => {
  const value = n.attribute(name) ?? fallback;
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : wrong(n, name, value, 'a whole number');
};
export const flagOf = (n: LayerNode, name: string, fallback = false): boolean => {
  const value = n.attribute(name) ?? fallback;
  return typeof value === 'boolean' ? value : wrong(n, name, value, 'a boolean');
};
export const textOf = (n: LayerNode, name: string, fallback?: string): string => {
  const value = n.attribute(name) ?? fallback;
  return typeof value === 'string' ? value : wrong(n, name, value, 'a text');
};
/** A list of whole numbers; one that is empty in the file counts as left out. */
export const wholesOf = (n: LayerNode, name: string, fallback?: readonly number[]): readonly number[] => {
  const stored = n.attribute(name);
  const value = Array.isArray(stored) && stored.length === 0 ? (fallback ?? stored) : (stored ?? fallback);
  const isList = Array.isArray(value) && value.length <= 65_536 && value.every((v) => Number.isSafeInteger(v));
  return isList ? (value as readonly number[]) : wrong(n, name, value, 'a list of whole numbers');
};
export const textsOf = (n: LayerNode, name: string): readonly string[] => {
  const value = n.attribute(name) ?? [];
  return Array.isArray(value) && value.every((v) => typeof v === 'string') ? value : wrong(n, name, value, 'a list of texts');
};
/** The type that an attribute names. */
export const typeOf = (n: LayerNode, name: string, fallback: ElemName): ElemName => {
  const value = n.attribute(name) ?? fallback;
  if (typeof value !== 'string') return wrong(n, name, value, 'a type');
  return isElemName(value) ? value : n.refuse(`${name} is ${value}, which no program holds`);
};

/** Operand i as f32 or i32: narrower integers and bool are widened, which is exact. */
export const widened = (n: LayerNode, i: number): ValueId => {
  const x = n.x(i);
  const { dtype } = n.typeOf(x);
  return dtype === 'f32' || dtype === 'i32' ? x : n.as(x, 'i32');
};

/** A value computed in i32, in a type: integers wrap, as those of TensorFlow do. */
export const narrowed = (n: LayerNode, value: ValueId, elem: ElemName): Made => {
  const { dtype } = ELEMS[elem];
  return { value: n.as(value, dtype), layout: 'file', elem };
};

export const isReal = (n: LayerNode, i: number): boolean => ELEMS[n.elem(i)].kind === 'float';
export const checkReal = (n: LayerNode, ...indices: readonly number[]): void => {
  for (const i of indices) if (!isReal(n, i)) n.refuse(`input ${i} is ${n.elem(i)}, but only float types are supported`);
};
/** Both operands have elements of one kind. */
export const sameKind = (n: LayerNode, a = 0, b = 1): void => {
  if (ELEMS[n.elem(a)].dtype !== ELEMS[n.elem(b)].dtype) n.malformed(`input ${a} is ${n.elem(a)}, but input ${b} is ${n.elem(b)}`);
};

/** i32 constant. */
export const ints = (n: LayerNode, name: string, shape: readonly number[], values: readonly number[]): ValueId =>
  n.session.param(name, { dtype: 'i32', shape, data: Int32Array.from(values) });

/** An input of rank 3 to 5 with its channels first, as it stands in the file or turned. */
export interface Image {
  readonly x: ValueId;
  readonly channels: number;
  readonly sizes: readonly number[];
  /** Entries of a list with one entry for each dimension of the file that are about height, width…. */
  readonly spatial: <T>(list: readonly T[]) => readonly T[];
  /** A result with its channels first. */
  readonly made: (value: ValueId) => Made;
}

/** Whether `data_format` says that the channels stand first in the file. */
export const channelsFirst = (n: LayerNode, fallback: 'NHWC' | 'NDHWC'): boolean => {
  const format = textOf(n, 'data_format', fallback);
  if (format === 'NCHW' || format === 'NCDHW') return true;
  return format === 'NHWC' || format === 'NDHWC' ? false : n.refuse(`data_format is ${format}`);
};

/** Input i as an image of rank `rank`, in the format that `data_format` says. */
export const imageOf = (n: LayerNode, i: number, rank: number): Image => {
  const first = channelsFirst(n, rank === 5 ? 'NDHWC' : 'NHWC');
  const shape = n.shapeOf(i);
  if (shape.length !== rank) return n.malformed(`input ${i} has rank ${shape.length}, but ${rank} is wanted`);
  checkReal(n, i);
  const layout: Layout = first ? 'file' : 'first';
  const spatial = <T>(list: readonly T[]): readonly T[] => (first ? list.slice(2) : list.slice(1, -1));
  return {
    x: first ? n.x(i) : n.first(i),
    channels: at(shape, first ? 1 : rank - 1),
    sizes: spatial(shape),
    spatial,
    made: (value) => ({ value, layout }),
  };
};

/** Pads before each spatial dimension, then after; steps; distances. */
export interface Window {
  readonly pads: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
}

/** One entry for each dimension of the file; those of batch and channels have to be 1. */
const spatialList = (n: LayerNode, image: Image, name: string, fallback?: readonly number[]): readonly number[] => {
  const rank = image.sizes.length + 2;
  const list = wholesOf(n, name, fallback);
  if (list.length !== rank || list.some((v) => v < 1)) return n.malformed(`${name} is [${list.join(', ')}], the rank ${rank}`);
  const inner = image.spatial(list);
  return elementCount(inner) === elementCount(list)
    ? inner
    : n.refuse(`${name} is [${list.join(', ')}]: batch and channels have to be whole`);
};

/**
 * Padding of an image: VALID has none; SAME makes ceil(size / stride) places and puts the smaller half before; EXPLICIT lists it for
 * every dimension. total = max(0, (out - 1) stride + dilation (kernel - 1) + 1 - size).
 * @param sizes - of the image whose windows are meant, where it is not the input (gradients)
 */
export const windowOf = (n: LayerNode, image: Image, kernel: readonly number[], sizes: readonly number[] = image.sizes): Window => {
  const stride = spatialList(n, image, 'strides');
  const dilation = spatialList(n, image, 'dilations', new Array<number>(image.sizes.length + 2).fill(1));
  if (kernel.some((k) => k < 1)) return n.malformed(`the kernel is [${kernel.join(', ')}]`);
  const padding = textOf(n, 'padding');
  const explicit = wholesOf(n, 'explicit_paddings', []);
  if (padding === 'EXPLICIT') {
    if (explicit.length !== 2 * (image.sizes.length + 2)) return n.malformed(`explicit_paddings is [${explicit.join(', ')}]`);
    const pairs = span(0, image.sizes.length + 2).map((d) => [at(explicit, 2 * d), at(explicit, 2 * d + 1)] as const);
    const inner = image.spatial(pairs);
    const outer = explicit.reduce((sum, p) => sum + p, 0) - inner.reduce((sum, [a, b]) => sum + a + b, 0);
    if (outer !== 0) return n.refuse(`explicit_paddings is [${explicit.join(', ')}]: batch and channels are padded`);
    return { pads: [...inner.map(([a]) => a), ...inner.map(([, b]) => b)], stride, dilation };
  }
  if (padding !== 'SAME' && padding !== 'VALID') return n.malformed(`padding is ${padding}`);
  const totals = sizes.map((s, i) => {
    const [step, reach] = [at(stride, i), at(dilation, i) * (at(kernel, i) - 1) + 1];
    return padding === 'VALID' ? 0 : Math.max(0, (Math.ceil(s / step) - 1) * step + reach - s);
  });
  const before = totals.map((t) => Math.floor(t / 2));
  return { pads: [...before, ...totals.map((t, i) => t - at(before, i))], stride, dilation };
};
