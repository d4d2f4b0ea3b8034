/**
 * Strict float32 transcendental functions (NUMERICS §4): a fixed sequence of float64 + - * / and bit operations, then
 * one rounding to float32. The sequence is the definition; every backend evaluates the same one.
 */

const LOG2E = 1.4426950408889634;
/** ln 2 split so that k * LN2_HI is exact for |k| < 2^21 (fdlibm's constants). */
const LN2_HI = 0.6931471803691238;
const LN2_LO = 1.9082149292705877e-10;

const bits = new DataView(new ArrayBuffer(8));

/** 2^k by exponent bits, subnormals included; k from -1074 to 1023. */
export const pow2 = (k: number): number => {
  if (k >= -1022) {
    bits.setUint32(0, (k + 1023) << 20);
    bits.setUint32(4, 0);
    return bits.getFloat64(0);
  }
  return pow2(k + 60) / 2 ** 60;
};

/** 1/i! for i = 13..2 in Horner order; each is one correctly rounded division. */
const EXP_COEFFICIENTS: readonly number[] = Array.from({ length: 12 }, (_, n) => {
  let f = 1;
  for (let i = 2; i <= 13 - n; i++) f *= i;
  return 1 / f;
});

/** e^x in float64; overflow to infinity, underflow to 0; NaN stays. */
export const exp64 = (x: number): number => {
  if (x !== x) return x;
  if (x > 710) return Number.POSITIVE_INFINITY;
  if (x < -746) return 0;
  const k = Math.floor(x * LOG2E + 0.5);
  const r = x - k * LN2_HI - k * LN2_LO;
  let p = 0;
  for (const c of EXP_COEFFICIENTS) p = p * r + c;
  const m = p * r * r + r + 1;
  // two steps, so that neither power of two leaves the normal range before the product does
  const half = k >> 1;
  return m * pow2(half) * pow2(k - half);
};

/** ln x in float64; x < 0 gives NaN, 0 gives -infinity. */
export const log64 = (x: number): number => {
  if (x !== x || x < 0) return Number.NaN;
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (x === Number.POSITIVE_INFINITY) return x;
  bits.setFloat64(0, x);
  let high = bits.getUint32(0);
  let k = 0;
  if (high < 0x00100000) {
    bits.setFloat64(0, x * 2 ** 54);
    high = bits.getUint32(0);
    k = -54;
  }
  k += (high >>> 20) - 1023;
  bits.setUint32(0, (high & 0x000fffff) | 0x3ff00000);
  let m = bits.getFloat64(0);
  if (m > 1.4142135623730951) {
    m /= 2;
    k += 1;
  }
  const f = m - 1;
  const s = f / (2 + f);
  const z = s * s;
  let p = 0;
  for (let i = 25; i >= 3; i -= 2) p = p * z + 1 / i;
  p *= z;
  const hf = (f * f) / 2;
  return k * LN2_HI - (hf - (s * (hf + 2 * p) + k * LN2_LO) - f);
};

/** tanh in float64: Lambert's continued fraction near 0, else through exp; keeps the sign of zero. */
export const tanh64 = (x: number): number => {
  if (x !== x) return x;
  const a = Math.abs(x);
  if (a < 0.35) {
    const z = x * x;
    let d = 19;
    for (let i = 17; i >= 1; i -= 2) d = i + z / d;
    return x / d;
  }
  const t = 1 - 2 / (exp64(2 * a) + 1);
  return x < 0 ? -t : t;
};

/** 1 / (1 + e^-x). */
export const sigmoid64 = (x: number): number => 1 / (1 + exp64(-x));

/** ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|). */
export const softplus64 = (x: number): number => {
  const e = exp64(-Math.abs(x));
  // log1p by its series where 1 + e would lose bits
  const l = e < 1e-4 ? e * (1 - e * (0.5 - e * (1 / 3 - e / 4))) : log64(1 + e);
  return (x > 0 ? x : 0) + l;
};

const TWO_OVER_SQRT_PI = 1.1283791670955126;

/**
 * erf in float64. |x| < 3: Kummer's series 2/sqrt(pi) e^(-x^2) sum (2x^2)^n x / (1*3*...*(2n+1)), all terms positive;
 * |x| >= 3: 1 - erfc by Lentz-free backward continued fraction of depth 60; |x| >= 6: +-1.
 */
export const erf64 = (x: number): number => {
  if (x !== x) return x;
  const a = Math.abs(x);
  if (a >= 6) return x < 0 ? -1 : 1;
  const z = a * a;
  let result: number;
  if (a < 3) {
    let sum = 0;
    for (let n = 60; n >= 1; n--) sum = (1 + sum) * ((2 * z) / (2 * n + 1));
    result = TWO_OVER_SQRT_PI * exp64(-z) * a * (1 + sum);
  } else {
    let d = a;
    for (let n = 60; n >= 1; n--) d = a + n / 2 / d;
    result = 1 - exp64(-z) / d / 1.7724538509055159;
  }
  return x < 0 ? -result : x === 0 ? x : result;
};

/** x^y in float64 through exp(y ln |x|); y integer decides the sign; 0^0 = 1; negative base with fractional y is NaN. */
export const pow64 = (x: number, y: number): number => {
  if (y === 0) return 1;
  if (x !== x || y !== y) return Number.NaN;
  if (y === 1) return x;
  if (y === 2) return x * x;
  if (y === 0.5 && x >= 0) return Math.sqrt(x);
  const whole = Math.floor(y) === y;
  const odd = whole && Math.abs(y) < 2 ** 53 && Math.abs(y) % 2 === 1;
  if (x < 0 && !whole) return Number.NaN;
  const a = Math.abs(x);
  if (a === 1) return odd && x < 0 ? -1 : 1;
  const magnitude = exp64(y * log64(a));
  return odd && (x < 0 || Object.is(x, -0)) ? -magnitude : magnitude;
};

/** The one NaN of the profile (F4). */
const CANONICAL_NAN = 0x7fc00000;

/** Gives every NaN the canonical bit pattern, in place. */
export const canonicalizeNaN = (data: Float32Array): void => {
  let words: Uint32Array | undefined;
  for (let i = 0; i < data.length; i++) {
    if (data[i] !== data[i]) {
      words ??= new Uint32Array(data.buffer, data.byteOffset, data.length);
      words[i] = CANONICAL_NAN;
    }
  }
};

/**
 * F3: sums through 16 strided lanes, each in order, then a tree of halves.
 * @param count - number of terms  @param term - float32 value of term i
 */
export const sumF3 = (count: number, term: (i: number) => number): number => {
  const lanes = new Float32Array(16);
  for (let i = 0; i < count; i++) {
    const l = i & 15;
    lanes[l] = lanes[l]! + term(i);
  }
  for (let h = 8; h >= 1; h >>= 1) for (let l = 0; l < h; l++) lanes[l] = lanes[l]! + lanes[l + h]!;
  return lanes[0]!;
};

/** The greatest float32 below a finite x. */
export const belowFloat = (x: number): number => {
  bits.setFloat32(0, x);
  const word = bits.getUint32(0);
  bits.setUint32(0, x === 0 ? 0x80000001 : x > 0 ? word - 1 : word + 1);
  return bits.getFloat32(0);
};
