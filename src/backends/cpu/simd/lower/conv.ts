import type { FAMILIES, LoweringTable, OpNode, ValueId } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit, Slot } from '../context.ts';
import { TILE_CHANNELS } from '../kernels/gemm.ts';
import { limitTable } from './common.ts';
import { MOST_PAIRS } from '../kernels/wide.ts';
import { planFinish, roundUp, sumFormOf } from './accumulate.ts';
import { convDepthwise, depthwiseStride } from './conv-depthwise.ts';
import { convFloatDirect, convIntDirect, convWideDirect, isDirect } from './conv-direct.ts';
import { convFloatGemm, convIntGemm, convWideGemm } from './conv-gemm.ts';
import { type Plan, planOf } from './conv-plan.ts';
import { convStrassen, isStrassen } from './conv-strassen.ts';
import { convWinograd, winogradForm } from './conv-winograd.ts';

/** Bias of float outputs, zeros where there is none, each group rounded up to a tile. */
const floatBias = (ctx: Context, plan: Plan, bias: ValueId | undefined): Slot => {
  const padded = roundUp(plan.outGroup, TILE_CHANNELS);
  if (bias === undefined) return ctx.table(new Float32Array(plan.groups * padded));
  return ctx.packed([bias], plan.groups * padded * 4, (f, [from], to) => {
    const [target, source] = [f.i32(to.address), f.i32(from?.address ?? 0)];
    f.for(0, plan.groups, 1, () => {
      f.copy(target, source, plan.outGroup * 4);
      f.inc(target, padded * 4);
      f.inc(source, plan.outGroup * 4);
    });
  });
};

const lowerConv = (ctx: Context, node: OpNode<'conv'>): Emit => {
  const [x, w, bias] = node.operands;
  const result = at(node.results, 0);
  if (x === undefined || w === undefined || ctx.count(result) === 0) return () => undefined;
  const plan = planOf(ctx, node);
  limitTable(plan.inner, 'the kernel of one output channel');
  limitTable(plan.positions, 'the output plane');
  const { dtype } = ctx.type(x);
  if (dtype === 'f32') return (isDirect(plan) ? convFloatDirect : convFloatGemm)(ctx, plan, w, floatBias(ctx, plan, bias), result);
  const finish = planFinish(ctx, result, ctx.fusedInto(node), bias, plan.groups, plan.outGroup);
  if (dtype === 'i16') {
    const direct = isDirect(plan) && Math.ceil(plan.inner / 2) <= MOST_PAIRS[sumFormOf(ctx, w)];
    return (direct ? convWideDirect : convWideGemm)(ctx, plan, w, node.attrs.accumulator_shift, finish);
  }
  const access = dtype === 'u8' ? 'u8' : 'i8';
  const form = winogradForm(ctx, plan, w, access);
  if (form !== undefined) return convWinograd(ctx, plan, form, w, access, finish);
  if (isStrassen(ctx, plan, w)) return convStrassen(ctx, plan, w, access, finish);
  const stride = depthwiseStride(plan);
  if (stride !== undefined) return convDepthwise(ctx, plan, w, access, stride, finish);
  return (isDirect(plan) ? convIntDirect : convIntGemm)(ctx, plan, w, access, finish);
};

export const convRows = { conv: lowerConv } satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['conv']>;
