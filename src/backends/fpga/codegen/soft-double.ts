import type { Fn } from '../../cpu/simd/fn.ts';
import { Ex, type Local, type Val } from '../../cpu/simd/lift.ts';
import type { Kind, Machine, Ref } from '../../cpu/simd/index.ts';
import type { OpcodeName } from '../isa/opcodes.ts';

// IEEE 754 binary64 by integers: to nearest, ties to even; NaNs that come out are canonical, as the specification allows. A double is the 64
// bits of a scalar register. Numbers are worked on as (sign, exponent, significand) with the significand's leading bit at a place that is said.

/** The machine with instructions that WebAssembly lacks. */
export interface Integers extends Machine {
  instruction(op: OpcodeName, kind: Kind | undefined, args: readonly Ref[], lane?: number): Ref;
  /** Defines a subroutine unless it is there. @returns its name */
  subroutine(routine: Routine): string;
}

/** A subroutine for an instruction. */
export interface Routine {
  readonly name: string;
  readonly params: readonly Kind[];
  readonly result: Kind;
  readonly build: (f: Fn, m: Integers) => void;
}

type Build = Routine['build'];

const CANONICAL_NAN = 0x7ff8000000000000n;
const INFINITY = 0x7ff0000000000000n;
const SIGN = -(1n << 63n);
const HIDDEN = 1n << 52n;
const FRACTION = HIDDEN - 1n;
const BIAS = 1023;
const MOST_EXPONENT = 0x7ff;
/** Bits below those of the fraction that rounding looks at. */
const ROUND_BITS = 10;

/** Builders for one body. */
class Bits {
  readonly f: Fn;
  private readonly m: Integers;

  constructor(f: Fn, m: Integers) {
    this.f = f;
    this.m = m;
  }

  get i64(): Fn['ops']['i64'] {
    return this.f.ops.i64;
  }

  c(value: bigint): Ex {
    return this.f.i64Bits(value);
  }

  set(value: Val): Local {
    return this.f.let('i64', value);
  }

  private ref(value: Ex | Local): Ref {
    return value instanceof Ex ? value.ref : this.m.get(value.index, value.kind);
  }

  /** High half of the product. */
  high(a: Ex | Local, b: Ex | Local): Ex {
    return new Ex(this.m.instruction('mulhu64', 'i64', [this.ref(a), this.ref(b)]));
  }

  /** The 64 bits of a 32-bit truth or count. */
  wide(value: Ex): Ex {
    return this.i64.extend_u(value);
  }

  narrow(value: Val): Ex {
    return this.f.ops.i32.wrap(value);
  }

  exponent(x: Local): Local {
    return this.set(this.i64.and(this.i64.shr_u(x, 52), MOST_EXPONENT));
  }

  fraction(x: Local): Ex {
    return this.i64.and(x, this.c(FRACTION));
  }

  magnitude(x: Local): Ex {
    return this.i64.and(x, this.c(~SIGN));
  }

  sign(x: Ex | Local): Ex {
    return this.i64.and(x, this.c(SIGN));
  }

  isNaN(x: Local): Ex {
    return this.i64.gt_u(this.magnitude(x), this.c(INFINITY));
  }

  /** x shifted right by n, at most 63, with the lowest bit set when a bit was lost. */
  jam(x: Local, n: Local): Ex {
    const { i64 } = this;
    const lost = this.wide(i64.ne(i64.shl(i64.shr_u(x, n), n), x));
    return i64.or(i64.shr_u(x, n), lost);
  }

  choose(condition: Val, yes: Val, no: Val): Ex {
    return this.f.select(condition, yes, no, 'i64');
  }

  pack(sign: Local, exponent: Val, significand: Val): Ex {
    return this.f.call(this.m.subroutine(ROUND), [sign, exponent, significand]);
  }
}

/**
 * (sign, exponent, significand with its leading bit at 62, or 0) to a double: the value is significand * 2^(exponent - 1023 - 62). Exponents
 * beyond those of doubles give infinity, those below subnormal numbers.
 */
