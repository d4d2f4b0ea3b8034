import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  divTrunc,
  encodeRescale,
  exp64,
  isqrt,
  LOG2_TABLE,
  log2Q24,
  log64,
  Philox,
  philox4x32,
  pow64,
  rdiv,
  rshr,
  sigmoid64,
  softplus64,
  tanh64,
  erf64,
} from './index.ts';

const bitsOf = (x: number): number => {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, x);
  return view.getUint32(0);
};
const fromBits = (bits: number): number => {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits);
  return view.getFloat32(0);
};

describe('fixed point', () => {
  // conformance vectors of the numerics law, group A: (acc, M, s) -> v
  test.each([
    [4, 16384, 17, 1],
    [-4, 16384, 17, 0],
    [-5, 16384, 17, -1],
    [12, 16384, 17, 2],
    [-12, 16384, 17, -1],
    [123456, 20000, 25, 74],
    [-123456, 20000, 25, -74],
    [2147483647, 32767, 47, 0],
    [-2147483648, 32767, 47, 0],
    [2147483647, 2097151, 52, 1],
    [-2147483648, 2097151, 52, -1],
    [3, 2 ** 20, 21, 2],
    [-3, 2 ** 20, 21, -1],
    [1000003, 1398101, 30, 1302],
    [-1000003, 1398101, 30, -1302],
  ])('rescale of %d by %d >> %d is %d', (acc, m, s, v) => {
    expect(rshr(acc * m, s)).toBe(v);
  });

  test('rounding shift equals exact big-integer arithmetic', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
        fc.integer({ min: 0, max: 2 ** 21 - 1 }),
        fc.integer({ min: 1, max: 52 }),
        (acc, m, s) => {
          const exact = (BigInt(acc) * BigInt(m) + (1n << BigInt(s - 1))) >> BigInt(s);
          expect(rshr(acc * m, s)).toBe(Number(exact));
        },
      ),
    );
  });

  test.each([
    [1, 2, 1],
    [-1, 2, 0],
    [3, 2, 2],
    [-3, 2, -1],
    [-509, 2, -254],
    [7, 3, 2],
    [-7, 3, -2],
    [-8, 3, -3],
  ])('rdiv(%d, %d) is %d', (a, b, q) => expect(rdiv(a, b)).toBe(q));

  test('division is total', () => {
    expect([divTrunc(7, 2), divTrunc(-7, 2), divTrunc(7, -2), divTrunc(-7, -2), divTrunc(5, 0), divTrunc(-(2 ** 31), -1)]).toEqual([
      3,
      -3,
      -3,
      3,
      0,
      2 ** 31 - 1,
    ]);
  });

  test('isqrt at squares and their neighbours', () => {
    const big = 2 ** 26 - 1;
    expect([0, 1, 3, 4, 15, 16, 2 ** 31 - 1, big * big - 1, big * big, 2 ** 52 - 1].map(isqrt)).toEqual([
      0,
      1,
      1,
      2,
      3,
      4,
      46340,
      big - 1,
      big,
      67108863,
    ]);
  });

  test('a scale is encoded within 2^-15 (n15) and 2^-21 (w21)', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 100, noNaN: true }), fc.constantFrom('n15' as const, 'w21' as const), (r, width) => {
        const { multiplier, shift } = encodeRescale(r, width);
        expect(multiplier).toBeLessThan(width === 'n15' ? 2 ** 15 : 2 ** 21);
        expect(shift).toBeGreaterThanOrEqual(1);
        expect(shift).toBeLessThanOrEqual(width === 'n15' ? 47 : 52);
        expect(Math.abs(multiplier / 2 ** shift - r)).toBeLessThanOrEqual(
          Math.max(r * (width === 'n15' ? 2 ** -15 : 2 ** -21), 2 ** -(width === 'n15' ? 48 : 53)),
        );
      }),
    );
  });

  test('log2 table and interpolation', () => {
    expect([LOG2_TABLE[0], LOG2_TABLE[128], LOG2_TABLE[256]]).toEqual([0, Math.round(2 ** 24 * Math.log2(1.5)), 2 ** 24]);
    expect(Array.from(LOG2_TABLE)).toEqual(Array.from({ length: 257 }, (_, i) => Math.round(2 ** 24 * Math.log2(1 + i / 256))));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (n) =>
        expect(Math.abs(log2Q24(n) / 2 ** 24 - Math.log2(n))).toBeLessThan(2 ** -18.4),
      ),
    );
    expect([log2Q24(0), log2Q24(-5), log2Q24(1), log2Q24(2 ** 30)]).toEqual([-(2 ** 31), -(2 ** 31), 0, 30 * 2 ** 24]);
  });
});

describe('strict float', () => {
  test('published hard cases', () => {
    expect(bitsOf(exp64(fromBits(0xc16912cd)))).toBe(0x34fd331b);
    expect(bitsOf(erf64(fromBits(0x3940ead6)))).toBe(0x3959af14);
    expect(bitsOf(erf64(fromBits(0xb940ead6)))).toBe(0xb959af14);
  });

  test('close to the host library over the whole range (2 units in the last float64 place, relative)', () => {
    const close = (a: number, b: number, ulps: number): void => {
      if (a === b || (a !== a && b !== b)) return;
      expect(Math.abs(a - b)).toBeLessThanOrEqual(Math.max(Math.abs(b) * ulps * 2 ** -52, 2 ** -1074));
    };
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (x) => {
        close(exp64(x), Math.exp(x), 4);
        close(log64(Math.abs(x)), Math.log(Math.abs(x)), 4);
        close(tanh64(x), Math.tanh(x), 8);
        close(sigmoid64(x), 1 / (1 + Math.exp(-x)), 8);
        close(softplus64(x), x > 30 ? x : Math.log1p(Math.exp(x)), 2 ** 14); // ln(1 + e) loses digits for small e, far below float32's
      }),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.float({ min: 0, max: 100, noNaN: true }), fc.float({ min: -8, max: 8, noNaN: true }), (x, y) =>
        close(Math.fround(pow64(x, y)), Math.fround(x ** y), 2 ** 30),
      ),
      { numRuns: 3000 },
    );
  });

  test('special values', () => {
    expect([exp64(Number.NEGATIVE_INFINITY), exp64(Number.POSITIVE_INFINITY), exp64(-104), log64(0), log64(1)]).toEqual([
      0,
      Number.POSITIVE_INFINITY,
      exp64(-104),
      Number.NEGATIVE_INFINITY,
      0,
    ]);
    expect(Object.is(tanh64(-0), -0)).toBe(true);
    expect([Math.fround(pow64(-2, 3)), pow64(-2, 0.5), pow64(0, 0), pow64(0, -1), pow64(2, -1)]).toEqual([
      -8,
      Number.NaN,
      1,
      Number.POSITIVE_INFINITY,
      0.5,
    ]);
  });
});

describe('Philox4x32-10', () => {
  // Random123 kat_vectors
  const ones = 0xffffffff;
  test.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [ones, ones, ones, ones],
      [ones, ones],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)('known answer %#', (counter, key, want) => {
    expect(philox4x32(counter, key)).toEqual(want);
  });

  test('integers and unit floats from the stream', () => {
    const random = new Philox(0);
    expect(random.int(0, 999)).toBe(399);
    expect(new Philox(0).unit()).toBe(0x6627e8 * 2 ** -24);
  });
});
