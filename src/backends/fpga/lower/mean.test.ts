import { expect, test } from '@jest/globals';
import { rdiv } from '../../../ir/index.ts';
import { MEAN_ZERO, meanRescale } from './mean.ts';

/** As the array does it. */
const meanOf = (sum: number, { bias, multiplier, shift }: { bias: number; multiplier: number; shift: number }): number =>
  Math.floor(((sum + bias) * multiplier + 2 ** (shift - 1)) / 2 ** shift) + MEAN_ZERO;

test('every sum of up to 64 bytes has its mean', () => {
  for (let cells = 1; cells <= 64; cells++) {
    const factors = meanRescale(cells);
    expect(factors).toBeDefined();
    if (factors === undefined) continue;
    expect(factors.multiplier).toBeLessThan(2 ** 15);
    for (let sum = -128 * cells; sum <= 127 * cells; sum++)
      if (meanOf(sum, factors) !== rdiv(sum, cells)) throw new RangeError(`${sum} / ${cells}`);
  }
});

test('larger windows have factors that are right for every sum, or none', () => {
  const some = Array.from({ length: 120 }, (_, i) => i + 65);
  const found = some.flatMap((cells) => {
    const factors = meanRescale(cells);
    return factors === undefined ? [] : [{ cells, factors }];
  });
  expect(found.length).toBeGreaterThan(20);
  expect(found.length).toBeLessThan(some.length);
  for (const { cells, factors } of found)
    for (let sum = -128 * cells; sum <= 127 * cells; sum++)
      if (meanOf(sum, factors) !== rdiv(sum, cells)) throw new RangeError(`${sum} / ${cells}`);
});
