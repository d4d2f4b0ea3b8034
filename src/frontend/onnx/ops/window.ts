import { isStaticShape } from '../../../ir/index.ts';
import type { OnnxNode } from '../node.ts';
import { ones } from './util.ts';

export interface WindowAttrs {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Begin of each spatial dimension, then end of each. */
  readonly pads: readonly number[];
}

/** A list attribute with one entry per spatial dimension (or two, for pads). */
export const spatialList = (n: OnnxNode, name: string, count: number, fallback: number): readonly number[] => {
  const list = n.ints(name) ?? new Array<number>(count).fill(fallback);
  return list.length === count ? list : n.malformed(`${name} has ${list.length} entries but ${count} are wanted`);
};

/** The spatial sizes of input 0 as numbers, and its rank checked: N, C and one to three spatial dimensions. */
export const spatialShape = (n: OnnxNode): readonly number[] => {
  const shape = n.shapeOf(0);
  if (shape.length < 3 || shape.length > 5) n.refuse(`the input has ${shape.length} dimensions, but 3 to 5 are supported`);
  const spatial = shape.slice(2);
  return isStaticShape(spatial) ? spatial : n.unbound(spatial, '', 224);
};

/** Splits padding in two; SAME_UPPER puts the odd cell at the end, SAME_LOWER at the beginning. */
export const splitPads = (totals: readonly number[], lower: boolean): readonly number[] => {
  const small = totals.map((t) => Math.floor(t / 2));
  const large = totals.map((t, i) => t - (small[i] ?? 0));
  return lower ? [...large, ...small] : [...small, ...large];
};

export const autoPad = (n: OnnxNode): string => {
  const mode = n.text('auto_pad', 'NOTSET');
  return ['NOTSET', '', 'VALID', 'SAME_UPPER', 'SAME_LOWER'].includes(mode) ? mode : n.refuse(`auto_pad is ${mode}`);
};

/** Stride, dilation and resolved padding of a convolution or pooling node. */
export const windowOf = (n: OnnxNode, kernel: readonly number[]): WindowAttrs => {
  const spatial = spatialShape(n);
  const count = spatial.length;
  if (kernel.length !== count) return n.malformed(`the kernel has ${kernel.length} dimensions but the input has ${count} spatial ones`);
  const stride = spatialList(n, 'strides', count, 1);
  const dilation = n.hasAttr('dilations') ? spatialList(n, 'dilations', count, 1) : ones(count);
  const mode = autoPad(n);
  const explicit = spatialList(n, 'pads', 2 * count, 0);
  if (mode === 'VALID') return { stride, dilation, pads: explicit.map(() => 0) };
  if (mode === 'NOTSET' || mode === '') {
    const negative = explicit.find((p) => p < 0);
    return negative === undefined ? { stride, dilation, pads: explicit } : n.refuse(`pads holds ${negative}`);
  }
  const totals = spatial.map((size, i) => {
    const s = stride[i] ?? 1;
    const reach = (dilation[i] ?? 1) * ((kernel[i] ?? 1) - 1) + 1;
    return Math.max(0, (Math.ceil(size / s) - 1) * s + reach - size);
  });
  return { stride, dilation, pads: splitPads(totals, mode === 'SAME_LOWER') };
};
