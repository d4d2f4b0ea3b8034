import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Local } from '../lift.ts';
import { storeBytes, storeHalves, storeWords } from './store.ts';
import { ACCESS_BYTES } from './map.ts';
import { loadPixels, type PixelAccess, type PixelStep } from './pack.ts';

/** Bytes for the sums of eight pixels, which are divided one by one. */
export const POOL_SUMS_BYTES = 32;

/** Four floats, `step` bytes apart. `p` is moved behind them. */
const loadFloats = (f: Fn, p: Local, into: Local, dense: boolean, step: Local): void => {
  if (dense) {
    f.set(into, f.vload('load', p));
    f.set(p, f.ops.i32.add(p, 16));
    return;
  }
  for (let lane = 0; lane < 4; lane++) {
    f.set(into, f.loadLane(32, lane, p, into));
    f.set(p, f.ops.i32.add(p, step));
  }
};

/** Walks a row of results in blocks of eight. @param bytes - of a result element; `step` is in bytes */
const eachBlock = (f: Fn, from: Local, to: Local, width: Local, step: Local, bytes: number, body: () => void): void => {
  const { i32 } = f.ops;
  f.while(
    () => width,
    () => {
      body();
      f.set(width, f.select(i32.gt_u(width, 8), i32.sub(width, 8), 0));
      f.inc(from, i32.shl(step, 3));
      f.inc(to, 8 * bytes);
    },
  );
};

const eachTap = (f: Fn, offsets: Local, count: Local, from: Local, p: Local, body: () => void): void => {
  const { i32 } = f.ops;
  const tap = f.i32(offsets);
  const end = f.i32(i32.add(offsets, i32.shl(count, 2)));
  f.while(
    () => i32.lt_u(tap, end),
    () => {
      f.set(p, i32.add(from, f.load('i32', tap)));
      body();
      f.inc(tap, 4);
    },
  );
};

/** maxpool(from, offsets, count, to, width, step): one row; padding holds the least value. */
export const maxPoolKernel = (asm: Asm, access: PixelAccess, how: PixelStep): string =>
  asm.define(`maxpool_${access}${how}`, new Array<'i32'>(6).fill('i32'), undefined, (f) => {
    const { i16x8, i8x16, v128 } = f.ops;
    const [from, offsets, count, to, width, step] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const [best, p, bytes] = [f.local('v128'), f.local('i32'), f.local('v128')];
    eachBlock(f, from, to, width, step, ACCESS_BYTES[access], () => {
      f.set(best, i16x8.splat(-32768));
      eachTap(f, offsets, count, from, p, () => f.set(best, i16x8.max_s(best, loadPixels(f, p, access, how, step))));
      if (access === 'i16') {
        storeHalves(f, to, best, width);
        return;
      }
      f.set(bytes, i8x16.narrow_i16x8_u(v128.and(best, i16x8.splat(0xff)), f.zero()));
      storeBytes(f, to, bytes, width);
    });
  });

/** The float form: NaN wins, -0 < +0, as f32x4.max has it. */
export const maxPoolFloatKernel = (asm: Asm, dense: boolean): string =>
  asm.define(`maxpoolf_${dense ? '1' : 'any'}`, new Array<'i32'>(6).fill('i32'), undefined, (f) => {
    const { f32x4 } = f.ops;
    const [from, offsets, count, to, width, step] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const [low, high, x, p] = [f.local('v128'), f.local('v128'), f.local('v128'), f.local('i32')];
    eachBlock(f, from, to, width, step, 4, () => {
      f.set(low, f32x4.splat(Number.NEGATIVE_INFINITY));
      f.set(high, low);
      eachTap(f, offsets, count, from, p, () => {
        loadFloats(f, p, x, dense, step);
        f.set(low, f32x4.max(low, x));
        loadFloats(f, p, x, dense, step);
        f.set(high, f32x4.max(high, x));
      });
      storeWords(f, to, low, high, width);
    });
  });

/**
 * avgpool(from, offsets, count, to, width, step, cells, extra, sums): one row. Padding holds 0; `cells` has the divisor of each
 * pixel, `extra` what counted padding adds to its sum; `sums` is scratch. y = rdiv(S, c) = floor((2 S + c) / (2 c)) in float64, as defined.
 */
