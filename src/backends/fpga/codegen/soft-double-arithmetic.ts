import type { Fn } from '../../cpu/simd/fn.ts';
import type { Local } from '../../cpu/simd/lift.ts';
import {
  Bits,
  BIAS,
  CANONICAL_NAN,
  either,
  HIDDEN,
  INFINITY,
  isSpecial,
  isZero,
  normalize,
  SIGN,
  type Integers,
} from './soft-double-bits.ts';

/** x + y, where `negate` turns y over first. */
export const sum =
  (negate: boolean) =>
  (f: Fn, m: Integers): void => {
    const b = new Bits(f, m);
    const { i64 } = b;
    const [x, y] = [f.arg(0), f.arg(1)];
    if (negate) f.set(y, i64.xor(y, b.c(SIGN)));
    const result = f.local('i64');
    // the larger magnitude first
    f.if(i64.lt_u(b.magnitude(x), b.magnitude(y)), () => {
      const swap = b.set(x);
      f.set(x, y);
      f.set(y, swap);
    });
    const ex = b.exponent(x);
    const differs = b.set(b.sign(i64.xor(x, y)));
    f.if(
      isSpecial(b, ex),
      () => {
        // infinity - infinity has no value; x is a NaN when either is
        const none = either(b, b.isNaN(x), b.f.ops.i32.and(i64.eq(b.magnitude(y), b.c(INFINITY)), i64.ne(differs, 0)));
        f.set(result, b.choose(none, b.c(CANONICAL_NAN), x));
      },
      () => {
        const ey = b.exponent(y);
        const sign = b.set(b.sign(x));
        const significand = (v: Local, e: Local): Local => {
          const s = b.set(i64.shl(b.fraction(v), 9));
          f.if(
            i64.eqz(e),
            () => f.set(e, 1),
            () => f.set(s, i64.or(s, b.c(HIDDEN << 9n))),
          );
          return s;
        };
        const sx = significand(x, ex);
        const sy = significand(y, ey);
        const n = b.set(i64.sub(ex, ey));
        f.if(i64.gt_s(n, 63), () => f.set(n, 63));
        f.set(sy, b.jam(sy, n));
        f.if(
          i64.eqz(differs),
          () => f.set(sx, i64.add(sx, sy)),
          () => f.set(sx, i64.sub(sx, sy)),
        );
        f.if(
          i64.eqz(sx),
          // x - x is +0, and so is the sum of zeros whose signs differ
          () => f.set(result, b.choose(i64.eqz(differs), sign, b.c(0n))),
          () => {
            const shift = b.set(i64.sub(i64.clz(sx), 1));
            f.set(result, b.pack(sign, i64.add(i64.sub(ex, shift), 1), i64.shl(sx, shift)));
          },
        );
      },
    );
    f.result(result, 'i64');
  };

export const product = (f: Fn, m: Integers): void => {
  const b = new Bits(f, m);
  const { i64 } = b;
  const [x, y] = [f.arg(0), f.arg(1)];
  const result = f.local('i64');
  const sign = b.set(b.sign(i64.xor(x, y)));
  const [mx, my] = [b.set(b.magnitude(x)), b.set(b.magnitude(y))];
  const most = b.set(b.choose(i64.gt_u(mx, my), mx, my));
  const least = b.set(b.choose(i64.gt_u(mx, my), my, mx));
  f.if(
    i64.ge_u(most, b.c(INFINITY)),
    () => {
      const none = either(b, i64.gt_u(most, b.c(INFINITY)), i64.eqz(least));
      f.set(result, b.choose(none, b.c(CANONICAL_NAN), i64.or(sign, b.c(INFINITY))));
    },
    () =>
      f.if(
        i64.eqz(least),
        () => f.set(result, sign),
        () => {
          const a = normalize(b, mx);
          const c = normalize(b, my);
          const left = b.set(i64.shl(a.significand, 10));
          const right = b.set(i64.shl(c.significand, 11));
          const high = b.set(b.high(left, right));
          f.set(high, i64.or(high, b.wide(i64.ne(i64.mul(left, right), 0))));
          const exponent = b.set(i64.sub(i64.add(a.exponent, c.exponent), BIAS - 1));
          f.if(i64.eqz(i64.shr_u(high, 62)), () => {
            f.set(high, i64.shl(high, 1));
            f.set(exponent, i64.sub(exponent, 1));
          });
          f.set(result, b.pack(sign, exponent, high));
        },
      ),
  );
  f.result(result, 'i64');
};

