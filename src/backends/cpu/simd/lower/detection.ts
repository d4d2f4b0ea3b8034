import { type FAMILIES, type LoweringTable, type OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit } from '../context.ts';
import { longestFirst, nest } from '../kernels/nest.ts';
import { KEPT_BYTES, nmsKernel } from '../kernels/nms.ts';
import { mergeSortKernel, sortKeysKernel } from '../kernels/sort.ts';
import type { Val } from '../lift.ts';
import { ownPart } from './conv-plan.ts';
import { accessOf, bytesOf, operand, result } from './common.ts';

/** What a box of a class costs, in elements of a pass over memory: it is sorted and compared with others. */
const WORK_OF_BOX = 64;

/** Each class: sorted by score as top_k does it, then one walk that compares with what is kept. Threads take classes or images each. */
const lowerNms = (ctx: Context, node: OpNode<'nms'>): Emit => {
  const [boxes, scores, iou] = [operand(node, 0), operand(node, 1), operand(node, 2)];
  const least = node.operands[3];
  const [tb, ts] = [ctx.type(boxes), ctx.type(scores)];
  const [batch, classes, count] = [at(ts.shape, 0), at(ts.shape, 1), at(ts.shape, 2)];
  const { format, inclusive, max_out: maxOut } = node.attrs;
  const float = tb.dtype === 'f32';
  const most = Math.min(maxOut, count);
  const divided = ctx.divide(ctx.count(scores) * WORK_OF_BOX, Math.max(batch, classes));
  const places = [4 * count, 4 * count, 4 * count, most * KEPT_BYTES(float)].map((bytes) => ctx.temporary(bytes, { each: divided }));
  const [fromBoxes, fromScores, fromIou] = [ctx.use(boxes), ctx.use(scores), ctx.use(iou)];
  const fromLeast = least === undefined ? undefined : ctx.use(least);
  const [indices, counts] = [ctx.use(result(node)), ctx.use(result(node, 1))];
  const access = accessOf(ts);
  const [room, line, image] = [4 * maxOut, count * bytesOf(ts), count * 4 * bytesOf(tb)];
  const strides = [
    [classes * room, room],
    [4 * classes, 4],
    [image, 0],
    [classes * line, line],
  ];
  return (f) => {
    const { f64 } = f.ops;
    const form = { format, inclusive, float, scores: access, filtered: fromLeast !== undefined };
    const [fill, sort, walk] = [sortKeysKernel(ctx.asm, access, true), mergeSortKernel(ctx.asm), nmsKernel(ctx.asm, form)];
    const threshold = f.local(float ? 'f32' : 'f64');
    if (float) f.set(threshold, f.load('f32', fromIou.address));
    else f.set(threshold, f64.max(0, f64.min(65537, f64.convert_s.i32(f.load('i32', fromIou.address)))));
    const limit = f.local(access === 'f32' ? 'f32' : 'i32');
    if (fromLeast !== undefined) f.set(limit, f.load(access, fromLeast.address));
    const [keys = 0, order = 0, spare = 0, kept = 0] = places.map((place) => ownPart(f, ctx, place, divided));
    const each = ([to = 0, number = 0, box = 0, from = 0]: readonly Val[]): void => {
      f.fill(to, 0xff, room);
      f.do(f.call(fill, [keys, order, from, count, bytesOf(ts)]));
      const sorted = f.i32(f.call(sort, [keys, order, spare, count]));
      f.store('i32', number, f.call(walk, [to, sorted, count, box, from, kept, most, threshold, limit]));
    };
    const bases = [indices.address, counts.address, fromBoxes.address, fromScores.address];
    nest(f, longestFirst({ sizes: [batch, classes], strides }), bases, each, divided);
  };
};

export const detectionRows = { nms: lowerNms } satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['detection']>;
