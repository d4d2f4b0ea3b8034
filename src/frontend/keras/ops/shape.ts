import { elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { one, span, textOf, wholeOf } from '../../tf-row.ts';
import { channelsFirst, flagOf, imageOf, listOf, someOf } from './util.ts';

/** Input 0 for a change of shape: where its elements stand in the same order, without a turn. */
const inOrder = (n: LayerNode): ValueId => {
  const { value, place } = n.either(0);
  const wide = span(0, n.rank(0)).filter((d) => n.shapeOf(0)[d] !== 1);
  return wide.every((d, i) => i === 0 || place(d) > place(at(wide, i - 1))) ? value : n.x(0);
};

/** With channels_first, Keras 2 and 3 put the channels last before. */
const flatten = (n: LayerNode): Made => {
  const rank = n.rank(0);
  const turn = n.hasAttribute('data_format') && channelsFirst(n) && rank > 2;
  if (rank === 1) return n.reshape(n.x(0), [at(n.shapeOf(0), 0), 1]);
  const x = turn ? n.emit('transpose', [n.x(0)], { perm: [0, ...span(2, rank), 1] }) : inOrder(n);
  return n.emit('flatten', [x], { axis: 1 });
};

const reshape = (n: LayerNode): Made => {
  const target = someOf(n, 'target_shape', []);
  const count = elementCount(n.shapeOf(0).slice(1));
  const known = target.filter((d) => d !== -1).reduce((p, d) => p * d, 1);
  const open = target.filter((d) => d === -1).length;
  const shape = target.map((d) => (d === -1 ? count / known : d));
  if (open > 1 || shape.some((d) => !Number.isInteger(d) || d < 0) || elementCount(shape) !== count)
    return n.malformed(`[${n.shapeOf(0).slice(1).join(', ')}] cannot become [${target.join(', ')}]`);
  const batch = at(n.shapeOf(0), 0);
  const [channels = 1, ...sizes] = [...shape].reverse();
  // an image of one cell: its channels stand first and last alike
  if ((sizes.length === 2 || sizes.length === 3) && sizes.every((s) => s === 1))
    return { value: n.reshape(inOrder(n), [batch, channels, ...sizes]), layout: 'first' };
  return n.reshape(inOrder(n), [batch, ...shape]);
};

/** Dimensions are counted from 1: 0 is the batch. */
const permute = (n: LayerNode): Made => {
  const perm = [0, ...someOf(n, 'dims', [])];
  if (perm.length !== n.rank(0) || !span(0, n.rank(0)).every((d) => perm.includes(d)))
    return n.malformed(`dims is [${perm.slice(1).join(', ')}]`);
  return n.emit('transpose', [n.x(0)], { perm });
};

const repeatVector = (n: LayerNode): Made => {
  const [batch = 1, width = 1] = n.rank(0) === 2 ? n.shapeOf(0) : n.malformed(`the input has rank ${n.rank(0)}, but 2 is wanted`);
  const count = wholeOf(n, 'n');
  if (count < 1) return n.malformed(`n is ${count}`);
  return n.emit('expand', [n.reshape(n.x(0), [batch, 1, width])], { shape: [batch, count, width] });
};

/** `2`, `[1, 2]` or `[[1, 2], [0, 1]]`: before and after each dimension. */
const edgesOf = (n: LayerNode, name: string, dims: number): { readonly before: readonly number[]; readonly after: readonly number[] } => {
  const value = n.attribute(name);
  // one dimension alone has its pair without the list
  const list: readonly unknown[] =
    typeof value === 'number' ? new Array<number>(dims).fill(value) : dims === 1 ? [value] : Array.isArray(value) ? value : [];
  const pairs = list.map((v) => (typeof v === 'number' ? [v, v] : Array.isArray(v) && v.length === 2 ? (v as readonly unknown[]) : v));
  const flat = pairs.flat(1);
  if (list.length !== dims || !flat.every((v) => typeof v === 'number' && Number.isSafeInteger(v) && v >= 0) || flat.length !== 2 * dims)
    return n.malformed(`${name} is ${JSON.stringify(value)?.slice(0, 80) ?? 'missing'}`);
  const numbers = flat.map(Number);
  return { before: span(0, dims).map((d) => at(numbers, 2 * d)), after: span(0, dims).map((d) => at(numbers, 2 * d + 1)) };
};

const zeroPadding =
  (dims: number) =>
  (n: LayerNode): Made => {
    const { before, after } = edgesOf(n, 'padding', dims);
    const image = imageOf(n, dims);
    return image.made(n.emit('pad', [image.x], { pads: [0, 0, ...before, 0, 0, ...after] }));
  };

const cropping =
  (dims: number) =>
  (n: LayerNode): Made => {
    const { before, after } = edgesOf(n, 'cropping', dims);
    const image = imageOf(n, dims);
    return image.made(cut(n, image.x, image.sizes, before, after));
  };

const cut = (n: LayerNode, x: ValueId, sizes: readonly number[], before: readonly number[], after: readonly number[]): ValueId => {
  const left = sizes.map((s, d) => s - at(before, d) - at(after, d));
  if (left.some((s) => s < 1)) return n.malformed(`of [${sizes.join(', ')}] nothing is left`);
  return n.emit('slice', [x], { starts: [0, 0, ...before], sizes: [-1, -1, ...left], steps: [1, 1, ...left.map(() => 1)] });
};

/** Sizes that grow by whole factors: each cell is repeated, or cells between are mixed. */
const upSampling =
  (dims: number) =>
  (n: LayerNode): Made => {
    const factors = listOf(n, 'size', dims, new Array<number>(dims).fill(2));
    const mode = dims === 2 ? textOf(n, 'interpolation', 'nearest') : 'nearest';
    const image = imageOf(n, dims);
    if (factors.some((f) => f < 1)) return n.malformed(`size is [${factors.join(', ')}]`);
    return image.made(
      resized(
        n,
        image.x,
        image.sizes.map((s, d) => s * at(factors, d)),
        mode,
      ),
    );
  };

const resized = (n: LayerNode, x: ValueId, sizes: readonly number[], mode: string): ValueId => {
  if (sizes.some((s) => s < 1)) return n.malformed(`the size is [${sizes.join(', ')}]`);
  if (mode === 'nearest') {
    // whole factors: the cell that floor(o / factor) names; else the one that holds the centre
    const grows = n
      .sizes(x)
      .slice(2)
      .every((s, d) => at(sizes, d) % s === 0);
    return grows
      ? n.emit('resize', [x], { mode: 'nearest', coordinates: 'asymmetric', rounding: 'floor', sizes })
      : n.emit('resize', [x], { mode: 'nearest', coordinates: 'half_pixel', rounding: 'round_prefer_ceil', sizes });
  }
  if (mode === 'bilinear') return n.emit('resize', [x], { mode: 'linear', coordinates: 'half_pixel', sizes });
  return n.refuse(`interpolation is ${mode}`);
};

const resizing = (n: LayerNode): Made => {
  if (flagOf(n, 'crop_to_aspect_ratio') || flagOf(n, 'pad_to_aspect_ratio')) return n.refuse('the aspect ratio is kept');
  if (flagOf(n, 'antialias')) return n.refuse('antialias is set');
  n.ignore('fill_mode', 'fill_value', 'call.training');
  const sizes = [wholeOf(n, 'height'), wholeOf(n, 'width')];
  const mode = textOf(n, 'interpolation', 'bilinear').toLowerCase();
  const image = imageOf(n, 2);
  return image.made(resized(n, image.x, sizes, mode));
};

/** The middle of an image that is at least as large; others would be resized. */
const centerCrop = (n: LayerNode): Made => {
  n.ignore('call.training');
  const wanted = [wholeOf(n, 'height'), wholeOf(n, 'width')];
  const image = imageOf(n, 2);
  const extra = image.sizes.map((s, d) => s - at(wanted, d));
  if (extra.some((e) => e < 0)) return n.refuse(`the image [${image.sizes.join(', ')}] is smaller than the crop [${wanted.join(', ')}]`);
  const before = extra.map((e) => Math.floor(e / 2));
  return image.made(
    cut(
      n,
      image.x,
      image.sizes,
      before,
      extra.map((e, d) => e - at(before, d)),
    ),
  );
};

export const shapes = {
  Flatten: one(flatten),
  Reshape: one(reshape),
  Permute: one(permute),
  RepeatVector: one(repeatVector),
  ZeroPadding1D: one(zeroPadding(1)),
  ZeroPadding2D: one(zeroPadding(2)),
  ZeroPadding3D: one(zeroPadding(3)),
  Cropping1D: one(cropping(1)),
  Cropping2D: one(cropping(2)),
  Cropping3D: one(cropping(3)),
  UpSampling1D: one(upSampling(1)),
  UpSampling2D: one(upSampling(2)),
  UpSampling3D: one(upSampling(3)),
  Resizing: one(resizing),
  CenterCrop: one(centerCrop),
} as const satisfies LayerTable;
