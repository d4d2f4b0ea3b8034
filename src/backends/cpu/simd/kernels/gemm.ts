import type { Asm } from '../asm.ts';
import type { Access, Fn } from '../fn.ts';
import type { Local } from '../lift.ts';
import { type Factors, factorLocals, loadFactors, type RescaleForm, rescaleVector } from './rescale.ts';

/** What a matrix kernel does with its int32 accumulators: stores them, or rescales to 8 bits or (`wide16`) to i16. */
export type Epilogue = 'i32' | RescaleForm | 'wide16';

/** What the results are in memory; u8 is stored as i8. */
export const RESULT_ACCESS = { i32: 'i32', narrow: 'i8', wide: 'i8', wide16: 'i16' } as const satisfies Record<Epilogue, Access>;

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

/** Arguments of an int epilogue, shared by all kernels that have one. */
export interface EpilogueArgs {
  readonly zero: Local;
  readonly lo: Local;
  readonly hi: Local;
}

/** Reads the factors of an output channel from its epilogue table entry. */
export const loadEntry = (f: Fn, factors: Factors | undefined, entry: Local): void => {
  if (factors === undefined) return;
  const shift = f.i32(f.load('i32', entry, 8));
  loadFactors(f, factors, f.load('i32', entry, 4), shift);
};

/** Finishes eight pixels of the output channel whose factors are loaded. */
export const finishPixels = (
  f: Fn,
  epilogue: Epilogue,
  factors: Factors | undefined,
  low: Local,
  high: Local,
  to: Local,
  count: Local,
  args: EpilogueArgs,
): void => {
  const { i16x8, i8x16 } = f.ops;
  if (epilogue === 'i32' || factors === undefined) {
    storeWords(f, to, low, high, count);
    return;
  }
  const a = f.v128(rescaleVector(f, low, factors, args));
  const b = f.v128(rescaleVector(f, high, factors, args));
  const words = f.v128(i16x8.narrow_i32x4_s(a, b));
  if (epilogue === 'wide16') {
    storeHalves(f, to, words, count);
    return;
  }
  // lo and hi are within the 8-bit type, so taking the low byte is exact for i8 and u8 alike
  const mask = i16x8.splat(0xff);
  const bytes = f.v128(i8x16.narrow_i16x8_u(f.ops.v128.and(words, mask), f.zero()));
  storeBytes(f, to, bytes, count);
};

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
  loadEntry(f, factors, entry);
  finishPixels(f, epilogue, factors, low, high, to, count, args);
};

export const factorsFor = (f: Fn, epilogue: Epilogue): Factors | undefined =>
  epilogue === 'i32' ? undefined : factorLocals(f, epilogue === 'wide16' ? 'wide' : epilogue);

/** Bytes of the partial results of a tile. */
export const PARTIAL_BYTES = 2 * TILE_CHANNELS * 16;

/** Arguments that all matrix kernels have. */
interface TileArgs {
  readonly panel: Local;
  readonly step: Local;
  readonly weights: Local;
  readonly count: Local;
  readonly to: Local;
  readonly toStep: Local;
  readonly pixels: Local;
  readonly channels: Local;
  readonly entry: Local;
  readonly start: Local;
}
const TILE_ARGS = 10;

const tileArgs = (f: Fn): TileArgs => ({
  panel: f.arg(0),
  step: f.arg(1),
  weights: f.arg(2),
  count: f.arg(3),
  to: f.arg(4),
  toStep: f.arg(5),
  pixels: f.arg(6),
  channels: f.arg(7),
  entry: f.arg(8),
  start: f.arg(9),
});

/** Sums of one output channel: low four pixels, high four pixels. */
type Sums = readonly [Local, Local];

/**
 * The loop of the matrix kernels. Sums start from partial results at `start`, or else from the first word of each
 * channel's table entry; `accumulate` adds the product of eight pixels and one channel's weights.
 */
