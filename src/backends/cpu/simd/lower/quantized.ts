import { DTYPE_INFO, elementCount, type FAMILIES, LOG2_TABLE, type LoweringTable, type OpNode, unsupported } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit } from '../context.ts';
import type { Access, Fn } from '../fn.ts';
import { emitMap, type MapSpec } from '../kernels/map.ts';
import { type Axes, nestRows } from '../kernels/nest.ts';
import { rescaleKernel, tableKernel } from '../kernels/quantize.ts';
import type { Ex, Local, Val } from '../lift.ts';
import { factorLocals, loadFactors, type RescaleForm, rescaleScalar, rescaleVector } from '../kernels/rescale.ts';
import { rescaleForm } from './accumulate.ts';
import { ACCESS, accessOf, lowerMap, operand, result } from './common.ts';

/** NaN ends as `zero`: trunc_sat gives 0. Far values are clamped before zero is added, so that the sum cannot wrap. */
const lowerQuantize = (ctx: Context, node: OpNode<'quantize'>): Emit =>
  lowerMap(
    ctx,
    node,
    {
      name: 'quantize',
      inputs: ['f32'],
      output: 'i8',
      extra: ['f32', 'i32'],
      scalar: (f, [x = 0], [inverse = 0, zero = 0]) => {
        const { f32, i32 } = f.ops;
        const v = f32.floor(f32.add(f32.mul(x, inverse), 0.5));
        const q = f.i32(i32.add(i32.trunc_s_sat.f32(f32.min(f32.max(v, -1024), 1024)), zero));
        return f.select(i32.lt_s(q, -128), -128, f.select(i32.gt_s(q, 127), 127, q));
      },
    },
    (f) => [f.f32c(node.attrs.inverse_scale), node.attrs.zero],
  );

const lowerDequantize = (ctx: Context, node: OpNode<'dequantize'>): Emit =>
  lowerMap(
    ctx,
    node,
    {
      name: 'dequantize',
      inputs: [accessOf(ctx.type(operand(node, 0)))],
      output: 'f32',
      extra: ['f64', 'f32'],
      scalar: (f, [x = f.i32(0)], [zero = 0, scale = 0]) => {
        const { f32, f64 } = f.ops;
        return f32.mul(f32.demote(f64.sub(f64.convert_s.i32(x), zero)), scale);
      },
    },
    (f) => [f.f64c(node.attrs.zero), f.f32c(node.attrs.scale)],
  );

const lowerCast = (ctx: Context, node: OpNode<'cast'>): Emit => {
  const [from, to] = [ctx.type(operand(node, 0)).dtype, node.attrs.dtype];
  const { lo, hi } = DTYPE_INFO[to];
  const scalar = (f: Fn, x: Local): Val => {
    const { f32, i32 } = f.ops;
    if (to === 'f32') return from === 'f32' ? x : f32.convert_s.i32(x);
    if (to === 'bool') return from === 'f32' ? f32.ne(x, 0) : i32.ne(x, 0);
    const v = f.i32(from === 'f32' ? i32.trunc_s_sat.f32(x) : x);
    return to === 'i32' ? v : f.select(i32.lt_s(v, lo), lo, f.select(i32.gt_s(v, hi), hi, v));
  };
  return lowerMap(ctx, node, {
    name: `cast_${from}_${to}`,
    inputs: [ACCESS[from]],
    output: ACCESS[to],
    scalar: (f, [x]) => (x === undefined ? 0 : scalar(f, x)),
  });
};

/** A walk over rows of channels: pointers of the result and of the operand, and of what each channel has of its own. */
const channelAxes = (outer: number, channels: number, inner: number, steps: readonly number[], own: number): Axes => {
  const strides = [...steps.map((s) => [s * inner * channels, s * inner, s]), [0, own, 0]];
  return outer === 1 ? { sizes: [channels, inner], strides: strides.map((s) => s.slice(1)) } : { sizes: [outer, channels, inner], strides };
};

