import type { Fn } from '../../cpu/simd/fn.ts';
import { Ex, type Local, type Val } from '../../cpu/simd/lift.ts';
import type { Kind, Ref } from '../../cpu/simd/index.ts';
import { product, quotient, root, sum } from './soft-double-arithmetic.ts';
import {
  type Build,
  Bits,
  BIAS,
  CANONICAL_NAN,
  either,
  FRACTION,
  HIDDEN,
  isZero,
  SIGN,
  type Integers,
  type Routine,
} from './soft-double-bits.ts';

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
