import type { Fn } from '../fn.ts';
import type { Local } from '../lift.ts';

/** A stretch of a loop: [first, end). */
export interface Share {
  readonly first: Local;
  readonly end: Local;
}

/**
 * The share of the calling thread `f.arg(0)` of `f.arg(1)` in `total` units of work, whole grains of `grain` units: shares are
 * consecutive and differ by one grain at most. Their product with the number of threads is below 2^31.
 */
export const shareOf = (f: Fn, total: number, grain = 1): Share => {
  const { i32 } = f.ops;
  const grains = Math.ceil(total / grain);
  const edge = (thread: Local): Local => {
    const units = f.i32(i32.mul(i32.div_u(i32.mul(thread, grains), f.arg(1)), grain));
    return f.i32(f.select(i32.gt_u(units, total), total, units));
  };
  const next = f.i32(i32.add(f.arg(0), 1));
  return { first: edge(f.arg(0)), end: edge(next) };
};

/** All of the work, where one thread does it alone. */
export const wholeOf = (f: Fn, total: number): Share => ({ first: f.i32(0), end: f.i32(total) });
