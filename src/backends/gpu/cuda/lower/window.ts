import { elementCount, type OpNode, type ValueId } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context } from '../../../cpu/simd/index.ts';
import { geometryOf, planeOf } from '../../../cpu/simd/geometry.ts';
import { axisOf } from '../../../cpu/simd/lower/common.ts';
import { type Facts, MOST_BLOCKS } from './conv.ts';
import { imageOf } from './images.ts';
import { launchOver } from './launches.ts';
import { nameOf, type Shared } from './products.ts';
import { structure, triple, windowFields } from './structure.ts';

type PoolNode = OpNode<'max_pool'> | OpNode<'average_pool'>;

/** Channels of a thread, at least. */
const WIDTH = 4;
/** With more results than this, threads do sixteen channels each: there are enough of them then. */
const MANY = 2 ** 21;
/** Sums of bytes are int32, and the window is a loop that is unrolled in part. */
const MOST_CELLS = 2 ** 16;
const MOST_COUNT = 2 ** 30;

const isImage = (facts: Facts, node: OpNode): boolean => {
  const { dtype, shape } = facts.type(at(node.operands, 0));
  const count = elementCount(shape);
  return dtype === 'i8' && shape.length > 2 && at(shape, 1) % WIDTH === 0 && count > 0 && count < MOST_COUNT && at(shape, 0) <= MOST_BLOCKS;
};

export const isFastPool = (facts: Facts, node: PoolNode): boolean => {
  const y = elementCount(facts.type(at(node.results, 0)).shape);
  return isImage(facts, node) && elementCount(node.attrs.kernel) <= MOST_CELLS && y > 0 && y < MOST_COUNT;
};

/** Whether an image lies as these kernels read it. */
const lies = ({ layouts }: Shared, value: ValueId): boolean => layouts.isLast(value) || layouts.isEither(value);

/** @returns whether a kernel does it */
export const launchPool = (ctx: Context, shared: Shared, facts: Facts, node: PoolNode): boolean => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  if (!isFastPool(facts, node)) return false;
  const [tx, ty] = [facts.type(x), facts.type(y)];
  const g = geometryOf(tx.shape.slice(2), ty.shape.slice(2), node.attrs.kernel, node.attrs);
  const [batch = 0, channels = 0] = tx.shape;
  const spatial = tx.shape.length - 2;
  const image = imageOf(ctx, shared.layouts, { x, batch, channels, groups: 1, geometry: g, pad: 0 }, nameOf(node));
  const end = [0, 1, 2].map((d) => at(g.input, d) + (d < 3 - spatial ? 0 : (node.attrs.pads[2 * spatial - 3 + d] ?? 0)));
  const average = node.op === 'average_pool' ? { include_pad: node.attrs.include_pad, pad: node.attrs.pad_value } : {};
  const results = batch * planeOf(g.output) * channels;
  const part = shared.parts.get(y) ?? { pitch: channels, first: 0 };
  const width = results > MANY && [channels, part.pitch, part.first].every((n) => n % 16 === 0) ? 16 : WIDTH;
  ctx.launch(
    launchOver(results / width, 'cxg_window.cuh', (n) => `cxg_${node.op}<${n}, ${width}>(e);`, nameOf(node), {
      batch,
      channels,
      ...windowFields(g, g),
      ...triple('end', [at(end, 0), at(end, 1), at(end, 2)]),
      pitch: channels,
      outside: g.copies,
      ...average,
      x: image.slot,
      y: ctx.use(y),
      y_last: lies(shared, y),
      y_pitch: part.pitch,
      y_first: part.first,
    }),
  );
  return true;
};

/** Sums of bytes over all positions, as means of whole images are lowered. */
export const isFastSum = (facts: Facts, node: OpNode<'reduce_sum'>): boolean => {
  if (!isImage(facts, node)) return false;
  const rank = facts.type(at(node.operands, 0)).shape.length;
  const axes = new Set(node.attrs.axes.map((a) => axisOf(a, rank)));
  return axes.size === rank - 2 && [...axes].every((a) => a >= 2);
};

export const launchSum = (ctx: Context, shared: Shared, facts: Facts, node: OpNode<'reduce_sum'>): boolean => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  if (!isFastSum(facts, node) || !lies(shared, x)) return false;
  const { shape } = facts.type(x);
  const [batch = 0, channels = 0] = shape;
  const name = nameOf(node);
  const [from, to] = [ctx.use(x), ctx.use(y)];
  ctx.launch({
    body: () => `cxg_position_sums<${name}>(e);`,
    declarations: () => [structure(name, { channels, positions: elementCount(shape.slice(2)), x: from, y: to })],
    headers: ['cxg_window.cuh'],
    grid: [Math.ceil(channels / 128), batch, 1],
    block: 128,
    sharedBytes: 2048,
  });
  return true;
};
