import { type AnyNode, elementCount, pow2, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Emit } from '../emit.ts';
import type { FloatView } from '../role.ts';

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

/** Sum or difference of run-time tensors of different scales, with one rounding. */
export const lowerSum = (emit: Emit, node: AnyNode): void => {
  const to = emit.destinationOf(node);
  const terms = emit.plan.termsOf(node);
  const affines = terms.map((t) => emit.affineOf(t.value));
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
  const { multiplier, shift } = emit.factors([(sa.scale * sb.scale) / to.affine.scale], 'n15');
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

/** Quotient of tensors: the dividend times the reciprocal of the divisor, which is a table (or data, when constant). */
export const lowerDiv = (emit: Emit, node: AnyNode): void => {
  const [a, b] = node.operands as readonly [ValueId, ValueId];
  const to = emit.destinationOf(node);
  const [sa, sb] = [emit.affineOf(a), emit.affineOf(b)];
  const constant = emit.plan.constantOf(b);
  const divisors = constant?.data ?? Float64Array.from({ length: 256 }, (_, i) => (i - 128 - sb.zero) * sb.scale);
  const { entries, unit } = reciprocals(divisors);
  const inverse =
    constant === undefined
      ? emit.op('table', [emit.int(b), emit.i32Table('reciprocal', (i) => at(entries, i))], {})
      : emit.constant('reciprocal', { dtype: 'i32', shape: constant.shape, data: entries });
  const centred = emit.op('sub', [emit.op('cast', [emit.int(a)], { dtype: 'i32' }), emit.scalar(sa.zero)], {});
  emit.define(to.value, emit.rescale(emit.op('mul', [centred, inverse], {}), [(sa.scale * unit) / to.affine.scale], to));
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
  const narrow = emit.op('cast', [greater], { dtype: 'i8' });
  emit.define(to.value, to.lo === -128 && to.hi === 127 ? narrow : emit.op('clamp', [narrow], { lo: to.lo, hi: to.hi }));
};

/** Sum or mean over axes, rescaled to a finer scale of its own: the mean of many values needs more than their steps. */
export const lowerReduceSum = (emit: Emit, node: AnyNode): void => {
  const x = at(node.operands, 0);
  const to = emit.destinationOf(node);
  const from = emit.affineOf(x);
  const whole = elementCount(emit.plan.typeOf(x).shape);
  const left = elementCount(emit.plan.typeOf(at(node.results, 0)).shape);
  const n = left === 0 ? 0 : whole / left;
  const sum = emit.opAll('reduce_sum', [emit.int(x)], node.attrs);
  const factor = from.scale / to.affine.scale / (node.op === 'reduce_mean' ? Math.max(1, n) : 1);
  emit.define(to.value, emit.rescale(at(sum, 0), [factor], to, n * from.zero));
};