/** Bits of a quotient that one division gives: a remainder below 2^53 shifted by so many still fits 64 bits. */
const QUOTIENT_BITS = 11;
const DIVISIONS = 5;

export const quotient = (f: Fn, m: Integers): void => {
  const b = new Bits(f, m);
  const { i64, f: fn } = b;
  const [x, y] = [f.arg(0), f.arg(1)];
  const result = f.local('i64');
  const sign = b.set(b.sign(i64.xor(x, y)));
  const [mx, my] = [b.set(b.magnitude(x)), b.set(b.magnitude(y))];
  const infinite = b.set(b.c(INFINITY));
  const none = fn.i32(
    either(
      b,
      either(b, i64.gt_u(mx, infinite), i64.gt_u(my, infinite)),
      either(b, b.f.ops.i32.and(i64.eqz(mx), i64.eqz(my)), b.f.ops.i32.and(i64.eq(mx, infinite), i64.eq(my, infinite))),
    ),
  );
  f.if(
    none,
    () => f.set(result, b.c(CANONICAL_NAN)),
    () =>
      f.if(
        either(b, i64.eq(mx, infinite), i64.eqz(my)),
        () => f.set(result, i64.or(sign, infinite)),
        () =>
          f.if(
            either(b, i64.eq(my, infinite), i64.eqz(mx)),
            () => f.set(result, sign),
            () => {
              const a = normalize(b, mx);
              const c = normalize(b, my);
              const exponent = b.set(i64.add(i64.sub(a.exponent, c.exponent), BIAS));
              f.if(i64.lt_u(a.significand, c.significand), () => {
                f.set(a.significand, i64.shl(a.significand, 1));
                f.set(exponent, i64.sub(exponent, 1));
              });
              const rest = b.set(i64.sub(a.significand, c.significand));
              const q = f.let('i64', 1);
              f.for(0, DIVISIONS, 1, () => {
                f.set(rest, i64.shl(rest, QUOTIENT_BITS));
                const digit = b.set(i64.div_u(rest, c.significand));
                f.set(rest, i64.sub(rest, i64.mul(digit, c.significand)));
                f.set(q, i64.or(i64.shl(q, QUOTIENT_BITS), digit));
              });
              const to62 = 62 - QUOTIENT_BITS * DIVISIONS;
              f.set(result, b.pack(sign, exponent, i64.or(i64.shl(q, to62), b.wide(i64.ne(rest, 0)))));
            },
          ),
      ),
  );
  f.result(result, 'i64');
};

/** Digit by digit, as in fdlibm's e_sqrt.c: 53 bits and one to round by. */
export const root = (f: Fn, m: Integers): void => {
  const b = new Bits(f, m);
  const { i64 } = b;
  const x = f.arg(0);
  const result = f.local('i64');
  f.if(
    isZero(b, x),
    () => f.set(result, x),
    () =>
      f.if(
        either(b, b.isNaN(x), i64.lt_s(x, 0)),
        () => f.set(result, b.c(CANONICAL_NAN)),
        () =>
          f.if(
            i64.eq(x, b.c(INFINITY)),
            () => f.set(result, x),
            () => {
              const { exponent, significand } = normalize(b, x);
              f.set(exponent, i64.sub(exponent, BIAS));
              f.if(i64.ne(i64.and(exponent, 1), 0), () => f.set(significand, i64.shl(significand, 1)));
              f.set(significand, i64.shl(significand, 1));
              const q = f.let('i64', 0);
              const s = f.let('i64', 0);
              const r = b.set(b.c(1n << 53n));
              f.while(
                () => i64.ne(r, 0),
                () => {
                  const t = b.set(i64.add(s, r));
                  f.if(i64.le_s(t, significand), () => {
                    f.set(s, i64.add(t, r));
                    f.set(significand, i64.sub(significand, t));
                    f.set(q, i64.add(q, r));
                  });
                  f.set(significand, i64.shl(significand, 1));
                  f.set(r, i64.shr_u(r, 1));
                },
              );
              const jammed = i64.or(i64.shl(q, 62 - 53), b.wide(i64.ne(significand, 0)));
              const none = f.let('i64', 0);
              f.set(result, b.pack(none, i64.add(i64.shr_s(exponent, 1), BIAS), jammed));
            },
          ),
      ),
  );
  f.result(result, 'i64');
};
