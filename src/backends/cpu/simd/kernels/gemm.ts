import type { Asm } from '../asm.ts';
import type { Access, Fn } from '../fn.ts';
import type { Local } from '../lift.ts';
import { byteFactors, loadByteFactors, lowBytes, plainBounds, rescaledHalves, storePair } from './bytes.ts';
import { ACCESS_BYTES } from './map.ts';
import { type Factors, factorLocals, loadFactors, type RescaleForm, rescaleVector } from './rescale.ts';
import { storeBytes, storeHalves, storeWords } from './store.ts';

/** What a matrix kernel does with its int32 accumulators: stores them, or rescales to 8 bits or (`wide16`) to i16. */
export type Epilogue = 'i32' | RescaleForm | 'wide16';

/** What the results are in memory; u8 is stored as i8. */
export const RESULT_ACCESS = { i32: 'i32', narrow: 'i8', wide: 'i8', wide16: 'i16' } as const satisfies Record<Epilogue, Access>;

/** Bytes of one output channel in an epilogue table: bias, multiplier, shift as int32. */
export const EPILOGUE_BYTES = 12;
/** Output channels of a tile: what a matrix kernel computes in registers. */
export const TILE_CHANNELS = 4;
/** Pixels of a tile. */
export const TILE_PIXELS = 8;

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
export interface TileArgs {
  readonly panel: Local;
  readonly rowStep: Local;
  readonly tileStep: Local;
  readonly weights: Local;
  readonly count: Local;
  readonly to: Local;
  readonly toStep: Local;
  readonly pixels: Local;
  readonly channels: Local;
  readonly entry: Local;
  readonly partials: Local;
  readonly resume: Local;
}
export const TILE_ARGS = 12;

export const tileArgs = (f: Fn): TileArgs => ({
  panel: f.arg(0),
  rowStep: f.arg(1),
  tileStep: f.arg(2),
  weights: f.arg(3),
  count: f.arg(4),
  to: f.arg(5),
  toStep: f.arg(6),
  pixels: f.arg(7),
  channels: f.arg(8),
  entry: f.arg(9),
  partials: f.arg(10),
  resume: f.arg(11),
});

/** Sums of one output channel: low four pixels, high four pixels. */
export type Sums = readonly [Local, Local];

/** How a matrix kernel sums. */
interface Summing {
  /** sum += the product of the pixels `x` and a channel's weights `w`. */
  readonly accumulate: (sum: Local, x: Local, w: Local) => void;
}

/** All rows of a tile, of which the last four pixels count where `both`. */
const multiplyRows = (f: Fn, a: TileArgs, sums: readonly Sums[], { accumulate }: Summing, both: boolean): void => {
  const { i32 } = f.ops;
  const [left, right, w] = [f.local('v128'), f.local('v128'), f.local('v128')];
  const [p, weight] = [f.i32(a.panel), f.i32(a.weights)];
  const end = f.i32(i32.add(a.weights, i32.shl(a.count, 4)));
  f.while(
    () => i32.lt_u(weight, end),
    () => {
      f.set(left, f.vload('load', p));
      if (both) f.set(right, f.vload('load', p, 16));
      sums.forEach(([low, high], c) => {
        f.set(w, f.vload('load32_splat', weight, 4 * c));
        accumulate(low, left, w);
        if (both) accumulate(high, right, w);
      });
      f.inc(p, a.rowStep);
      f.inc(weight, 16);
    },
  );
};

/** What differs between kernels that go over tiles. */
interface TileLoop {
  /** Gives the sums of a tile what they start from. */
  readonly start: (sums: readonly Sums[]) => void;
  /** Takes the sums of a tile; `left` pixels are left, of which eight are this tile's. */
  readonly finish: (sums: readonly Sums[], to: Local, left: Local) => void;
  /** Bytes of the results of a tile in one channel. */
  readonly tileBytes: number;
  /** Moves on what else goes from tile to tile. */
  readonly next?: () => void;
}

/** The loops of the matrix kernels: tiles of eight pixels one after another. */
export const eachTile = (f: Fn, a: TileArgs, how: Summing, loop: TileLoop): void => {
  const { i32 } = f.ops;
  const sums = Array.from({ length: TILE_CHANNELS }, (): Sums => [f.local('v128'), f.local('v128')]);
  const [to, left] = [f.i32(a.to), f.i32(a.pixels)];
  f.while(
    () => left,
    () => {
      loop.start(sums);
      f.if(
        i32.gt_u(left, TILE_PIXELS / 2),
        () => f.scope(() => multiplyRows(f, a, sums, how, true)),
        () => f.scope(() => multiplyRows(f, a, sums, how, false)),
      );
      f.scope(() => loop.finish(sums, to, left));
      f.inc(a.panel, a.tileStep);
      f.inc(to, loop.tileBytes);
      loop.next?.();
      f.set(left, f.select(i32.gt_u(left, TILE_PIXELS), i32.sub(left, TILE_PIXELS), 0));
    },
  );
};

/** Sums start from the first word of each channel's table entry. */
export const startFromTable = (f: Fn, entry: Local, entryBytes: number, sums: readonly Sums[]): void =>
  sums.forEach(([low, high], c) => [f.set(low, f.vload('load32_splat', entry, entryBytes * c)), f.set(high, low)]);

/** Sums start from the partial results if `resume`, else from the table. */
const resuming = (f: Fn, a: TileArgs, entryBytes: number): Pick<TileLoop, 'start' | 'next'> => ({
  start: (sums) =>
    f.if(
      a.resume,
      () =>
        sums.forEach(([low, high], c) => {
          f.set(low, f.vload('load', a.partials, 32 * c));
          f.set(high, f.vload('load', a.partials, 32 * c + 16));
        }),
      () => startFromTable(f, a.entry, entryBytes, sums),
    ),
  next: () => f.inc(a.partials, PARTIAL_BYTES),
});