const round = (f: Fn, m: Integers): void => {
  const b = new Bits(f, m);
  const { i64 } = b;
  const [sign, exponent, significand] = [f.arg(0), f.arg(1), f.arg(2)];
  f.if(i64.le_s(exponent, 0), () => {
    const n = b.set(i64.sub(1, exponent));
    f.if(i64.gt_s(n, 63), () => f.set(n, 63));
    f.set(significand, b.jam(significand, n));
    f.set(exponent, 1);
  });
  const rest = b.set(i64.and(significand, 2 ** ROUND_BITS - 1));
  const half = 2 ** (ROUND_BITS - 1);
  const rounded = b.set(i64.shr_u(i64.add(significand, half), ROUND_BITS));
  f.if(i64.eq(rest, half), () => f.set(rounded, i64.and(rounded, -2)));
  // the leading bit adds 1 to the exponent; a carry out of the fraction one more
  const result = b.set(i64.add(i64.shl(i64.sub(exponent, 1), 52), rounded));
  f.if(i64.ge_s(exponent, MOST_EXPONENT), () => f.set(result, b.c(INFINITY)));
  f.result(i64.or(result, sign), 'i64');
};

const ROUND: Routine = { name: '$f64_round', params: ['i64', 'i64', 'i64'], result: 'i64', build: round };

/** Sets a number's exponent and its significand with the leading bit at 52; subnormal numbers are shifted there. The number is not 0. */
const normalize = (b: Bits, x: Local): { readonly exponent: Local; readonly significand: Local } => {
  const { f, i64 } = b;
  const exponent = b.exponent(x);
  const significand = b.set(b.fraction(x));
  f.if(
    i64.eqz(exponent),
    () => {
      const shift = b.set(i64.sub(i64.clz(significand), 11));
      f.set(significand, i64.shl(significand, shift));
      f.set(exponent, i64.sub(1, shift));
    },
    () => f.set(significand, i64.or(significand, b.c(HIDDEN))),
  );
  return { exponent, significand };
};

const isSpecial = (b: Bits, exponent: Local): Ex => b.i64.eq(exponent, MOST_EXPONENT);
const isZero = (b: Bits, x: Local): Ex => b.i64.eqz(b.magnitude(x));

const either = (b: Bits, x: Ex, y: Ex): Ex => b.f.ops.i32.or(x, y);

/** x + y, where `negate` turns y over first. */
const sum =
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

