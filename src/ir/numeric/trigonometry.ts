import { exp64, log64, pow2 } from './strict-float.ts';

/**
 * Circular and hyperbolic functions of the strict float profile (NUMERICS §4): float64 + - * / sqrt and bit operations in
 * a fixed order on a float32 argument, rounded once on store. The relative error before that rounding is below 2^-50,
 * and below 2^-43 where a large angle lies next to a multiple of pi/2: the float32 result is within 0.50001 ulp of the
 * real value for every argument.
 */

/** pi/2 in three parts; A and B have 30 bits, so that n * A and n * B are exact for |n| < 2^23. */
const PIO2_A = 1.570796325802803;
const PIO2_B = 9.920935791635221e-10;
const PIO2_C = 5.170182981794105e-19;
const PIO2 = 1.5707963267948966;
const PIO4 = 0.7853981633974483;
const TWO_OVER_PI = 0.6366197723675814;

/** Bits of 2/pi, 24 per word. Nine words reach far enough for every float32. */
export const TWO_OVER_PI_WORDS: readonly number[] = [
  0xa2f983, 0x6e4e44, 0x1529fc, 0x2757d1, 0xf534dd, 0xc0db62, 0x95993c, 0x439041, 0xfe5163,
];
/** From here on the argument is reduced by words: n * A would no longer be exact far above. */
export const LARGE_ANGLE = 4194304;

/** 1/i! with alternating sign for i = from, from - 2, ... down to 2 or 3: Horner order. */
const alternating = (from: number): readonly number[] => {
  const out: number[] = [];
  for (let i = from; i >= 2; i -= 2) {
    let f = 1;
    for (let k = 2; k <= i; k++) f *= k;
    out.push((i >> 1) % 2 === 0 ? 1 / f : -1 / f);
  }
  return out;
};
/** sin r = r (1 + z P(z)), |r| <= pi/4: the first term left out is r^19/19! < 2^-63. */
export const SIN_COEFFICIENTS: readonly number[] = alternating(17);
/** cos r = 1 + z P(z): the first term left out is r^18/18! < 2^-58. */
export const COS_COEFFICIENTS: readonly number[] = alternating(16);
/** sinh r = r (1 + z P(z)), |r| < 1: the first term left out is 1/21! < 2^-65. */
export const SINH_COEFFICIENTS: readonly number[] = alternating(19).map(Math.abs);
/** atan t = t (1 + z P(z)), |t| <= tan(pi/8): z^24/49 < 2^-66 is left out. */
export const ATAN_COEFFICIENTS: readonly number[] = Array.from({ length: 23 }, (_, n) => (n % 2 === 0 ? -1 : 1) / (47 - 2 * n));
/** atanh s = s (1 + z P(z)), |s| <= 0.172: z^13/27 < 2^-70 is left out. */
export const ATANH_COEFFICIENTS: readonly number[] = Array.from({ length: 12 }, (_, n) => 1 / (25 - 2 * n));
/** tan(pi/8): up to here the series of atan is used as it is. */
export const TAN_PI_8 = 0.41421356237309503;
/** Up to here the series of atanh is used as it is. */
export const ATANH_SERIES = 0.171875;

/** 1 + z P(z) by Horner's rule. */
const series = (coefficients: readonly number[], z: number): number => {
  let p = 0;
  for (const c of coefficients) p = p * z + c;
  return 1 + z * p;
};

/** sin (quadrant even) or cos (odd) of the rest, with the sign of the quadrant. */
const ofQuadrant = (quadrant: number, r: number): number => {
  const z = r * r;
  const y = (quadrant & 1) === 0 ? r * series(SIN_COEFFICIENTS, z) : series(COS_COEFFICIENTS, z);
  return (quadrant & 2) === 0 ? y : -y;
};

const bits = new DataView(new ArrayBuffer(8));

/** t modulo 4 for t >= 0: exact. */
const mod4 = (t: number): number => t - 4 * Math.floor(t / 4);

/**
 * sin(x + turn * pi/2) for 2^22 <= |x| < 2^128, x a float32. |x| = m 2^e with a 24-bit m, so each product of m with a
 * word of 2/pi is exact; words whose product is a multiple of 4 quarter turns are skipped, and five words leave an error
 * of 2^-71 quarter turns where no float32 comes closer than 2^-34 to a multiple of one.
 */
