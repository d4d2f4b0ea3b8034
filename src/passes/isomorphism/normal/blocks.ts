import { at } from '../../../support/index.ts';
import type { Term } from '../graph.ts';
import type { Arena, Draft, Rule } from './arena.ts';
import { canonicalMovement, moveAttrs, movementOf } from './movement.ts';
import { sameSizes, shapeOf } from './shapes.ts';

/** Image [N, C, H, W] as [N, C, H/b, b, W/c, c], with the places within blocks before the batch. */
const BLOCKS_FIRST = [3, 5, 0, 1, 2, 4];

const inBlocks = (shape: readonly number[], b: number, c: number): readonly number[] => {
  const [n = 1, channels = 1, h = 1, w = 1] = shape;
  return [n, channels, h / b, b, w / c, c];
};

/** The image that a `move` takes apart into blocks, and their sizes; undefined for another move. */
const takenApart = (move: Term): { readonly image: Term; readonly b: number; readonly c: number } | undefined => {
  const image = at(move.operands, 0);
  const [before, after] = [shapeOf(image), shapeOf(move)];
  if (before.length !== 4 || after.length !== 4 || before[1] !== after[1]) return undefined;
  const [b, c] = [at(before, 2) / at(after, 2), at(before, 3) / at(after, 3)];
  if (!Number.isInteger(b) || !Number.isInteger(c) || at(after, 0) !== at(before, 0) * b * c) return undefined;
  const wanted = canonicalMovement(movementOf(inBlocks(before, b, c), BLOCKS_FIRST));
  const { from, perm } = moveAttrs(move);
  return sameSizes(wanted.from, from) && sameSizes(wanted.perm, perm) ? { image, b, c } : undefined;
};

/** A convolution of every b-th pixel, for each place within a block, is one with dilation b: SpaceToBatch around it. */
const dilated = (arena: Arena, d: Draft): Term | undefined => {
  const [x, ...rest] = d.operands;
  const apart = x?.op === 'move' && d.type.dtype === 'f32' ? takenApart(x) : undefined;
  const { stride, dilation, pads } = d.attrs as Record<'stride' | 'dilation' | 'pads', readonly number[]>;
  if (apart === undefined || stride.some((s) => s !== 1) || pads.some((p) => p !== 0)) return undefined;
  const { image, b, c } = apart;
  const attrs = { ...d.attrs, dilation: [at(dilation, 0) * b, at(dilation, 1) * c] };
  const whole = arena.tryEmit('conv', [image, ...rest], attrs, d.origin);
  return whole === undefined ? undefined : arena.move(whole, inBlocks(shapeOf(whole), b, c), BLOCKS_FIRST, shapeOf(d), d.origin);
};

export const BLOCKS: readonly Rule[] = [
  { name: 'convolution in blocks is one with dilation', exactness: 'EXACT', ops: ['conv'], apply: dilated },
];
