import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Ex, Local, Val } from '../lift.ts';

/**
 * The strict float functions of ir/numeric/strict-float.ts, operation by operation: same constants, same order, float64
 * throughout. WebAssembly contracts nothing, so the results are the same bits.
 */
const LOG2E = 1.4426950408889634;
const LN2_HI = 0.6931471803691238;
const LN2_LO = 1.9082149292705877e-10;
const TWO_OVER_SQRT_PI = 1.1283791670955126;
const SQRT_PI = 1.7724538509055159;

/** 1/i! for i = 13..2. */
const EXP_COEFFICIENTS: readonly number[] = Array.from({ length: 12 }, (_, n) => {
  let factorial = 1;
  for (let i = 2; i <= 13 - n; i++) factorial *= i;
  return 1 / factorial;
});

/** 2^k for k in the normal range. */
export const pow2 = (f: Fn, k: Val): Ex => f.ops.f64.reinterpret(f.ops.i64.shl(f.ops.i64.extend_s(f.ops.i32.add(k, 1023)), 52));

/** Defines a float64 function whose body assigns its result to `r`. */
export const define = (asm: Asm, name: string, build: (f: Fn, x: Local, r: Local) => void): string =>
  asm.define(name, ['f64'], 'f64', (f) => {
    const r = f.local('f64');
    build(f, f.arg(0), r);
    f.result(r);
  });

const exp64 = (asm: Asm): string =>
  define(asm, 'exp64', (f, x, out) => {
    const { f64, i32 } = f.ops;
    f.set(out, x);
    f.if(f64.gt(x, 710), () => f.set(out, Number.POSITIVE_INFINITY));
    f.if(f64.lt(x, -746), () => f.set(out, 0));
    f.if(i32.and(f64.le(x, 710), f64.ge(x, -746)), () => {
      const k = f.let('f64', f64.floor(f64.add(f64.mul(x, LOG2E), 0.5)));
      const r = f.let('f64', f64.sub(f64.sub(x, f64.mul(k, LN2_HI)), f64.mul(k, LN2_LO)));
      const p = f.let('f64', 0);
      for (const c of EXP_COEFFICIENTS) f.set(p, f64.add(f64.mul(p, r), c));
      const m = f64.add(f64.add(f64.mul(f64.mul(p, r), r), r), 1);
      const n = f.i32(i32.trunc_s_sat.f64(k));
      const half = f.i32(i32.shr_s(n, 1));
      f.set(out, f64.mul(f64.mul(m, pow2(f, half)), pow2(f, i32.sub(n, half))));
    });
  });

const log64 = (asm: Asm): string =>
  define(asm, 'log64', (f, x, out) => {
    const { f64, i32, i64 } = f.ops;
    f.set(out, Number.NaN);
    f.if(f64.eq(x, 0), () => f.set(out, Number.NEGATIVE_INFINITY));
    f.if(f64.eq(x, Number.POSITIVE_INFINITY), () => f.set(out, x));
    f.if(i32.and(f64.gt(x, 0), f64.lt(x, Number.POSITIVE_INFINITY)), () => {
      const k = f.i32(0);
      const bits = f.let('i64', i64.reinterpret(x));
      f.if(i64.lt_u(bits, 2 ** 52), () => {
        f.set(bits, i64.reinterpret(f64.mul(x, 2 ** 54)));
        f.set(k, -54);
      });
      f.set(k, i32.add(k, i32.sub(i32.wrap(i64.shr_u(bits, 52)), 1023)));
      const mantissa = i64.and(bits, f.i64Bits(0x000fffffffffffffn));
      const m = f.let('f64', f64.reinterpret(i64.or(mantissa, f.i64Bits(0x3ff0000000000000n))));
      f.if(f64.gt(m, Math.SQRT2), () => {
        f.set(m, f64.div(m, 2));
        f.set(k, i32.add(k, 1));
      });
      const g = f.let('f64', f64.sub(m, 1));
      const s = f.let('f64', f64.div(g, f64.add(2, g)));
      const z = f.let('f64', f64.mul(s, s));
      const p = f.let('f64', 0);
      for (let i = 25; i >= 3; i -= 2) f.set(p, f64.add(f64.mul(p, z), 1 / i));
      f.set(p, f64.mul(p, z));
      const hf = f.let('f64', f64.div(f64.mul(g, g), 2));
      const kk = f.let('f64', f64.convert_s.i32(k));
      const inner = f64.add(f64.mul(s, f64.add(hf, f64.mul(2, p))), f64.mul(kk, LN2_LO));
      f.set(out, f64.sub(f64.mul(kk, LN2_HI), f64.sub(f64.sub(hf, inner), g)));
    });
  });

const tanh64 = (asm: Asm): string => {
  const exp = exp64(asm);
  return define(asm, 'tanh64', (f, x, out) => {
    const { f64 } = f.ops;
    const a = f.let('f64', f64.abs(x));
    f.set(out, x);
    f.if(
      f64.lt(a, 0.35),
      () => {
        const z = f.let('f64', f64.mul(x, x));
        const d = f.let('f64', 19);
        for (let i = 17; i >= 1; i -= 2) f.set(d, f64.add(i, f64.div(z, d)));
        f.set(out, f64.div(x, d));
      },
      () => {
        // NaN comes here too: exp64 returns it, and so does everything after
        const t = f.let('f64', f64.sub(1, f64.div(2, f64.add(f.call(exp, [f64.mul(2, a)]), 1))));
        f.set(out, f.select(f64.lt(x, 0), f64.neg(t), t, 'f64'));
      },
    );
  });
};

