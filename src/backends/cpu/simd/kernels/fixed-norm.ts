import type { Asm } from '../asm.ts';
import type { Access } from '../fn.ts';
import type { Val } from '../lift.ts';
import { exp2Kernel, isqrtKernel, rshr64 } from './fixed.ts';

/**
 * softmax_fixed(to, from, count, toStep, fromStep, multiplier, shift, scale, bits, zero, table, scratch) over one line:
 * steps in bytes, scratch holds count words.
 */
export const softmaxFixedKernel = (asm: Asm, from: Access, to: Access): string => {
  const exp2 = exp2Kernel(asm);
  return asm.define(`softmax_fixed_${from}_${to}`, new Array<'i32'>(12).fill('i32'), undefined, (f) => {
    const { i32, i64 } = f.ops;
    const [target, source, count, toStep, fromStep, multiplier] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const [shift, scale, bits, zero, table, scratch] = [f.arg(6), f.arg(7), f.arg(8), f.arg(9), f.arg(10), f.arg(11)];
    const wide = (v: Val) => f.let('i64', i64.extend_s(v));
    const [factor, by, p] = [wide(multiplier), wide(shift), f.i32(source)];
    const [x, m] = [f.i32(0), f.i32(-32768)];
    f.for(0, count, 1, () => {
      f.set(x, f.load(from, p));
      f.set(m, f.select(i32.gt_s(x, m), x, m));
      f.inc(p, fromStep);
    });
    const [s, e, t] = [f.let('i64', 0), f.i32(0), f.local('i64')];
    f.set(p, source);
    f.for(0, count, 1, (i) => {
      f.set(t, rshr64(f, i64.mul(i64.extend_u(i32.sub(m, f.load(from, p))), factor), by));
      f.set(e, f.call(exp2, [i64.sub(0, t), scale, table]));
      f.store('i32', i32.add(scratch, i32.shl(i, 2)), e);
      f.set(s, i64.add(s, i64.extend_u(e)));
      f.inc(p, fromStep);
    });
    const one = f.let('i64', 1);
    const r = f.let('i64', i64.div_u(i64.shl(one, i64.extend_u(i32.add(scale, 30))), s));
    const down = wide(i32.sub(i32.add(scale, 30), bits));
    const most = f.i32(i32.sub(i32.shl(1, bits), 1));
    const y = f.i32(0);
    f.for(0, count, 1, (i) => {
      f.set(y, i32.wrap(rshr64(f, i64.mul(i64.extend_u(f.load('i32', i32.add(scratch, i32.shl(i, 2)))), r), down)));
      f.store(to, target, i32.add(f.select(i32.gt_u(y, most), most, y), zero));
      f.inc(target, toStep);
    });
  });
};

/** normalize_fixed(to, from, count, center, zero, epsilon): z of one group of consecutive elements in Q11, as int32. */
export const normalizeKernel = (asm: Asm, access: Access, bytes: number): string => {
  const isqrt = isqrtKernel(asm);
  return asm.define(`normalize_fixed_${access}`, ['i32', 'i32', 'i32', 'i32', 'i32', 'i64'], undefined, (f) => {
    const { i32, i64 } = f.ops;
    const [to, from, count, center, zero, epsilon] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const [s1, s2, v, p] = [f.let('i64', 0), f.let('i64', 0), f.let('i64', 0), f.i32(from)];
    const read = (): void => {
      f.set(v, i64.extend_s(i32.sub(f.load(access, p), zero)));
      f.inc(p, bytes);
    };
    f.for(0, count, 1, () => {
      read();
      f.set(s1, i64.add(s1, v));
      f.set(s2, i64.add(s2, i64.mul(v, v)));
    });
    f.if(i32.eqz(center), () => f.set(s1, 0));
    const n = f.let('i64', i64.extend_u(count));
    const d = f.let('i64', i64.add(i64.sub(i64.mul(n, s2), i64.mul(s1, s1)), epsilon));
    f.if(i64.lt_s(d, 1), () => f.set(d, 1));
    // bitlen = 64 - clz: t = floor((clz - 14) / 2), at least 0
    const t = f.let('i64', i64.shr_s(i64.sub(i64.clz(d), 14), 1));
    f.if(i64.lt_s(t, 0), () => f.set(t, 0));
    const r = f.let('i64', i64.div_u(2 ** 50, f.call(isqrt, [i64.shl(d, i64.shl(t, 1))])));
    f.set(t, i64.sub(39, t));
    f.set(p, from);
    f.for(0, count, 1, () => {
      read();
      f.store('i32', to, i32.wrap(rshr64(f, i64.mul(i64.sub(i64.mul(n, v), s1), r), t)));
      f.inc(to, 4);
    });
  });
};