const multiplyTile = (f: Fn, a: TileArgs, entryBytes: number, accumulate: (sum: Local, x: Local, w: Local) => void): readonly Sums[] => {
  const { i32 } = f.ops;
  const sums = Array.from({ length: TILE_CHANNELS }, (): Sums => [f.local('v128'), f.local('v128')]);
  f.if(
    a.start,
    () =>
      sums.forEach(([low, high], c) => [f.set(low, f.vload('load', a.start, 32 * c)), f.set(high, f.vload('load', a.start, 32 * c + 16))]),
    () => sums.forEach(([low, high], c) => [f.set(low, f.vload('load32_splat', a.entry, entryBytes * c)), f.set(high, low)]),
  );
  const [left, right, w] = [f.local('v128'), f.local('v128'), f.local('v128')];
  const end = f.i32(i32.add(a.weights, i32.shl(a.count, 4)));
  f.while(
    () => i32.lt_u(a.weights, end),
    () => {
      f.set(left, f.vload('load', a.panel));
      f.set(right, f.vload('load', a.panel, 16));
      sums.forEach(([low, high], c) => {
        f.set(w, f.vload('load32_splat', a.weights, 4 * c));
        accumulate(low, left, w);
        accumulate(high, right, w);
      });
      f.inc(a.panel, a.step);
      f.inc(a.weights, 16);
    },
  );
  return sums;
};

const storePartial = (f: Fn, to: Local, sums: readonly Sums[]): void =>
  sums.forEach(([low, high], c) => {
    f.vstore(to, low, 32 * c);
    f.vstore(to, high, 32 * c + 16);
  });

/** Runs `finish` for the channels of the tile that exist; the target moves on from one to the next. */
const eachChannel = (f: Fn, a: TileArgs, entryBytes: number, sums: readonly Sums[], finish: (sums: Sums) => void): void =>
  sums.forEach((sum, c) =>
    f.if(f.ops.i32.gt_u(a.channels, c), () => {
      finish(sum);
      f.inc(a.to, a.toStep);
      f.inc(a.entry, entryBytes);
    }),
  );

/**
 * gemm(panel, panelStep, weights, pairs, to, toStep, pixels, channels, table, start, zero, lo, hi): 8 pixels x 4 output
 * channels of int32 dot products. The panel holds, per pair of inner indices, the i16 pairs of the pixels; the weights,
 * per pair, the i16 pairs of the 4 channels. Lanes are pixels, so results leave in the order of memory. The `partial`
 * form ends before zero, lo and hi: it stores the sums for a later call to start from.
 */
export const gemmKernel = (asm: Asm, epilogue: Epilogue | 'partial'): string =>
  asm.define(`gemm_${epilogue}`, new Array<'i32'>(epilogue === 'partial' ? TILE_ARGS : TILE_ARGS + 3).fill('i32'), undefined, (f) => {
    const { i32x4 } = f.ops;
    const a = tileArgs(f);
    const sums = multiplyTile(f, a, EPILOGUE_BYTES, (sum, x, w) => f.set(sum, i32x4.add(sum, i32x4.dot_i16x8_s(x, w))));
    if (epilogue === 'partial') {
      storePartial(f, a.to, sums);
      return;
    }
    const bounds = { zero: f.arg(TILE_ARGS), lo: f.arg(TILE_ARGS + 1), hi: f.arg(TILE_ARGS + 2) };
    const factors = factorsFor(f, epilogue);
    eachChannel(f, a, EPILOGUE_BYTES, sums, ([low, high]) =>
      finishChannel(f, epilogue, factors, low, high, a.to, a.pixels, a.entry, bounds),
    );
  });

/**
 * gemmf(panel, panelStep, weights, count, to, toStep, pixels, channels, bias, start): the float form. Each lane is one
 * output, summed in order of the inner index with one rounding per operation (NUMERICS §4, F2); partial results are the
 * sums so far, so stopping and starting again changes no bit.
 */
export const gemmFloatKernel = (asm: Asm, partial: boolean): string =>
  asm.define(`gemmf${partial ? '_partial' : ''}`, new Array<'i32'>(TILE_ARGS).fill('i32'), undefined, (f) => {
    const { f32x4 } = f.ops;
    const a = tileArgs(f);
    const sums = multiplyTile(f, a, 4, (sum, x, w) => f.set(sum, f32x4.add(sum, f32x4.mul(x, w))));
    if (partial) storePartial(f, a.to, sums);
    else eachChannel(f, a, 4, sums, ([low, high]) => storeWords(f, a.to, low, high, a.pixels));
  });
