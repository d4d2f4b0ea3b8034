import { elementCount, type FAMILIES, type LoweringTable, type OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit } from '../context.ts';
import { KEPT_BYTES, nmsKernel } from '../kernels/nms.ts';
import { mergeSortKernel, sortKeysKernel } from '../kernels/sort.ts';
import { accessOf, bytesOf, operand, result } from './common.ts';

/** Each class: sorted by score as top_k does it, then one walk that compares with what is kept. */
const lowerNms = (ctx: Context, node: OpNode<'nms'>): Emit => {
  const [boxes, scores, iou] = [operand(node, 0), operand(node, 1), operand(node, 2)];
  const least = node.operands[3];
  const [tb, ts] = [ctx.type(boxes), ctx.type(scores)];
  const [batch, classes, count] = [at(ts.shape, 0), at(ts.shape, 1), at(ts.shape, 2)];
  const { format, inclusive, max_out: maxOut } = node.attrs;
  const float = tb.dtype === 'f32';
  const most = Math.min(maxOut, count);
  const [keys, order, spare] = [ctx.temporary(4 * count), ctx.temporary(4 * count), ctx.temporary(4 * count)];
  const kept = ctx.temporary(most * KEPT_BYTES(float));
  const [fromBoxes, fromScores, fromIou] = [ctx.use(boxes), ctx.use(scores), ctx.use(iou)];
  const fromLeast = least === undefined ? undefined : ctx.use(least);
  const [indices, counts] = [ctx.use(result(node)), ctx.use(result(node, 1))];
  const access = accessOf(ts);
  return (f) => {
    const { i32, f64 } = f.ops;
    const form = { format, inclusive, float, scores: access, filtered: fromLeast !== undefined };
    const [fill, sort, walk] = [sortKeysKernel(ctx.asm, access, true), mergeSortKernel(ctx.asm), nmsKernel(ctx.asm, form)];
    const threshold = f.local(float ? 'f32' : 'f64');
    if (float) f.set(threshold, f.load('f32', fromIou.address));
    else f.set(threshold, f64.max(0, f64.min(65537, f64.convert_s.i32(f.load('i32', fromIou.address)))));
    const limit = f.local(access === 'f32' ? 'f32' : 'i32');
    if (fromLeast !== undefined) f.set(limit, f.load(access, fromLeast.address));
    f.fill(indices.address, 0xff, elementCount([batch, classes, maxOut]) * 4);
    const [image, from, to, number] = [f.i32(fromBoxes.address), f.i32(fromScores.address), f.i32(indices.address), f.i32(counts.address)];
    f.for(0, batch, 1, () => {
      f.for(0, classes, 1, () => {
        f.do(f.call(fill, [keys.address, order.address, from, count, bytesOf(ts)]));
        const sorted = f.i32(f.call(sort, [keys.address, order.address, spare.address, count]));
        f.store('i32', number, f.call(walk, [to, sorted, count, image, from, kept.address, most, threshold, limit]));
        f.inc(from, count * bytesOf(ts));
        f.set(to, i32.add(to, 4 * maxOut));
        f.inc(number, 4);
      });
      f.inc(image, count * 4 * bytesOf(tb));
    });
  };
};

export const detectionRows = { nms: lowerNms } satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['detection']>;
