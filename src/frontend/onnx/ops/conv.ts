import type { ValueId } from '../../../ir/index.ts';
import type { OnnxNode } from '../node.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, span } from './util.ts';
import { autoPad, spatialList, spatialShape, splitPads, windowOf } from './window.ts';

/** Spatial size of the weights, which has to agree with kernel_shape where that is given. */
const kernelOf = (n: OnnxNode): readonly number[] => {
  const kernel = n.staticShape(1).slice(2);
  const declared = n.ints('kernel_shape');
  if (declared !== undefined && (declared.length !== kernel.length || declared.some((k, i) => k !== kernel[i])))
    return n.malformed(`kernel_shape is [${declared.join(', ')}] but the weights are [${n.shapeOf(1).join(', ')}]`);
  return kernel;
};

const bias = (n: OnnxNode): readonly ValueId[] => (n.has(2) ? [floatWire(n, 2)] : []);

/** Puts stride - 1 zeros between neighbours along each spatial dimension. */
const spread = (n: OnnxNode, x: ValueId, spatial: readonly number[], stride: readonly number[]): ValueId => {
  if (stride.every((s) => s === 1)) return x;
  const [batch = 1, channels = 1] = n.typeOf(x).shape;
  const pairs = n.reshape(x, [batch, channels, ...spatial.flatMap((d) => [d, 1])]);
  const after = [0, 0, ...stride.flatMap((s) => [0, s - 1])];
  const padded = n.emit('pad', [pairs], { pads: [...after.map(() => 0), ...after] });
  const long = spatial.map((d, i) => d * (stride[i] ?? 1));
  const whole = n.reshape(padded, [batch, channels, ...long]);
  return n.emit('slice', [whole], {
    starts: [0, 0, ...spatial.map(() => 0)],
    sizes: [-1, -1, ...long.map((d, i) => Math.max(0, d - (stride[i] ?? 1) + 1))],
    steps: [1, 1, ...spatial.map(() => 1)],
  });
};

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
    if (sizes.some((s) => s < -1)) return n.malformed(`pads [${pads.join(', ')}] remove more than there is`);
    y = n.emit('slice', [x], { starts: shape.map((_, i) => crop(i)), sizes, steps: shape.map(() => 1) });
  }
  const positive = pads.map((p) => Math.max(0, p));
  return positive.some((p) => p > 0) ? emit(y, positive) : y;
};

/** Weights [C, M / g, k…] of a transposed convolution as those of a convolution: [M, C / g, k…], flipped. */
const transposedWeights = (n: OnnxNode, groups: number): ValueId => {
  const [channels = 0, perGroup = 0, ...kernel] = n.staticShape(1);
  const w = floatWire(n, 1);
  if (channels % groups !== 0) return n.malformed(`group is ${groups} but the weights have ${channels} input channels`);
  const grouped = n.reshape(w, [groups, channels / groups, perGroup, ...kernel]);
  const swapped = n.emit('transpose', [grouped], { perm: [0, 2, 1, ...span(3, 3 + kernel.length)] });
  const plain = n.reshape(swapped, [groups * perGroup, channels / groups, ...kernel]);
  return n.emit('slice', [plain], {
    starts: [0, 0, ...kernel.map((k) => k - 1)],
    sizes: [-1, -1, ...kernel],
    steps: [1, 1, ...kernel.map(() => -1)],
  });
};

interface Transposed {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly pads: readonly number[];
  readonly extra: readonly number[];
}

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
  if (wanted === undefined && !same) return { stride, dilation, pads: mode === 'VALID' ? pads.map(() => 0) : pads, extra };
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
    extra: grown,
  };
};

/** Transposed convolution as a convolution over the input spread by stride, with flipped weights. */
const convTranspose = (n: OnnxNode): ValueId => {
  const kernel = kernelOf(n);
  const spatial = spatialShape(n);
  const groups = n.int('group', 1);
  const w = transposedWindow(n, kernel);
  if ([...w.stride, ...w.dilation].some((v) => v < 1 || v > 4096) || groups < 1)
    return n.malformed('strides, dilations and group are 1 or more');
  const count = kernel.length;
  const around = [0, 1].flatMap((side) => [
    0,
    0,
    ...kernel.map((k, i) => (w.dilation[i] ?? 1) * (k - 1) - (w.pads[side * count + i] ?? 0) + (side === 1 ? (w.extra[i] ?? 0) : 0)),
  ]);
  const spreadX = spread(n, floatWire(n, 0), spatial, w.stride);
  const padded = padOrCrop(n, spreadX, around, (x, pads) => n.emit('pad', [x], { pads }));
  return n.emit('conv', [padded, transposedWeights(n, groups), ...bias(n)], {
    stride: kernel.map(() => 1),
    dilation: w.dilation,
    pads: kernel.flatMap(() => [0, 0]),
    groups,
  });
};

export const conv = {
  Conv: {
    since: [1, 11, 22],
    import: (n) => [
      n.emit('conv', [floatWire(n, 0), floatWire(n, 1), ...bias(n)], { ...windowOf(n, kernelOf(n)), groups: n.int('group', 1) }),
    ],
  },
  ConvTranspose: { since: [1, 11, 22], import: (n) => [convTranspose(n)] },
} as const satisfies OnnxOps;