const product = (f: Fn, m: Integers): void => {
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

const quotient = (f: Fn, m: Integers): void => {
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
const root = (f: Fn, m: Integers): void => {
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

const floor = (f: Fn, m: Integers): void => {
  const b = new Bits(f, m);
  const { i64 } = b;
  const x = f.arg(0);
  const exponent = b.exponent(x);
  f.if(
    i64.lt_u(exponent, BIAS),
    // -0 stays, all else below 1 becomes 0 or -1
    () => {
      const below = b.choose(i64.lt_s(x, 0), b.c(0xbff0000000000000n), b.c(0n));
      f.set(x, b.choose(isZero(b, x), x, below));
    },
    () =>
      f.if(
        i64.lt_u(exponent, BIAS + 52),
        () => {
          const mask = b.set(i64.shr_u(b.c(FRACTION), i64.sub(exponent, BIAS)));
          // a carry goes on into the exponent as it should
          f.if(i64.lt_s(x, 0), () => f.set(x, i64.add(x, mask)));
          f.set(x, i64.and(x, i64.xor(mask, -1)));
        },
        () => f.if(b.isNaN(x), () => f.set(x, b.c(CANONICAL_NAN))),
      ),
  );
  f.result(x, 'i64');
};

/** An integer of the same order: negative numbers turned over, so that -0 is just below 0. */
const ordered = (b: Bits, x: Local): Ex => b.i64.xor(x, b.i64.shr_u(b.i64.shr_s(x, 63), 1));

const hasNaN = (b: Bits, x: Local, y: Local): Ex => either(b, b.isNaN(x), b.isNaN(y));

/** Both zeros, which are equal whatever their signs. */
const areZeros = (b: Bits, x: Local, y: Local): Ex => b.i64.eqz(b.i64.shl(b.i64.or(x, y), 1));

/** @param when - of the ordered integers; @param ofZeros - the answer for zeros; @param ofNaN - and where a NaN is */
const compare =
  (when: (b: Bits, x: Ex, y: Ex) => Ex, ofZeros: 0 | 1, ofNaN: 0 | 1) =>
  (f: Fn, m: Integers): void => {
    const b = new Bits(f, m);
    const [x, y] = [f.arg(0), f.arg(1)];
    const held = f.i32(when(b, ordered(b, x), ordered(b, y)));
    f.if(areZeros(b, x, y), () => f.set(held, ofZeros));
    f.if(hasNaN(b, x, y), () => f.set(held, ofNaN));
    f.result(held);
  };

const extreme =
  (when: (b: Bits, x: Ex, y: Ex) => Ex) =>
  (f: Fn, m: Integers): void => {
    const b = new Bits(f, m);
    const [x, y] = [f.arg(0), f.arg(1)];
    const taken = b.set(b.choose(when(b, ordered(b, x), ordered(b, y)), x, y));
    f.if(hasNaN(b, x, y), () => f.set(taken, b.c(CANONICAL_NAN)));
    f.result(taken, 'i64');
  };

/** @param widen - the argument as i64 */
const convert =
  (widen: (b: Bits, x: Local) => Val) =>
  (f: Fn, m: Integers): void => {
    const b = new Bits(f, m);
    const { i64 } = b;
    const x = b.set(widen(b, f.arg(0)));
    const result = f.let('i64', 0);
    f.if(i64.ne(x, 0), () => {
      const sign = b.set(b.sign(x));
      f.if(i64.ne(sign, 0), () => f.set(x, i64.sub(0, x)));
      const zeros = b.set(i64.clz(x));
      // -2^63 is a magnitude of 64 bits
      f.if(
        i64.eqz(zeros),
        () => f.set(x, i64.shr_u(x, 1)),
        () => f.set(x, i64.shl(x, i64.sub(zeros, 1))),
      );
      f.set(result, b.pack(sign, i64.sub(BIAS + 63, zeros), x));
    });
    f.result(result, 'i64');
  };

/** Towards zero, to i64; beyond it the nearest that there is, NaN 0. */
const truncate = (f: Fn, m: Integers): void => {
  const b = new Bits(f, m);
  const { i64 } = b;
  const x = f.arg(0);
  const exponent = b.exponent(x);
  const result = f.let('i64', 0);
  const negative = f.i32(i64.lt_s(x, 0));
  f.if(
    i64.ge_u(exponent, BIAS + 63),
    () => {
      f.set(result, b.choose(negative, b.c(SIGN), b.c(~SIGN)));
      f.if(b.isNaN(x), () => f.set(result, 0));
    },
    () =>
      f.if(i64.ge_u(exponent, BIAS), () => {
        f.set(result, i64.or(b.fraction(x), b.c(HIDDEN)));
        f.if(
          i64.gt_u(exponent, BIAS + 52),
          () => f.set(result, i64.shl(result, i64.sub(exponent, BIAS + 52))),
          () => f.set(result, i64.shr_u(result, i64.sub(BIAS + 52, exponent))),
        );
        f.if(negative, () => f.set(result, i64.sub(0, result)));
      }),
  );
  f.result(result, 'i64');
};

const TRUNCATE: Routine = { name: '$f64_trunc', params: ['i64'], result: 'i64', build: truncate };

const truncateTo32: Build = (f, m) => {
  const { i64, i32 } = f.ops;
  const x = f.let('i64', f.call(m.subroutine(TRUNCATE), [f.arg(0)]));
  f.if(i64.gt_s(x, f.i64Bits(0x7fffffffn)), () => f.set(x, f.i64Bits(0x7fffffffn)));
  f.if(i64.lt_s(x, f.i64Bits(-0x80000000n)), () => f.set(x, f.i64Bits(-0x80000000n)));
  f.result(i32.wrap(x));
};

const turn =
  (how: (b: Bits, x: Local) => Ex) =>
  (f: Fn, m: Integers): void =>
    f.result(how(new Bits(f, m), f.arg(0)), 'i64');

const binary = (name: string, build: Build): readonly [string, Routine] => [
  `f64.${name}`,
  { name: `$f64_${name}`, params: ['i64', 'i64'], result: 'f64', build },
];
const relation = (name: string, build: Build): readonly [string, Routine] => [
  `f64.${name}`,
  { name: `$f64_${name}`, params: ['i64', 'i64'], result: 'i32', build },
];
const unary = (name: string, from: Kind, result: Kind, build: Build): readonly [string, Routine] => {
  const space = result === 'f64' ? 'f64' : result;
  return [`${space}.${name}`, { name: `$${space}_${name}`, params: [from], result, build }];
};

/** A scalar instruction of doubles on both lanes. */
const lanes = (name: string, operands: 1 | 2): readonly [string, Routine] => {
  const build: Build = (f, m) => {
    const result = f.v128(f.ops.i64x2.splat(f.i64Bits(0n)));
    for (const lane of [0, 1]) {
      const args = Array.from({ length: operands }, (_, k) => f.lane64(f.arg(k), lane).ref);
      const value = m.op('f64', name, args);
      f.set(result, new Ex(insertLane(m, value, m.get(result.index, 'v128'), lane)));
    }
    f.result(result, 'v128');
  };
  return [`f64x2.${name}`, { name: `$f64x2_${name}`, params: new Array<Kind>(operands).fill('v128'), result: 'v128', build }];
};

const insertLane = (m: Integers, value: Ref, vector: Ref, lane: number): Ref => m.instruction('vins64', 'v128', [value, vector], lane);

const convertLow: Build = (f, m) => {
  const result = f.v128(f.ops.i64x2.splat(f.i64Bits(0n)));
  for (const lane of [0, 1]) {
    const value = m.op('f64', 'convert_s.i32', [f.lane32(f.arg(0), lane).ref]);
    f.set(result, new Ex(insertLane(m, value, m.get(result.index, 'v128'), lane)));
  }
  f.result(result, 'v128');
};

/** Both lanes to i32, zeros above. */
const truncateLanes: Build = (f, m) => {
  const result = f.v128(f.zero());
  for (const lane of [0, 1]) {
    const value = m.op('i32', 'trunc_s_sat.f64', [f.lane64(f.arg(0), lane).ref]);
    f.set(result, new Ex(m.instruction('vins32', 'v128', [value, m.get(result.index, 'v128')], lane)));
  }
  f.result(result, 'v128');
};

const VECTOR_ROUTINES: readonly (readonly [string, Routine])[] = [
  ...(['add', 'sub', 'mul', 'div', 'min', 'max'] as const).map((name) => lanes(name, 2)),
  ...(['floor', 'sqrt'] as const).map((name) => lanes(name, 1)),
  ['f64x2.convert_low_i32x4_s', { name: '$f64x2_convert_low_i32x4_s', params: ['v128'], result: 'v128', build: convertLow }],
  ['i32x4.trunc_sat_f64x2_s_zero', { name: '$i32x4_trunc_sat_f64x2_s_zero', params: ['v128'], result: 'v128', build: truncateLanes }],
];

/** Subroutines by the instruction that they stand for. */
export const SOFT_DOUBLES: ReadonlyMap<string, Routine> = new Map<string, Routine>([
  binary('add', sum(false)),
  binary('sub', sum(true)),
  binary('mul', product),
  binary('div', quotient),
  unary('sqrt', 'i64', 'f64', root),
  unary('floor', 'i64', 'f64', floor),
  unary(
    'neg',
    'i64',
    'f64',
    turn((b, x) => b.i64.xor(x, b.c(SIGN))),
  ),
  unary(
    'abs',
    'i64',
    'f64',
    turn((b, x) => b.magnitude(x)),
  ),
  relation(
    'eq',
    compare((b, x, y) => b.i64.eq(x, y), 1, 0),
  ),
  relation(
    'ne',
    compare((b, x, y) => b.i64.ne(x, y), 0, 1),
  ),
  relation(
    'lt',
    compare((b, x, y) => b.i64.lt_s(x, y), 0, 0),
  ),
  relation(
    'gt',
    compare((b, x, y) => b.i64.gt_s(x, y), 0, 0),
  ),
  relation(
    'le',
    compare((b, x, y) => b.i64.le_s(x, y), 1, 0),
  ),
  relation(
    'ge',
    compare((b, x, y) => b.i64.ge_s(x, y), 1, 0),
  ),
  binary(
    'min',
    extreme((b, x, y) => b.i64.lt_s(x, y)),
  ),
  binary(
    'max',
    extreme((b, x, y) => b.i64.gt_s(x, y)),
  ),
  unary(
    'convert_s.i64',
    'i64',
    'f64',
    convert((_, x) => x),
  ),
  unary(
    'convert_s.i32',
    'i32',
    'f64',
    convert((b, x) => b.i64.extend_s(x)),
  ),
  unary(
    'convert_u.i32',
    'i32',
    'f64',
    convert((b, x) => b.i64.extend_u(x)),
  ),
  unary('trunc_s_sat.f64', 'i64', 'i64', truncate),
  unary('trunc_s_sat.f64', 'i64', 'i32', truncateTo32),
  ...VECTOR_ROUTINES,
]);