const lowerRescale = (ctx: Context, node: OpNode<'rescale'>): Emit => {
  const [x, m, s, y] = [operand(node, 0), operand(node, 1), operand(node, 2), result(node)];
  const [tx, ty] = [ctx.type(x), ctx.type(y)];
  const channels = ctx.count(m);
  const shared = channels === 1;
  const total = ctx.count(x);
  const inner = shared ? total : elementCount(tx.shape.slice(2));
  const outer = shared ? 1 : at(tx.shape, 0);
  const [from, multiplier, shift, to] = [ctx.use(x), ctx.use(m), ctx.use(s), ctx.use(y)];
  const { input_zero: inputZero, output_zero: zero, lo, hi } = node.attrs;
  const steps = [DTYPE_INFO[ty.dtype].bytes, DTYPE_INFO[tx.dtype].bytes];
  const divided = ctx.divide(total);
  return (f) => {
    const { i32 } = f.ops;
    const kernel = rescaleKernel(ctx.asm, accessOf(tx), accessOf(ty), rescaleForm(ctx, m, s));
    const axes = channelAxes(outer, channels, inner, steps, 4);
    const bases = [to.address, from.address, 0];
    const row = ([target, source, c]: readonly Local[], count: Val): void => {
      const factor = (at: number): Ex => f.load('i32', i32.add(at, c ?? 0));
      const factors = [factor(multiplier.address), factor(shift.address)];
      f.do(f.call(kernel, [target ?? 0, source ?? 0, count, ...factors, inputZero, zero, lo, hi]));
    };
    nestRows(f, axes, bases, row, divided);
  };
};

/** y = rshr((T[i] << 7) + (T[i + 1] - T[i]) f, 7): |y23| < 2^23, so int32 does. */
const lowerWideTable = (ctx: Context, node: OpNode<'table'>): Emit => {
  const table = ctx.use(operand(node, 1));
  const [from, to] = [ctx.use(operand(node, 0)), ctx.use(result(node))];
  const { shape } = ctx.type(result(node));
  const spec: MapSpec = {
    name: 'table16',
    inputs: ['i16'],
    output: 'i16',
    extra: ['i32'],
    scalar: (f, [x = 0], [t = 0]) => {
      const { i32 } = f.ops;
      const entry = f.i32(i32.add(t, i32.shl(i32.shr_s(i32.add(x, 32768), 7), 1)));
      const low = f.i32(f.load('i16', entry));
      const slope = i32.mul(i32.sub(f.load('i16', entry, 2), low), i32.and(x, 127));
      return i32.shr_s(i32.add(i32.add(i32.shl(low, 7), slope), 64), 7);
    },
  };
  const divided = ctx.divide(ctx.count(result(node)));
  return (f) =>
    emitMap(f, ctx.asm, spec, { address: to.address, shape }, [{ address: from.address, shape }], () => [table.address], divided);
};

const lowerTable = (ctx: Context, node: OpNode<'table'>): Emit => {
  const [x, t, y] = [operand(node, 0), operand(node, 1), result(node)];
  const [tx, tt] = [ctx.type(x), ctx.type(t)];
  if (tx.dtype === 'i16') return lowerWideTable(ctx, node);
  const bytes = DTYPE_INFO[tt.dtype].bytes;
  const shared = tt.shape.length === 1;
  const [outer, channels] = shared ? [1, 1] : [at(tx.shape, 0), at(tx.shape, 1)];
  const inner = shared ? ctx.count(x) : elementCount(tx.shape.slice(2));
  const [from, table, to] = [ctx.use(x), ctx.use(t), ctx.use(y)];
  const offset = tx.dtype === 'i8' ? 128 * bytes : 0;
  const divided = ctx.divide(ctx.count(x));
  return (f) => {
    const kernel = tableKernel(ctx.asm, tx.dtype === 'i8' ? 'i8' : 'u8', accessOf(tt));
    const axes = channelAxes(outer, channels, inner, [bytes, 1], 256 * bytes);
    const row = ([target, source, entries]: readonly Local[], count: Val): void =>
      f.do(f.call(kernel, [target ?? 0, source ?? 0, count, entries ?? 0]));
    nestRows(f, axes, [to.address, from.address, table.address + offset], row, divided);
  };
};

/** A function has at most 1000 parameters, and each term takes one. */
const MAX_TERMS = 300;

/** Where the constants of an add_rescale of `terms` operands are in their table, each in all lanes of a vector. */
const addRescaleAt = (terms: number) => {
  const [start, zero, lo, hi, byte] = [0, 1, 2, 3, 4].map((i) => 16 * (terms + i)) as unknown as readonly [
    number,
    number,
    number,
    number,
    number,
  ];
  return { multiplier: (k: number): number => 16 * k, start, zero, lo, hi, byte };
};

