import {
  EXP2_TABLE,
  elementCount,
  type FAMILIES,
  LOG2_TABLE,
  type LoweringTable,
  type OpNode,
  phaseFactor,
  SIN_TABLE,
  softmaxScale,
  type ValueId,
} from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit, Slot } from '../context.ts';
import type { Fn } from '../fn.ts';
import { exp2Kernel, expExponent, isqrtKernel, powFixedKernel, rshr64, sinKernel } from '../kernels/fixed.ts';
import { normalizeKernel, softmaxFixedKernel } from '../kernels/fixed-norm.ts';
import { emitMap, type MapSpec } from '../kernels/map.ts';
import { broadcastStrides, longestFirst, nest } from '../kernels/nest.ts';
import type { Ex, Local, Val } from '../lift.ts';
import { ownPart } from './conv-plan.ts';
import { accessOf, axisOf, bytesOf, lowerMap, operand, result } from './common.ts';

/** What an element of a normalization costs, in elements of a pass over memory. */
const WORK_OF_ELEMENT = 16;

const expTable = (ctx: Context): Slot => ctx.table(new Int32Array(EXP2_TABLE));

/** A function of one int32 that reads one table. */
const lowerUnary = (ctx: Context, node: OpNode, name: string, table: Slot, scalar: (f: Fn, x: Local, table: Local) => Ex): Emit =>
  lowerMap(
    ctx,
    node,
    {
      name,
      inputs: ['i32'],
      output: 'i32',
      extra: ['i32'],
      scalar: (f, xs, extra) => scalar(f, at(xs, 0), at(extra, 0)),
    },
    () => [table.address],
  );

const lowerExp2 = (ctx: Context, node: OpNode<'exp2_fixed'>): Emit => {
  const { fraction, result_fraction: scale } = node.attrs;
  const kernel = exp2Kernel(ctx.asm);
  return lowerUnary(ctx, node, `exp2_fixed_${fraction}_${scale}`, expTable(ctx), (f, x, table) => {
    const { i64 } = f.ops;
    const wide = i64.extend_s(x);
    return f.call(kernel, [fraction <= 16 ? i64.shl(wide, 16 - fraction) : rshr64(f, wide, fraction - 16), scale, table]);
  });
};

const lowerExp = (ctx: Context, node: OpNode<'exp_fixed'>): Emit => {
  const { fraction, result_fraction: scale } = node.attrs;
  const kernel = exp2Kernel(ctx.asm);
  return lowerUnary(ctx, node, `exp_fixed_${fraction}_${scale}`, expTable(ctx), (f, x, table) =>
    f.call(kernel, [expExponent(f, x, fraction), scale, table]),
  );
};

/** Phase (x high + floor(x low / 2^16)) mod 2^32, and a turn of it. */
const lowerSine =
  (turn: number) =>
  (ctx: Context, node: OpNode<'sin_fixed' | 'cos_fixed'>): Emit => {
    const { high, low } = phaseFactor(node.attrs.fraction);
    const kernel = sinKernel(ctx.asm);
    return lowerUnary(ctx, node, `${node.op}_${node.attrs.fraction}`, ctx.table(SIN_TABLE), (f, x, table) => {
      const { i32, i64 } = f.ops;
      const rest = i32.wrap(i64.shr_s(i64.mul(i64.extend_s(x), low), 16));
      return f.call(kernel, [i32.add(i32.add(i32.mul(x, high), rest), turn), table]);
    });
  };

const lowerIsqrt = (ctx: Context, node: OpNode<'isqrt'>): Emit => {
  const { fraction } = node.attrs;
  const kernel = isqrtKernel(ctx.asm);
  return lowerMap(ctx, node, {
    name: `isqrt_${fraction}`,
    inputs: ['i32'],
    output: 'i32',
    scalar: (f, [x = 0]) => {
      const { i32, i64 } = f.ops;
      const positive = f.select(i32.gt_s(x, 0), x, 0);
      return i32.wrap(f.call(kernel, [i64.shl(i64.extend_u(positive), fraction)]));
    },
  });
};

const lowerPow = (ctx: Context, node: OpNode<'pow_fixed'>): Emit => {
  const { fraction, exponent_fraction: exponent } = node.attrs;
  const kernel = powFixedKernel(ctx.asm);
  const [logs, exps] = [ctx.table(LOG2_TABLE), expTable(ctx)];
  return lowerMap(
    ctx,
    node,
    {
      name: 'pow_fixed',
      inputs: ['i32', 'i32'],
      output: 'i32',
      extra: ['i32', 'i32', 'i32', 'i32'],
      scalar: (f, xs, extra) => f.call(kernel, [...xs, ...extra]),
    },
    () => [fraction, exponent, logs.address, exps.address],
  );
};