const sigmoid64 = (asm: Asm): string => {
  const exp = exp64(asm);
  return define(asm, 'sigmoid64', (f, x, out) => {
    const { f64 } = f.ops;
    f.set(out, f64.div(1, f64.add(1, f.call(exp, [f64.neg(x)]))));
  });
};

const softplus64 = (asm: Asm): string => {
  const [exp, log] = [exp64(asm), log64(asm)];
  return define(asm, 'softplus64', (f, x, out) => {
    const { f64 } = f.ops;
    const e = f.let('f64', f.call(exp, [f64.neg(f64.abs(x))]));
    const l = f.local('f64');
    f.if(
      f64.lt(e, 1e-4),
      () => f.set(l, f64.mul(e, f64.sub(1, f64.mul(e, f64.sub(0.5, f64.mul(e, f64.sub(1 / 3, f64.div(e, 4)))))))),
      () => f.set(l, f.call(log, [f64.add(1, e)])),
    );
    f.set(out, f64.add(f.select(f64.gt(x, 0), x, f.f64c(0), 'f64'), l));
  });
};

const erf64 = (asm: Asm): string => {
  const exp = exp64(asm);
  return define(asm, 'erf64', (f, x, out) => {
    const { f64, i32 } = f.ops;
    const a = f.let('f64', f64.abs(x));
    const z = f.let('f64', f64.mul(a, a));
    const r = f.let('f64', x);
    const n = f.let('f64', 60);
    f.if(f64.ge(a, 6), () => f.set(r, 1));
    f.if(f64.lt(a, 3), () => {
      const sum = f.let('f64', 0);
      f.while(
        () => f64.ge(n, 1),
        () => {
          f.set(sum, f64.mul(f64.add(1, sum), f64.div(f64.mul(2, z), f64.add(f64.mul(2, n), 1))));
          f.set(n, f64.sub(n, 1));
        },
      );
      f.set(r, f64.mul(f64.mul(f64.mul(TWO_OVER_SQRT_PI, f.call(exp, [f64.neg(z)])), a), f64.add(1, sum)));
    });
    f.if(i32.and(f64.ge(a, 3), f64.lt(a, 6)), () => {
      const d = f.let('f64', a);
      f.while(
        () => f64.ge(n, 1),
        () => {
          f.set(d, f64.add(a, f64.div(f64.div(n, 2), d)));
          f.set(n, f64.sub(n, 1));
        },
      );
      f.set(r, f64.sub(1, f64.div(f64.div(f.call(exp, [f64.neg(z)]), d), SQRT_PI)));
    });
    f.set(out, f.select(f64.lt(x, 0), f64.neg(r), f.select(f64.eq(x, 0), x, r, 'f64'), 'f64'));
  });
};

/** pow64(x, y). */
export const powKernel = (asm: Asm): string => {
  const [exp, log] = [exp64(asm), log64(asm)];
  return asm.define('pow64', ['f64', 'f64'], 'f64', (f) => {
    const { f64, i32, i64 } = f.ops;
    const [x, y] = [f.arg(0), f.arg(1)];
    const out = f.local('f64');
    const ay = f.let('f64', f64.abs(y));
    const a = f.let('f64', f64.abs(x));
    const whole = f.i32(f64.eq(f64.floor(y), y));
    const parity = f64.sub(ay, f64.mul(2, f64.floor(f64.div(ay, 2))));
    const odd = f.i32(i32.and(i32.and(whole, f64.lt(ay, 2 ** 53)), f64.eq(parity, 1)));
    const negative = f.i32(i64.lt_s(i64.reinterpret(x), 0));
    const magnitude = f.let('f64', f64.mul(y, f.call(log, [a])));
    f.set(magnitude, f.call(exp, [magnitude]));
    // -0 counts as negative where y is odd: x < 0 || x is -0
    f.set(out, f.select(i32.and(odd, negative), f64.neg(magnitude), magnitude, 'f64'));
    f.if(f64.eq(a, 1), () => f.set(out, f.select(i32.and(odd, f64.lt(x, 0)), f.f64c(-1), f.f64c(1), 'f64')));
    f.if(i32.and(f64.lt(x, 0), i32.eqz(whole)), () => f.set(out, Number.NaN));
    f.if(i32.and(f64.eq(y, 0.5), f64.ge(x, 0)), () => f.set(out, f64.sqrt(x)));
    f.if(f64.eq(y, 2), () => f.set(out, f64.mul(x, x)));
    f.if(f64.eq(y, 1), () => f.set(out, x));
    f.if(i32.or(f64.ne(x, x), f64.ne(y, y)), () => f.set(out, Number.NaN));
    f.if(f64.eq(y, 0), () => f.set(out, 1));
    f.result(out);
  });
};

/** Functions of one float64 argument by name. */
export const MATH = { exp: exp64, log: log64, tanh: tanh64, sigmoid: sigmoid64, softplus: softplus64, erf: erf64 } as const;
