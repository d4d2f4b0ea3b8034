import type { Asm } from '../asm.ts';
import type { Access, Fn } from '../fn.ts';
import type { Local } from '../lift.ts';
import { ACCESS_BYTES } from './map.ts';

export type ReduceOp = 'sum' | 'mean' | 'max' | 'min' | 'prod';

/** firstWords(from, count): the first `count` >= 1 words at a place, at most four, and zeros. Reads no others: they may be another thread's. */
const firstWordsKernel = (asm: Asm): string =>
  asm.define('first_words', ['i32', 'i32'], 'v128', (f) => {
    const { i32 } = f.ops;
    const [from, count, words] = [f.arg(0), f.arg(1), f.local('v128')];
    f.if(
      i32.ge_u(count, 4),
      () => f.set(words, f.vload('load', from)),
      () => {
        f.set(words, f.vload('load32_zero', from));
        f.if(i32.ge_u(count, 2), () => f.set(words, f.loadLane(32, 1, from, words, 4)));
        f.if(i32.eq(count, 3), () => f.set(words, f.loadLane(32, 2, from, words, 8)));
      },
    );
    f.result(words);
  });

/** sumF3(from, count): sixteen strided lanes in order, then a tree of halves (NUMERICS §4, F3). */
export const sumF3Kernel = (asm: Asm): string => {
  const firstWords = firstWordsKernel(asm);
  return asm.define('sumF3', ['i32', 'i32'], 'f32', (f) => {
    const { i32, f32x4 } = f.ops;
    const [from, count] = [f.arg(0), f.arg(1)];
    const lanes = [0, 1, 2, 3].map(() => f.local('v128'));
    const end = f.i32(i32.add(from, i32.shl(i32.and(count, -16), 2)));
    f.while(
      () => i32.lt_u(from, end),
      () => {
        for (const [i, l] of lanes.entries()) f.set(l, f32x4.add(l, f.vload('load', from, 16 * i)));
        f.inc(from, 64);
      },
    );
    // absent terms are +0: lanes start at +0 and can never become -0, so adding +0 changes none
    const rest = f.i32(i32.and(count, 15));
    for (const [i, l] of lanes.entries())
      f.if(i32.gt_u(rest, 4 * i), () => f.set(l, f32x4.add(l, f.call(firstWords, [i32.add(from, 16 * i), i32.sub(rest, 4 * i)]))));
    const [a, b, c, d] = lanes;
    if (a === undefined || b === undefined || c === undefined || d === undefined) return;
    f.set(a, f32x4.add(f32x4.add(a, c), f32x4.add(b, d)));
    f.set(a, f32x4.add(a, f.shuffle32(a, a, [2, 3, 2, 3])));
    f.result(f.ops.f32.add(f.laneF32(a, 0), f.laneF32(a, 1)));
  });
};

const each = (f: Fn, access: Access, from: Local, count: Local, body: (x: Local) => void): void => {
  const x = f.local(access === 'f32' ? 'f32' : 'i32');
  f.for(0, count, 1, () => {
    f.set(x, f.load(access, from));
    body(x);
    f.inc(from, ACCESS_BYTES[access]);
  });
};

const intBody = (f: Fn, op: ReduceOp, access: Access): void => {
  const { i32, i64, f64 } = f.ops;
  const [from, count] = [f.arg(0), f.arg(1)];
  if (op === 'mean') {
    const sum = f.let('i64', 0);
    each(f, access, from, count, (x) => f.set(sum, i64.add(sum, i64.extend_s(x))));
    // rdiv in float64, as the definition has it: floor((2 S + n) / (2 n))
    const n = f.let('i64', i64.extend_u(count));
    const twice = f64.convert_s.i64(i64.add(i64.add(sum, sum), n));
    f.result(i32.trunc_s_sat.f64(f64.floor(f64.div(twice, f64.convert_s.i64(i64.add(n, n))))));
    return;
  }
  const acc = f.i32(op === 'sum' ? 0 : op === 'prod' ? 1 : f.load(access, from));
  each(f, access, from, count, (x) => {
    if (op === 'sum') f.set(acc, i32.add(acc, x));
    else if (op === 'prod') f.set(acc, i32.mul(acc, x));
    else f.set(acc, f.select(op === 'max' ? i32.gt_s(x, acc) : i32.lt_s(x, acc), x, acc));
  });
  f.result(acc);
};

const floatBody = (f: Fn, op: ReduceOp, sum: string): void => {
  const { f32, f64 } = f.ops;
  const [from, count] = [f.arg(0), f.arg(1)];
  if (op === 'sum' || op === 'mean') {
    const total = f.call(sum, [from, count]);
    if (op === 'sum') f.result(total);
    else f.result(f32.demote(f64.div(f64.promote(total), f64.convert_u.i32(count))));
    return;
  }
  const acc = f.let('f32', op === 'prod' ? 1 : op === 'max' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
  each(f, 'f32', from, count, (x) => f.set(acc, op === 'prod' ? f32.mul(acc, x) : op === 'max' ? f32.max(acc, x) : f32.min(acc, x)));
  f.result(acc);
};

/** reduce(from, count): of count >= 1 adjacent elements. */
export const reduceKernel = (asm: Asm, op: ReduceOp, access: Access): string => {
  const sum = access === 'f32' ? sumF3Kernel(asm) : '';
  return asm.define(`reduce_${op}_${access}`, ['i32', 'i32'], access === 'f32' ? 'f32' : 'i32', (f) =>
    access === 'f32' ? floatBody(f, op, sum) : intBody(f, op, access),
  );
};

/** argreduce(from, count, step): index of the greatest or least; the first of equals, or the last. NaN loses to numbers. */
export const argKernel = (asm: Asm, op: 'argmax' | 'argmin', access: Access, last: boolean): string =>
  asm.define(`${op}_${access}_${last ? 'last' : 'first'}`, ['i32', 'i32', 'i32'], 'i32', (f) => {
    const { i32, f32 } = f.ops;
    const [from, count, step] = [f.arg(0), f.arg(1), f.arg(2)];
    const kind = access === 'f32' ? 'f32' : 'i32';
    const [value, best, index] = [f.local(kind), f.local(kind), f.local('i32')];
    f.if(count, () => f.set(best, f.load(access, from)));
    f.for(1, count, 1, (k) => {
      f.set(from, i32.add(from, step));
      f.set(value, f.load(access, from));
      const better =
        kind === 'f32'
          ? i32.or(
              i32.or(op === 'argmax' ? f32.gt(value, best) : f32.lt(value, best), last ? f32.eq(value, best) : 0),
              i32.and(f32.ne(best, best), f32.eq(value, value)),
            )
          : op === 'argmax'
            ? last
              ? i32.ge_s(value, best)
              : i32.gt_s(value, best)
            : last
              ? i32.le_s(value, best)
              : i32.lt_s(value, best);
      f.if(better, () => {
        f.set(best, value);
        f.set(index, k);
      });
    });
    f.result(index);
  });
