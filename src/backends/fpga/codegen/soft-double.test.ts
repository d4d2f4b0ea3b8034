import { describe, expect, test } from '@jest/globals';
import { Asm } from '../../cpu/simd/asm.ts';
import { Ex } from '../../cpu/simd/lift.ts';
import type { Ref } from '../../cpu/simd/index.ts';
import { at } from '../../../support/index.ts';
import { Processor } from '../simulator/processor.ts';
import { link } from './link.ts';
import { FpgaMachine } from './machine.ts';
import { instruction } from '../isa/encode.ts';

// Doubles in integers give what JavaScript's do, bit for bit, NaNs as the canonical one.

const CODE = 0x40_0000;
const FROM = 0x1000;
const TO = 0x20_0000;
const STEP = 16;

type Access = 'f64' | 'i32' | 'i64';

/** Applies an instruction to pairs of doubles (or integers, by their bits) in memory. */
const apply = (
  make: (m: FpgaMachine, args: readonly Ref[]) => Ref,
  takes: readonly Access[],
  gives: Access,
  pairs: readonly (readonly bigint[])[],
): readonly bigint[] => {
  const machine = new FpgaMachine();
  const asm = new Asm(machine);
  asm.define('all', [], undefined, (f) => {
    const to = f.i32(TO);
    f.for(FROM, f.i32(FROM + STEP * pairs.length), STEP, (from) => {
      const args = takes.map((access, k) => f.load(access, from, 8 * k).ref);
      f.store(gives, to, new Ex(make(machine, args)));
      f.inc(to, 8);
    });
  });
  const target = machine.functions.get('all');
  const plain = { rd: 0, ra: 0, rb: 0, rc: 0, imm: 0 };
  const none = { low: 0, high: 0 };
  const boot = {
    name: 'boot',
    form: { params: [], paramIsVector: [], result: undefined, link: 0, scalars: none, vectors: none },
    code: [
      { ...instruction('call', target?.form.link ?? 0, 0), symbol: { to: 'function', name: 'all' } as const },
      { ...plain, op: 'halt' as const },
    ],
    frameBytes: 0,
    spilled: 0,
  };
  const code = link([boot, ...machine.functions.values()], CODE);
  const memory = new Uint8Array(CODE + 0x10_000);
  memory.set(code.bytes, CODE);
  const view = new DataView(memory.buffer);
  pairs.forEach((pair, i) => pair.forEach((bits, k) => view.setBigInt64(FROM + STEP * i + 8 * k, bits, true)));
  const run = new Processor(memory, memory.length, { start: CODE, bytes: code.instructionBytes }).run(CODE);
  expect(run.error).toBeUndefined();
  return pairs.map((_, i) => (gives === 'i32' ? BigInt(view.getInt32(TO + 8 * i, true)) : view.getBigInt64(TO + 8 * i, true)));
};

const BITS = new DataView(new ArrayBuffer(8));
const bitsOf = (x: number): bigint => {
  if (Number.isNaN(x)) return 0x7ff8000000000000n;
  BITS.setFloat64(0, x);
  return BITS.getBigInt64(0);
};
const doubleOf = (bits: bigint): number => {
  BITS.setBigInt64(0, BigInt.asIntN(64, bits));
  return BITS.getFloat64(0);
};

let seed = 0x2545f491;
const word = (): bigint => {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return BigInt(seed >>> 0);
};
const random = (): bigint => BigInt.asIntN(64, (word() << 32n) | word());

const SPECIAL = [
  0,
  1,
  1.5,
  2,
  3,
  0.5,
  0.1,
  2 ** 52,
  2 ** 53,
  2 ** 53 - 1,
  2 ** 31,
  2 ** 31 - 1,
  2 ** 32,
  2 ** 62,
  2 ** 63,
  2 ** 64,
  1e300,
  Number.MAX_VALUE,
  Number.MIN_VALUE,
  2 ** -1022,
  2 ** -1022 - Number.MIN_VALUE,
  2 ** -537,
  2 ** 512,
  1 + 2 ** -52,
  1 - 2 ** -53,
  4503599627370495.5,
  Number.POSITIVE_INFINITY,
  Number.NaN,
].flatMap((x) => [bitsOf(x), bitsOf(-x)]);
/** A signalling NaN, one with a payload. */
const NANS = [0x7ff0000000000001n, BigInt.asIntN(64, 0xfff8000000000123n)];

/** Exponents near each other, few bits set: sums with ties and cancellation. */
const near = (): bigint => {
  const exponent = 1020n + (word() & 7n);
  const fraction = random() & ((1n << 52n) - 1n) & (word() % 3n === 0n ? -1n << (word() % 52n) : -1n);
  return BigInt.asIntN(64, ((word() & 1n) << 63n) | (exponent << 52n) | fraction);
};
/** Around the borders of what is subnormal, and of what overflows. */
const extreme = (): bigint => {
  const low = word() & 63n;
  const exponent = word() % 2n === 0n ? low : 2046n - low;
  return BigInt.asIntN(64, ((word() & 1n) << 63n) | (exponent << 52n) | (random() & ((1n << 52n) - 1n)));
};

const values = [...SPECIAL, ...NANS];
const RANDOM = 2000;
const pairs = [
  ...values.flatMap((a) => values.map((b) => [a, b])),
  ...Array.from({ length: RANDOM }, () => [random(), random()]),
  ...Array.from({ length: RANDOM }, () => [near(), near()]),
  ...Array.from({ length: RANDOM }, () => [extreme(), extreme()]),
  // halves and quarters of integers: products and quotients that end in ties
  ...Array.from({ length: RANDOM }, () => [bitsOf(Number(word() % 1000000n) / 4), bitsOf(Number(word() % 4096n) / 2)]),
];

