import type { ValueId } from '../../../ir/index.ts';
import type { OnnxNode } from '../node.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, span } from './util.ts';
import { autoPad, spatialList, spatialShape, splitPads, type WindowAttrs, windowOf } from './window.ts';

/** Spatial size of the weights, which has to agree with kernel_shape where that is given. */
export const kernelOf = (n: OnnxNode, weights = 1): readonly number[] => {
  const kernel = n.staticShape(weights).slice(2);
  const declared = n.ints('kernel_shape');
  if (declared !== undefined && (declared.length !== kernel.length || declared.some((k, i) => k !== kernel[i])))
    return n.malformed(`kernel_shape is [${declared.join(', ')}] but the weights are [${n.shapeOf(weights).join(', ')}]`);
  return kernel;
};

const bias = (n: OnnxNode): readonly ValueId[] => (n.has(2) ? [floatWire(n, 2)] : []);

/** Pads where positive, crops where negative. */
export const padOrCrop = (
  n: OnnxNode,
  x: ValueId,
  pads: readonly number[],
  emit: (x: ValueId, pads: readonly number[]) => ValueId,
): ValueId => {
  const { shape } = n.typeOf(x);
  const rank = shape.length;
  let y = x;
  if (pads.some((p) => p < 0)) {
    const crop = (i: number): number => Math.max(0, -(pads[i] ?? 0));
    const touched = span(0, rank).map((i) => crop(i) > 0 || crop(rank + i) > 0);
    const sizes = shape.map((d, i) => {
      if (touched[i] !== true) return -1;
      if (typeof d !== 'number') return n.unknown(`dimension ${d}`);
      return d - crop(i) - crop(rank + i);
    });
    if (sizes.some((s, i) => touched[i] === true && s < 0)) return n.malformed(`pads [${pads.join(', ')}] remove more than there is`);
    y = n.emit('slice', [x], { starts: shape.map((_, i) => crop(i)), sizes, steps: shape.map(() => 1) });
  }
  const positive = pads.map((p) => Math.max(0, p));
  return positive.some((p) => p > 0) ? emit(y, positive) : y;
};

interface Transposed extends WindowAttrs {
  readonly output_padding: readonly number[];
}

/** Padding of a transposed convolution, where `output_shape` and SAME tell it through the size of the output. */
const transposedWindow = (n: OnnxNode, kernel: readonly number[]): Transposed => {
  const spatial = spatialShape(n);
  const count = spatial.length;
  const stride = spatialList(n, 'strides', count, 1);
  const dilation = spatialList(n, 'dilations', count, 1);
  const extra = spatialList(n, 'output_padding', count, 0);
  const pads = spatialList(n, 'pads', 2 * count, 0);
  const mode = autoPad(n);
  const wanted = n.ints('output_shape')?.slice(-count);
  const same = mode === 'SAME_UPPER' || mode === 'SAME_LOWER';
  if (wanted === undefined && !same) return { stride, dilation, pads: mode === 'VALID' ? pads.map(() => 0) : pads, output_padding: extra };
  const totals = spatial.map((size, i) => {
    const s = stride[i] ?? 1;
    const reach = (dilation[i] ?? 1) * ((kernel[i] ?? 1) - 1) + 1;
    return s * (size - 1) + (extra[i] ?? 0) + reach - (wanted?.[i] ?? size * s);
  });
  // padding that the wanted size makes negative extends the output at its end
  const grown = totals.map((t, i) => (extra[i] ?? 0) + Math.max(0, -t));
  return {
    stride,
    dilation,
    pads: splitPads(
      totals.map((t) => Math.max(0, t)),
      mode !== 'SAME_UPPER',
    ),
    output_padding: grown,
  };
};

const convTranspose = (n: OnnxNode): ValueId =>
  n.emit('conv_transpose', [floatWire(n, 0), floatWire(n, 1), ...bias(n)], {
    ...transposedWindow(n, kernelOf(n)),
    groups: n.int('group', 1),
  });

export const conv = {
  Conv: {
    since: [1, 11, 22],
    import: (n) => [
      n.emit('conv', [floatWire(n, 0), floatWire(n, 1), ...bias(n)], { ...windowOf(n, kernelOf(n)), groups: n.int('group', 1) }),
    ],
  },
  ConvTranspose: { since: [1, 11, 22], import: (n) => [convTranspose(n)] },
} as const satisfies OnnxOps;
