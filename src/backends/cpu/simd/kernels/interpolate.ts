import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Ex, Local, Val } from '../lift.ts';

export interface Interpolation {
  readonly mode: 'nearest' | 'linear' | 'cubic';
  readonly outside: 'zeros' | 'border' | 'reflection';
  readonly align_corners: boolean;
}

/** Bytes of a tap: its offset in the plane in bytes, -1 for a cell that is 0, and its weight. */
export const TAP_BYTES = 8;

/** Clamp to [lo, hi]; NaN becomes lo. */
const limit = (f: Fn, p: Local, lo: Val, hi: Val): Ex => {
  const { f32 } = f.ops;
  return f.select(f32.ge(p, lo), f.select(f32.le(p, hi), p, hi, 'f32'), lo, 'f32');
};

/** Mirrors p at lo and hi: the distance to the border, in whole ranges and a rest. */
const reflect = (f: Fn, p: Local, lo: Val, hi: Local): void => {
  const { f32 } = f.ops;
  const range = f.let('f32', f32.sub(hi, lo));
  const below = f.i32(f32.lt(p, lo));
  const distance = f.let('f32', f.select(below, f32.sub(lo, p), f32.sub(p, hi), 'f32'));
  const turns = f.let('f32', f32.trunc(f32.div(distance, range)));
  const rest = f.let('f32', f32.sub(distance, f32.mul(turns, range)));
  const even = f32.eq(f32.sub(turns, f32.mul(2, f32.floor(f32.div(turns, 2)))), 0);
  f.set(p, f.select(f.ops.i32.eq(even, below), f32.add(lo, rest), f32.sub(hi, rest), 'f32'));
};

/** Puts p inside the axis, or far enough outside for every cell around it to be absent. */
const place = (f: Fn, p: Local, n: Local, how: Interpolation): void => {
  const { f32, i32 } = f.ops;
  const size = f.let('f32', f32.convert_s.i32(n));
  if (how.outside === 'zeros') {
    f.set(p, limit(f, p, -3, f32.add(size, 2)));
    return;
  }
  const lo = how.align_corners ? 0 : -0.5;
  const last = f.let('f32', f32.sub(size, 1));
  const hi = how.align_corners ? last : f.let('f32', f32.sub(size, 0.5));
  const inside = i32.and(f32.ge(p, f.f32c(lo)), f32.le(p, hi));
  f.if(i32.eqz(inside), () => {
    if (how.outside === 'border') f.set(p, limit(f, p, f.f32c(0), last));
    else reflect(f, p, f.f32c(lo), hi);
  });
  if (how.outside === 'reflection') f.set(p, limit(f, p, f.f32c(lo), hi));
};

/** The cell that an index reads, as an offset in bytes; -1 when there is none. */
const cellOf = (f: Fn, index: Local, n: Local, stride: Local, how: Interpolation): Ex => {
  const { i32 } = f.ops;
  if (how.outside === 'zeros') return f.select(i32.lt_u(index, n), i32.mul(index, stride), -1);
  if (how.outside === 'border') {
    const last = f.i32(i32.sub(n, 1));
    return i32.mul(f.select(i32.lt_s(index, 0), 0, f.select(i32.gt_s(index, last), last, index)), stride);
  }
  const period = f.i32(how.align_corners ? i32.sub(i32.shl(n, 1), 2) : i32.shl(n, 1));
  // one cell has period 0, and every index is that cell
  f.set(period, f.select(period, period, 1));
  const j = f.i32(i32.rem_s(i32.add(i32.rem_s(index, period), period), period));
  const mirrored = i32.sub(how.align_corners ? period : i32.sub(period, 1), j);
  return i32.mul(f.select(i32.lt_u(j, n), j, mirrored), stride);
};

const nearWeight = (f: Fn, t: Local): Ex => {
  const { f32 } = f.ops;
  return f32.add(f32.mul(f32.mul(f32.sub(f32.mul(1.25, t), 2.25), t), t), 1);
};
const farWeight = (f: Fn, distance: Ex): Ex => {
  const { f32 } = f.ops;
  const t = f.let('f32', distance);
  return f32.add(f32.mul(f32.sub(f32.mul(f32.add(f32.mul(-0.75, t), 3.75), t), 6), t), 3);
};

export const tapCount = (mode: Interpolation['mode']): number => (mode === 'nearest' ? 1 : mode === 'linear' ? 2 : 4);

