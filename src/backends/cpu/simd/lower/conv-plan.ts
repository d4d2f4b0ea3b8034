import { elementCount, type OpNode } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Asm } from '../asm.ts';
import type { Context, Slot } from '../context.ts';
import type { Fn } from '../fn.ts';
import { type Geometry, geometryOf, planeOf, tapOffsets } from '../geometry.ts';
import { emitPadded, PAD_SLACK } from '../kernels/window.ts';
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
  /** Where the padded image goes, when there is padding. */
  readonly padded: Slot | undefined;
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
    padded: geometry.copies ? ctx.temporary(channels * planeOf(geometry.padded) * elementBytes + PAD_SLACK) : undefined,
    fill: node.attrs.pad_value & 0xff,
  };
};

/** Loops over images (padding each) and groups. @param body - gets the group's input, its first result and its index */
export const forEachGroup = (
  f: Fn,
  asm: Asm,
  plan: Plan,
  y: number,
  resultBytes: number,
  body: (source: Local, to: Local, group: Local) => void,
): void => {
  const image = f.i32(plan.x.address);
  const to = f.i32(y);
  const source = f.local('i32');
  f.for(0, plan.batch, 1, () => {
    if (plan.padded === undefined) f.set(source, image);
    else {
      emitPadded(f, asm, plan.geometry, plan.channels, plan.padded.address, image, plan.elementBytes, { byte: plan.fill });
      f.set(source, plan.padded.address);
    }
    f.for(0, plan.groups, 1, (group) => {
      body(source, to, group);
      f.inc(source, plan.inGroup * planeOf(plan.geometry.padded) * plan.elementBytes);
      f.inc(to, plan.outGroup * plan.positions * resultBytes);
    });
    f.inc(image, plan.channels * planeOf(plan.geometry.input) * plan.elementBytes);
  });
};

/** Byte offset of every inner index relative to a pixel; with `even`, an odd end is doubled: its second weight is 0. */
export const offsetTable = (ctx: Context, plan: Plan, even: boolean): Slot => {
  const offsets = tapOffsets(plan.geometry, plan.inGroup).map((o) => o * plan.elementBytes);
  if (even && offsets.length % 2 === 1) offsets.push(offsets[0] ?? 0);
  return ctx.table(Int32Array.from(offsets));
};
