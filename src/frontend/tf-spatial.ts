import { elementCount, type ValueId } from '../ir/index.ts';
import { at } from '../support/index.ts';
import type { Made } from './import-session.ts';
import type { LayerTable } from './layer-graph.ts';
import type { LayerNode } from './layer-node.ts';
import { joinable } from './tf-conv.ts';
import { channelsFirst, checkReal, flagOf, numberOf, one, span, wholeOf } from './tf-row.ts';
import { moved } from './tf-shape.ts';

/** One coordinate rule of three: align_corners, half_pixel_centers, or neither. */
const coordinatesOf = (n: LayerNode): 'align_corners' | 'half_pixel' | 'asymmetric' => {
  const [corners, half] = [flagOf(n, 'align_corners'), flagOf(n, 'half_pixel_centers')];
  if (corners && half) return n.malformed('both align_corners and half_pixel_centers are set');
  return corners ? 'align_corners' : half ? 'half_pixel' : 'asymmetric';
};

const sizesOf = (n: LayerNode): readonly number[] => {
  const sizes = n.hostInts(1, 'the size');
  if (n.rank(0) !== 4) return n.malformed(`the input has rank ${n.rank(0)}, but 4 is wanted`);
  return sizes.length === 2 && sizes.every((s) => s > 0) ? sizes : n.malformed(`the size is [${sizes.join(', ')}]`);
};

/** The result is float32, whatever the input. */
const bilinear = (n: LayerNode): Made => {
  const coordinates = coordinatesOf(n);
  const sizes = sizesOf(n);
  return { value: n.emit('resize', [n.as(n.first(0), 'f32')], { mode: 'linear', coordinates, sizes }), layout: 'first' };
};

/** Keys' kernel with a = -0.5 where half_pixel_centers is set (cells outside do not count), else -0.75. */
const bicubic = (n: LayerNode): Made => {
  const coordinates = coordinatesOf(n);
  const sizes = sizesOf(n);
  const half = coordinates === 'half_pixel';
  n.approximate('TensorFlow takes the weights from a table of 1024 positions, here they are exact');
  const attrs = { coordinates, sizes, cubic_a: half ? -0.5 : -0.75, exclude_outside: half };
  return { value: n.emit('cubic_resize', [n.as(n.first(0), 'f32')], attrs), layout: 'first' };
};

/** The cell that floor(scale * o), or with half_pixel_centers floor(scale * (o + 0.5)), names; the nearest, halves up, with align_corners. */
const nearest = (n: LayerNode): Made => {
  const coordinates = coordinatesOf(n);
  const rounding = coordinates === 'asymmetric' ? 'floor' : 'round_prefer_ceil';
  const sizes = sizesOf(n);
  return moved(n, n.emit('resize', [n.first(0)], { mode: 'nearest', coordinates, rounding, sizes }), 0, 'first');
};

const blockOf = (n: LayerNode): number => {
  const block = wholeOf(n, 'block_size');
  return block >= 1 ? block : n.malformed(`block_size is ${block}`);
};

/** In either format the blocks are cut the same: the position in the block is the slower part of the new channel. */
const spaceToDepth = (n: LayerNode): Made => {
  const first = channelsFirst(n, 'NHWC');
  return moved(n, n.emit('space_to_depth', [first ? n.x(0) : n.first(0)], { block: blockOf(n) }), 0, first ? 'file' : 'first');
};
const depthToSpace = (n: LayerNode): Made => {
  const first = channelsFirst(n, 'NHWC');
  const y = n.emit('depth_to_space', [first ? n.x(0) : n.first(0)], { block: blockOf(n), mode: 'DCR' });
  return moved(n, y, 0, first ? 'file' : 'first');
};

/** Blocks of the dimensions 1… of a tensor: their sizes and the pairs that are added or cut off. */
interface Blocks {
  readonly blocks: readonly number[];
  readonly edges: readonly (readonly [number, number])[];
}
const blocksOf = (n: LayerNode): Blocks => {
  // the older operators have one block size for height and width, and their edges before
  const old = n.hasAttribute('block_size');
  const blocks = old ? [blockOf(n), blockOf(n)] : n.hostInts(1, 'the block shape');
  const list = n.hostInts(old ? 1 : 2, 'paddings or crops');
  if (blocks.length + 1 > n.rank(0) || list.length !== 2 * blocks.length || blocks.some((b) => b < 1) || list.some((p) => p < 0))
    return n.malformed(`the block shape is [${blocks.join(', ')}], paddings or crops are [${list.join(', ')}], the rank is ${n.rank(0)}`);
  return { blocks, edges: blocks.map((_, i) => [at(list, 2 * i), at(list, 2 * i + 1)] as const) };
};

