import { expect, test } from '@jest/globals';
import { type Contender, interleave } from './interleave.ts';

/** Says that a run takes so long, without taking it; from a call on it fails. */
const saying = (name: string, ms: (call: number) => number): Contender & { readonly calls: () => number } => {
  let calls = 0;
  return {
    name,
    calls: () => calls,
    times: async (runs) => {
      const value = ms(calls++);
      if (Number.isNaN(value)) throw new Error(`${name} ended`);
      return Array.from({ length: runs }, () => value);
    },
  };
};

test('the ratio is the median over the rounds, pair by pair: a machine that gets slower for both changes nothing', async () => {
  // both take three times as long from the 20th call on
  const a = saying('a', (call) => (call < 20 ? 10 : 30));
  const b = saying('b', (call) => (call < 20 ? 20 : 60));
  const rounds = await interleave([a, b], { seconds: 1.5 });
  const { median, quartiles, rounds: count } = rounds.ratio(a, b);
  expect(Math.abs(median - 2)).toBeLessThan(1e-9);
  expect(quartiles.every((q) => q > 0.6 && q < 6.1)).toBe(true);
  expect(count).toBeGreaterThanOrEqual(20);
});

test('one that ends in the middle, or cannot start, drops out, and the others go on', async () => {
  const steady = saying('steady', () => 50);
  const dying = saying('dying', (call) => (call < 12 ? 50 : Number.NaN));
  const dead = saying('dead', () => Number.NaN);
  const rounds = await interleave([dead, dying, steady], { seconds: 1 });
  expect([dead, dying, steady].map((c) => rounds.failure(c))).toEqual(['dead ended', 'dying ended', undefined]);
  expect(rounds.ms(steady)).toBe(50);
  expect(rounds.ratio(steady, dead)).toEqual({ median: Number.NaN, quartiles: [Number.NaN, Number.NaN], rounds: 0 });
  expect(steady.calls()).toBeGreaterThan(dying.calls());
});

test('long runs sit rounds out, and still have three', async () => {
  const short = saying('short', () => 50);
  const long = saying('long', () => 900);
  const rounds = await interleave([short, long], { seconds: 2 });
  const { median, rounds: shared } = rounds.ratio(short, long);
  expect(median).toBe(18);
  expect(shared).toBeGreaterThanOrEqual(3);
  expect(short.calls()).toBeGreaterThan(2 * long.calls());
});
