import { elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { TfliteNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { TfliteOps } from './row.ts';
import { first, span } from './util.ts';

/** One coordinate rule of three: align_corners, half_pixel_centers, or neither. */
const coordinatesOf = (
  n: TfliteNode,
  o: { readonly align_corners: boolean; readonly half_pixel_centers: boolean },
): 'align_corners' | 'half_pixel' | 'asymmetric' => {
  if (o.align_corners && o.half_pixel_centers) return n.malformed('both align_corners and half_pixel_centers are set');
  return o.align_corners ? 'align_corners' : o.half_pixel_centers ? 'half_pixel' : 'asymmetric';
};

const sizeOf = (n: TfliteNode): readonly number[] => {
  const sizes = n.hostInts(1, 'the size');
  return sizes.length === 2 && sizes.every((s) => s > 0) ? sizes : n.malformed(`the size is [${sizes.join(', ')}]`);
};

const bilinear = (n: TfliteNode): Made => {
  const coordinates = coordinatesOf(n, n.options('ResizeBilinearOptions'));
  return first(n.emit('resize', [n.first(0)], { mode: 'linear', coordinates, sizes: sizeOf(n) }));
};

/** The cell that floor(scale * o), or with half_pixel_centers floor(scale * (o + 0.5)), names; the nearest, halves up, with align_corners. */
const nearest = (n: TfliteNode): Made => {
  const coordinates = coordinatesOf(n, n.options('ResizeNearestNeighborOptions'));
  const rounding = coordinates === 'asymmetric' ? 'floor' : 'round_prefer_ceil';
  return first(n.emit('resize', [n.first(0)], { mode: 'nearest', coordinates, rounding, sizes: sizeOf(n) }));
};

const blockOf = (n: TfliteNode, op: 'space' | 'depth'): number => {
  const block = op === 'space' ? n.options('SpaceToDepthOptions').block_size : n.options('DepthToSpaceOptions').block_size;
  return block >= 1 ? block : n.malformed(`block_size is ${block}`);
};

/** Blocks of the dimensions 1… of a tensor: their sizes and the pairs that are added or cut off. */
const blocksOf = (n: TfliteNode): { readonly blocks: readonly number[]; readonly edges: readonly (readonly [number, number])[] } => {
  const blocks = n.hostInts(1, 'the block shape');
  const list = n.hostInts(2, 'paddings or crops');
  if (blocks.length + 1 > n.rank(0) || list.length !== 2 * blocks.length || blocks.some((b) => b < 1) || list.some((p) => p < 0))
    return n.malformed(`the block shape is [${blocks.join(', ')}], paddings or crops are [${list.join(', ')}], the rank is ${n.rank(0)}`);
  return { blocks, edges: blocks.map((_, i) => [at(list, 2 * i), at(list, 2 * i + 1)] as const) };
};

const spaceToBatch = (n: TfliteNode): Made => {
  const { blocks, edges } = blocksOf(n);
  const count = blocks.length;
  const own = n.shapeOf(0);
  const [batch = 1] = own;
  const rest = own.slice(count + 1);
  const full = [0, ...edges.map(([a]) => a), ...rest.map(() => 0), 0, ...edges.map(([, b]) => b), ...rest.map(() => 0)];
  const x = full.some((p) => p > 0) ? n.emit('pad', [n.x(0)], { pads: full }) : n.x(0);
  const spatial = n.sizes(x).slice(1, count + 1);
  if (spatial.some((d, i) => d % at(blocks, i) !== 0))
    return n.malformed(`blocks of [${blocks.join(', ')}] do not divide [${spatial.join(', ')}]`);
  const opened = n.reshape(x, [batch, ...spatial.flatMap((d, i) => [d / at(blocks, i), at(blocks, i)]), ...rest]);
  const perm = [
    ...span(0, count).map((i) => 2 * i + 2),
    0,
    ...span(0, count).map((i) => 2 * i + 1),
    ...span(2 * count + 1, 2 * count + 1 + rest.length),
  ];
  return n.reshape(n.emit('transpose', [opened], { perm }), [
    batch * elementCount(blocks),
    ...spatial.map((d, i) => d / at(blocks, i)),
    ...rest,
  ]);
};

const batchToSpace = (n: TfliteNode): Made => {
  const { blocks, edges } = blocksOf(n);
  const count = blocks.length;
  const own = n.shapeOf(0);
  const [total = 1] = own;
  const batch = total / elementCount(blocks);
  if (!Number.isInteger(batch)) return n.malformed(`blocks of [${blocks.join(', ')}] do not divide the batch of ${total}`);
  const spatial = own.slice(1, count + 1);
  const rest = own.slice(count + 1);
  const opened = n.reshape(n.x(0), [...blocks, batch, ...spatial, ...rest]);
  const perm = [count, ...span(0, count).flatMap((i) => [count + 1 + i, i]), ...span(2 * count + 1, 2 * count + 1 + rest.length)];
  const whole = spatial.map((d, i) => d * at(blocks, i));
  const y: ValueId = n.reshape(n.emit('transpose', [opened], { perm }), [batch, ...whole, ...rest]);
  if (edges.every(([a, b]) => a + b === 0)) return y;
  const sizes = [batch, ...whole.map((d, i) => d - at(edges, i)[0] - at(edges, i)[1]), ...rest];
  if (sizes.some((s) => s < 0)) return n.malformed(`the crops take more than there is of [${whole.join(', ')}]`);
  return n.emit('slice', [y], { starts: [0, ...edges.map(([a]) => a), ...rest.map(() => 0)], sizes, steps: sizes.map(() => 1) });
};

export const spatial = {
  RESIZE_BILINEAR: { import: (n) => [bilinear(n)] },
  RESIZE_NEAREST_NEIGHBOR: { import: (n) => [nearest(n)], keeps: true },
  SPACE_TO_DEPTH: { import: (n) => [first(n.emit('space_to_depth', [n.first(0)], { block: blockOf(n, 'space') }))], keeps: true },
  DEPTH_TO_SPACE: {
    import: (n) => [first(n.emit('depth_to_space', [n.first(0)], { block: blockOf(n, 'depth'), mode: 'DCR' }))],
    keeps: true,
  },
  SPACE_TO_BATCH_ND: { import: (n) => [spaceToBatch(n)], keeps: true },
  BATCH_TO_SPACE_ND: { import: (n) => [batchToSpace(n)], keeps: true },
} as const satisfies TfliteOps;
