import { INT32_MAX, INT32_MIN, log2Q24, POW2, rshr } from './fixed.ts';
import { exp64 } from './strict-float.ts';
import { sin64 } from './trigonometry.ts';

/**
 * Elementary functions on integers in fixed point (NUMERICS §1.4). A number in Q.F is an integer v that stands for
 * v / 2^F. Every intermediate is an integer of at most 53 bits. The tables are fixed constants: each entry is the real
 * value rounded to the nearest integer, made from float64 + - * / alone.
 */
const { floor, imul } = Math;

const LN2 = 0.6931471805599453;
const LOG2E = 1.4426950408889634;
const HALF_PI = 1.5707963267948966;
const INVERSE_TURN = 0.15915494309189535;

/** T[i] = round(2^30 2^(i/256)), i = 0..256. The last entry is 2^31: the table is unsigned. */
export const EXP2_TABLE: Uint32Array = Uint32Array.from({ length: 257 }, (_, i) => floor(2 ** 30 * exp64((i * LN2) / 256) + 0.5));

/** S[i] = round(2^30 sin(pi/2 i/1024)), i = 0..1024, and the last entry once more: index 1024 interpolates with slope 0. */
export const SIN_TABLE: Int32Array = Int32Array.from({ length: 1026 }, (_, i) =>
  floor(2 ** 30 * sin64((Math.min(i, 1024) * HALF_PI) / 1024) + 0.5),
);

/** The mantissa of 2^(f / 65536) in Q30, 0 <= f < 65536: relative error below 2^-20. */
const mantissa = (f: number): number => {
  const low = EXP2_TABLE[f >> 8]!;
  return low + rshr((EXP2_TABLE[(f >> 8) + 1]! - low) * (f & 255), 8);
};

/** m 2^(-shift) for a Q30 mantissa m in [2^30, 2^31): half up, saturated to int32. */
const scaledMantissa = (m: number, shift: number): number => (shift < 0 ? INT32_MAX : shift > 32 ? 0 : rshr(m, shift));

/**
 * 2^t, half up, saturated to int32.
 * @param t - Q16, any integer  @param fraction - fraction bits of the result, 0..30
 */
export const exp2Q16 = (t: number, fraction: number): number => {
  const k = floor(t / 65536);
  return scaledMantissa(mantissa(t - k * 65536), 30 - fraction - k);
};

/** A Q.F exponent in Q16, half up. */
export const toQ16 = (x: number, fraction: number): number => (fraction <= 16 ? x * POW2[16 - fraction]! : rshr(x, fraction - 16));

/** round(log2(e) 2^(30 - F)): the factor from nats in Q.F to powers of two in Q30. */
export const expFactor = (fraction: number): number => floor(LOG2E * POW2[30 - fraction]! + 0.5);

/** Beyond these many nats every result is 0 or saturated: the clamp keeps products below 2^53 and changes nothing. */
export const EXP_LIMIT = 64;

/** e^x in Q.`result`, x in Q.`fraction`: t = rshr(x round(log2(e) 2^(30 - F)), 14), then 2^t. */
export const expFixed = (x: number, fraction: number, result: number): number => {
  const limit = EXP_LIMIT * POW2[fraction]!;
  const clamped = x < -limit ? -limit : x > limit ? limit : x;
  return exp2Q16(rshr(clamped * expFactor(fraction), 14), result);
};

/** 2^(32 - F) / (2 pi) as high + low 2^-16: from radians in Q.F to a phase of 2^32 to a turn. */
export const phaseFactor = (fraction: number): { readonly high: number; readonly low: number } => {
  const k = POW2[32 - fraction]! * INVERSE_TURN;
  const high = floor(k);
  return { high, low: floor((k - high) * 65536 + 0.5) };
};

/** Phase of x radians, 2^32 to a turn: (x high + floor(x low / 2^16)) mod 2^32, off by at most |x| 2^-49 turns. */
export const phaseOf = (x: number, factor: { readonly high: number; readonly low: number }): number =>
  (imul(x, factor.high) + floor((x * factor.low) / 65536)) >>> 0;

/** Sine of a phase (uint32, 2^32 to a turn) in Q30: quarter table with linear interpolation, error below 2^-21.6. */
export const sinPhase = (phase: number): number => {
  const within = phase & 0x3fffffff;
  const r = (phase & 0x40000000) === 0 ? within : 0x40000000 - within;
  const i = r >>> 20;
  const low = SIN_TABLE[i]!;
  const v = low + rshr((SIN_TABLE[i + 1]! - low) * (r & 0xfffff), 20);
  return phase >= 2 ** 31 ? -v : v;
};

/** |a|^b for a whole b >= 0, at most 2^31. */
const wholePower = (a: number, b: number): number => {
  if (a <= 1) return b === 0 ? 1 : a;
  let r = 1;
  for (let i = 0; i < b && r < 2 ** 31; i++) r *= a;
  return Math.min(r, 2 ** 31);
};

const signed = (magnitude: number, negative: boolean): number =>
  negative ? Math.max(-magnitude, INT32_MIN) : Math.min(magnitude, INT32_MAX);

/** |b log2 a| is cut here: far beyond, the power is 0 or saturated, and 53 bits hold it. */
export const POW_LIMIT = 2 ** 52;

/**
 * a^b, a and the result in Q.F, b in Q.G, saturated to int32. F = 0 and whole b >= 0: exact. Else a > 0:
 * 2^t, t = rshr(b log2(a), 8 + G) with the logarithm in Q24. a^0 = 1; 0^b = 0 for b > 0, saturated for b < 0;
 * a < 0: the power of |a| with the sign of a^b for whole b, 0 for any other.
 * @param fraction - F, 0..30  @param exponent - G, 0..16
 */
export const powFixed = (a: number, b: number, fraction: number, exponent: number): number => {
  const whole = b % POW2[exponent]! === 0;
  if (b === 0) return POW2[fraction]!;
  if (a < 0 && !whole) return 0;
  const n = b / POW2[exponent]!;
  const negative = a < 0 && n % 2 !== 0;
  if (fraction === 0 && whole && b > 0) return signed(wholePower(Math.abs(a), n), negative);
  if (a === 0) return b > 0 ? 0 : INT32_MAX;
  // |-2^31| is a power of two and does not fit int32
  const log = (a === INT32_MIN ? 31 * 2 ** 24 : log2Q24(Math.abs(a))) - fraction * 2 ** 24;
  const product = Math.max(-POW_LIMIT, Math.min(POW_LIMIT, b * log));
  return signed(exp2Q16(rshr(product, 8 + exponent), fraction), negative);
};

/** B = min(22, 30 - ceil(log2 n)): a sum of n terms of at most 2^B stays within 2^30 (NUMERICS §1.6). */
export const softmaxScale = (n: number): number => Math.min(22, 30 - (n <= 1 ? 0 : 32 - Math.clz32(n - 1)));
