import type { Asm } from '../asm.ts';
import { MATH, powKernel } from './math.ts';
import { reduceKernel, sumF3Kernel } from './reduce.ts';

/** softmax(from, to, count) over one line; may work in place. */
export const softmaxKernel = (asm: Asm): string => {
  const [exp, greatest, sum] = [MATH.exp(asm), reduceKernel(asm, 'max', 'f32'), sumF3Kernel(asm)];
  return asm.define('softmax', ['i32', 'i32', 'i32'], undefined, (f) => {
    const { i32, f32, f64 } = f.ops;
    const [from, to, count] = [f.arg(0), f.arg(1), f.arg(2)];
    const m = f.let('f32', f.call(greatest, [from, count]));
    f.for(0, count, 1, (i) => {
      const difference = f32.sub(f.load('f32', i32.add(from, i32.shl(i, 2))), m);
      f.store('f32', i32.add(to, i32.shl(i, 2)), f32.demote(f.call(exp, [f64.promote(difference)])));
    });
    const s = f.let('f32', f.call(sum, [to, count]));
    f.for(0, count, 1, () => {
      f.store('f32', to, f32.div(f.load('f32', to), s));
      f.inc(to, 4);
    });
  });
};

/** log_softmax(from, to, count, scratch) over one line; `to` may be `from`, scratch holds count floats. */
export const logSoftmaxKernel = (asm: Asm): string => {
  const [exp, log, greatest, sum] = [MATH.exp(asm), MATH.log(asm), reduceKernel(asm, 'max', 'f32'), sumF3Kernel(asm)];
  return asm.define('log_softmax', ['i32', 'i32', 'i32', 'i32'], undefined, (f) => {
    const { i32, f32, f64 } = f.ops;
    const [from, to, count, scratch] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3)];
    const m = f.let('f32', f.call(greatest, [from, count]));
    f.for(0, count, 1, (i) => {
      const difference = f32.sub(f.load('f32', i32.add(from, i32.shl(i, 2))), m);
      f.store('f32', i32.add(scratch, i32.shl(i, 2)), f32.demote(f.call(exp, [f64.promote(difference)])));
    });
    const l = f.let('f32', f32.demote(f.call(log, [f64.promote(f.call(sum, [scratch, count]))])));
    f.for(0, count, 1, () => {
      f.store('f32', to, f32.sub(f32.sub(f.load('f32', from), m), l));
      f.inc(from, 4);
      f.inc(to, 4);
    });
  });
};

/** softmax_lut(from, to, count, table) over one line of i8 (NUMERICS §1.6); may work in place. */
export const softmaxLutKernel = (asm: Asm): string => {
  const greatest = reduceKernel(asm, 'max', 'i8');
  return asm.define('softmax_lut', ['i32', 'i32', 'i32', 'i32'], undefined, (f) => {
    const { i32, i64 } = f.ops;
    const [from, to, count, table] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3)];
    const m = f.i32(f.call(greatest, [from, count]));
    const e = f.local('i32');
    const entry = (i: typeof e): void => {
      const index = i32.sub(m, f.load('i8', i32.add(from, i)));
      f.set(e, f.load('i32', i32.add(table, i32.shl(index, 2))));
      f.set(e, f.select(i32.lt_s(e, 0), 0, f.select(i32.gt_s(e, 65536), 65536, e)));
    };
    const s = f.let('i64', 0);
    f.for(0, count, 1, (i) => {
      entry(i);
      f.set(s, i64.add(s, i64.extend_u(e)));
    });
    const r = f.let('i64', 0);
    f.if(i64.ne(s, 0), () => f.set(r, i64.div_u(2 ** 46, s)));
    f.for(0, count, 1, (i) => {
      entry(i);
      const y = f.i32(i32.wrap(i64.shr_u(i64.add(i64.mul(i64.extend_u(e), r), 2 ** 37), 38)));
      f.store('i8', i32.add(to, i), i32.sub(f.select(i32.gt_u(y, 255), 255, y), 128));
    });
  });
};

/** lrn(from, to, count, before, size, scale, beta, bias) along a line of channels; `to` is another line. */
export const lrnKernel = (asm: Asm): string => {
  const pow = powKernel(asm);
  return asm.define('lrn', ['i32', 'i32', 'i32', 'i32', 'i32', 'f64', 'f64', 'f64'], undefined, (f) => {
    const { i32, f32, f64 } = f.ops;
    const [from, to, count, before, size] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4)];
    const [scale, exponent, bias] = [f.arg(5), f.arg(6), f.arg(7)];
    const [s, v, first, end] = [f.local('f32'), f.local('f32'), f.local('i32'), f.local('i32')];
    f.for(0, count, 1, (c) => {
      f.set(first, i32.sub(c, before));
      f.set(end, i32.add(first, size));
      f.set(end, f.select(i32.gt_s(end, count), count, end));
      f.set(first, f.select(i32.lt_s(first, 0), 0, first));
      f.set(s, 0);
      f.for(first, end, 1, (k) => {
        f.set(v, f.load('f32', i32.add(from, i32.shl(k, 2))));
        f.set(s, f32.add(s, f32.mul(v, v)));
      });
      const base = f64.add(bias, f64.mul(scale, f64.promote(s)));
      const factor = f32.demote(f.call(pow, [base, exponent]));
      const at = f.i32(i32.shl(c, 2));
      f.store('f32', i32.add(to, at), f32.mul(f.load('f32', i32.add(from, at)), factor));
    });
  });
};
