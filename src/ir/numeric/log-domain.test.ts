import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  addSaturated,
  EXP2_DOWN_TABLE,
  IMPOSSIBLE,
  LN2_Q20,
  LOG_MAX,
  logOfProbability,
  logPotential,
  logSumExp,
  NEG_INF,
} from './index.ts';
import { root } from '../../../tests/support/integer-root.ts';

const lse = (values: readonly number[], fraction = 12): number => logSumExp(values.length, (i) => values[i] ?? 0, fraction);
const exact = (values: readonly number[], fraction = 12): number => {
  const scale = 2 ** fraction;
  const most = Math.max(...values);
  return most + Math.log(values.reduce((sum, v) => sum + Math.exp((v - most) / scale), 0)) * scale;
};

describe('log-sum-exp', () => {
  test('the table is 2^30 2^(-i/256) to the nearest integer', () => {
    // 2^(31 - i/256) rounded down is the 256th root of 2^(31 * 256 - i)
    const want = Array.from({ length: 257 }, (_, i) => Number((root(1n << BigInt(31 * 256 - i), 256n) + 1n) >> 1n));
    expect(Array.from(EXP2_DOWN_TABLE)).toEqual(want);
    expect(LN2_Q20).toBe(Math.round(Math.LN2 * 2 ** 20));
  });

  test('edges of NUMERICS §8 K: nothing, log 0, one term, 2^k equal terms', () => {
    expect(lse([])).toBe(NEG_INF);
    expect(lse([NEG_INF, IMPOSSIBLE, -(2 ** 31)])).toBe(NEG_INF);
    for (const v of [IMPOSSIBLE + 1, -1, 0, 7, LOG_MAX]) expect(lse([v, NEG_INF])).toBe(v);
    expect([1, 2, 3, 10].map((k) => lse(new Array<number>(2 ** k).fill(5)))).toEqual([2844, 5683, 8522, 28396]);
    expect(lse([2 ** 31 - 1, 2 ** 31 - 1])).toBe(LOG_MAX);
  });

  test('a sum beyond 2^32', () => {
    expect(logSumExp(2 ** 18, () => -3, 12)).toBe(Math.round(18 * Math.LN2 * 4096) - 3);
  });

  test.each([
    [8, 0.501],
    [12, 0.52],
    [16, 1.6],
  ])('in Q%i off by at most %d units from real arithmetic', (fraction, units) => {
    const terms = fc.array(fc.integer({ min: -12 * 2 ** fraction, max: 2 * 2 ** fraction }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(terms, (values) => Math.abs(lse(values, fraction) - exact(values, fraction)) <= units),
      { numRuns: 2000, seed: 7 },
    );
  });

  test('the order of the terms does not matter', () => {
    const terms = fc.array(fc.oneof(fc.integer({ min: -60000, max: 60000 }), fc.constant(NEG_INF)), { maxLength: 40 });
    fc.assert(
      fc.property(terms, (values) => lse(values) === lse(values.toReversed()) && lse(values) === lse(values.toSorted((a, b) => a - b))),
      { seed: 7 },
    );
  });
});

test('products: log 0 absorbs, sums stop at 2^30', () => {
  expect(addSaturated(IMPOSSIBLE, 2 ** 29)).toBe(NEG_INF);
  expect(addSaturated(IMPOSSIBLE + 1, IMPOSSIBLE + 1)).toBe(NEG_INF + 2);
  expect(addSaturated(LOG_MAX, 1)).toBe(LOG_MAX);
  expect(addSaturated(-3, 5)).toBe(2);
});

test('logarithms of tables are rounded to the nearest 2^-12', () => {
  expect([0, 1, 0.5, 0.25, 0.1].map(logOfProbability)).toEqual([NEG_INF, 0, -2839, -5678, -9431]);
  for (let i = 1; i < 2000; i++) expect(logOfProbability(i / 2000)).toBe(Math.round(Math.log(i / 2000) * 4096));
  expect([-Infinity, 1.5, -0.25, 1e9, -1e9].map(logPotential)).toEqual([NEG_INF, 6144, -1024, 2 ** 29, -(2 ** 29)]);
});
