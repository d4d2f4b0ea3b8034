import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  divRound,
  EXP2_TABLE,
  exp2Q16,
  expFactor,
  expFixed,
  NORMAL_TABLE,
  phaseFactor,
  phaseOf,
  powFixed,
  rdiv,
  SIN_TABLE,
  sinPhase,
  softmaxScale,
  toQ16,
} from './index.ts';
import { root } from '../../../tests/support/integer-root.ts';

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
/** 1 / (2 pi) in 96 binary digits. */
const INVERSE_TURN = 0x28be60db9391054a7f09d5f4n;
/** log2(e) in 94 fraction bits. */
const LOG2E = 0x5c551d94ae0bf85ddf43ff68n;

describe('tables are the real values to the nearest integer', () => {
  test('2^(i/256)', () => {
    // 2 * 2^30 * 2^(i/256) rounded down is the 256th root of 2^(31 * 256 + i)
    const want = Array.from({ length: 257 }, (_, i) => Number((root(1n << BigInt(31 * 256 + i), 256n) + 1n) >> 1n));
    expect(Array.from(EXP2_TABLE)).toEqual(want);
  });

  test('sine of a quarter turn', () => {
    const want = Array.from({ length: 1026 }, (_, i) => Math.round(2 ** 30 * Math.sin((Math.min(i, 1024) * Math.PI) / 2048)));
    expect(Array.from(SIN_TABLE)).toEqual(want);
  });

  test('factors of every fraction', () => {
    for (let f = 0; f <= 30; f++) {
      const turns = (INVERSE_TURN << BigInt(32 - f)) >> (96n - 17n);
      const { high, low } = phaseFactor(f);
      expect(BigInt(high) * 65536n + BigInt(low)).toBe((turns + 1n) >> 1n);
      expect(BigInt(expFactor(f))).toBe(((LOG2E >> BigInt(94 - 31 + f)) + 1n) >> 1n);
    }
  });

  test('normal quantiles: odd, rising, variance 1 over all 65536 arguments', () => {
    let sum = 0;
    for (let x = 0; x < 65536; x++) {
      const [i, f] = [x >> 7, x & 127];
      const low = NORMAL_TABLE[i] ?? 0;
      const z = (low * 128 + ((NORMAL_TABLE[i + 1] ?? 0) - low) * f + 64) >> 7;
      sum += (z / 8192) ** 2;
    }
    expect(Math.abs(sum / 65536 - 1)).toBeLessThan(2e-5);
    const table = Array.from(NORMAL_TABLE);
    expect(table.every((v, i) => v === -(table[512 - i] ?? 0) && (i === 0 || v > (table[i - 1] ?? 0)))).toBe(true);
    // quantiles of 1/4, 1/8 and 1/512
    expect([table[128], table[64], table[1]]).toEqual([-5525, -9424, Math.round(-2.885634912426757 * 8192)]);
  });
});

describe('errors against float64', () => {
  test('exp2: relative 2^-20, and half a unit', () => {
    let worst = 0;
    for (let f = 0; f < 65536; f++) worst = Math.max(worst, Math.abs(exp2Q16(f, 30) / 2 ** 30 / 2 ** (f / 65536) - 1));
    expect(worst).toBeLessThan(2 ** -19.9);
    fc.assert(
      fc.property(int32, fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 30 }), (x, from, to) => {
        const t = toQ16(x, from);
        const real = 2 ** (t / 65536 + to);
        if (real < 2 ** 31 - 2 ** 12) expect(Math.abs(exp2Q16(t, to) - real)).toBeLessThanOrEqual(0.5 + real * 2 ** -19.9);
        else if (real > 2 ** 31 + 2 ** 12) expect(exp2Q16(t, to)).toBe(2 ** 31 - 1);
      }),
    );
  });

  test('exp: the rounding of the exponent and of exp2', () => {
    fc.assert(
      fc.property(int32, fc.integer({ min: 0, max: 16 }), fc.integer({ min: 0, max: 30 }), (x, from, to) => {
        const real = Math.exp(x / 2 ** from) * 2 ** to;
        const y = expFixed(x, from, to);
        const error = Math.LN2 * (Math.abs(x / 2 ** from) * 2 ** (from - 31) + 2 ** -17) + 2 ** -19.9;
        if (real < 2 ** 31 / (1 + error)) expect(Math.abs(y - real)).toBeLessThanOrEqual(0.5 + real * error);
        else if (real > 2 ** 31 * (1 + error)) expect(y).toBe(2 ** 31 - 1);
      }),
      { numRuns: 3000 },
    );
  });

  test('sine: 2^-21.6 and the phase', () => {
    fc.assert(
      fc.property(int32, fc.integer({ min: 0, max: 30 }), (x, fraction) => {
        const y = sinPhase(phaseOf(x, phaseFactor(fraction))) / 2 ** 30;
        const bound = 2 ** -21.6 + 2 * Math.PI * (Math.abs(x) * 2 ** -49 + 2 ** -32);
        expect(Math.abs(y - Math.sin(x / 2 ** fraction))).toBeLessThanOrEqual(bound);
      }),
      { numRuns: 5000 },
    );
    expect([0, 2 ** 30, 2 ** 31, 3 * 2 ** 30].map(sinPhase)).toEqual([0, 2 ** 30, -0, -(2 ** 30)]);
  });

  test('powers: exact on whole numbers, else by the logarithm', () => {
    fc.assert(
      fc.property(fc.integer({ min: -300, max: 300 }), fc.integer({ min: 0, max: 40 }), (a, b) => {
        const exact = BigInt(a) ** BigInt(b);
        const limit = 2n ** 31n;
        expect(powFixed(a, b, 0, 0)).toBe(Number(exact < -limit ? -limit : exact >= limit ? limit - 1n : exact));
      }),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), fc.integer({ min: -2000, max: 2000 }), (a, b) => {
        const real = (a / 65536) ** (b / 256) * 65536;
        const y = powFixed(a, b, 16, 8);
        const error = Math.abs(b / 256) * 2 ** -18.4 + 2 ** -16.4;
        if (real < 2 ** 31 / (1 + error)) expect(Math.abs(y - real)).toBeLessThanOrEqual(0.5 + real * error);
        else if (real > 2 ** 31 * (1 + error)) expect(y).toBe(2 ** 31 - 1);
      }),
      { numRuns: 3000 },
    );
  });
});

test('rounded division has the tie rule of rdiv, for divisors of either sign', () => {
  expect(divRound(3, -6)).toBe(0);
  fc.assert(
    fc.property(int32, fc.integer({ min: 1, max: 2 ** 31 - 1 }), (a, b) => {
      expect(divRound(a, b)).toBe(rdiv(a, b));
      if (a !== -(2 ** 31)) expect(divRound(-a, -b)).toBe(rdiv(a, b));
    }),
  );
});

test('the scale of a softmax row leaves room for its sum', () => {
  expect([1, 2, 3, 4, 5, 256, 257, 16384, 2 ** 20].map(softmaxScale)).toEqual([22, 22, 22, 22, 22, 22, 21, 16, 10]);
});
