import type { Fn } from '../fn.ts';
import type { Ex, Local, Val } from '../lift.ts';

/**
 * How a rescale is evaluated. `narrow`: int32 only (NUMERICS §1.1, N15 identity; needs every shift >= 17).
 * `wide`: the defining formula in float64, exact because |x M| + 2^(s-1) <= 2^53; any multiplier and shift.
 */
export type RescaleForm = 'narrow' | 'wide';

/** Multiplier and shift of one channel, ready for use by `rescaleVector`. */
export interface Factors {
  readonly form: RescaleForm;
  /** narrow: M in all lanes. */
  readonly multiplier: Local;
  /** narrow: 2^(s-17) in all lanes. wide: 2^(s-1) in both lanes. */
  readonly half: Local;
  /** narrow: s - 16, an i32. wide: 2^-s in both lanes. */
  readonly shift: Local;
}

export interface Bounds {
  readonly zero: Local;
  readonly lo: Local;
  readonly hi: Local;
}

/** Declares the locals of `loadFactors` once; it may then be called for many channels. */
export const factorLocals = (f: Fn, form: RescaleForm): Factors => ({
  form,
  multiplier: f.local('v128'),
  half: f.local('v128'),
  shift: f.local(form === 'narrow' ? 'i32' : 'v128'),
});

/** 2^k as float64, -1022 <= k <= 1023. */
const pow2 = (f: Fn, k: Val): Ex => {
  const { f64, i64 } = f.ops;
  return f64.reinterpret(i64.shl(i64.extend_u(f.ops.i32.add(k, 1023)), 52));
};

export const loadFactors = (f: Fn, to: Factors, multiplier: Val, shift: Local): void => {
  const { i32, i32x4, f64x2, f64 } = f.ops;
  if (to.form === 'narrow') {
    f.set(to.multiplier, i32x4.splat(multiplier));
    f.set(to.half, i32x4.splat(i32.shl(1, i32.sub(shift, 17))));
    f.set(to.shift, i32.sub(shift, 16));
    return;
  }
  f.set(to.multiplier, f64x2.splat(f64.convert_s.i32(multiplier)));
  f.set(to.half, f64x2.splat(pow2(f, i32.sub(shift, 1))));
  f.set(to.shift, f64x2.splat(pow2(f, i32.sub(0, shift))));
};

const wideHalf = (f: Fn, x: Ex, by: Factors, bounds: Bounds): Ex => {
  const { f64x2, f64, i32x4 } = f.ops;
  const value = f64x2.floor(f64x2.mul(f64x2.add(f64x2.mul(x, by.multiplier), by.half), by.shift));
  const shifted = f64x2.add(value, f64x2.splat(f64.convert_s.i32(bounds.zero)));
  const low = f64x2.splat(f64.convert_s.i32(bounds.lo));
  const high = f64x2.splat(f64.convert_s.i32(bounds.hi));
  return i32x4.trunc_sat_f64x2_s_zero(f64x2.min(f64x2.max(shifted, low), high));
};

/** clamp(rshr(x M, s) + zero, lo, hi) for four int32. */
export const rescaleVector = (f: Fn, x: Local, by: Factors, bounds: Bounds): Ex => {
  const { i32x4, f64x2 } = f.ops;
  if (by.form === 'wide') {
    const low = f.v128(wideHalf(f, f64x2.convert_low_i32x4_s(x), by, bounds));
    const high = f.v128(wideHalf(f, f64x2.convert_low_i32x4_s(f.shuffle32(x, x, [2, 3, 2, 3])), by, bounds));
    return f.shuffle32(low, high, [0, 1, 4, 5]);
  }
  // x = h 2^16 + l: floor((x M + 2^(s-1)) / 2^s) = floor((h M + floor(l M / 2^16) + 2^(s-17)) / 2^(s-16))
  const high = i32x4.mul(i32x4.shr_s(x, 16), by.multiplier);
  const low = i32x4.shr_u(i32x4.mul(f.ops.v128.and(x, i32x4.splat(0xffff)), by.multiplier), 16);
  const value = i32x4.shr_s(i32x4.add(i32x4.add(high, low), by.half), by.shift);
  const shifted = i32x4.add(value, i32x4.splat(bounds.zero));
  return i32x4.min_s(i32x4.max_s(shifted, i32x4.splat(bounds.lo)), i32x4.splat(bounds.hi));
};

/** The same for one int32, by int64. */
export const rescaleScalar = (f: Fn, x: Val, multiplier: Val, shift: Val, bounds: Bounds): Ex => {
  const { i64, i32 } = f.ops;
  const s = f.let('i64', i64.extend_u(shift));
  const half = i64.shl(1, i64.sub(s, 1));
  const value = f.let(
    'i64',
    i64.add(i64.shr_s(i64.add(i64.mul(i64.extend_s(x), i64.extend_s(multiplier)), half), s), i64.extend_s(bounds.zero)),
  );
  const lo = f.let('i64', i64.extend_s(bounds.lo));
  const hi = f.let('i64', i64.extend_s(bounds.hi));
  f.set(value, f.select(i64.lt_s(value, lo), lo, value));
  return i32.wrap(f.select(i64.gt_s(value, hi), hi, value));
};