export const averagePoolKernel = (asm: Asm, access: PixelAccess, how: PixelStep): string =>
  asm.define(`avgpool_${access}${how}`, new Array<'i32'>(9).fill('i32'), undefined, (f) => {
    const { i32, i32x4, f64 } = f.ops;
    const [from, offsets, count, to, width, step] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const [cells, extra, sums] = [f.arg(6), f.arg(7), f.arg(8)];
    const [low, high, x, p, n, c, s] = [
      f.local('v128'),
      f.local('v128'),
      f.local('v128'),
      f.local('i32'),
      f.local('i32'),
      f.local('f64'),
      f.local('f64'),
    ];
    eachBlock(f, from, to, width, step, ACCESS_BYTES[access], () => {
      f.set(low, f.zero());
      f.set(high, f.zero());
      eachTap(f, offsets, count, from, p, () => {
        f.set(x, loadPixels(f, p, access, how, step));
        f.set(low, i32x4.add(low, i32x4.extend_low_i16x8_s(x)));
        f.set(high, i32x4.add(high, i32x4.extend_high_i16x8_s(x)));
      });
      f.vstore(sums, low);
      f.vstore(sums, high, 16);
      f.set(n, f.select(i32.gt_u(width, 8), 8, width));
      f.for(0, n, 1, (i) => {
        f.set(c, f64.convert_s.i32(f.load('i32', cells)));
        const sum = i32.add(f.load('i32', i32.add(sums, i32.shl(i, 2))), f.load('i32', extra));
        f.set(s, f64.convert_s.i32(sum));
        const quotient = f64.floor(f64.div(f64.add(f64.mul(2, s), c), f64.mul(2, c)));
        f.store(access, i32.add(to, i32.mul(i, ACCESS_BYTES[access])), i32.trunc_s_sat.f64(quotient));
        f.inc(cells, 4);
        f.inc(extra, 4);
      });
    });
  });

/**
 * avgplane(from, count): rdiv of the sum of `count` consecutive elements by their number, in float64 as above; the sum fits int32.
 * @returns i32
 */
export const averagePlaneKernel = (asm: Asm, access: PixelAccess): string =>
  asm.define(`avgplane_${access}`, ['i32', 'i32'], 'i32', (f) => {
    const { i16x8, i32, i32x4, f64 } = f.ops;
    const [from, count] = [f.arg(0), f.arg(1)];
    const bytes = ACCESS_BYTES[access];
    const end = f.i32(i32.add(from, i32.mul(count, bytes)));
    const whole = f.i32(i32.add(from, i32.mul(i32.and(count, -8), bytes)));
    const sums = f.v128(f.zero());
    f.while(
      () => i32.lt_u(from, whole),
      () => {
        f.set(sums, i32x4.add(sums, i32x4.dot_i16x8_s(loadPixels(f, from, access, 1, from), i16x8.splat(1))));
        f.inc(from, 8 * bytes);
      },
    );
    const total = f.i32(i32.add(i32.add(f.lane32(sums, 0), f.lane32(sums, 1)), i32.add(f.lane32(sums, 2), f.lane32(sums, 3))));
    f.while(
      () => i32.lt_u(from, end),
      () => {
        f.set(total, i32.add(total, f.load(access, from)));
        f.inc(from, bytes);
      },
    );
    const cells = f.let('f64', f64.convert_s.i32(count));
    const twice = f64.add(f64.mul(2, f64.convert_s.i32(total)), cells);
    f.result(i32.trunc_s_sat.f64(f64.floor(f64.div(twice, f64.mul(2, cells)))));
  });

/**
 * The float form: the sum by F2 from +0, then one division. Padding adds +0, which changes no sum that started at +0.
 */
export const averagePoolFloatKernel = (asm: Asm, dense: boolean): string =>
  asm.define(`avgpoolf_${dense ? '1' : 'any'}`, new Array<'i32'>(7).fill('i32'), undefined, (f) => {
    const { i32, f32x4 } = f.ops;
    const [from, offsets, count, to, width, step] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const cells = f.arg(6);
    const [low, high, x, p] = [f.local('v128'), f.local('v128'), f.local('v128'), f.local('i32')];
    eachBlock(f, from, to, width, step, 4, () => {
      f.set(low, f.zero());
      f.set(high, f.zero());
      eachTap(f, offsets, count, from, p, () => {
        loadFloats(f, p, x, dense, step);
        f.set(low, f32x4.add(low, x));
        loadFloats(f, p, x, dense, step);
        f.set(high, f32x4.add(high, x));
      });
      f.set(low, f32x4.div(low, f.vload('load', cells)));
      f.set(high, f32x4.div(high, f.vload('load', cells, 16)));
      f.set(cells, i32.add(cells, 32));
      storeWords(f, to, low, high, width);
    });
  });
