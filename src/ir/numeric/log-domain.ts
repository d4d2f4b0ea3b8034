import { expFactor } from './fixed-functions.ts';
import { LOG2_TABLE, POW2, rshr } from './fixed.ts';
import { exp64, log64 } from './strict-float.ts';

/** Logarithms of probabilities and of factors in Q.F, as int32 (NUMERICS §7). */
const { floor, min, clz32 } = Math;

/** The logarithm of 0. Whatever is at most `IMPOSSIBLE` counts as it. */
export const NEG_INF = -(2 ** 30);
/** Logarithms down from here stand for probability 0: 131,072 nats in Q12. */
export const IMPOSSIBLE = -(2 ** 29);
/** Sums saturate here. */
export const LOG_MAX = 2 ** 30;
/** Fraction bits of logarithms unless an op says otherwise. */
export const LOG_FRACTION = 12;
/** Most terms of one log-sum-exp: their sum in Q23 stays within 2^47. */
export const LSE_TERMS = 2 ** 24;

const LN2 = 0.6931471805599453;
/** round(ln 2 * 2^20). */
export const LN2_Q20 = floor(LN2 * 2 ** 20 + 0.5);
/** Terms smaller than 2^-40 of the greatest count as 2^-40, which is 0 in Q23. */
export const LSE_CUT = 40 * 65536;

/** D[i] = round(2^30 2^(-i/256)), i = 0..256. */
export const EXP2_DOWN_TABLE: Int32Array = Int32Array.from({ length: 257 }, (_, i) => floor(2 ** 30 * exp64((-i * LN2) / 256) + 0.5));

/** a + b of logarithms: NEG_INF where either stands for 0, else within +-2^30. */
export const addSaturated = (a: number, b: number): number => (a <= IMPOSSIBLE || b <= IMPOSSIBLE ? NEG_INF : min(a + b, LOG_MAX));

/** 2^(-t / 65536) in Q23, t in Q16 from 0 on. */
const exp2Down = (t: number): number => {
  const k = floor(t / 65536);
  const f = t - k * 65536;
  const low = EXP2_DOWN_TABLE[f >> 8]!;
  return rshr(low + rshr((EXP2_DOWN_TABLE[(f >> 8) + 1]! - low) * (f & 255), 8), 7 + k);
};

/** log2(s) - 23 in Q24 for 2^23 <= s < 2^53, from the leading 32 bits of s. */
const log2OfQ23 = (s: number): number => {
  const high = floor(s / 2 ** 32);
  const b = high > 0 ? 63 - clz32(high) : 31 - clz32(s);
  const m = b <= 31 ? s * POW2[31 - b]! : floor(s / POW2[b - 31]!);
  const i = floor(m / 2 ** 23) & 255;
  const low = LOG2_TABLE[i]!;
  return (b - 23) * 2 ** 24 + low + rshr((LOG2_TABLE[i + 1]! - low) * (m % 2 ** 23), 23);
};

/**
 * log(sum of e^a_i) in Q.F by integers alone: the sum is one of integers, so its order does not matter.
 * @param n - number of terms, at most 2^24; 0 gives NEG_INF  @param fraction - F, 0..16
 */
export const logSumExp = (n: number, term: (i: number) => number, fraction: number): number => {
  let m = NEG_INF;
  for (let i = 0; i < n; i++) {
    const a = term(i);
    if (a > m) m = a;
  }
  if (m <= IMPOSSIBLE) return NEG_INF;
  const factor = expFactor(fraction);
  // far beyond the cut: keeps the product within 53 bits
  const limit = 64 * POW2[fraction]!;
  let s = 0;
  for (let i = 0; i < n; i++) {
    const a = term(i);
    if (a > IMPOSSIBLE) s += exp2Down(min(rshr(min(m - a, limit) * factor, 14), LSE_CUT));
  }
  return min(m + rshr(log2OfQ23(s) * LN2_Q20, 44 - fraction), LOG_MAX);
};

/** The logarithm of a probability (or of any factor >= 0) in Q12, to the nearest; 0 gives NEG_INF. */
export const logOfProbability = (p: number): number => (p <= 0 ? NEG_INF : floor(log64(p) * POW2[LOG_FRACTION]! + 0.5));

/** A log potential in nats as Q12, to the nearest, within +-2^29; minus infinity gives NEG_INF. */
export const logPotential = (v: number): number => {
  if (v === Number.NEGATIVE_INFINITY) return NEG_INF;
  return Math.max(IMPOSSIBLE, min(floor(v * POW2[LOG_FRACTION]! + 0.5), -IMPOSSIBLE));
};
