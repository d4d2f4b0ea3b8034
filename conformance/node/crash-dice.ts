/** Numbers from 0 to below `n`, by the seed (xorshift32). */
export type Dice = (n: number) => number;
/** The dice of a seed. */
export const diceOf = (seed: number): Dice => {
  let x = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) | 0 || 1;
  return (n) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % n;
  };
};
