/**
 * Exact integer arithmetic (NUMERICS §§0, 1). Every function takes and returns integers with |v| <= 2^53 - 1, so that
 * float64 holds them exactly.
 */

/** 2^k for k = 0..63 by doubling: exact, and no call of Math.pow. */
export const POW2: Float64Array = (() => {
  const table = new Float64Array(64).fill(1);
  for (let k = 1; k < 64; k++) table[k] = table[k - 1]! * 2;
  return table;
})();

export const INT32_MIN = -(2 ** 31);
export const INT32_MAX = 2 ** 31 - 1;

export const clamp = (x: number, lo: number, hi: number): number => (x < lo ? lo : x > hi ? hi : x);

/** Rounding right shift: floor((x + 2^(s-1)) / 2^s), half up; s = 0 gives x. Needs |x| + 2^(s-1) <= 2^53. */
export const rshr = (x: number, s: number): number => (s === 0 ? x : Math.floor((x + POW2[s - 1]!) / POW2[s]!));

/** Rounding division, half up: floor((2a + b) / (2b)), b > 0. Needs |2a + b| < 2^52. */
export const rdiv = (a: number, b: number): number => Math.floor((2 * a + b) / (2 * b));

/** Truncating int32 division; x / 0 = 0, -2^31 / -1 = 2^31 - 1. */
export const divTrunc = (a: number, b: number): number => (b === 0 ? 0 : a === INT32_MIN && b === -1 ? INT32_MAX : Math.trunc(a / b) | 0);

/** Int32 division rounded down; x / 0 = 0, -2^31 / -1 = 2^31 - 1. The float64 quotient is off by less than its distance to a whole number. */
export const divFloor = (a: number, b: number): number => (b === 0 ? 0 : a === INT32_MIN && b === -1 ? INT32_MAX : Math.floor(a / b));

/** Int32 division rounded to nearest, halves up: floor(a / b + 1/2); x / 0 = 0, -2^31 / -1 = 2^31 - 1. */
export const divRound = (a: number, b: number): number =>
  // + 0: a zero over a negative divisor is -0 in a double, which is not a value of int32.
  b === 0 ? 0 : Math.min(Math.floor((2 * a + b) / (2 * b)), INT32_MAX) + 0;

/** A real scale r > 0 as multiplier and shift: r ~ M / 2^s (NUMERICS §1.1, "scale encode"). */
export interface Rescale {
  readonly multiplier: number;
  readonly shift: number;
}

/** Width of a rescale: `n15` M < 2^15, s 1..47, `w21` M < 2^21, s 1..52. */
export type RescaleWidth = 'n15' | 'w21';

export const RESCALE_LIMITS = {
  n15: { bits: 15, maxShift: 47 },
  w21: { bits: 21, maxShift: 52 },
} as const satisfies Record<RescaleWidth, unknown>;

/** floor(log2 r) for a positive finite r, without Math.log2. */
const exponentOf = (r: number): number => {
  let e = 0;
  let m = r;
  while (m >= 2) {
    m /= 2;
    e++;
  }
  while (m < 1) {
    m *= 2;
    e--;
  }
  return e;
};

/**
 * Encodes a scale factor; relative error <= 2^-bits while the shift fits. A factor too small becomes M = 0.
 * @param r - 0 <= r; n15: r < 2^14, w21: r < 2^20
 */
export const encodeRescale = (r: number, width: RescaleWidth = 'n15'): Rescale => {
  const { bits, maxShift } = RESCALE_LIMITS[width];
  if (!(r > 0)) return { multiplier: 0, shift: maxShift };
  const e = exponentOf(r);
  if (e < -maxShift - 2) return { multiplier: 0, shift: maxShift };
  let shift = bits - 1 - e;
  if (shift > maxShift) return { multiplier: Math.floor(r * POW2[maxShift]! + 0.5), shift: maxShift };
  let multiplier = Math.floor(r * POW2[shift]! + 0.5);
  if (multiplier === POW2[bits]) {
    multiplier = POW2[bits - 1]!;
    shift -= 1;
  }
  if (shift < 1) throw new RangeError(`scale factor ${r} is too large for ${width}`);
  return { multiplier, shift };
};

/** floor(sqrt(n)) for 0 <= n < 2^52. */
export const isqrt = (n: number): number => {
  let r = Math.floor(Math.sqrt(n));
  while (r * r > n) r--;
  while ((r + 1) * (r + 1) <= n) r++;
  return r;
};

const LOG2_ONE = 2 ** 24;

/** L[i] = round(2^24 log2(1 + i/256)), i = 0..256: by exact repeated squaring of the argument, no Math.log2. */
const makeLog2Table = (): Int32Array => {
  const table = new Int32Array(257);
  for (let i = 0; i <= 256; i++) {
    let x = 1 + i / 256;
    let bits = 0;
    if (x >= 2) {
      table[i] = LOG2_ONE;
      continue;
    }
    // 30 binary digits of log2(x) by squaring; float64 error stays far below half a digit of 2^-24
    for (let k = 0; k < 30; k++) {
      x *= x;
      bits *= 2;
      if (x >= 2) {
        x /= 2;
        bits += 1;
      }
    }
    table[i] = Math.floor(bits / 64 + 0.5);
  }
  return table;
};
export const LOG2_TABLE: Int32Array = makeLog2Table();

/** log2 of an int32 in Q24 (NUMERICS §1.4); n <= 0 gives -2^31. */
export const log2Q24 = (n: number): number => {
  if (n <= 0) return INT32_MIN;
  const b = 31 - Math.clz32(n);
  const m = n * POW2[31 - b]!;
  const i = Math.floor(m / 2 ** 23) & 255;
  const r = m % 2 ** 23;
  const low = LOG2_TABLE[i]!;
  return b * LOG2_ONE + low + rshr((LOG2_TABLE[i + 1]! - low) * r, 23);
};
