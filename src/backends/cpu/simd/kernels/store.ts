import type { Fn } from '../fn.ts';
import type { Local } from '../lift.ts';

/** Stores the first `count` (1 to 8) lanes of eight int32 in two vectors; both vectors are used up. */
export const storeWords = (f: Fn, to: Local, low: Local, high: Local, count: Local): void => {
  const { i32 } = f.ops;
  f.if(
    i32.ge_u(count, 8),
    () => {
      f.vstore(to, low);
      f.vstore(to, high, 16);
    },
    () => {
      const p = f.i32(to);
      f.if(i32.and(count, 4), () => {
        f.vstore(p, low);
        f.set(low, high);
        f.inc(p, 16);
      });
      f.if(i32.and(count, 2), () => {
        f.storeLane(64, 0, p, low);
        f.set(low, f.shuffle32(low, low, [2, 3, 2, 3]));
        f.inc(p, 8);
      });
      f.if(i32.and(count, 1), () => f.storeLane(32, 0, p, low));
    },
  );
};

/** Stores the first `count` (1 to 8) bytes of a vector, which is used up. */
export const storeBytes = (f: Fn, to: Local, bytes: Local, count: Local): void => {
  const { i32, i64x2 } = f.ops;
  f.if(
    i32.ge_u(count, 8),
    () => f.storeLane(64, 0, to, bytes),
    () => {
      const p = f.i32(to);
      f.if(i32.and(count, 4), () => {
        f.storeLane(32, 0, p, bytes);
        f.set(bytes, i64x2.shr_u(bytes, 32));
        f.inc(p, 4);
      });
      f.if(i32.and(count, 2), () => {
        f.storeLane(16, 0, p, bytes);
        f.set(bytes, i64x2.shr_u(bytes, 16));
        f.inc(p, 2);
      });
      f.if(i32.and(count, 1), () => f.storeLane(8, 0, p, bytes));
    },
  );
};

/** Stores the first `count` (1 to 8) i16 of a vector, which is used up. */
export const storeHalves = (f: Fn, to: Local, halves: Local, count: Local): void => {
  const { i32, i64x2 } = f.ops;
  f.if(
    i32.ge_u(count, 8),
    () => f.vstore(to, halves),
    () => {
      const p = f.i32(to);
      f.if(i32.and(count, 4), () => {
        f.storeLane(64, 0, p, halves);
        f.set(halves, f.shuffle32(halves, halves, [2, 3, 2, 3]));
        f.inc(p, 8);
      });
      f.if(i32.and(count, 2), () => {
        f.storeLane(32, 0, p, halves);
        f.set(halves, i64x2.shr_u(halves, 32));
        f.inc(p, 4);
      });
      f.if(i32.and(count, 1), () => f.storeLane(16, 0, p, halves));
    },
  );
};