const largeAngle = (x: number, turn: number): number => {
  const a = Math.abs(x);
  bits.setFloat64(0, a);
  const e = (bits.getUint32(0) >>> 20) - 1046;
  const m = a * pow2(-e);
  const j = e < 2 ? 0 : Math.trunc((e - 2) / 24);
  const s = e - 24 * (j + 1);
  const term = (i: number): number => m * TWO_OVER_PI_WORDS[j + i]! * pow2(s - 24 * i);
  const first = mod4(term(0)) + mod4(term(1));
  const third = term(2);
  // first + third = high + low exactly
  const high = first + third;
  const back = high - first;
  const low = first - (high - back) + (third - back);
  const quadrant = Math.floor(high + 0.5);
  const r = (high - quadrant + (low + (term(3) + term(4)))) * PIO2;
  return x < 0 ? ofQuadrant(turn - quadrant, -r) : ofQuadrant(turn + quadrant, r);
};

/** sin(x + turn * pi/2): Cody and Waite's reduction in three steps below 2^22, by words above. */
const circular64 = (x: number, turn: number): number => {
  const a = Math.abs(x);
  if (!(a < Number.POSITIVE_INFINITY)) return Number.NaN;
  if (a >= LARGE_ANGLE) return largeAngle(x, turn);
  const n = Math.floor(x * TWO_OVER_PI + 0.5);
  return ofQuadrant(n + turn, x - n * PIO2_A - n * PIO2_B - n * PIO2_C);
};

/** sin x for any float32; infinities give NaN; keeps the sign of zero. */
export const sin64 = (x: number): number => circular64(x, 0);
/** cos x for any float32; infinities give NaN. */
export const cos64 = (x: number): number => circular64(x, 1);
/** tan x = sin x / cos x. */
export const tan64 = (x: number): number => circular64(x, 0) / circular64(x, 1);

/** atan x: 1/x above 1, then (t - 1)/(t + 1) above tan(pi/8), then the series; keeps the sign of zero. */
export const atan64 = (x: number): number => {
  const a = Math.abs(x);
  const u = a > 1 ? 1 / a : a;
  const folded = u > TAN_PI_8;
  const t = folded ? (u - 1) / (u + 1) : u;
  const core = t * series(ATAN_COEFFICIENTS, t * t);
  const v = folded ? PIO4 + core : core;
  const y = a > 1 ? PIO2 - v : v;
  return x < 0 ? -y : x === 0 ? x : y;
};

/** asin x = atan(x / sqrt((1 - x)(1 + x))); NaN outside [-1, 1]. */
export const asin64 = (x: number): number => atan64(x / Math.sqrt((1 - x) * (1 + x)));
/** acos x = 2 atan(sqrt((1 - x) / (1 + x))); NaN outside [-1, 1]. */
export const acos64 = (x: number): number => 2 * atan64(Math.sqrt((1 - x) / (1 + x)));

/** sinh x: its series below 1, else (e^|x| - e^-|x|) / 2 with the sign of x. */
export const sinh64 = (x: number): number => {
  const a = Math.abs(x);
  if (a < 1) return x * series(SINH_COEFFICIENTS, x * x);
  const e = exp64(a);
  const y = (e - 1 / e) / 2;
  return x < 0 ? -y : y;
};
/** cosh x = (e^|x| + e^-|x|) / 2. */
export const cosh64 = (x: number): number => {
  const e = exp64(Math.abs(x));
  return (e + 1 / e) / 2;
};

const atanhSeries = (s: number): number => s * series(ATANH_COEFFICIENTS, s * s);

/** asinh x: atanh(x / sqrt(1 + x^2)) by its series near 0, else ln(|x| + sqrt(x^2 + 1)) with the sign of x. */
export const asinh64 = (x: number): number => {
  const a = Math.abs(x);
  const root = Math.sqrt(a * a + 1);
  if (a <= ATANH_SERIES) return atanhSeries(x / root);
  const y = log64(a + root);
  return x < 0 ? -y : y;
};
/** acosh x: 2 atanh(sqrt((x - 1) / (x + 1))) by its series near 1, else ln(x + sqrt(x^2 - 1)); NaN below 1. */
export const acosh64 = (x: number): number => {
  if (!(x >= 1)) return Number.NaN;
  if (x <= 1.05) return 2 * atanhSeries(Math.sqrt((x - 1) / (x + 1)));
  return log64(x + Math.sqrt(x * x - 1));
};
/** atanh x: its series near 0, else ln((1 + |x|) / (1 - |x|)) / 2 with the sign of x; infinite at +-1, NaN beyond. */
export const atanh64 = (x: number): number => {
  const a = Math.abs(x);
  if (a <= ATANH_SERIES) return atanhSeries(x);
  const y = log64((1 + a) / (1 - a)) / 2;
  return x < 0 ? -y : y;
};
