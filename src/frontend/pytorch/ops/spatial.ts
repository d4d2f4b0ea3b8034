import type { Made } from '../../import-session.ts';
import type { LayerRow, LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { at } from '../../../support/index.ts';
import { flag, like, number, one, span, tensor, text, whole, wholes } from '../args.ts';
import { self } from './shape.ts';

/** Pairs from the last dimension on. */
const padsOf = (n: LayerNode, name: string): readonly number[] => {
  const list = wholes(n, name);
  const rank = n.rank(self(n));
  if (list.length % 2 !== 0 || list.length > 2 * rank) return n.malformed(`${name} is [${list.join(', ')}], the rank ${rank}`);
  const of = (i: number, side: number): number => list[2 * (rank - 1 - i) + side] ?? 0;
  return [...span(0, rank).map((i) => of(i, 0)), ...span(0, rank).map((i) => of(i, 1))];
};
/** Negative padding cuts off. */
const padded = (n: LayerNode, pads: readonly number[], mode: 'constant' | 'reflect' | 'edge', value: number): Made => {
  const x = self(n);
  const own = n.shapeOf(x);
  const cuts = own.map((_, i) => [Math.max(0, -at(pads, i)), Math.max(0, -at(pads, i + own.length))] as const);
  const sizes = own.map((d, i) => d - at(cuts, i)[0] - at(cuts, i)[1]);
  if (sizes.some((s) => s < 0)) return n.malformed(`padding [${pads.join(', ')}] cuts off more than there is of [${own.join(', ')}]`);
  const isCut = cuts.some(([a, b]) => a + b > 0);
  const inner = isCut ? n.emit('slice', [n.x(x)], { starts: cuts.map(([a]) => a), sizes, steps: own.map(() => 1) }) : n.x(x);
  const positive = pads.map((p) => Math.max(0, p));
  if (positive.every((p) => p === 0)) return isCut ? like(n, inner, x) : { same: n.input(x) };
  if (Number.isFinite(value)) return like(n, n.emit('pad', [inner], { pads: positive, mode, value: Math.fround(value) }), x);
  return n.refuse(`the padding is of ${value}`);
};
const pad = (n: LayerNode): Made => {
  const mode = text(n, 'mode', 'constant');
  const pads = padsOf(n, 'pad');
  if (mode === 'constant') return padded(n, pads, mode, number(n, 'value', 0));
  n.ignore('value');
  if (mode === 'reflect') return padded(n, pads, mode, 0);
  if (mode === 'replicate') return padded(n, pads, 'edge', 0);
  if (mode !== 'circular') return n.malformed(`mode is ${mode}`);
  return pads.some((p) => p < 0) ? n.refuse('negative circular padding') : like(n, n.emit('pad_wrap', [n.x(self(n))], { pads }), self(n));
};
const padding = (mode: 'reflect' | 'edge'): LayerRow => one((n) => padded(n, padsOf(n, 'padding'), mode, 0));

const factorOf = (n: LayerNode, name: string): number => {
  const factor = whole(n, name);
  return factor >= 1 && n.rank(self(n)) === 4 ? factor : n.refuse(`${name} is ${factor}, the rank ${n.rank(self(n))}`);
};
const shuffle = (n: LayerNode): Made => {
  const block = factorOf(n, 'upscale_factor');
  return like(n, n.emit('depth_to_space', [n.x(self(n))], { block, mode: 'CRD' }), self(n));
};
/** Channel c of the input becomes channels c block^2 to (c + 1) block^2 - 1. */
const unshuffle = (n: LayerNode): Made => {
  const x = self(n);
  const r = factorOf(n, 'downscale_factor');
  const [b = 0, c = 0, h = 0, w = 0] = n.shapeOf(x);
  if (h % r !== 0 || w % r !== 0) return n.malformed(`${r} does not divide [${h}, ${w}]`);
  const open = n.emit('transpose', [n.reshape(n.x(x), [b, c, h / r, r, w / r, r])], { perm: [0, 1, 3, 5, 2, 4] });
  return like(n, n.reshape(open, [b, c * r * r, h / r, w / r]), x);
};
const channelShuffle = (n: LayerNode): Made => {
  const x = self(n);
  const groups = factorOf(n, 'groups');
  const [b = 0, c = 0, h = 0, w = 0] = n.shapeOf(x);
  if (c % groups !== 0) return n.malformed(`${groups} groups of ${c} channels`);
  const open = n.emit('transpose', [n.reshape(n.x(x), [b, groups, c / groups, h, w])], { perm: [0, 2, 1, 3, 4] });
  return like(n, n.reshape(open, [b, c, h, w]), x);
};

/** Columns of windows [N, C kernel, windows]. */
const unfold = (n: LayerNode): Made => {
  const x = self(n);
  const pair = (name: string): readonly number[] => {
    const list = wholes(n, name);
    return list.length === 2 ? list : n.malformed(`${name} is [${list.join(', ')}]`);
  };
  const pads = pair('padding');
  if (n.rank(x) !== 4) return n.refuse(`the input has rank ${n.rank(x)}`);
  return n.emit('im2col', [n.real(x)], {
    kernel: pair('kernel_size'),
    stride: pair('stride'),
    dilation: pair('dilation'),
    pads: [...pads, ...pads],
  });
};

/** Values of an image at positions of a grid. */
const gridSample = (n: LayerNode): Made => {
  const mode = (['linear', 'nearest', 'cubic'] as const)[whole(n, 'interpolation_mode')] ?? n.refuse('interpolation_mode');
  const outside = (['zeros', 'border', 'reflection'] as const)[whole(n, 'padding_mode')] ?? n.refuse('padding_mode');
  return n.emit('grid_sample', [n.real(tensor(n, 'input')), n.real(tensor(n, 'grid'))], {
    mode,
    outside,
    align_corners: flag(n, 'align_corners'),
  });
};

export const spatialRows = {
  'aten.constant_pad_nd': one((n) => padded(n, padsOf(n, 'pad'), 'constant', number(n, 'value', 0))),
  'aten.pad': one(pad),
  'aten.reflection_pad1d': padding('reflect'),
  'aten.reflection_pad2d': padding('reflect'),
  'aten.reflection_pad3d': padding('reflect'),
  'aten.replication_pad1d': padding('edge'),
  'aten.replication_pad2d': padding('edge'),
  'aten.replication_pad3d': padding('edge'),
  'aten.pixel_shuffle': one(shuffle),
  'aten.pixel_unshuffle': one(unshuffle),
  'aten.channel_shuffle': one(channelShuffle),
  'aten.im2col': one(unfold),
  'aten.grid_sampler': one(gridSample),
  'aten.grid_sampler_2d': one(gridSample),
  'aten.grid_sampler_3d': one(gridSample),
} as const satisfies LayerTable;
