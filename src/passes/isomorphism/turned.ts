import { type AnyAttrs, elementCount, type Tensor } from '../../ir/index.ts';
import { at } from '../../support/index.ts';

/** What is done to a picture [N, C, H, W], or to weights [O, I, H, W]. */
interface Turn {
  readonly turned: boolean;
  /** Index c along the second axis is index channels[c] of what is given. */
  readonly channels: readonly number[] | undefined;
}

/** The numbers 0 to n - 1 in some order. */
export const isPermutation = (order: readonly number[], n: number): boolean =>
  order.length === n && new Set(order).size === n && order.every((c) => Number.isInteger(c) && c >= 0 && c < n);

/** Element i is element source(i) of the tensor. */
export const permuted = (tensor: Tensor, shape: readonly number[], source: (i: number) => number): Tensor => {
  const data = tensor.data.slice();
  for (let i = 0; i < data.length; i++) data[i] = at(tensor.data, source(i));
  return { ...tensor, shape, data };
};

/** Where element i of what is turned stands in what is given, of [channels, h, w] without leading axes. */
const sourceOf = (channels: number, h: number, w: number, turn: Turn): ((i: number) => number) => {
  const plane = h * w;
  return (i) => {
    const [block, c, p] = [Math.floor(i / (plane * channels)), Math.floor(i / plane) % channels, i % plane];
    const own = turn.turned ? (p % h) * w + Math.floor(p / h) : p;
    return (block * channels + (turn.channels === undefined ? c : at(turn.channels, c))) * plane + own;
  };
};

/** A tensor that stands beside a picture, its last axes those of the picture. Sizes of 1 stand for all. */
export const turnedConstant = (tensor: Tensor, turn: Turn): Tensor => {
  const { shape } = tensor;
  if (elementCount(shape) <= 1 || shape.length === 0) return tensor;
  const [h, w] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  const channels = shape.at(-3) ?? 1;
  const own = { turned: turn.turned, channels: channels === 1 ? undefined : turn.channels };
  if (own.channels === undefined && (!own.turned || (h === 1 && w === 1))) return tensor;
  const leading = shape.length < 2 ? [] : shape.slice(0, -2);
  return permuted(tensor, own.turned ? [...leading, w, h] : shape, sourceOf(channels, h, w, own));
};

/** Where the columns of a flattened picture that is seen so stand in the picture as it is. */
export const turnedFlat = (channels: number, h: number, w: number, turn: Turn): Int32Array => {
  const source = sourceOf(channels, h, w, turn);
  return Int32Array.from({ length: channels * h * w }, (_, i) => source(i));
};

/** Attributes of windows with the two axes of the plane swapped. */
export const swapAttrs = (attrs: AnyAttrs): AnyAttrs => {
  const result: Record<string, AnyAttrs[string]> = { ...attrs };
  for (const name of ['kernel', 'stride', 'dilation'] as const) {
    const list = attrs[name];
    if (Array.isArray(list)) result[name] = [...(list as readonly number[])].reverse();
  }
  const { pads } = attrs;
  if (Array.isArray(pads)) {
    // of the plane alone, or of every axis: begins, then ends
    const order = pads.length === 8 ? [0, 1, 3, 2, 4, 5, 7, 6] : [1, 0, 3, 2];
    result['pads'] = order.map((i) => at(pads as readonly number[], i));
  }
  return result;
};

interface Columns {
  readonly kind: 'columns';
  readonly order: Int32Array;
}

/** The state is that of columns in the same order. */
export const sameColumns = (state: { readonly kind: string } | undefined, columns: Columns): boolean =>
  state === columns || (state?.kind === 'columns' && (state as Columns).order.every((o, i) => o === columns.order[i]));