/** Threads take lines each. */
const lowerSoftmax = (ctx: Context, node: OpNode<'softmax_fixed'>): Emit => {
  const [x, y] = [operand(node, 0), result(node)];
  const [tx, ty] = [ctx.type(x), ctx.type(y)];
  const axis = axisOf(node.attrs.axis, tx.shape.length);
  const n = at(tx.shape, axis);
  const outer = elementCount(tx.shape.slice(0, axis));
  const inner = elementCount(tx.shape.slice(axis + 1));
  const { multiplier, shift, bits, output_zero: zero } = node.attrs;
  const sizes = [bytesOf(ty), bytesOf(tx)];
  const divided = ctx.divide(ctx.count(x) * WORK_OF_ELEMENT, Math.max(outer, inner));
  const [table, scratch] = [expTable(ctx), ctx.temporary(n * 4, { each: divided })];
  const [from, to] = [ctx.use(x), ctx.use(y)];
  return (f) => {
    if (ctx.count(x) === 0) return;
    const kernel = softmaxFixedKernel(ctx.asm, accessOf(tx), accessOf(ty));
    const steps = sizes.map((b) => b * inner);
    const axes = longestFirst({ sizes: [outer, inner], strides: sizes.map((b) => [n * inner * b, b]) });
    const own = ownPart(f, ctx, scratch, divided);
    const each = (pointers: readonly Val[]): void =>
      f.do(f.call(kernel, [...pointers, n, ...steps, multiplier, shift, softmaxScale(n), bits, zero, table.address, own]));
    nest(f, axes, [to.address, from.address], each, divided);
  };
};

/** y = clamp(rshr(z gain + bias, shift) + zero, lo, hi); the sum has 40 bits. */
const scaleSpec = (node: OpNode<'layer_norm_fixed'>, output: MapSpec['output']): MapSpec => {
  const { shift, output_zero: zero, lo, hi } = node.attrs;
  return {
    name: `scale_fixed_${shift}`,
    inputs: ['i32', 'i16', 'i32'],
    output,
    extra: ['i64', 'i64', 'i64'],
    scalar: (f, [z = 0, gain = 0, bias = 0], [zeroL = zero, loL = lo, hiL = hi]) => {
      const { i32, i64 } = f.ops;
      const sum = i64.add(i64.mul(i64.extend_s(z), i64.extend_s(gain)), i64.extend_s(bias));
      const y = f.let('i64', i64.add(rshr64(f, sum, shift), zeroL));
      return i32.wrap(f.select(i64.lt_s(y, loL), loL, f.select(i64.gt_s(y, hiL), hiL, y, 'i64'), 'i64'));
    },
  };
};

/** The shape of an operand that broadcasts to one of rank `rank`, with `axis` seen as groups of equal parts. */
const inGroups = (shape: readonly number[], rank: number, axis: number, groups: number): readonly number[] => {
  const whole = [...new Array<number>(rank - shape.length).fill(1), ...shape];
  const size = at(whole, axis);
  return [...whole.slice(0, axis), ...(size === 1 ? [1, 1] : [groups, size / groups]), ...whole.slice(axis + 1)];
};

/** Group by group: z as int32, then gain and bias element by element. Threads take groups each. */
const lowerLayerNorm = (ctx: Context, node: OpNode<'layer_norm_fixed'>): Emit => {
  const [x, y] = [operand(node, 0), result(node)];
  const [type, ty] = [ctx.type(x), ctx.type(y)];
  const { groups, center, input_zero: zero, epsilon, epsilon_shift: by } = node.attrs;
  const axis = axisOf(node.attrs.axis, type.shape.length);
  const shapeOf = (v: ValueId): readonly number[] => inGroups(ctx.type(v).shape, type.shape.length, axis, groups);
  const shape = shapeOf(x);
  const [sizes, own] = [shape.slice(0, axis + 1), shape.slice(axis + 1)];
  const n = elementCount(own);
  const divided = ctx.divide(ctx.count(x) * WORK_OF_ELEMENT, Math.max(...sizes));
  const z = ctx.temporary(n * 4, { each: divided });
  const factors = [operand(node, 1), operand(node, 2)];
  const places = [y, x, ...factors].map((v) => ({ slot: ctx.use(v), bytes: bytesOf(ctx.type(v)), shape: shapeOf(v) }));
  const strides = places.map((p) => broadcastStrides(p.shape, shape, p.bytes).slice(0, axis + 1));
  return (f) => {
    if (ctx.count(x) === 0) return;
    const { i64 } = f.ops;
    const kernel = normalizeKernel(ctx.asm, accessOf(type), bytesOf(type));
    const [eps, line] = [f.let('i64', epsilon * 2 ** by), ownPart(f, ctx, z, divided)];
    const wide = (v: number) => i64.extend_s(f.i32(v));
    const each = ([to = 0, from = 0, ...rest]: readonly Val[]): void => {
      f.do(f.call(kernel, [line, from, n, center ? 1 : 0, zero, eps]));
      const operands = rest.map((address, i) => ({ address, shape: (places[i + 2]?.shape ?? []).slice(axis + 1) }));
      emitMap(f, ctx.asm, scaleSpec(node, accessOf(ty)), { address: to, shape: own }, [{ address: line, shape: own }, ...operands], () => [
        wide(node.attrs.output_zero),
        wide(node.attrs.lo),
        wide(node.attrs.hi),
      ]);
    };
    const bases = places.map((p) => p.slot.address);
    nest(f, longestFirst({ sizes, strides }), bases, each, divided);
  };
};

export const fixedRows = {
  exp2_fixed: lowerExp2,
  exp_fixed: lowerExp,
  sin_fixed: lowerSine(0),
  cos_fixed: lowerSine(2 ** 30),
  isqrt: lowerIsqrt,
  pow_fixed: lowerPow,
  softmax_fixed: lowerSoftmax,
  layer_norm_fixed: lowerLayerNorm,
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['fixed']>;
