import { at } from '../../support/index.ts';
import { medianOf } from '../report/latency.ts';

/** Times of single runs, in milliseconds. */
export interface Times {
  readonly runs: number;
  readonly median: number;
  readonly p5: number;
  readonly p95: number;
  readonly p99: number;
  readonly min: number;
}

/** The least value that at least a share of all values do not exceed (nearest rank). @param sorted - ascending, not empty */
export const percentile = (sorted: readonly number[], share: number): number =>
  at(sorted, Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1)));

export const timesOf = (values: readonly number[]): Times => {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    runs: sorted.length,
    median: medianOf(sorted),
    p5: percentile(sorted, 0.05),
    p95: percentile(sorted, 0.95),
    p99: percentile(sorted, 0.99),
    min: at(sorted, 0),
  };
};
