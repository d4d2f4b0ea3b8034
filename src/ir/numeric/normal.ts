import { POW2 } from './fixed.ts';
import { erf64 } from './strict-float.ts';

const { floor } = Math;
const SQRT_HALF = 0.7071067811865476;

/** Fraction bits of the table: entries stand for v / 2^13, so that the ends, 3.44 standard deviations, fit int16. */
export const NORMAL_FRACTION = 13;
/** Both ends of the table, where the real inverse is infinite. With it the table has variance 1, to 5 digits. */
const NORMAL_END = 28213;

/** Probability that a standard normal number lies below v. */
const below = (v: number): number => (1 + erf64(v * SQRT_HALF)) / 2;

/** The integer nearest to 2^13 times the normal quantile of p, by bisection on half-way points; 0 < p < 1/2. */
const quantile = (p: number): number => {
  let lo = -NORMAL_END;
  let hi = 0;
  while (lo < hi) {
    const mid = floor((lo + hi) / 2);
    if (below((mid + 0.5) / POW2[NORMAL_FRACTION]!) < p) lo = mid + 1;
    else hi = mid;
  }
  return lo;
};

/**
 * Inverse of the standard normal distribution function at i / 512, i = 0..512, in Q13: the table of NUMERICS §1.8, read
 * with the top 16 bits of a random word by the int16 form of op `table`. Odd about its middle.
 */
export const NORMAL_TABLE: Int16Array = (() => {
  const table = new Int16Array(513);
  for (let i = 0; i < 256; i++) {
    table[i] = i === 0 ? -NORMAL_END : quantile(i / 512);
    table[512 - i] = -table[i]!;
  }
  return table;
})();
