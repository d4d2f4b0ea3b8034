import type { ValueId } from '../../../../ir/index.ts';
import type { Context, Emit, Slot } from '../context.ts';
import type { Fn } from '../fn.ts';
import { naturalRows, type Rows } from '../geometry.ts';
import { directFloatKernel, directKernel } from '../kernels/direct.ts';
import { EPILOGUE_BYTES, TILE_CHANNELS } from '../kernels/gemm.ts';
import { type PixelStep, pixelStep } from '../kernels/pack.ts';
import { directWideKernel, packRowsKernel } from '../kernels/wide.ts';
import type { Local, Val } from '../lift.ts';
import { type Finish, sumFormOf } from './accumulate.ts';
import { forEachGroup, type Layout, layoutOf, mayDivide, offsetTable, type Plan } from './conv-plan.ts';

/** Groups of few output channels read the input directly: a panel would cost more than it saves. */
export const isDirect = (plan: Plan): boolean => plan.outGroup < TILE_CHANNELS && plan.inGroup < 8;

/** Threads take groups each, where there are several. */
const directLayout = (ctx: Context, plan: Plan): Layout =>
  layoutOf(ctx, plan, plan.groups >= ctx.threads && mayDivide(ctx, plan) ? 'groups' : 'none');

/** Rows of every output channel of a group, one kernel call each. */
const forEachRow = (
  f: Fn,
  plan: Plan,
  rows: Rows,
  rowTable: Slot,
  source: Local,
  to: Local,
  resultBytes: number,
  body: (from: Val, to: Local, channel: Local) => void,
): void => {
  const { i32 } = f.ops;
  const out = f.i32(to);
  f.for(0, plan.outGroup, 1, (channel) => {
    f.for(0, rows.starts.length, 1, (row) => {
      body(i32.add(source, f.load('i32', i32.add(rowTable.address, i32.shl(row, 2)))), out, channel);
      f.inc(out, rows.width * resultBytes);
    });
  });
};

/** A use of the direct kernels of integers. */
interface Direct {
  readonly kernel: (how: PixelStep) => string;
  readonly access: 'i8' | 'i16';
  /** Arguments of the kernel behind the common ones. */
  readonly extra: readonly number[];
}

export const convIntDirect = (ctx: Context, plan: Plan, w: ValueId, access: 'i8' | 'u8', finish: Finish): Emit =>
  emitDirect(ctx, plan, w, finish, { kernel: (how) => directKernel(ctx.asm, access, how, finish.epilogue), access: 'i8', extra: [] });

export const convWideDirect = (ctx: Context, plan: Plan, w: ValueId, shift: number, finish: Finish): Emit =>
  emitDirect(ctx, plan, w, finish, {
    kernel: (how) => directWideKernel(ctx.asm, sumFormOf(ctx, w), how, finish.epilogue),
    access: ctx.type(w).dtype === 'i16' ? 'i16' : 'i8',
    extra: [shift],
  });

const emitDirect = (ctx: Context, plan: Plan, w: ValueId, finish: Finish, { kernel: kernelOf, access, extra }: Direct): Emit => {
  const { asm } = ctx;
  const pairs = Math.ceil(plan.inner / 2);
  const rows = naturalRows(plan.geometry);
  const rowTable = ctx.table(Int32Array.from(rows.starts, (s) => s * plan.elementBytes));
  const offsets = offsetTable(ctx, plan, true);
  const outChannels = plan.groups * plan.outGroup;
  const weights = ctx.packed([w], outChannels * pairs * 4, (f, [from], to) => {
    f.fill(to.address, 0, outChannels * pairs * 4);
    f.do(f.call(packRowsKernel(asm, access), [to.address, from?.address ?? 0, outChannels, plan.inner, pairs * 4]));
  });
  const y = ctx.use(finish.result);
  const layout = directLayout(ctx, plan);
  return (f) => {
    const { i32 } = f.ops;
    const kernel = kernelOf(pixelStep(rows.step));
    forEachGroup(f, ctx, plan, layout, y.address, finish.bytes, (source, to, group) => {
      const groupWeights = f.i32(i32.add(weights.address, i32.mul(group, plan.outGroup * pairs * 4)));
      const table = f.i32(i32.add(finish.table.address, i32.mul(group, TILE_CHANNELS * EPILOGUE_BYTES)));
      forEachRow(f, plan, rows, rowTable, source, to, finish.bytes, (from, cell, channel) => {
        const own = i32.add(groupWeights, i32.mul(channel, pairs * 4));
        const entry = i32.add(table, i32.mul(channel, EPILOGUE_BYTES));
        const rest = [cell, rows.width, rows.step * plan.elementBytes, entry, finish.zero, finish.lo, finish.hi, ...extra];
        f.do(f.call(kernel, [from, offsets.address, own, pairs, ...rest]));
      });
    });
  };
};

export const convFloatDirect = (ctx: Context, plan: Plan, w: ValueId, bias: Slot, result: ValueId): Emit => {
  const { asm } = ctx;
  const rows = naturalRows(plan.geometry);
  const rowTable = ctx.table(Int32Array.from(rows.starts, (s) => s * 4));
  const offsets = offsetTable(ctx, plan, false);
  const weights = ctx.use(w);
  const y = ctx.use(result);
  const layout = directLayout(ctx, plan);
  return (f) => {
    const { i32 } = f.ops;
    const kernel = directFloatKernel(asm, rows.step === 1);
    forEachGroup(f, ctx, plan, layout, y.address, 4, (source, to, group) => {
      const groupWeights = f.i32(i32.add(weights.address, i32.mul(group, plan.outGroup * plan.inner * 4)));
      const groupBias = f.i32(i32.add(bias.address, i32.mul(group, TILE_CHANNELS * 4)));
      forEachRow(f, plan, rows, rowTable, source, to, 4, (from, cell, channel) => {
        const own = i32.add(groupWeights, i32.mul(channel, plan.inner * 4));
        const entry = i32.add(groupBias, i32.shl(channel, 2));
        f.do(f.call(kernel, [from, offsets.address, own, plan.inner, cell, rows.width, rows.step * 4, entry]));
      });
    });
  };
};
