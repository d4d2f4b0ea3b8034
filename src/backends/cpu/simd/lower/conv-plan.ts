import { elementCount, type OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { type Context, MACS_PER_ELEMENT, type Slot } from '../context.ts';
import type { Fn } from '../fn.ts';
import { type Geometry, geometryOf, planeOf, tapOffsets } from '../geometry.ts';
import { type Share, shareOf, wholeOf } from '../kernels/share.ts';
import { emitPadded, emitPaddedRows, PAD_SLACK, type RowRange } from '../kernels/window.ts';
import type { Local } from '../lift.ts';

/** Everything about a conv that its dtype does not change. */
export interface Plan {
  readonly geometry: Geometry;
  readonly batch: number;
  readonly channels: number;
  readonly groups: number;
  /** Input and output channels of a group. */
  readonly inGroup: number;
  readonly outGroup: number;
  /** Products per output element. */
  readonly inner: number;
  readonly positions: number;
  readonly elementBytes: 1 | 2 | 4;
  readonly x: Slot;
  /** Byte that padding holds. */
  readonly fill: number;
}

export const planOf = (ctx: Context, node: OpNode<'conv'>): Plan => {
  const [x, w] = [ctx.type(at(node.operands, 0)), ctx.type(at(node.operands, 1))];
  const y = ctx.type(at(node.results, 0));
  const geometry = geometryOf(x.shape.slice(2), y.shape.slice(2), w.shape.slice(2), node.attrs);
  const { groups } = node.attrs;
  const channels = at(x.shape, 1);
  const elementBytes = x.dtype === 'f32' ? 4 : x.dtype === 'i16' ? 2 : 1;
  return {
    geometry,
    batch: at(x.shape, 0),
    channels,
    groups,
    inGroup: at(w.shape, 1),
    outGroup: at(w.shape, 0) / groups,
    inner: elementCount(w.shape.slice(1)),
    positions: planeOf(geometry.output),
    elementBytes,
    x: ctx.use(at(node.operands, 0)),
    fill: node.attrs.pad_value & 0xff,
  };
};

/** What the threads take a share of each: groups, rows of the output, or output channels of each group. */
export type Division = 'none' | 'groups' | 'rows' | 'channels';

/** Whether a conv is worth sharing; then the step in the making is. */
export const mayDivide = (ctx: Context, plan: Plan): boolean =>
  ctx.divide((plan.batch * plan.groups * plan.outGroup * plan.positions * plan.inner) / MACS_PER_ELEMENT);

/** How the work of a conv lies in memory and among threads. */
export interface Layout {
  readonly division: Division;
  /** Where the padded image goes, when there is padding: one place, or one for each thread where several read the same channels. */
  readonly padded: Slot | undefined;
}

export const layoutOf = (ctx: Context, plan: Plan, division: Division): Layout => {
  const bytes = plan.channels * planeOf(plan.geometry.padded) * plan.elementBytes;
  // threads that pad groups in one place keep apart: what they write runs over its end
  const slack = PAD_SLACK * (division === 'groups' ? ctx.threads : 1);
  const each = division === 'rows' || division === 'channels';
  return { division, padded: plan.geometry.copies ? ctx.temporary(bytes + slack, { each }) : undefined };
};

/** The calling thread's part of a place that has one for each. */
export const ownPart = (f: Fn, ctx: Context, slot: Slot, each: boolean): Local =>
  f.i32(each ? f.ops.i32.add(slot.address, f.ops.i32.mul(f.arg(0), slot.bytes / ctx.threads)) : slot.address);

/** Padded rows that output rows [first, end) read; all of them with three dimensions. */
const rowsRead = (f: Fn, g: Geometry, rows: Share): RowRange => {
  const { i32 } = f.ops;
  const window = (g.kernel[1] - 1) * g.dilation[1] + 1 - g.stride[1];
  return { first: i32.mul(rows.first, g.stride[1]), count: i32.add(i32.mul(i32.sub(rows.end, rows.first), g.stride[1]), window) };
};

/**
 * Loops over images (padding what the thread reads of each) and groups.
 * @param rows - output rows that the thread computes, when they are divided
 * @param body - gets the group's input, its first result and its index
 */
export const forEachGroup = (
  f: Fn,
  ctx: Context,
  plan: Plan,
  layout: Layout,
  y: number,
  resultBytes: number,
  body: (source: Local, to: Local, group: Local) => void,
  rows?: Share,
): void => {
  const { i32 } = f.ops;
  const { geometry: g, elementBytes, inGroup, groups, channels } = plan;
  const { division, padded } = layout;
  const own = division === 'groups' ? shareOf(f, groups) : wholeOf(f, groups);
  const [image, result] = [f.i32(plan.x.address), f.i32(y)];
  const [source, to, base] = [f.local('i32'), f.local('i32'), f.local('i32')];
  const inBytes = inGroup * planeOf(g.padded) * elementBytes;
  if (padded !== undefined) {
    f.set(base, ownPart(f, ctx, padded, division === 'rows' || division === 'channels'));
    if (division === 'groups') f.inc(base, i32.mul(f.arg(0), PAD_SLACK));
  }
  f.for(0, plan.batch, 1, () => {
    if (padded === undefined) f.set(base, image);
    else if (g.padded[0] === 1) {
      const word = (plan.fill * 0x01010101) | 0;
      const range = rows === undefined ? undefined : rowsRead(f, g, rows);
      const planes = i32.mul(i32.sub(own.end, own.first), inGroup);
      const [target, from] = [i32.mul(own.first, inBytes), i32.mul(own.first, inGroup * planeOf(g.input) * elementBytes)];
      emitPaddedRows(f, ctx.asm, g, planes, i32.add(base, target), i32.add(image, from), elementBytes, word, range);
    } else {
      const planes = { first: f.i32(i32.mul(own.first, inGroup)), end: f.i32(i32.mul(own.end, inGroup)) };
      emitPadded(f, ctx.asm, g, channels, base, image, elementBytes, { byte: plan.fill }, planes);
    }
    f.set(source, i32.add(base, i32.mul(own.first, inBytes)));
    f.set(to, i32.add(result, i32.mul(own.first, plan.outGroup * plan.positions * resultBytes)));
    const group = f.i32(own.first);
    f.while(
      () => i32.lt_u(group, own.end),
      () => {
        body(source, to, group);
        f.inc(source, inBytes);
        f.inc(to, plan.outGroup * plan.positions * resultBytes);
        f.inc(group, 1);
      },
    );
    f.inc(image, channels * planeOf(g.input) * elementBytes);
    f.inc(result, groups * plan.outGroup * plan.positions * resultBytes);
  });
};

/** Byte offset of every inner index relative to a pixel; with `even`, an odd end is doubled: its second weight is 0. */
export const offsetTable = (ctx: Context, plan: Plan, even: boolean): Slot => {
  const offsets = tapOffsets(plan.geometry, plan.inGroup).map((o) => o * plan.elementBytes);
  if (even && offsets.length % 2 === 1) offsets.push(offsets[0] ?? 0);
  return ctx.table(Int32Array.from(offsets));
};
