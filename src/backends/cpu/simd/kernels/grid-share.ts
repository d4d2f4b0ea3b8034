import type { Fn } from '../fn.ts';
import type { Local } from '../lift.ts';
import type { Share } from './share.ts';

/** Units of work that all have the same parts, one of them being as much as another; but for the last unit, whose parts may be smaller. */
export interface Grid {
  readonly units: number;
  readonly parts: number;
  /** How much of a full unit the last one is: 0 < last <= 1, in whole eighths. */
  readonly last: number;
}

/** Whole units [first, end), but for some parts of the outer two. */
export interface GridShare extends Share {
  /** Parts of the unit `first` before this one are another thread's. */
  readonly from: Local;
  /** Parts of the unit `end` - 1 from this one on are another thread's. */
  readonly until: Local;
}

const EIGHTHS = 8;
/** Cells are counted in 32 bits. */
const MOST_CELLS = 2 ** 31;

/** Everything, where one thread does it alone. */
export const wholeGridOf = (f: Fn, { units, parts }: Grid): GridShare => ({
  first: f.i32(0),
  end: f.i32(units),
  from: f.i32(0),
  until: f.i32(parts),
});

/**
 * The share of the calling thread `f.arg(0)` of `f.arg(1)`, which all are equal but for a part: the cells in the order of units, and of
 * parts within a unit, are cut in as many stretches as there are threads. Two threads share at most one unit. Any number of threads.
 */
export const gridShareOf = (f: Fn, { units, parts: all, last }: Grid): GridShare => {
  const { i32 } = f.ops;
  const parts = units * all * EIGHTHS < MOST_CELLS ? all : 1;
  const ends = Math.round(last * EIGHTHS);
  const [unit, total] = [parts * EIGHTHS, (units - 1) * parts * EIGHTHS + parts * ends];
  const each = f.i32(i32.div_u(total, f.arg(1)));
  const larger = f.i32(i32.rem_u(total, f.arg(1)));
  /** The unit and the part at which the share of a thread starts. */
  const edge = (thread: Local): { readonly unit: Local; readonly part: Local } => {
    const cell = f.i32(i32.add(i32.mul(thread, each), f.select(i32.lt_u(thread, larger), thread, larger)));
    const full = f.i32(i32.div_u(cell, unit));
    const at = f.i32(f.select(i32.lt_u(full, units), full, units - 1));
    const rest = f.i32(i32.sub(cell, i32.mul(at, unit)));
    const size = f.select(i32.eq(at, units - 1), ends, EIGHTHS);
    return { unit: at, part: f.i32(i32.div_u(rest, size)) };
  };
  const start = edge(f.arg(0));
  const stop = edge(f.i32(i32.add(f.arg(0), 1)));
  const scale = all === parts ? 1 : all;
  return {
    first: start.unit,
    end: f.i32(i32.add(stop.unit, i32.ne(stop.part, 0))),
    from: scale === 1 ? start.part : f.i32(i32.mul(start.part, scale)),
    until: f.i32(f.select(stop.part, scale === 1 ? stop.part : i32.mul(stop.part, scale), all)),
  };
};
