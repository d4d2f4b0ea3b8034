import { EXP_LIMIT, expFactor, POW_LIMIT } from '../../../../ir/index.ts';
import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Ex, Local, Val } from '../lift.ts';

/** The integer functions of ir/numeric/fixed-functions.ts: same tables, same roundings, products in i64. */

/** floor(x / 2^s + 1/2) for an i64 x below 2^62: half up, s = 0 included. */
export const rshr64 = (f: Fn, x: Val, s: Val): Ex => {
  const { i64 } = f.ops;
  return i64.shr_s(i64.add(i64.shr_s(i64.shl(x, 1), s), 1), 1);
};

/** exp2_q16(t, fraction, table): 2^t for t in Q16, half up, saturated to int32. */
export const exp2Kernel = (asm: Asm): string =>
  asm.define('exp2_q16', ['i64', 'i32', 'i32'], 'i32', (f) => {
    const { i32, i64 } = f.ops;
    const [t, fraction, table] = [f.arg(0), f.arg(1), f.arg(2)];
    const low16 = f.i32(i32.and(i32.wrap(t), 65535));
    const entry = f.i32(i32.add(table, i32.shl(i32.shr_u(low16, 8), 2)));
    const m = f.i32(f.load('i32', entry));
    // the step is below 2^23 and the last entry is 2^31: differences modulo 2^32 are exact
    const step = i32.mul(i32.sub(f.load('i32', entry, 4), m), i32.and(low16, 255));
    f.set(m, i32.add(m, i32.shr_u(i32.add(step, 128), 8)));
    const shift = f.let('i64', i64.sub(i64.sub(30, i64.extend_s(fraction)), i64.shr_s(t, 16)));
    const y = f.i32(2 ** 31 - 1);
    f.if(i64.ge_s(shift, 0), () => f.set(y, i32.wrap(rshr64(f, i64.extend_u(m), shift))));
    f.if(i64.gt_s(shift, 32), () => f.set(y, 0));
    f.result(y);
  });

/** t = rshr(x log2(e), 14), x cut to +-64 in Q.fraction. */
export const expExponent = (f: Fn, x: Local, fraction: number): Ex => {
  const { i64 } = f.ops;
  const limit = EXP_LIMIT * 2 ** fraction;
  const v = f.let('i64', i64.extend_s(x));
  f.set(v, f.select(i64.lt_s(v, -limit), f.let('i64', -limit), v, 'i64'));
  f.set(v, f.select(i64.gt_s(v, limit), f.let('i64', limit), v, 'i64'));
  return rshr64(f, i64.mul(v, expFactor(fraction)), 14);
};

/** sin_phase(phase, table): sine of a phase of 2^32 to a turn, in Q30. */
export const sinKernel = (asm: Asm): string =>
  asm.define('sin_phase', ['i32', 'i32'], 'i32', (f) => {
    const { i32, i64 } = f.ops;
    const [phase, table] = [f.arg(0), f.arg(1)];
    const r = f.i32(i32.and(phase, 0x3fffffff));
    f.if(i32.and(phase, 0x40000000), () => f.set(r, i32.sub(0x40000000, r)));
    const entry = f.i32(i32.add(table, i32.shl(i32.shr_u(r, 20), 2)));
    const low = f.i32(f.load('i32', entry));
    const slope = i64.extend_s(i32.sub(f.load('i32', entry, 4), low));
    const step = rshr64(f, i64.mul(slope, i64.extend_u(i32.and(r, 0xfffff))), 20);
    const y = f.i32(i32.add(low, i32.wrap(step)));
    f.result(f.select(i32.lt_s(phase, 0), i32.sub(0, y), y));
  });

/** isqrt64(n): floor(sqrt n) for 0 <= n < 2^52. The float64 root is off by at most one. */
export const isqrtKernel = (asm: Asm): string =>
  asm.define('isqrt64', ['i64'], 'i64', (f) => {
    const { f64, i64 } = f.ops;
    const n = f.arg(0);
    const r = f.let('i64', i64.trunc_s_sat.f64(f64.sqrt(f64.convert_s.i64(n))));
    f.while(
      () => i64.gt_s(i64.mul(r, r), n),
      () => f.set(r, i64.sub(r, 1)),
    );
    f.while(
      () => i64.le_s(i64.mul(i64.add(r, 1), i64.add(r, 1)), n),
      () => f.set(r, i64.add(r, 1)),
    );
    f.result(r);
  });

