import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Local } from '../lift.ts';
import { type Factors, factorLocals, loadFactors, type RescaleForm, rescaleVector } from './rescale.ts';

/** What a matrix kernel does with its int32 accumulators: stores them, or rescales to 8 bits. */
export type Epilogue = 'i32' | RescaleForm;

/** Bytes of one output channel in an epilogue table: bias, multiplier, shift as int32. */
export const EPILOGUE_BYTES = 12;
/** Output channels that one call of a matrix kernel computes. */
export const TILE_CHANNELS = 4;
/** Pixels that one call of a matrix kernel computes. */
export const TILE_PIXELS = 8;

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

/** Arguments of an int epilogue, shared by all kernels that have one. */
export interface EpilogueArgs {
  readonly zero: Local;
  readonly lo: Local;
  readonly hi: Local;
}

/** Finishes one output channel of eight pixels: `entry` points to its epilogue table entry. */
export const finishChannel = (
  f: Fn,
  epilogue: Epilogue,
  factors: Factors | undefined,
  low: Local,
  high: Local,
  to: Local,
  count: Local,
  entry: Local,
  args: EpilogueArgs,
): void => {
  const { i16x8, i8x16 } = f.ops;
  if (epilogue === 'i32' || factors === undefined) {
    storeWords(f, to, low, high, count);
    return;
  }
  const shift = f.i32(f.load('i32', entry, 8));
  loadFactors(f, factors, f.load('i32', entry, 4), shift);
  const a = f.v128(rescaleVector(f, low, factors, args));
  const b = f.v128(rescaleVector(f, high, factors, args));
  const words = f.v128(i16x8.narrow_i32x4_s(a, b));
  // lo and hi are within the 8-bit type, so taking the low byte is exact for i8 and u8 alike
  const mask = i16x8.splat(0xff);
  const bytes = f.v128(i8x16.narrow_i16x8_u(f.ops.v128.and(words, mask), f.zero()));
  storeBytes(f, to, bytes, count);
};

export const factorsFor = (f: Fn, epilogue: Epilogue): Factors | undefined => (epilogue === 'i32' ? undefined : factorLocals(f, epilogue));

/**
 * gemm(panel, panelStep, weights, pairs, to, toStep, pixels, channels, table, zero, lo, hi): 8 pixels x 4 output channels
 * of int32 dot products. The panel holds, per pair of inner indices, the i16 pairs of the pixels; the weights, per pair,
 * the i16 pairs of the 4 channels. Lanes are pixels, so results leave in the order of memory.
 */
export const gemmKernel = (asm: Asm, epilogue: Epilogue): string =>
  asm.define(`gemm_${epilogue}`, new Array<'i32'>(12).fill('i32'), undefined, (f) => {
    const { i32, i32x4 } = f.ops;
    const [panel, step, weights, pairs, to, toStep, pixels, channels] = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => f.arg(i)) as [
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
    ];
    const entry = f.arg(8);
    const args = { zero: f.arg(9), lo: f.arg(10), hi: f.arg(11) };
    const acc = Array.from({ length: 2 * TILE_CHANNELS }, () => f.local('v128'));
    const [left, right] = [f.local('v128'), f.local('v128')];
    acc.forEach((a, i) => f.set(a, f.vload('load32_splat', entry, EPILOGUE_BYTES * (i >> 1))));
    const end = f.i32(i32.add(weights, i32.mul(pairs, 16)));
    const w = f.local('v128');
    f.while(
      () => i32.lt_u(weights, end),
      () => {
        f.set(left, f.vload('load', panel));
        f.set(right, f.vload('load', panel, 16));
        for (let c = 0; c < TILE_CHANNELS; c++) {
          f.set(w, f.vload('load32_splat', weights, 4 * c));
          const [a, b] = [acc[2 * c], acc[2 * c + 1]];
          if (a === undefined || b === undefined) continue;
          f.set(a, i32x4.add(a, i32x4.dot_i16x8_s(left, w)));
          f.set(b, i32x4.add(b, i32x4.dot_i16x8_s(right, w)));
        }
        f.inc(panel, step);
        f.inc(weights, 16);
      },
    );
    const factors = factorsFor(f, epilogue);
    for (let c = 0; c < TILE_CHANNELS; c++) {
      const [a, b] = [acc[2 * c], acc[2 * c + 1]];
      if (a === undefined || b === undefined) continue;
      f.if(i32.gt_u(channels, c), () => {
        finishChannel(f, epilogue, factors, a, b, to, pixels, entry, args);
        f.inc(to, toStep);
        f.inc(entry, EPILOGUE_BYTES);
      });
    }
  });

/**
 * gemmf(panel, panelStep, weights, count, to, toStep, pixels, channels, bias): the float form. Each lane is one output,
 * summed in order of the inner index with one rounding per operation (NUMERICS §4, F2).
 */
export const gemmFloatKernel = (asm: Asm): string =>
  asm.define('gemmf', new Array<'i32'>(9).fill('i32'), undefined, (f) => {
    const { i32, f32x4 } = f.ops;
    const [panel, step, weights, count] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3)];
    const [to, toStep, pixels, channels, bias] = [f.arg(4), f.arg(5), f.arg(6), f.arg(7), f.arg(8)];
    const acc = Array.from({ length: 2 * TILE_CHANNELS }, () => f.local('v128'));
    const [left, right, w] = [f.local('v128'), f.local('v128'), f.local('v128')];
    acc.forEach((a, i) => f.set(a, f.vload('load32_splat', bias, 4 * (i >> 1))));
    const end = f.i32(i32.add(weights, i32.mul(count, 16)));
    const step1 = (a: Local | undefined, x: Local): void => {
      if (a !== undefined) f.set(a, f32x4.add(a, f32x4.mul(x, w)));
    };
    f.while(
      () => i32.lt_u(weights, end),
      () => {
        f.set(left, f.vload('load', panel));
        f.set(right, f.vload('load', panel, 16));
        for (let c = 0; c < TILE_CHANNELS; c++) {
          f.set(w, f.vload('load32_splat', weights, 4 * c));
          step1(acc[2 * c], left);
          step1(acc[2 * c + 1], right);
        }
        f.inc(panel, step);
        f.inc(weights, 16);
      },
    );
    for (let c = 0; c < TILE_CHANNELS; c++) {
      const [a, b] = [acc[2 * c], acc[2 * c + 1]];
      if (a === undefined || b === undefined) continue;
      f.if(i32.gt_u(channels, c), () => {
        storeWords(f, to, a, b, pixels);
        f.inc(to, toStep);
      });
    }
  });
