import type { ValueId } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { FusedRescale } from '../../../plan/index.ts';
import type { Context, Slot } from '../context.ts';
import { MOST_ZERO } from '../kernels/bytes.ts';
import { type Epilogue, EPILOGUE_BYTES, TILE_CHANNELS } from '../kernels/gemm.ts';
import { packTableKernel } from '../kernels/pack.ts';
import type { RescaleForm } from '../kernels/rescale.ts';
import type { SumForm } from '../kernels/wide.ts';

/** The int32-only form needs M < 2^15 and 17 <= s <= 47 throughout; data of parameters is known here. */
export const rescaleForm = (ctx: Context, multiplier: ValueId, shift: ValueId): RescaleForm => {
  const m = ctx.paramData(multiplier);
  const s = ctx.paramData(shift);
  if (m === undefined || s === undefined) return 'wide';
  return m.data.every((v) => v >= 0 && v < 2 ** 15) && s.data.every((v) => v >= 17 && v <= 47) ? 'narrow' : 'wide';
};

/** How the i16 products with these weights are summed: by what is known of them. */
export const sumFormOf = (ctx: Context, w: ValueId): SumForm => {
  if (ctx.type(w).dtype !== 'i16') return 'plain';
  return ctx.paramData(w)?.data.every((v) => v > -32768) === true ? 'split' : 'careful';
};

/** What happens to the accumulators of a conv or dense: stored as int32, or rescaled by the fused node. */
export interface Finish {
  readonly epilogue: Epilogue;
  /** Epilogue table: per group, its channels rounded up to a tile. */
  readonly table: Slot;
  readonly zero: number;
  readonly lo: number;
  readonly hi: number;
  readonly result: ValueId;
  /** Bytes of a result element. */
  readonly bytes: 1 | 2 | 4;
}

export const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

/** Plans the end of an int32 accumulation over `groups` groups of `perGroup` output channels. */
export const planFinish = (
  ctx: Context,
  result: ValueId,
  fused: FusedRescale | undefined,
  bias: ValueId | undefined,
  groups: number,
  perGroup: number,
): Finish => {
  const padded = roundUp(perGroup, TILE_CHANNELS);
  const sources: ValueId[] = [];
  if (bias !== undefined) sources.push(bias);
  if (fused !== undefined) sources.push(at(fused.operands, 1), at(fused.operands, 2));
  const step = fused !== undefined && ctx.count(at(fused.operands, 1)) > 1 ? 4 : 0;
  const minus = fused?.attrs.input_zero ?? 0;
  const table = ctx.packed(sources, Math.max(groups, 1) * padded * EPILOGUE_BYTES + 64, (f, from, to) => {
    const [biasAt, multiplier, shift] = [bias, fused?.operands[1], fused?.operands[2]].map((v) =>
      f.i32(v === undefined ? 0 : (from[sources.indexOf(v)]?.address ?? 0)),
    );
    const target = f.i32(to.address);
    f.for(0, groups, 1, () => {
      f.do(f.call(packTableKernel(ctx.asm), [target, biasAt ?? 0, multiplier ?? 0, shift ?? 0, step, minus, perGroup]));
      f.inc(target, padded * EPILOGUE_BYTES);
      if (bias !== undefined) f.inc(biasAt ?? target, perGroup * 4);
      if (step > 0) for (const p of [multiplier, shift]) f.inc(p ?? target, perGroup * 4);
    });
  });
  if (fused === undefined) return { epilogue: 'i32', table, zero: 0, lo: 0, hi: 0, result, bytes: 4 };
  const { output_zero: zero, lo, hi } = fused.attrs;
  const wide = fused.attrs.dtype === 'i16';
  const narrow = Math.abs(zero) <= MOST_ZERO ? rescaleForm(ctx, at(fused.operands, 1), at(fused.operands, 2)) : 'wide';
  return {
    epilogue: wide ? 'wide16' : narrow,
    table,
    zero,
    lo,
    hi,
    result: at(fused.results, 0),
    bytes: wide ? 2 : 1,
  };
};
