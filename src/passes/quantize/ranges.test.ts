import { describe, expect, test } from '@jest/globals';
import { Philox } from '../../ir/index.ts';
import { affineOfRange, quantizeValue, wideOfMagnitude } from './affine.ts';
import { type Histogram, histogramOf } from './histogram.ts';
import { chooseRange, powerOfTwoRange } from './ranges.ts';

const histogram = (values: readonly number[]): Histogram => histogramOf(Float32Array.from(values));

/** Mean squared error of quantizing values by the i8 code of a range. */
const errorOf = (values: readonly number[], lo: number, hi: number): number => {
  const affine = affineOfRange(lo, hi);
  return values.reduce((n, v) => n + ((quantizeValue(v, affine) - affine.zero) * affine.scale - v) ** 2, 0) / values.length;
};

describe('chooseRange', () => {
  const random = new Philox(1);
  // a sum of uniform values is near a Gaussian
  const bell = Array.from({ length: 20_000 }, () =>
    Math.fround(Array.from({ length: 8 }, () => random.unit() - 0.5).reduce((n, v) => n + v, 0)),
  );
  const outlier = [...bell, 40];

  test('minmax is what was seen', () => {
    expect(chooseRange(histogram(outlier), 'minmax')).toEqual({ lo: Math.min(...bell), hi: 40, method: 'minmax', clipped: 0 });
  });

  test('mse clips an outlier where that costs less than steps, and its error is near the least of a fine search', () => {
    // each bell value counts a thousand times, the outlier once
    const many = histogram(outlier);
    const weighted = { ...many, count: bell.length * 1000 + 1, bins: many.bins.map((n, i) => (i === many.bins.length - 1 ? n : n * 1000)) };
    const cost = (lo: number, hi: number): number => errorOf(bell, lo, hi) + errorOf([40], lo, hi) / (bell.length * 1000);
    const chosen = chooseRange(weighted, 'mse');
    expect(chosen.method).toBe('mse');
    expect(chosen.hi).toBeLessThan(30);
    let least = Number.POSITIVE_INFINITY;
    for (let hi = 0.5; hi <= 40; hi += 0.5) least = Math.min(least, cost(chosen.lo, hi));
    expect(cost(chosen.lo, chosen.hi)).toBeLessThan(least * 1.1);
    expect(chosen.clipped).toBeGreaterThan(0);
    expect(chosen.clipped).toBeLessThan(0.001);
  });

  test('percentile leaves out one in ten thousand', () => {
    const chosen = chooseRange(histogram(Array.from({ length: 100_000 }, (_, i) => (i < 99_995 ? (i % 100) / 100 : 50))), 'percentile');
    expect(chosen.hi).toBeLessThan(1.1);
    expect(chosen.clipped).toBeCloseTo(5 / 100_000, 8);
  });

  test('entropy keeps the bulk and gives up a far outlier', () => {
    const chosen = chooseRange(histogram(outlier), 'entropy');
    expect(chosen.method).toBe('entropy');
    expect(chosen.hi).toBeLessThan(20);
    expect(chosen.hi).toBeGreaterThan(3);
    expect(chosen.clipped).toBeLessThan(0.001);
    expect(chosen.lo).toBeLessThan(0.5 * Math.min(...bell));
  });

  test('entropy keeps a range that is evenly full', () => {
    const flat = chooseRange(histogram(Array.from({ length: 51_000 }, (_, i) => Math.fround((i % 510) / 10))), 'entropy');
    expect([flat.lo, flat.hi]).toEqual([0, Math.fround(50.9)]);
  });

  test('a power of two clips where the next finer step costs less than what it cuts off', () => {
    // a range of 255.1 needs a step of 2 to be whole; a step of 1 clips one value in 100,000 by 0.1
    const values = Array.from({ length: 100_000 }, (_, i) => Math.fround(i === 0 ? 255.1 : (i % 2000) / 10));
    const chosen = powerOfTwoRange(histogram(values));
    expect([chosen.lo, chosen.hi]).toEqual([0, 255]);
    const affine = affineOfRange(chosen.lo, chosen.hi);
    expect(affine.scale).toBe(1);
    expect(chosen.clipped).toBeGreaterThan(0);
  });

  test('zeros are exact: half of them do not change the clip', () => {
    const positive = bell.filter((v) => v > 0);
    const dense = chooseRange(histogram(positive), 'mse');
    const sparse = chooseRange(histogram([...positive, ...positive.map(() => 0), 0]), 'mse');
    expect(Math.abs(sparse.hi - dense.hi)).toBeLessThan(0.05);
  });

  test('a constant stays as it is', () => {
    expect(chooseRange(histogram([3, 3, 3, 3, 3]), 'mse').hi).toBe(3);
  });
});

describe('codes', () => {
  test('0 has an exact code whatever the range', () => {
    for (const [lo, hi] of [
      [-1, 3],
      [2, 5],
      [-7, -3],
      [0, 0],
      [-1e-9, 1e9],
      [0, 1e-42],
      [-3e38, 3e38],
    ] as const) {
      const affine = affineOfRange(lo, hi);
      expect(quantizeValue(0, affine)).toBe(affine.zero);
      expect(Math.fround(affine.scale)).toBe(affine.scale);
      expect(affine.scale).toBeGreaterThan(0);
      expect(Number.isFinite(affine.scale)).toBe(true);
    }
  });

  test('the ends of a range are within half a step, or the rounding of zero, of their codes', () => {
    for (const [lo, hi] of [
      [-1, 3],
      [0, 6],
      [-0.3, 0.1],
    ] as const) {
      const affine = affineOfRange(lo, hi);
      for (const v of [lo, hi])
        expect(Math.abs((quantizeValue(v, affine) - affine.zero) * affine.scale - v)).toBeLessThanOrEqual(affine.scale * 0.51);
    }
  });

  test('NaN becomes zero and infinities saturate', () => {
    const affine = affineOfRange(-1, 3);
    expect([Number.NaN, -Infinity, Infinity].map((v) => quantizeValue(v, affine))).toEqual([affine.zero, -128, 127]);
  });

  test('16-bit codes are symmetric and leave headroom', () => {
    const affine = wideOfMagnitude(10);
    expect(affine.zero).toBe(0);
    expect(quantizeValue(10, affine)).toBeLessThan(32767);
    expect(quantizeValue(10, affine)).toBeGreaterThan(30000);
  });
});
