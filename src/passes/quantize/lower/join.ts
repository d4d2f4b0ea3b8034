import { type AnyNode, elementCount, pow2, type ValueId } from '../../../ir/index.ts';
import { at, invariant } from '../../../support/index.ts';
import type { Affine } from '../affine.ts';
import { type Destination, type Emit, wholeOf } from '../emit.ts';
import type { Term } from '../plan.ts';
import type { FloatView } from '../role.ts';
import { wideFor } from './region.ts';

const INT32_MAX = 2 ** 31 - 1;
const MAX_MULTIPLIER = 2 ** 21;
const MAX_SHIFT = 30;

/** Multipliers with the largest common shift for which the sum stays in int32 (add_rescale_c4). */
export const encodeSum = (factors: readonly number[]): { readonly multipliers: readonly number[]; readonly shift: number } => {
  for (let shift = MAX_SHIFT; shift >= 1; shift--) {
    const multipliers = factors.map((f) => Math.sign(f) * Math.floor(Math.abs(f) * pow2(shift) + 0.5));
    const bound = multipliers.reduce((n, m) => n + Math.abs(m) * 255, pow2(shift - 1));
    if (bound <= INT32_MAX && multipliers.every((m) => Math.abs(m) <= MAX_MULTIPLIER)) return { multipliers, shift };
  }
  // factors of 2^20 and more saturate whatever is not 0
  const limit = Math.floor(INT32_MAX / 255 / 2 / factors.length);
  return { multipliers: factors.map((f) => Math.sign(f) * Math.min(limit, Math.floor(Math.abs(f) * 2 + 0.5))), shift: 1 };
};

/** Greatest sum of terms in their common unit: ten bits finer than i16. */
const MOST_SUM = 2 ** 26;

/**
 * A sum in which 16 bits take part: every term in one fine unit of int32, added there, then rescaled. The unit is such that no
 * sum leaves int32.
 */
const wideSum = (emit: Emit, terms: readonly Term[], to: Destination): ValueId => {
  const reach = terms.reduce((n, t) => {
    const { scale, dtype } = emit.affineOf(t.value);
    return n + scale * (dtype === 'i8' ? 255 : 32768);
  }, 0);
  const unit = reach / MOST_SUM;
  const parts = terms.map((t) => {
    const { scale, zero } = emit.affineOf(t.value);
    const attrs = { dtype: 'i32', width: 'w21', lo: -MOST_SUM, hi: MOST_SUM, input_zero: zero } as const;
    return emit.rescaleTo(emit.int(t.value), [scale / unit], attrs);
  });
  const [first, ...rest] = terms.map((t, i) => ({ part: at(parts, i), sign: t.sign }));
  invariant(first !== undefined, 'a sum has terms');
  let sum = first.sign === 1 ? first.part : emit.op('sub', [emit.scalar(0), first.part], {});
  for (const { part, sign } of rest) sum = emit.op(sign === 1 ? 'add' : 'sub', [sum, part], {});
  return emit.rescale(sum, [unit / to.affine.scale], to);
};

/** Sum or difference of run-time tensors of different scales, with one rounding. */
export const lowerSum = (emit: Emit, node: AnyNode): void => {
  const to = emit.destinationOf(node);
  const terms = emit.plan.termsOf(node);
  const affines = terms.map((t) => emit.affineOf(t.value));
  if (to.affine.dtype === 'i16' || affines.some((a) => a.dtype === 'i16')) {
    emit.define(to.value, wideSum(emit, terms, to));
    return;
  }
  const { multipliers, shift } = encodeSum(terms.map((t, i) => (t.sign * at(affines, i).scale) / to.affine.scale));
  const sum = emit.op(
    'add_rescale',
    terms.map((t) => emit.int(t.value)),
    { multipliers, zeros: affines.map((a) => a.zero), shift, output_zero: to.affine.zero, lo: to.lo, hi: to.hi },
  );
  emit.define(to.value, sum);
};

export const lowerMul = (emit: Emit, node: AnyNode): void => {
  const [a, b] = node.operands as readonly [ValueId, ValueId];
  const to = emit.destinationOf(node);
  const [sa, sb] = [emit.affineOf(a), emit.affineOf(b)];
  const factor = (sa.scale * sb.scale) / to.affine.scale;
  if ([sa, sb, to.affine].some((q) => q.dtype === 'i16')) {
    emit.define(to.value, emit.rescale(emit.op('mul', [emit.centred(a), emit.centred(b)], {}), [factor], to));
    return;
  }
  const { multiplier, shift } = emit.factors([factor], 'n15');
  const attrs = { a_zero: sa.zero, b_zero: sb.zero, output_zero: to.affine.zero, lo: to.lo, hi: to.hi };
  emit.define(to.value, emit.op('mul_rescale', [emit.int(a), emit.int(b), multiplier, shift], attrs));
};

/** Reciprocals as integers up to this: times 255 they stay below 2^30. */
const RECIPROCAL_MAX = 2 ** 22;

/** 1 / b in units of `unit`; a divisor of 0 counts as the greatest reciprocal. */
const reciprocals = (divisors: ArrayLike<number>): { readonly entries: Int32Array; readonly unit: number } => {
  let greatest = 0;
  for (let i = 0; i < divisors.length; i++) if (at(divisors, i) !== 0) greatest = Math.max(greatest, Math.abs(1 / at(divisors, i)));
  const unit = greatest === 0 ? 1 : greatest / RECIPROCAL_MAX;
  const entry = (b: number): number => (b === 0 ? RECIPROCAL_MAX : Math.floor(1 / b / unit + 0.5));
  return { entries: Int32Array.from({ length: divisors.length }, (_, i) => entry(at(divisors, i))), unit };
};

