import { expect, test } from '@jest/globals';
import { silentProgress } from '../../support/index.ts';
import { measureTogether } from './bench-measure.ts';
import { percentile, timesOf } from './bench-statistics.ts';

test('percentiles are values that were measured (nearest rank)', () => {
  const sorted = Array.from({ length: 100 }, (_, i) => i + 1);
  expect([0.05, 0.5, 0.95, 0.99, 1].map((share) => percentile(sorted, share))).toEqual([5, 50, 95, 99, 100]);
  expect(percentile([7], 0.01)).toBe(7);
  expect(timesOf([4, 1, 3, 2])).toEqual({ runs: 4, median: 2.5, p5: 1, p95: 4, p99: 4, min: 1 });
});

test('rows run in turn; speed is by the time of a sample, as the median over the rounds', () => {
  let time = 0;
  const order: string[] = [];
  /** Takes `ms`, and ten times as much in every fifth run. */
  const contender = (name: string, ms: number, samples: number) => {
    let runs = 0;
    const run = (): void => {
      order.push(name);
      time += runs++ % 5 === 4 ? 10 * ms : ms;
    };
    return { name, samples, run };
  };
  const rows = [contender('a', 40, 1), contender('b', 80, 8)];
  const measured = measureTogether(rows, { warmUp: 0, runs: 11, seconds: 1, now: () => time, progress: silentProgress });
  expect(measured.map((m) => [m.times.runs, m.times.median, m.times.min])).toEqual([
    [11, 40, 40],
    [11, 80, 80],
  ]);
  expect(measured.map((m) => m.ratio)).toEqual([1, 4]);
  // one warm run each, then rounds that begin with another row each time
  expect(order.slice(0, 6)).toEqual(['a', 'b', 'a', 'b', 'b', 'a']);
});