const spaceToBatch = (n: LayerNode): Made => {
  const { blocks, edges } = blocksOf(n);
  const count = blocks.length;
  const [batch = 1] = n.shapeOf(0);
  const rest = n.shapeOf(0).slice(count + 1);
  const pads = [0, ...edges.map(([a]) => a), ...rest.map(() => 0), 0, ...edges.map(([, b]) => b), ...rest.map(() => 0)];
  const x = pads.some((p) => p > 0) ? n.emit('pad', [n.x(0)], { pads }) : n.x(0);
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
  const sizes = spatial.map((d, i) => d / at(blocks, i));
  return moved(n, n.reshape(n.emit('transpose', [opened], { perm }), [batch * elementCount(blocks), ...sizes, ...rest]));
};

const batchToSpace = (n: LayerNode): Made => {
  const { blocks, edges } = blocksOf(n);
  const count = blocks.length;
  const [total = 1] = n.shapeOf(0);
  const batch = total / elementCount(blocks);
  if (!Number.isInteger(batch)) return n.malformed(`blocks of [${blocks.join(', ')}] do not divide the batch of ${total}`);
  const spatial = n.shapeOf(0).slice(1, count + 1);
  const rest = n.shapeOf(0).slice(count + 1);
  const opened = n.reshape(n.x(0), [...blocks, batch, ...spatial, ...rest]);
  const perm = [count, ...span(0, count).flatMap((i) => [count + 1 + i, i]), ...span(2 * count + 1, 2 * count + 1 + rest.length)];
  const whole = spatial.map((d, i) => d * at(blocks, i));
  const y: ValueId = n.reshape(n.emit('transpose', [opened], { perm }), [batch, ...whole, ...rest]);
  if (edges.every(([a, b]) => a + b === 0)) return moved(n, y);
  const sizes = [batch, ...whole.map((d, i) => d - at(edges, i)[0] - at(edges, i)[1]), ...rest];
  if (sizes.some((s) => s < 0)) return n.malformed(`the crops take more than there is of [${whole.join(', ')}]`);
  const starts = [0, ...edges.map(([a]) => a), ...rest.map(() => 0)];
  return moved(n, n.emit('slice', [y], { starts, sizes, steps: sizes.map(() => 1) }));
};

/**
 * Fake quantization: the range is moved so that 0 is on the grid, then reals are rounded to it (Jacob et al. 2018).
 */
const fakeQuant = (n: LayerNode, min: number, max: number): Made => {
  const [bits, narrow] = [wholeOf(n, 'num_bits', 8), flagOf(n, 'narrow_range')];
  if (!(min <= 0 && max >= 0 && max > min && Number.isFinite(max - min)) || bits < 2 || bits > 16)
    return n.malformed(`its range is ${min} to ${max} in ${bits} bits, but one around 0 in 2 to 16 bits is wanted`);
  const [lo, hi] = [narrow ? 1 : 0, 2 ** bits - 1];
  const scale = Math.fround((max - min) / (hi - lo));
  const zero = Math.min(hi, Math.max(lo, Math.round(lo - min / scale)));
  const [least, greatest] = [Math.fround((lo - zero) * scale), Math.fround((hi - zero) * scale)];
  checkReal(n, 0);
  return n.map(0, (x) => {
    const inside = n.emit('clip', [x], { min: least, max: greatest });
    const steps = n.emit('div', [n.emit('sub', [inside, n.scalar(least)], {}), n.scalar(scale)], {});
    const whole = n.emit('floor', [n.emit('add', [steps, n.scalar(0.5)], {})], {});
    return n.emit('add', [n.emit('mul', [whole, n.scalar(scale)], {}), n.scalar(least)], {});
  });
};

/** The range is stored in inputs 1 and 2. */
const fakeQuantVars = (n: LayerNode): Made => {
  const [min, max] = [n.hostNumbers(1, 'the minimum'), n.hostNumbers(2, 'the maximum')];
  const [least, greatest] = [min[0], max[0]];
  if (least === undefined || greatest === undefined) return n.malformed('it has no range');
  const alike = min.every((v) => v === least) && max.every((v) => v === greatest);
  return alike ? fakeQuant(n, least, greatest) : n.refuse('the channels have different ranges');
};

export const spatialRows = {
  ResizeBilinear: one(bilinear),
  ResizeBicubic: one(bicubic),
  ResizeNearestNeighbor: one(nearest),
  SpaceToDepth: one(spaceToDepth),
  DepthToSpace: one(depthToSpace),
  SpaceToBatchND: joinable(spaceToBatch),
  BatchToSpaceND: joinable(batchToSpace),
  SpaceToBatch: one(spaceToBatch),
  BatchToSpace: one(batchToSpace),
  FakeQuantWithMinMaxArgs: one((n) => fakeQuant(n, numberOf(n, 'min', -6), numberOf(n, 'max', 6))),
  FakeQuantWithMinMaxVars: one(fakeQuantVars),
  FakeQuantWithMinMaxVarsPerChannel: one(fakeQuantVars),
} as const satisfies LayerTable;