/**
 * A table of constants: the multipliers; 2^(shift - 1) minus what the zeros contribute modulo 2^32; output zero, lo and hi as i16. The
 * sum stays in int32 (add_rescale_c4), so sums that wrap on the way do not change it. Engines make constants anew in every round of a
 * loop, and keep loads where they stand.
 */
const addRescaleTable = ({ multipliers, zeros, shift, output_zero: zero, lo, hi }: OpNode<'add_rescale'>['attrs']): Int32Array => {
  const start = multipliers.reduce((sum, m, k) => (sum - Math.imul(m, at(zeros, k))) | 0, 2 ** (shift - 1));
  const halves = [zero, lo, hi, 0xff].map((v) => (v & 0xffff) | (v << 16) | 0);
  return Int32Array.from([...multipliers, start, ...halves].flatMap((v) => [v, v, v, v]));
};

const addRescaleVector = (f: Fn, xs: readonly Local[], table: Local, shift: number): Ex => {
  const { i16x8, i32x4, i8x16, v128 } = f.ops;
  const places = addRescaleAt(xs.length);
  const constant = (offset: number): Ex => f.vload('load', table, offset);
  const low = f.v128(constant(places.start));
  const high = f.v128(low);
  for (const [k, x] of xs.entries()) {
    const m = f.v128(constant(places.multiplier(k)));
    f.set(low, i32x4.add(low, i32x4.mul(i32x4.extend_low_i16x8_s(x), m)));
    f.set(high, i32x4.add(high, i32x4.mul(i32x4.extend_high_i16x8_s(x), m)));
  }
  // 16 bits that saturate: with a zero of 8 bits, what does not fit them is beyond all bounds of 8 bits all the same
  const words = i16x8.narrow_i32x4_s(i32x4.shr_s(low, shift), i32x4.shr_s(high, shift));
  const y = i16x8.add_saturate_s(words, constant(places.zero));
  const clamped = i16x8.min_s(i16x8.max_s(y, constant(places.lo)), constant(places.hi));
  return i8x16.narrow_i16x8_u(v128.and(clamped, constant(places.byte)), f.zero());
};

const addRescaleScalar = (f: Fn, xs: readonly Local[], table: Local, shift: number): Ex => {
  const { i32 } = f.ops;
  const places = addRescaleAt(xs.length);
  const sum = f.i32(f.load('i32', table, places.start));
  for (const [k, x] of xs.entries()) f.set(sum, i32.add(sum, i32.mul(x, f.load('i32', table, places.multiplier(k)))));
  const y = f.i32(i32.add(i32.shr_s(sum, shift), f.load('i16', table, places.zero)));
  const [lo, hi] = [f.i32(f.load('i16', table, places.lo)), f.i32(f.load('i16', table, places.hi))];
  return f.select(i32.lt_s(y, lo), lo, f.select(i32.gt_s(y, hi), hi, y));
};

const lowerAddRescale = (ctx: Context, node: OpNode<'add_rescale'>): Emit => {
  if (node.operands.length > MAX_TERMS) return unsupported(`${node.operands.length} operands, more than ${MAX_TERMS}`)();
  const { shift } = node.attrs;
  const constants = ctx.table(addRescaleTable(node.attrs));
  return lowerMap(
    ctx,
    node,
    {
      name: `add_rescale${shift}`,
      inputs: node.operands.map((v) => accessOf(ctx.type(v))),
      output: 'i8',
      extra: ['i32'],
      scalar: (f, xs, extra) => addRescaleScalar(f, xs, at(extra, 0), shift),
      vector8: (f, xs, extra) => addRescaleVector(f, xs, at(extra, 0), shift),
    },
    () => [constants.address],
  );
};

