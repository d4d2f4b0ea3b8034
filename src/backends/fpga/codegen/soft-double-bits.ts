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

export type Build = Routine['build'];

export const CANONICAL_NAN = 0x7ff8000000000000n;
export const INFINITY = 0x7ff0000000000000n;
export const SIGN = -(1n << 63n);
export const HIDDEN = 1n << 52n;
export const FRACTION = HIDDEN - 1n;
export const BIAS = 1023;
const MOST_EXPONENT = 0x7ff;
/** Bits below those of the fraction that rounding looks at. */
const ROUND_BITS = 10;

/** Builders for one body. */
export class Bits {
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
export const normalize = (b: Bits, x: Local): { readonly exponent: Local; readonly significand: Local } => {
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

export const isSpecial = (b: Bits, exponent: Local): Ex => b.i64.eq(exponent, MOST_EXPONENT);
export const isZero = (b: Bits, x: Local): Ex => b.i64.eqz(b.magnitude(x));

export const either = (b: Bits, x: Ex, y: Ex): Ex => b.f.ops.i32.or(x, y);
