import { describe, expect, test } from '@jest/globals';
import { Philox } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { assign, bestAssignment } from './assignment.ts';

const orders = (n: number): readonly (readonly number[])[] =>
  n === 1 ? [[0]] : orders(n - 1).flatMap((p) => Array.from({ length: n }, (_, i) => [...p.slice(0, i), n - 1, ...p.slice(i)]));

describe('assignment', () => {
  test('no order of few gains more, ties included', () => {
    const random = new Philox(3);
    for (let trial = 0; trial < 300; trial++) {
      const n = 1 + (trial % 6);
      const gain = Float32Array.from({ length: n * n }, () => (trial % 3 === 0 ? random.next() % 4 : random.next() / 2 ** 32));
      const found = bestAssignment(gain, n);
      const sum = (order: ArrayLike<number>): number => Array.from(order).reduce((s, j, i) => s + at(gain, i * n + j), 0);
      expect(new Set(found).size).toBe(n);
      expect(sum(found)).toBeCloseTo(Math.max(...orders(n).map(sum)), 4);
    }
  });

  test('with more rows than columns some are left over', () => {
    const found = assign(Float32Array.of(0.1, 0.2, 0.9, 0.3, 0.2, 0.8), 3, 2);
    expect(Array.from(found)).toEqual([-1, 0, 1]);
  });

  test('an order that was hidden among 300 is found', () => {
    const n = 300;
    const random = new Philox(4);
    const hidden = Array.from({ length: n }, (_, i) => (i * 7 + 3) % n);
    const gain = Float32Array.from({ length: n * n }, (_, k) =>
      k % n === hidden[Math.floor(k / n)] ? 0.9 : 0.5 * (random.next() / 2 ** 32),
    );
    expect(Array.from(bestAssignment(gain, n))).toEqual(hidden);
  });
});