/** Extra arguments: zeros of a and b, multiplier, shift, output zero, lo, hi. */
const mulRescaleSpec = (a: Access, b: Access, form: RescaleForm): MapSpec => ({
  name: `mul_rescale_${form}`,
  inputs: [a, b],
  output: 'i8',
  extra: new Array<'i32'>(7).fill('i32'),
  scalar: (f, [x = 0, y = 0], extra) => {
    const { i32 } = f.ops;
    const [za, zb, multiplier, shift, zero, lo, hi] = extra as unknown as SevenLocals;
    return rescaleScalar(f, i32.mul(i32.sub(x, za), i32.sub(y, zb)), multiplier, shift, { zero, lo, hi });
  },
  vector8: (f, [x = 0, y = 0], extra) => {
    const { i16x8, i32x4, i8x16, v128 } = f.ops;
    const [za, zb, multiplier, shift, zero, lo, hi] = extra as unknown as SevenLocals;
    const factors = factorLocals(f, form);
    loadFactors(f, factors, multiplier, shift);
    const p = f.v128(i16x8.sub(x, i16x8.splat(za)));
    const q = f.v128(i16x8.sub(y, i16x8.splat(zb)));
    const low = f.v128(i32x4.extmul_low_i16x8_s(p, q));
    const high = f.v128(i32x4.extmul_high_i16x8_s(p, q));
    const words = i16x8.narrow_i32x4_s(rescaleVector(f, low, factors, { zero, lo, hi }), rescaleVector(f, high, factors, { zero, lo, hi }));
    return i8x16.narrow_i16x8_u(v128.and(words, i16x8.splat(0xff)), f.zero());
  },
});
type SevenLocals = readonly [Local, Local, Local, Local, Local, Local, Local];

/** A fast row for a composite: the four steps of its definition without int32 tensors in between. */
const lowerMulRescale = (ctx: Context, node: OpNode<'mul_rescale'>): Emit => {
  const [a, b, m, s, y] = [operand(node, 0), operand(node, 1), operand(node, 2), operand(node, 3), result(node)];
  const [ta, tb] = [ctx.type(a), ctx.type(b)];
  const spec = mulRescaleSpec(accessOf(ta), accessOf(tb), rescaleForm(ctx, m, s));
  const [left, right, multiplier, shift, to] = [ctx.use(a), ctx.use(b), ctx.use(m), ctx.use(s), ctx.use(y)];
  const { a_zero: za, b_zero: zb, output_zero: zero, lo, hi } = node.attrs;
  const divided = ctx.divide(ctx.count(y));
  return (f) => {
    const operands = [
      { address: left.address, shape: ta.shape },
      { address: right.address, shape: tb.shape },
    ];
    const extra = (): readonly Val[] => [za, zb, f.load('i32', multiplier.address), f.load('i32', shift.address), zero, lo, hi];
    emitMap(f, ctx.asm, spec, { address: to.address, shape: ctx.type(y).shape }, operands, extra, divided);
  };
};

/** b 2^24 + table value + rshr(slope r, 23); the product needs 40 bits. */
const lowerLog2 = (ctx: Context, node: OpNode<'log2_fixed'>): Emit => {
  const table = ctx.table(LOG2_TABLE);
  return lowerMap(
    ctx,
    node,
    {
      name: 'log2_fixed',
      inputs: ['i32'],
      output: 'i32',
      extra: ['i32'],
      scalar: (f, [x = 0], [t = 0]) => {
        const { i32, i64 } = f.ops;
        const b = f.i32(i32.sub(31, i32.clz(x)));
        const m = f.i32(i32.shl(x, i32.sub(31, b)));
        const entry = f.i32(i32.add(t, i32.shl(i32.and(i32.shr_u(m, 23), 255), 2)));
        const low = f.i32(f.load('i32', entry));
        const rest = i64.extend_u(i32.and(m, 2 ** 23 - 1));
        const product = i64.mul(i64.extend_s(i32.sub(f.load('i32', entry, 4), low)), rest);
        const step = i32.wrap(i64.shr_s(i64.add(product, 2 ** 22), 23));
        const value = i32.add(i32.add(i32.shl(b, 24), low), step);
        return f.select(i32.gt_s(x, 0), value, -(2 ** 31));
      },
    },
    () => [table.address],
  );
};

export const quantizedRows = {
  quantize: lowerQuantize,
  dequantize: lowerDequantize,
  cast: lowerCast,
  rescale: lowerRescale,
  table: lowerTable,
  add_rescale: lowerAddRescale,
  mul_rescale: lowerMulRescale,
  log2_fixed: lowerLog2,
} satisfies LoweringTable<Context, Emit, keyof (typeof FAMILIES)['quantized']>;
