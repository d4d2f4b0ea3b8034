import type { OpNode, Tensor, ValueId } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { num } from '../code.ts';
import { type Context, type KernelText, refuse } from '../context.ts';
import { constant, type Int, limbsOf, multiply, single, subtract } from '../integers.ts';
import { type Factor, factorOf, limbsOfNumber, scaled, type Term, wholeShift } from '../scale.ts';
import { broadcastOffset, indexAlong } from './strided.ts';

/** The end of a rescale: its text for a value. */
export type RescaleText = (kernel: KernelText, value: Int, channel: string) => Int;

const known = (ctx: Context, value: ValueId, what: string): Tensor =>
  ctx.param(value) ?? refuse(`${what} of a rescale is computed, not a parameter`);

/** Multipliers times the power of two that makes all shifts the same number of whole limbs; exact in float64. */
const aligned = (multipliers: Tensor, shifts: Tensor): { readonly shift: number; readonly factors: readonly number[] } => {
  const all = Array.from(shifts.data, Number);
  const { limbs, bits } = wholeShift(all.reduce((a, b) => Math.max(a, b), 1));
  return { shift: limbs, factors: Array.from(multipliers.data, (m, c) => Number(m) * 2 ** (bits - (all[c] ?? 0))) };
};

/** Where a kernel has the limbs of the multiplier of a channel. */
const factorText = (ctx: Context, factors: readonly number[]): ((kernel: KernelText, channel: string) => Factor) => {
  const [only, ...more] = factors;
  if (only !== undefined && more.every((f) => f === only)) return () => factorOf(only);
  const max = factors.reduce((a, b) => Math.max(a, b), 0);
  const count = limbsOfNumber(max).length;
  const table = ctx.floats(count * factors.length, () => {
    const rows = new Float32Array(count * factors.length);
    for (const [c, m] of factors.entries()) limbsOfNumber(m, count).forEach((limb, j) => (rows[j * factors.length + c] = limb));
    return rows;
  });
  // limbs that no channel has are not read
  const used = Array.from({ length: count }, (_, j) => factors.some((m) => limbsOfNumber(m)[j] !== undefined && limbsOfNumber(m)[j] !== 0));
  return (kernel, channel) => ({
    limbs: used.map((is, j) => (is ? kernel.code.let(kernel.raw(table, `${channel} + ${num(j * factors.length)}`)) : '0')),
    min: factors.reduce((a, b) => Math.min(a, b), max),
    max,
  });
};

/** y = clamp(rshr((x - input_zero) M[c], s[c]) + output_zero, lo, hi) (NUMERICS 1.1); `channel` is the index along axis 1. */
export const rescaleText = (ctx: Context, node: OpNode<'rescale'>): RescaleText => {
  const [m, s] = [at(node.operands, 1), at(node.operands, 2)];
  const { shift, factors } = aligned(known(ctx, m, 'the multiplier'), known(ctx, s, 'the shift'));
  const factor = factorText(ctx, factors);
  const { input_zero: from, output_zero: zero, lo, hi } = node.attrs;
  return (kernel, value, channel) => {
    const { code } = kernel;
    const centred = from === 0 ? value : subtract(code, value, constant(from));
    return scaled(code, [{ value: limbsOf(code, centred), factor: factor(kernel, channel) }], shift, { zero, lo, hi });
  };
};

export const lowerRescale = (ctx: Context, node: OpNode<'rescale'>): void => {
  const [x, y] = [at(node.operands, 0), at(node.results, 0)];
  const { shape } = ctx.type(x);
  const from = ctx.use(x);
  const finish = rescaleText(ctx, node);
  const isShared = ctx.count(at(node.operands, 1)) === 1;
  ctx.map(y, (k) => {
    const i = k.flat();
    return finish(k, k.read(from, i), isShared ? '0' : indexAlong(k.code, shape, 1, i));
  });
};

/** The weighted sum of bytes, shifted once (NUMERICS 1.2). */
export const lowerAddRescale = (ctx: Context, node: OpNode<'add_rescale'>): void => {
  const y = at(node.results, 0);
  const { shape } = ctx.type(y);
  const { multipliers, zeros, shift, output_zero: zero, lo, hi } = node.attrs;
  const { limbs, bits } = wholeShift(shift);
  ctx.map(y, (k) => {
    const i = k.flat();
    const terms = node.operands.map((v, n): Term => {
      const x = k.read(ctx.use(v), broadcastOffset(k.code, ctx.type(v).shape, shape, i));
      const centred = at(zeros, n) === 0 ? x : subtract(k.code, x, constant(at(zeros, n)));
      return { value: limbsOf(k.code, centred), factor: factorOf(at(multipliers, n) * 2 ** (bits - shift)) };
    });
    return scaled(k.code, terms, limbs, { zero, lo, hi });
  });
};

/** A fast row for a composite. */
export const lowerMulRescale = (ctx: Context, node: OpNode<'mul_rescale'>): void => {
  const [a, b, m, s, y] = [at(node.operands, 0), at(node.operands, 1), at(node.operands, 2), at(node.operands, 3), at(node.results, 0)];
  const { shape } = ctx.type(y);
  const { a_zero: az, b_zero: bz, output_zero: zero, lo, hi } = node.attrs;
  const { shift, factors } = aligned(known(ctx, m, 'the multiplier'), known(ctx, s, 'the shift'));
  ctx.map(y, (k) => {
    const i = k.flat();
    const [x, w] = [
      [a, az],
      [b, bz],
    ].map(([v, z]) => {
      const value = k.read(ctx.use(v as ValueId), broadcastOffset(k.code, ctx.type(v as ValueId).shape, shape, i));
      return subtract(k.code, value, constant(z ?? 0));
    });
    if (x === undefined || w === undefined) return refuse('it has two factors');
    const product = multiply(k.code, x, w);
    return scaled(k.code, [{ value: limbsOf(k.code, product), factor: factorOf(at(factors, 0)) }], shift, { zero, lo, hi });
  });
};

/** Bytes by their table; i16 between two entries of it: rshr((T[i] << 7) + (T[i + 1] - T[i]) f, 7), all below 2^24. */
export const lowerTable = (ctx: Context, node: OpNode<'table'>): void => {
  const [x, t, y] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)];
  const [tx, tt] = [ctx.type(x), ctx.type(t)];
  if (tt.dtype === 'f32') refuse('f32');
  const [from, table] = [ctx.use(x), ctx.use(t)];
  ctx.map(y, (k) => {
    const { code } = k;
    const i = k.flat();
    const v = k.read(from, i);
    if (tx.dtype === 'i16') {
      const place = code.let(`${v.lo} + 32768`);
      const entry = code.floor(`${place} * ${num(1 / 128)}`);
      const rest = code.let(`${place} - ${entry} * 128`);
      const [low, high] = [k.read(table, entry), k.read(table, `${entry} + 1`)];
      return single(code.floor(`(${low.lo} * 128 + (${high.lo} - ${low.lo}) * ${rest} + 64) * ${num(1 / 128)}`), -32768, 32767);
    }
    const row = tt.shape.length === 2 ? code.let(`${indexAlong(code, tx.shape, 1, i)} * 256`) : '0';
    return k.read(table, code.let(`${v.lo} + ${row} + ${tx.dtype === 'i8' ? 128 : 0}`));
  });
};