export const storePartial = (f: Fn, to: Local, sums: readonly Sums[]): void =>
  sums.forEach(([low, high], c) => {
    f.vstore(to, low, 32 * c);
    f.vstore(to, high, 32 * c + 16);
  });

/** Runs `finish` for the channels of the tile that exist. */
const eachChannel = (
  f: Fn,
  a: TileArgs,
  entryBytes: number,
  sums: readonly Sums[],
  to: Local,
  finish: (sums: Sums, to: Local, entry: Local) => void,
): void => {
  const [target, entry] = [f.i32(to), f.i32(a.entry)];
  sums.forEach((sum, c) =>
    f.if(f.ops.i32.gt_u(a.channels, c), () => {
      finish(sum, target, entry);
      f.inc(target, a.toStep);
      f.inc(entry, entryBytes);
    }),
  );
};

/** Rescales the sums of a tile to bytes, two channels at a time. */
const finishBytes = (f: Fn, a: TileArgs, constants: Local, sums: readonly Sums[], to: Local, left: Local): void => {
  const { i32 } = f.ops;
  const factors = byteFactors(f);
  const target = f.i32(to);
  for (let c = 0; c < TILE_CHANNELS; c += 2)
    f.if(i32.gt_u(a.channels, c), () => {
      const [first, second] = sums.slice(c, c + 2).map(([low, high], k) => {
        loadByteFactors(f, factors, a.entry, EPILOGUE_BYTES * (c + k));
        return f.v128(rescaledHalves(f, low, high, factors, constants));
      });
      if (first === undefined || second === undefined) return;
      const bytes = f.v128(lowBytes(f, first, second, constants));
      const next = f.i32(i32.add(target, a.toStep));
      storePair(f, bytes, target, next, i32.gt_u(a.channels, c + 1), left);
      f.set(target, i32.add(next, a.toStep));
    });
};

/** Sums of pairs of i16 in int32. */
export const pairSums = (f: Fn): Summing => {
  const { i32x4 } = f.ops;
  return { accumulate: (sum, x, w) => f.set(sum, i32x4.add(sum, i32x4.dot_i16x8_s(x, w))) };
};

/** Finishes and stores the sums of tiles; `constants` is a table of `byteConstants`. */
export const tileFinisher = (f: Fn, epilogue: Epilogue, a: TileArgs, constants: Local): Pick<TileLoop, 'finish' | 'tileBytes'> => {
  const tileBytes = TILE_PIXELS * ACCESS_BYTES[RESULT_ACCESS[epilogue]];
  if (epilogue === 'narrow') return { tileBytes, finish: (sums, to, left) => finishBytes(f, a, constants, sums, to, left) };
  const factors = factorsFor(f, epilogue);
  const bounds = plainBounds(f, constants);
  return {
    tileBytes,
    finish: (sums, to, left) =>
      eachChannel(f, a, EPILOGUE_BYTES, sums, to, ([low, high], target, entry) =>
        finishChannel(f, epilogue, factors, low, high, target, left, entry, bounds),
      ),
  };
};

/**
 * gemm(panel, rowStep, tileStep, weights, rows, to, toStep, pixels, channels, table, partials, resume, constants): 4 output channels
 * of `pixels` pixels, int32 dot products in tiles of 8 pixels. The panel holds, per tile and per pair of inner indices (a row), the i16
 * pairs of the pixels; the weights, per pair, the i16 pairs of the 4 channels. Lanes are pixels, so results leave in the order of
 * memory: a channel's are toStep bytes behind those of the one before. `constants` is a table of `byteConstants`. The `partial`
 * form ends before it: it stores the sums of each tile for a later call to resume from.
 *
 * One row a round: V8 moves the loads of an unrolled loop to its front, runs out of registers and takes longer.
 */
export const gemmKernel = (asm: Asm, epilogue: Epilogue | 'partial'): string =>
  asm.define(`gemm_${epilogue}`, new Array<'i32'>(epilogue === 'partial' ? TILE_ARGS : TILE_ARGS + 1).fill('i32'), undefined, (f) => {
    const a = tileArgs(f);
    const resume = resuming(f, a, EPILOGUE_BYTES);
    const end =
      epilogue === 'partial'
        ? { tileBytes: 0, finish: (sums: readonly Sums[]) => storePartial(f, a.partials, sums) }
        : tileFinisher(f, epilogue, a, f.arg(TILE_ARGS));
    eachTile(f, a, pairSums(f), { ...resume, ...end });
  });

/**
 * gemmf(panel, rowStep, tileStep, weights, count, to, toStep, pixels, channels, bias, partials, resume): the float form. Each lane is
 * one output, summed in order of the inner index with one rounding per operation (NUMERICS §4, F2); partial results are the
 * sums so far, so stopping and starting again changes no bit.
 */
export const gemmFloatKernel = (asm: Asm, partial: boolean): string =>
  asm.define(`gemmf${partial ? '_partial' : ''}`, new Array<'i32'>(TILE_ARGS).fill('i32'), undefined, (f) => {
    const { f32x4 } = f.ops;
    const a = tileArgs(f);
    const how: Summing = { accumulate: (sum, x, w) => f.set(sum, f32x4.add(sum, f32x4.mul(x, w))) };
    const finish: TileLoop['finish'] = partial
      ? (sums) => storePartial(f, a.partials, sums)
      : (sums, to, left) => eachChannel(f, a, 4, sums, to, ([low, high], target) => storeWords(f, target, low, high, left));
    eachTile(f, a, how, { ...resuming(f, a, 4), finish, tileBytes: partial ? 0 : 4 * TILE_PIXELS });
  });
