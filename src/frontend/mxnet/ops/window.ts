import type { LayerNode } from '../../layer-node.ts';
import { ints, spatialInts, text } from '../attributes.ts';

const FIRST = new Set(['None', '', 'NCW', 'NCHW', 'NCDHW']);
const LAST = new Set(['NWC', 'NHWC', 'NDHWC']);

/** Whether the attribute `layout` puts the channels last. */
export const channelsLast = (n: LayerNode): boolean => {
  const layout = text(n, 'layout') ?? 'None';
  if (FIRST.has(layout)) return false;
  return LAST.has(layout) ? true : n.refuse(`layout is ${layout}`);
};

export interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  /** Begin of each spatial dimension, then end. */
  readonly pads: readonly number[];
}

/** kernel, stride and pad of a layer over 1 to 3 spatial dimensions; the input has as many. */
export const windowOf = (n: LayerNode): Window => {
  const kernel = ints(n, 'kernel');
  if (kernel.length < 1 || kernel.length > 3 || n.rank(0) !== kernel.length + 2 || kernel.some((k) => k < 1))
    return n.malformed(`the kernel is [${kernel.join(', ')}], the input [${n.shapeOf(0).join(', ')}]`);
  const pad = spatialInts(n, 'pad', kernel.length, 0);
  const stride = spatialInts(n, 'stride', kernel.length, 1);
  if (pad.some((p) => p < 0) || stride.some((s) => s < 1)) return n.malformed(`pad is [${pad.join(', ')}], stride [${stride.join(', ')}]`);
  return { kernel, stride, pads: [...pad, ...pad] };
};

/** Notes on how the layer is computed, without effect on what. */
export const ignoreTuning = (n: LayerNode): void => n.ignore('workspace', 'cudnn_tune', 'cudnn_off');