/** axis(to, p, n, stride): the taps of a float32 position along an axis of n cells. */
export const axisTapsKernel = (asm: Asm, how: Interpolation): string =>
  asm.define(`axis_taps_${how.mode}_${how.outside}_${how.align_corners}`, ['i32', 'f32', 'i32', 'i32'], undefined, (f) => {
    const { f32, i32 } = f.ops;
    const [to, p, n, stride] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3)];
    if (how.mode === 'nearest') f.set(p, f32.nearest(p));
    place(f, p, n, how);
    const low = f.let('f32', f32.floor(p));
    const part = f.let('f32', f32.sub(p, low));
    const rest = f.let('f32', f32.sub(1, part));
    const index = f.i32(i32.trunc_s_sat.f32(low));
    const put = (k: number, weight: Val): void => {
      f.store('i32', to, cellOf(f, index, n, stride, how), k * TAP_BYTES);
      f.store('f32', to, weight, k * TAP_BYTES + 4);
      f.inc(index, 1);
    };
    if (how.mode === 'nearest') put(0, 1);
    else if (how.mode === 'linear') {
      put(0, rest);
      put(1, part);
    } else {
      f.inc(index, -1);
      put(0, farWeight(f, f32.add(part, 1)));
      put(1, nearWeight(f, part));
      put(2, nearWeight(f, rest));
      put(3, farWeight(f, f32.sub(2, part)));
    }
  });

/** axis(to, p, n, stride): the taps of a position in sixteenths. */
export const fixedAxisKernel = (asm: Asm): string =>
  asm.define('axis_taps_fixed', ['i32', 'i32', 'i32', 'i32'], undefined, (f) => {
    const { i32 } = f.ops;
    const [to, p, n, stride] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3)];
    const index = f.i32(i32.shr_s(p, 4));
    const part = f.i32(i32.and(p, 15));
    for (let k = 0; k < 2; k++) {
      f.store('i32', to, f.select(i32.lt_u(index, n), i32.mul(index, stride), -1), k * TAP_BYTES);
      f.store('i32', to, k === 0 ? i32.sub(16, part) : part, k * TAP_BYTES + 4);
      f.inc(index, 1);
    }
  });

/** combine(to, from): products of the taps of all axes, which lie one after another, in row-major order. */
export const combineKernel = (asm: Asm, axes: number, taps: number, float: boolean): string =>
  asm.define(`combine_taps_${axes}_${taps}_${float ? 'f32' : 'i32'}`, ['i32', 'i32'], undefined, (f) => {
    const { i32, f32 } = f.ops;
    const [to, from] = [f.arg(0), f.arg(1)];
    const kind = float ? 'f32' : 'i32';
    const level = (d: number, offset: Local, weight: Local): void => {
      if (d === axes) {
        f.store('i32', to, offset);
        f.store(kind, to, weight, 4);
        f.inc(to, TAP_BYTES);
        return;
      }
      const [at, sum, product] = [f.i32(i32.add(from, d * taps * TAP_BYTES)), f.local('i32'), f.local(kind)];
      f.for(0, taps, 1, () => {
        const own = f.i32(f.load('i32', at));
        f.set(sum, f.select(i32.lt_s(i32.or(own, offset), 0), -1, i32.add(own, offset)));
        const factor = f.load(kind, at, 4);
        f.set(product, float ? f32.mul(weight, factor) : i32.mul(weight, factor));
        level(d + 1, sum, product);
        f.inc(at, TAP_BYTES);
      });
    };
    level(0, f.i32(0), f.let(kind, 1));
  });

/**
 * values(to, from, taps, end, channels, plane, step, zero): one value in each of `channels` planes, `plane` bytes apart,
 * `step` bytes apart in the result. Integers: rshr(sum of w (v - zero), shift) as int16.
 */
export const tapValuesKernel = (asm: Asm, access: 'f32' | 'i8' | 'u8', shift: number): string =>
  asm.define(`tap_values_${access}_${shift}`, new Array<'i32'>(8).fill('i32'), undefined, (f) => {
    const { i32, f32 } = f.ops;
    const [to, from, taps, end, channels] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4)];
    const [plane, step, zero] = [f.arg(5), f.arg(6), f.arg(7)];
    const float = access === 'f32';
    const [sum, tap, offset] = [f.local(float ? 'f32' : 'i32'), f.local('i32'), f.local('i32')];
    f.for(0, channels, 1, () => {
      f.set(sum, 0);
      f.set(tap, taps);
      f.while(
        () => i32.lt_u(tap, end),
        () => {
          f.set(offset, f.load('i32', tap));
          f.if(i32.ge_s(offset, 0), () => {
            const v = f.load(access, i32.add(from, offset));
            const term = float ? f32.mul(f.load('f32', tap, 4), v) : i32.mul(f.load('i32', tap, 4), i32.sub(v, zero));
            f.set(sum, float ? f32.add(sum, term) : i32.add(sum, term));
          });
          f.inc(tap, TAP_BYTES);
        },
      );
      if (float) f.store('f32', to, sum);
      else f.store('i16', to, shift === 0 ? sum : i32.shr_s(i32.add(sum, 1 << (shift - 1)), shift));
      f.inc(from, plane);
      f.inc(to, step);
    });
  });