/** Greatest numerator and denominator of an exact division. */
const QUOTIENT_MOST = 2 ** 30;

/**
 * A quotient in which 16 bits take part: one division of integers, rounded half up; a divisor of 0 gives 0. Both sides are
 * scaled up as far as int32 allows, so that the numerator's own rounding does not show.
 */
const wideDiv = (emit: Emit, a: ValueId, b: ValueId, to: Destination): ValueId => {
  const [sa, sb] = [emit.affineOf(a), emit.affineOf(b)];
  // the division gives 16 bits; an 8-bit result is rescaled from there
  const target = to.affine.dtype === 'i16' ? to.affine : wideFor(to.affine);
  const ratio = sa.scale / (sb.scale * target.scale);
  let grow = 1;
  while (grow < 2 ** 14 && ratio * grow * 2 * 32768 <= QUOTIENT_MOST) grow *= 2;
  const scaled = (v: ValueId, factor: number): ValueId => {
    const attrs = { dtype: 'i32', width: 'w21', lo: -QUOTIENT_MOST, hi: QUOTIENT_MOST, input_zero: emit.affineOf(v).zero } as const;
    return emit.rescaleTo(emit.int(v), [factor], attrs);
  };
  const quotient = emit.op('div_round', [scaled(a, ratio * grow), scaled(b, grow)], {});
  const limited = emit.op('clamp', [quotient], target === to.affine ? { lo: to.lo, hi: to.hi } : { lo: -32767, hi: 32767 });
  const y = emit.op('cast', [limited], { dtype: 'i16' });
  return target === to.affine ? y : emit.rescale(y, [target.scale / to.affine.scale], to);
};

/** Quotient of tensors: the dividend times the reciprocal of the divisor, which is a table (or data, when constant). */
export const lowerDiv = (emit: Emit, node: AnyNode): void => {
  const [a, b] = node.operands as readonly [ValueId, ValueId];
  const to = emit.destinationOf(node);
  const [sa, sb] = [emit.affineOf(a), emit.affineOf(b)];
  if ([sa, sb, to.affine].some((q) => q.dtype === 'i16')) {
    emit.define(to.value, wideDiv(emit, a, b, to));
    return;
  }
  const constant = emit.plan.constantOf(b);
  const divisors = constant?.data ?? Float64Array.from({ length: 256 }, (_, i) => (i - 128 - sb.zero) * sb.scale);
  const { entries, unit } = reciprocals(divisors);
  const inverse =
    constant === undefined
      ? emit.op('table', [emit.int(b), emit.i32Table('reciprocal', (i) => at(entries, i))], {})
      : emit.constant('reciprocal', { dtype: 'i32', shape: constant.shape, data: entries });
  emit.define(to.value, emit.rescale(emit.op('mul', [emit.centred(a), inverse], {}), [(sa.scale * unit) / to.affine.scale], to));
};

/** The extreme of nothing is 0 by definition, which is not the integer 0. */
export const ofSomething = (node: AnyNode, view: FloatView): string | undefined => {
  const empty = elementCount(view.typeOf(at(node.operands, 0)).shape) === 0;
  return empty && elementCount(view.typeOf(at(node.results, 0)).shape) > 0 ? 'it reduces an empty tensor' : undefined;
};

/** Greater or lesser of two run-time tensors: both in the quantization of the result, where order is exact. */
export const lowerExtreme = (emit: Emit, node: AnyNode): void => {
  const to = emit.destinationOf(node);
  const wide = node.operands.map((v) => emit.op('cast', [emit.intAs(v, to.affine)], { dtype: 'i32' }));
  const greater = emit.op(node.op === 'maximum' ? 'maximum' : 'minimum', wide, {});
  const { dtype } = to.affine;
  const whole = wholeOf(to.affine);
  const narrow = emit.op('cast', [greater], { dtype });
  emit.define(to.value, to.lo === whole.lo && to.hi === whole.hi ? narrow : emit.op('clamp', [narrow], { lo: to.lo, hi: to.hi }));
};

/** Elements of i16 whose sum fits int32. */
const MOST_WIDE_TERMS = 65535;

/** A value whose sum over n elements fits int32: of more 16-bit elements than that, each is shifted down first. */
const summand = (emit: Emit, x: ValueId, n: number): { readonly int: ValueId; readonly affine: Affine } => {
  const affine = emit.affineOf(x);
  let coarser = 1;
  if (affine.dtype === 'i16') while (n / coarser > MOST_WIDE_TERMS) coarser *= 2;
  const shifted: Affine = { ...affine, scale: affine.scale * coarser };
  return { int: coarser === 1 ? emit.int(x) : emit.intAs(x, shifted), affine: shifted };
};

/** Sum or mean over axes, rescaled to a finer scale of its own: the mean of many values needs more than their steps. */
export const lowerReduceSum = (emit: Emit, node: AnyNode): void => {
  const x = at(node.operands, 0);
  const to = emit.destinationOf(node);
  const whole = elementCount(emit.plan.typeOf(x).shape);
  const left = elementCount(emit.plan.typeOf(at(node.results, 0)).shape);
  const n = left === 0 ? 0 : whole / left;
  const { int, affine: from } = summand(emit, x, n);
  const sum = emit.opAll('reduce_sum', [int], node.attrs);
  const factor = from.scale / to.affine.scale / (node.op === 'reduce_mean' ? Math.max(1, n) : 1);
  emit.define(to.value, emit.rescale(at(sum, 0), [factor], to, n * from.zero));
};
