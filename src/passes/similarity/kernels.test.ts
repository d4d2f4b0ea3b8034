import { describe, expect, test } from '@jest/globals';
import { Philox } from '../../ir/index.ts';
import { distanceCorrelation, unbiasedCka } from './kernels.ts';

const rows = (seed: number, n: number, length: number): readonly Float32Array[] => {
  const random = new Philox(seed);
  return Array.from({ length: n }, () => Float32Array.from({ length }, () => random.next() / 2 ** 32 - 0.5));
};

describe('unbiased CKA', () => {
  const x = rows(1, 40, 12);

  test('is 1 for features in another order, multiplied and shifted', () => {
    const y = x.map((r) => Float32Array.from(r, (_, i) => 3 * (r[(i * 5) % 12] ?? 0) + 1));
    expect(unbiasedCka(x, y)).toBeCloseTo(1, 5);
  });

  test('is near 0 for unrelated features, also for more features than samples', () => {
    expect(Math.abs(unbiasedCka(x, rows(2, 40, 12)) ?? 1)).toBeLessThan(0.15);
    expect(Math.abs(unbiasedCka(rows(3, 40, 500), rows(4, 40, 500)) ?? 1)).toBeLessThan(0.3);
  });

  test('is not defined where nothing varies', () => {
    expect(
      unbiasedCka(
        x,
        x.map(() => new Float32Array(3)),
      ),
    ).toBeUndefined();
    expect(unbiasedCka(x.slice(0, 3), x.slice(0, 3))).toBeUndefined();
  });
});

describe('decision distances', () => {
  test('are the same for outputs in another order, and unrelated for others', () => {
    const x = rows(5, 30, 10);
    const turned = x.map((r) => r.slice().reverse());
    expect(distanceCorrelation(x, turned)).toBeCloseTo(1, 5);
    expect(Math.abs(distanceCorrelation(x, rows(6, 30, 7)))).toBeLessThan(0.3);
  });
});
