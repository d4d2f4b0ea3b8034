import { POW2 } from './fixed.ts';
import { erf64, exp64 } from './strict-float.ts';

const { floor } = Math;
const SQRT_HALF = 0.7071067811865476;

/** Fraction bits of the table: entries stand for v / 2^13, so that the ends, 3.44 standard deviations, fit int16. */
export const NORMAL_FRACTION = 13;
/** Both ends of the table, where the real inverse is infinite. With it the table has variance 1, to 5 digits. */
const NORMAL_END = 28213;

/** Probability that a standard normal number lies below v. */
const below = (v: number): number => (1 + erf64(v * SQRT_HALF)) / 2;

/** Near the quantile of 1/512. */
const FIRST_GUESS = -23600;
const ONE = POW2[NORMAL_FRACTION]!;
const INVERSE_SQRT_TWO_PI = 0.3989422804014327;

/**
 * The integer nearest to 2^13 times the normal quantile of p: a step of Newton's method from a guess, then whichever
 * steps the half-way points on both sides ask for, so that the guess decides nothing but the time.
 */
const quantile = (p: number, guess: number): number => {
  const x = guess / ONE;
  let v = floor((x + (p - below(x)) / (INVERSE_SQRT_TWO_PI * exp64((-x * x) / 2))) * ONE + 0.5);
  while (below((v + 0.5) / ONE) < p) v++;
  while (below((v - 0.5) / ONE) >= p) v--;
  return v;
};

/**
 * Inverse of the standard normal distribution function at i / 512, i = 0..512, in Q13: the table of NUMERICS §1.8, read
 * with the top 16 bits of a random word by the int16 form of op `table`. Odd about its middle.
 */
export const NORMAL_TABLE: Int16Array = (() => {
  const table = new Int16Array(513);
  table[0] = -NORMAL_END;
  table[512] = NORMAL_END;
  let [last, step] = [FIRST_GUESS, 0];
  for (let i = 1; i < 256; i++) {
    const v = quantile(i / 512, last + step);
    step = i === 1 ? 0 : v - last;
    last = v;
    table[i] = v;
    table[512 - i] = -v;
  }
  return table;
})();
