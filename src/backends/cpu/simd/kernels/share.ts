import type { Fn } from '../fn.ts';
import type { Local } from '../lift.ts';

/** A stretch of a loop: [first, end). */
export interface Share {
  readonly first: Local;
  readonly end: Local;
}

/**
 * The share of the calling thread `f.arg(0)` of `f.arg(1)` in `total` units of work, whole grains of `grain` units: shares are
 * consecutive and differ by one grain at most, the larger ones first. Any number of threads.
 */
export const shareOf = (f: Fn, total: number, grain = 1): Share => {
  const { i32 } = f.ops;
  const grains = Math.ceil(total / grain);
  const each = f.i32(i32.div_u(grains, f.arg(1)));
  const larger = f.i32(i32.rem_u(grains, f.arg(1)));
  const edge = (thread: Local): Local => {
    const units = f.i32(i32.mul(i32.add(i32.mul(thread, each), f.select(i32.lt_u(thread, larger), thread, larger)), grain));
    return f.i32(f.select(i32.gt_u(units, total), total, units));
  };
  const next = f.i32(i32.add(f.arg(0), 1));
  return { first: edge(f.arg(0)), end: edge(next) };
};

/** All of the work, where one thread does it alone. */
export const wholeOf = (f: Fn, total: number): Share => ({ first: f.i32(0), end: f.i32(total) });
