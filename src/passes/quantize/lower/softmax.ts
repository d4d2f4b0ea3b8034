import { type AnyNode, type Attrs, exp64, log64, pow2, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Emit } from '../emit.ts';
import type { FloatView } from '../role.ts';

/** Rows this long keep the sum of exponentials, 2^15 or 2^16 each, below 2^30 (NUMERICS §1.6). */
const MAX_ROW = 16384;
const Q15 = 2 ** 15;
const INT32_MAX = 2 ** 31 - 1;
const LN2 = log64(2);

const axisOf = (node: AnyNode, rank: number): number => {
  const { axis } = node.attrs as Attrs<'softmax'>;
  return axis < 0 ? axis + rank : axis;
};

export const rowFits = (node: AnyNode, view: FloatView): string | undefined => {
  const { shape } = view.typeOf(at(node.operands, 0));
  const n = shape[axisOf(node, shape.length)] ?? 1;
  return n <= MAX_ROW ? undefined : `a row of ${n} elements is above the limit of ${MAX_ROW}`;
};

/** Distances from the greatest element of each row, and e^-distance in Q15, both i32. */
interface Exponentials {
  readonly distance: ValueId;
  /** Real size of one step of `distance`. */
  readonly step: number;
  readonly exponential: ValueId;
}

/**
 * e^-(S d) of a 16-bit distance d = 256 h + l, l in -128..127, as a product of two table entries:
 * e^-(256 S h) in Q15 times e^-(S l) in Q(q), q as large as the product allows.
 */
const wideExponential = (emit: Emit, distance: ValueId, scale: number): ValueId => {
  const high = emit.rescaleTo(distance, [1 / 256], { dtype: 'u8', lo: 0, hi: 255 });
  const whole = emit.op('mul', [emit.op('cast', [high], { dtype: 'i32' }), emit.scalar(256)], {});
  const low = emit.op('cast', [emit.op('sub', [distance, whole], {})], { dtype: 'i8' });
  // e^(128 S) is the greatest entry of the second table: its product with 2^15 must stay below 2^30
  let q = 14;
  while (q > 1 && exp64(128 * scale) * pow2(q) > Q15) q--;
  const coarse = emit.op('table', [high, emit.i32Table('exp_high', (h) => Math.floor(Q15 * exp64(-256 * scale * h) + 0.5))], {});
  const entry = (i: number): number => Math.min(Q15, Math.floor(pow2(q) * exp64(-scale * (i - 128)) + 0.5));
  const fine = emit.op('table', [low, emit.i32Table('exp_low', entry)], {});
  return emit.rescaleTo(emit.op('mul', [coarse, fine], {}), [pow2(-q)], { dtype: 'i32', width: 'w21', lo: 0, hi: Q15 });
};

const exponentials = (emit: Emit, x: ValueId, axis: number): Exponentials => {
  const { scale, dtype } = emit.affineOf(x);
  const wide = emit.op('cast', [emit.int(x)], { dtype: 'i32' });
  const distance = emit.op('sub', [emit.op('reduce_max', [wide], { axes: [axis], keep: true }), wide], {});
  if (dtype === 'i16') return { distance, step: scale, exponential: wideExponential(emit, distance, scale) };
  const narrow = emit.op('cast', [distance], { dtype: 'u8' });
  const table = emit.i32Table('exp', (d) => Math.floor(Q15 * exp64(-scale * d) + 0.5));
  return { distance, step: scale, exponential: emit.op('table', [narrow, table], {}) };
};

/** 16-bit softmax: y = (e 2^15 + floor(s / 2)) / s in Q15, by exact integer division. */
const wideSoftmax = (emit: Emit, x: ValueId, axis: number): ValueId => {
  const { exponential } = exponentials(emit, x, axis);
  const sum = emit.op('reduce_sum', [exponential], { axes: [axis], keep: true });
  const half = emit.op('div', [sum, emit.scalar(2)], {});
  const numerator = emit.op('add', [emit.op('mul', [exponential, emit.scalar(Q15)], {}), half], {});
  return emit.op('cast', [emit.op('div', [numerator, sum], {})], { dtype: 'i16' });
};

/** Softmax: by softmax_lut from i8 to i8; a 16-bit composition otherwise. */
export const lowerSoftmax = (emit: Emit, node: AnyNode): void => {
  const x = at(node.operands, 0);
  const to = emit.destinationOf(node);
  const axis = axisOf(node, emit.plan.typeOf(x).shape.length);
  const { scale, dtype } = emit.affineOf(x);
  if (to.affine.dtype === 'i16' || dtype === 'i16') {
    const y = wideSoftmax(emit, x, axis);
    emit.define(to.value, to.affine.dtype === 'i16' ? y : emit.rescale(y, [1 / Q15 / to.affine.scale], to));
    return;
  }
  const table = emit.i32Table('exp', (d) => Math.floor(2 ** 16 * exp64(-scale * d) + 0.5));
  emit.define(to.value, emit.op('softmax_lut', [emit.int(x), table], { axis }));
};

/** Steps of an i8 input are cut this fine, so that ln(sum) keeps its precision. */
const FINER = 256;

/** log softmax = -(distance + ln(sum of e^-distance)), the logarithm by log2_fixed (NUMERICS §§1.4, 7). */
export const lowerLogSoftmax = (emit: Emit, node: AnyNode): void => {
  const x = at(node.operands, 0);
  const to = emit.destinationOf(node);
  const axis = axisOf(node, emit.plan.typeOf(x).shape.length);
  const { distance, step, exponential } = exponentials(emit, x, axis);
  const sum = emit.op('reduce_sum', [exponential], { axes: [axis], keep: true });
  // the greatest element adds 2^15, so the sum is at least that; the clamp says so to the overflow proof
  const logarithm = emit.op('log2_fixed', [emit.op('clamp', [sum], { lo: Q15, hi: INT32_MAX })], {});
  const finer = emit.affineOf(x).dtype === 'i8' ? FINER : 1;
  const unit = step / finer;
  const limit = 2 ** 28;
  const offset = emit.rescaleTo(logarithm, [LN2 / 2 ** 24 / unit], {
    input_zero: 15 * 2 ** 24,
    dtype: 'i32',
    width: 'w21',
    lo: 0,
    hi: limit,
  });
  const cut = finer === 1 ? distance : emit.op('mul', [distance, emit.scalar(finer)], {});
  const negative = emit.op('sub', [emit.scalar(0), emit.op('add', [cut, offset], {})], {});
  emit.define(to.value, emit.rescale(negative, [unit / to.affine.scale], to));
};