const differences = (got: readonly bigint[], expected: (a: bigint, b: bigint) => bigint): readonly string[] =>
  pairs.flatMap(([a = 0n, b = 0n], i) => {
    const want = expected(a, b);
    return at(got, i) === want ? [] : [`${doubleOf(a)}, ${doubleOf(b)} (${a}, ${b}): ${doubleOf(at(got, i))} instead of ${doubleOf(want)}`];
  });

const BINARY = {
  add: (a: number, b: number) => a + b,
  sub: (a: number, b: number) => a - b,
  mul: (a: number, b: number) => a * b,
  div: (a: number, b: number) => a / b,
  min: Math.min,
  max: Math.max,
} as const;

describe('doubles by integers', () => {
  test.each(Object.entries(BINARY))('%s', (name, compute) => {
    const got = apply((m, args) => m.op('f64', name, args), ['f64', 'f64'], 'f64', pairs);
    expect(differences(got, (a, b) => bitsOf(compute(doubleOf(a), doubleOf(b))))).toEqual([]);
  });

  test.each(Object.entries(BINARY))('%s of two lanes', (name, compute) => {
    const both = (m: FpgaMachine, [a = 0, b = 0]: readonly Ref[]): Ref => {
      const sum = m.op('f64x2', name, [m.op('f64x2', 'splat', [a]), m.op('f64x2', 'splat', [b])]);
      return m.extractLane('i64x2', sum, 1);
    };
    const some = pairs.slice(0, 4000);
    const got = apply(both, ['f64', 'f64'], 'i64', some);
    some.forEach(([a = 0n, b = 0n], i) => expect(at(got, i)).toBe(bitsOf(compute(doubleOf(a), doubleOf(b)))));
  });

  test.each([
    ['sqrt', Math.sqrt],
    ['floor', Math.floor],
  ] as const)('%s', (name, compute) => {
    const got = apply((m, args) => m.op('f64', name, args), ['f64'], 'f64', pairs);
    expect(differences(got, (a) => bitsOf(compute(doubleOf(a))))).toEqual([]);
  });

  test.each([
    ['eq', (a: number, b: number) => a === b],
    ['ne', (a: number, b: number) => a !== b],
    ['lt', (a: number, b: number) => a < b],
    ['gt', (a: number, b: number) => a > b],
    ['le', (a: number, b: number) => a <= b],
    ['ge', (a: number, b: number) => a >= b],
  ] as const)('%s', (name, holds) => {
    const got = apply((m, args) => m.op('f64', name, args), ['f64', 'f64'], 'i32', pairs);
    expect(differences(got, (a, b) => (holds(doubleOf(a), doubleOf(b)) ? 1n : 0n))).toEqual([]);
  });

  const clamp = (x: number, bits: number): bigint => {
    if (Number.isNaN(x)) return 0n;
    const most = 2 ** (bits - 1);
    return x >= most ? (1n << BigInt(bits - 1)) - 1n : x < -most ? -(1n << BigInt(bits - 1)) : BigInt(Math.trunc(x));
  };

  test('neg and abs change the sign alone', () => {
    const sign = 1n << 63n;
    const negated = apply((m, args) => m.op('f64', 'neg', args), ['f64'], 'f64', pairs);
    expect(differences(negated, (a) => BigInt.asIntN(64, a ^ sign))).toEqual([]);
    const absolute = apply((m, args) => m.op('f64', 'abs', args), ['f64'], 'f64', pairs);
    expect(differences(absolute, (a) => a & (sign - 1n))).toEqual([]);
  });

  test('trunc_s_sat to i64 and i32, of one and of two lanes', () => {
    const to64 = apply((m, args) => m.op('i64', 'trunc_s_sat.f64', args), ['f64'], 'i64', pairs);
    expect(differences(to64, (a) => clamp(doubleOf(a), 64))).toEqual([]);
    const to32 = apply((m, args) => m.op('i32', 'trunc_s_sat.f64', args), ['f64'], 'i32', pairs);
    expect(differences(to32, (a) => clamp(doubleOf(a), 32))).toEqual([]);
    const lanes = (m: FpgaMachine, [a = 0]: readonly Ref[]): Ref =>
      m.extractLane('i64x2', m.op('i32x4', 'trunc_sat_f64x2_s_zero', [m.op('f64x2', 'splat', [a])]), 0);
    const both = apply(lanes, ['f64'], 'i64', pairs);
    const twice = (x: bigint): bigint => BigInt.asIntN(64, (x << 32n) | BigInt.asUintN(32, x));
    expect(differences(both, (a) => twice(clamp(doubleOf(a), 32)))).toEqual([]);
  });

  test.each([
    ['convert_s.i64', 'i64', (a: bigint) => Number(a)],
    ['convert_s.i32', 'i32', (a: bigint) => Number(BigInt.asIntN(32, a))],
    ['convert_u.i32', 'i32', (a: bigint) => Number(BigInt.asUintN(32, a))],
  ] as const)('%s', (name, access, compute) => {
    const got = apply((m, args) => m.op('f64', name, args), [access], 'f64', pairs);
    expect(differences(got, (a) => bitsOf(compute(a)))).toEqual([]);
  });

  test('convert of two lanes', () => {
    const make = (m: FpgaMachine, [a = 0]: readonly Ref[]): Ref =>
      m.extractLane('i64x2', m.op('f64x2', 'convert_low_i32x4_s', [m.op('i32x4', 'splat', [a])]), 1);
    const got = apply(make, ['i32'], 'i64', pairs);
    expect(differences(got, (a) => bitsOf(Number(BigInt.asIntN(32, a))))).toEqual([]);
  });
});