/** log2_q24(x, table): the logarithm of an unsigned x > 0 in Q24. */
const log2Kernel = (asm: Asm): string =>
  asm.define('log2_q24', ['i32', 'i32'], 'i32', (f) => {
    const { i32, i64 } = f.ops;
    const [x, table] = [f.arg(0), f.arg(1)];
    const zeros = f.i32(i32.clz(x));
    const m = f.i32(i32.shl(x, zeros));
    const entry = f.i32(i32.add(table, i32.shl(i32.and(i32.shr_u(m, 23), 255), 2)));
    const low = f.i32(f.load('i32', entry));
    const product = i64.mul(i64.extend_s(i32.sub(f.load('i32', entry, 4), low)), i64.extend_u(i32.and(m, 0x7fffff)));
    const step = i32.wrap(rshr64(f, product, 23));
    f.result(i32.add(i32.add(i32.shl(i32.sub(31, zeros), 24), low), step));
  });

/** whole_power(a, b): a^b for unsigned a and b > 0, at most 2^31, as i64. */
const wholePowerKernel = (asm: Asm): string =>
  asm.define('whole_power', ['i32', 'i32'], 'i64', (f) => {
    const { i32, i64 } = f.ops;
    const [a, b] = [f.arg(0), f.arg(1)];
    const [base, r, i] = [f.let('i64', i64.extend_u(a)), f.let('i64', 1), f.i32(0)];
    // of 0 and 1, the first power is every power
    f.if(i32.le_u(a, 1), () => f.set(b, 1));
    f.while(
      () => i32.and(i32.lt_u(i, b), i64.lt_u(r, 2 ** 31)),
      () => {
        f.set(r, i64.mul(r, base));
        f.inc(i, 1);
      },
    );
    f.result(f.select(i64.gt_u(r, 2 ** 31), f.let('i64', 2 ** 31), r, 'i64'));
  });

/** pow_fixed(a, b, fraction, exponent fraction, logarithm table, exponential table). */
export const powFixedKernel = (asm: Asm): string => {
  const [exp2, log2, whole] = [exp2Kernel(asm), log2Kernel(asm), wholePowerKernel(asm)];
  return asm.define('pow_fixed', ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], 'i32', (f) => {
    const { i32, i64 } = f.ops;
    const [a, b, fraction, exponent, logs, exps] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const magnitude = f.i32(f.select(i32.lt_s(a, 0), i32.sub(0, a), a));
    const n = f.i32(i32.shr_s(b, exponent));
    const isWhole = f.i32(i32.eq(i32.shl(n, exponent), b));
    const negative = f.i32(i32.and(i32.lt_s(a, 0), i32.and(n, 1)));
    const y = f.local('i64');
    const limits = [f.let('i64', -POW_LIMIT), f.let('i64', POW_LIMIT)] as const;
    const logarithmic = (): void => {
      const log = f.i32(i32.sub(f.call(log2, [magnitude, logs]), i32.shl(fraction, 24)));
      const t = f.let('i64', i64.mul(i64.extend_s(b), i64.extend_s(log)));
      f.set(t, f.select(i64.lt_s(t, limits[0]), limits[0], t, 'i64'));
      f.set(t, f.select(i64.gt_s(t, limits[1]), limits[1], t, 'i64'));
      f.set(t, rshr64(f, t, i64.extend_u(i32.add(8, exponent))));
      f.set(y, i64.extend_u(f.call(exp2, [t, fraction, exps])));
    };
    const exact = i32.and(i32.and(isWhole, i32.gt_s(b, 0)), i32.eqz(fraction));
    f.if(
      exact,
      () => f.set(y, f.call(whole, [magnitude, n])),
      () => f.if(magnitude, logarithmic, () => f.set(y, f.select(i32.gt_s(b, 0), f.let('i64', 0), f.let('i64', 2 ** 31 - 1), 'i64'))),
    );
    f.if(negative, () => f.set(y, i64.sub(0, y)));
    f.set(y, f.select(i64.gt_s(y, 2 ** 31 - 1), f.let('i64', 2 ** 31 - 1), y, 'i64'));
    f.if(i32.and(i32.lt_s(a, 0), i32.eqz(isWhole)), () => f.set(y, 0));
    f.if(i32.eqz(b), () => f.set(y, i64.extend_u(i32.shl(1, fraction))));
    f.result(i32.wrap(y));
  });
};
