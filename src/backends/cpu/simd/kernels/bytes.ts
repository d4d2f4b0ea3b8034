import type { Fn } from '../fn.ts';
import type { Ex, Local, Val } from '../lift.ts';
import type { Bounds } from './rescale.ts';
import { storeBytes } from './store.ts';

/**
 * Rescales to bytes of eight int32 at a time, where 0 <= M < 2^15 and 17 <= s <= 47 (NUMERICS §1.1, N15). With x = h 2^16 + l,
 * floor((x M + 2^(s-1)) / 2^s) = floor((u + 1) / 2), where u = floor((h M + floor(l M / 2^16)) / 2^(s-17)); adding `zero` is
 * adding 2 zero to u + 1. Everything behind u is done with 16 bits that saturate: a u that does not fit them is at least
 * 2^15 in size, and with |zero| <= MOST_ZERO what comes of it is still beyond any bound of 8 bits, on the right side.
 */
export const MOST_ZERO = 8192;

/** Where the constants of such a rescale are in their table: vectors of i16 and int32. */
const AT = { zero: 0, lo: 16, hi: 32, byte: 48, half: 64 } as const;
/** Behind them the zero point and the bounds as int32. */
const PLAIN_AT = { zero: 80, lo: 84, hi: 88 } as const;

/** A table of constants for `bytesOfPair`: the engine keeps loads where they stand, and makes constants anew at every use. */
export const byteConstants = (zero: number, lo: number, hi: number): Int32Array => {
  const halves = (v: number): Int32Array => new Int32Array(4).fill((v & 0xffff) | (v << 16) | 0);
  const table = new Int32Array(24);
  table.set(halves(2 * zero + 1), AT.zero / 4);
  table.set(halves(lo), AT.lo / 4);
  table.set(halves(hi), AT.hi / 4);
  table.set(halves(0xff), AT.byte / 4);
  table.fill(0xffff, AT.half / 4, AT.half / 4 + 4);
  table.set([zero, lo, hi], PLAIN_AT.zero / 4);
  return table;
};

/** The zero point and the bounds themselves, for rescales of other forms. */
export const plainBounds = (f: Fn, constants: Local): Bounds => {
  const word = (offset: number): Local => f.i32(f.load('i32', constants, offset));
  return { zero: word(PLAIN_AT.zero), lo: word(PLAIN_AT.lo), hi: word(PLAIN_AT.hi) };
};

/** Multiplier and shift of one output channel. */
export interface ByteFactors {
  /** M in all lanes. */
  readonly multiplier: Local;
  /** s - 17. */
  readonly shift: Local;
}

export const byteFactors = (f: Fn): ByteFactors => ({ multiplier: f.local('v128'), shift: f.local('i32') });

/** Reads the factors of a channel: `entry` + `offset` points to its entry of the epilogue table. */
export const loadByteFactors = (f: Fn, { multiplier, shift }: ByteFactors, entry: Val, offset = 0): void => {
  f.set(multiplier, f.vload('load32_splat', entry, offset + 4));
  f.set(shift, f.ops.i32.sub(f.load('i32', entry, offset + 8), 17));
};

/** clamp(rshr(x M, s) + zero, lo, hi) of eight int32 as i16; `constants` points to a table of `byteConstants`. */
export const rescaledHalves = (f: Fn, low: Local, high: Local, { multiplier, shift }: ByteFactors, constants: Local): Ex => {
  const { i16x8, i32x4, v128 } = f.ops;
  // the pairs (l, h) of x times (0, M)
  const upper = f.v128(i32x4.shl(multiplier, 16));
  const twice = (x: Local): Ex => {
    const rest = i32x4.shr_u(i32x4.mul(v128.and(x, f.vload('load', constants, AT.half)), multiplier), 16);
    return i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(x, upper), rest), shift);
  };
  const words = i16x8.narrow_i32x4_s(twice(low), twice(high));
  const y = i16x8.shr_s(i16x8.add_saturate_s(words, f.vload('load', constants, AT.zero)), 1);
  return i16x8.min_s(i16x8.max_s(y, f.vload('load', constants, AT.lo)), f.vload('load', constants, AT.hi));
};

/** The low bytes of two vectors of i16: lo and hi are within the 8-bit type, so they are the results, of i8 and u8 alike. */
export const lowBytes = (f: Fn, a: Ex | Local, b: Ex | Local, constants: Local): Ex => {
  const { i8x16, v128 } = f.ops;
  const byte = (x: Ex | Local): Ex => v128.and(x, f.vload('load', constants, AT.byte));
  return i8x16.narrow_i16x8_u(byte(a), byte(b));
};

/** Stores the first `count` (1 to 8) of the low eight bytes at `first`, and of the high eight at `second` where `both`. */
export const storePair = (f: Fn, bytes: Local, first: Local, second: Val, both: Val, count: Local): void => {
  const { i32 } = f.ops;
  const rest = f.v128(f.shuffle32(bytes, bytes, [2, 3, 2, 3]));
  f.if(
    i32.ge_u(count, 8),
    () => f.storeLane(64, 0, first, bytes),
    () => storeBytes(f, first, bytes, count),
  );
  f.if(both, () => {
    const to = f.i32(second);
    storeBytes(f, to, rest, count);
  });
};
