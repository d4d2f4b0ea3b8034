import { type Region } from '../context.ts';

/**
 * Functions on pairs of u32 (low word, high word) that stand for integers of 64 bits in two's complement, behind the prelude, which has
 * `add64` and `mulhi`.
 */
export const WIDE = `fn widened(v: i32) -> vec2<u32> { return vec2<u32>(bitcast<u32>(v), bitcast<u32>(v >> 31u)); }
fn umul64(a: u32, b: u32) -> vec2<u32> { return vec2<u32>(a * b, mulhi(a, b)); }
fn mul64(a: i32, b: i32) -> vec2<u32> {
  let x = bitcast<u32>(a);
  let y = bitcast<u32>(b);
  return vec2<u32>(x * y, mulhi(x, y) - select(0u, y, a < 0) - select(0u, x, b < 0));
}
fn scale64(p: vec2<u32>, m: u32) -> vec2<u32> { return vec2<u32>(p.x * m, p.y * m + mulhi(p.x, m)); }
fn sub64(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> { return vec2<u32>(a.x - b.x, a.y - b.y - select(0u, 1u, a.x < b.x)); }
fn less64(a: vec2<u32>, b: vec2<u32>) -> bool { return a.y < b.y || (a.y == b.y && a.x < b.x); }
fn shl64(p: vec2<u32>, n: u32) -> vec2<u32> {
  if (n == 0u) { return p; }
  if (n >= 32u) { return vec2<u32>(0u, p.x << ((n - 32u) & 31u)); }
  return vec2<u32>(p.x << n, (p.y << n) | (p.x >> ((32u - n) & 31u)));
}
fn shr64(p: vec2<u32>, n: u32) -> vec2<u32> {
  let high = bitcast<i32>(p.y);
  if (n == 0u) { return p; }
  if (n >= 32u) { return vec2<u32>(bitcast<u32>(high >> ((n - 32u) & 31u)), bitcast<u32>(high >> 31u)); }
  return vec2<u32>((p.x >> n) | (p.y << ((32u - n) & 31u)), bitcast<u32>(high >> n));
}
fn rshr64(p: vec2<u32>, n: u32) -> vec2<u32> {
  if (n == 0u) { return p; }
  let half = shl64(vec2<u32>(1u, 0u), n - 1u);
  return shr64(add64(p, half.x, half.y), n);
}
fn clamp64(p: vec2<u32>, lo: i32, hi: i32) -> i32 {
  let low = bitcast<i32>(p.x);
  let high = bitcast<i32>(p.y);
  if (high != (low >> 31u)) { return select(hi, lo, high < 0); }
  return clamp(low, lo, hi);
}
`;

/** Iterations of `isqrt64` and of `power_quotient`. */
export const ROOT_BITS = 26;
export const QUOTIENT_BITS = 64;

/** floor(sqrt(p)) for p < 2^52, bit by bit; floor(2^k / s) for k < 64 and 0 < s <= 2^31 by long division. */
export const ROOTS = `fn isqrt64(p: vec2<u32>) -> u32 {
  var root = 0u;
  for (var k = ${ROOT_BITS}u; k > 0u; k--) {
    let next = root | (1u << (k - 1u));
    if (!less64(p, umul64(next, next))) { root = next; }
  }
  return root;
}
fn power_quotient(k: u32, s: u32) -> vec2<u32> {
  var quotient = vec2<u32>(0u, 0u);
  var rest = 1u;
  if (s == 1u) {
    quotient.x = 1u;
    rest = 0u;
  }
  for (var q = 0u; q < k; q++) {
    rest = rest << 1u;
    quotient = shl64(quotient, 1u);
    if (rest >= s) {
      rest -= s;
      quotient.x |= 1u;
    }
  }
  return quotient;
}
`;

/** low + rshr((high - low) r, s) of table entries that rise. */
const BETWEEN = `fn between(low: u32, high: u32, r: u32, s: u32) -> u32 { return low + rshr64(umul64(high - low, r), s).x; }
`;

/** 2^t as a fraction of `bits` bits, half up, saturated; t in Q16, below 2^47 in magnitude (NUMERICS §1.4). */
export const exp2Functions = (table: Region): string => `${BETWEEN}fn exp2_q16(t: vec2<u32>, bits: i32) -> i32 {
  let k = clamp(bitcast<i32>(shr64(t, 16u).x), -99, 99);
  let i = (t.x >> 8u) & 255u;
  let next = i + 1u;
  let m = between(${table.word('i')}, ${table.word('next')}, t.x & 255u, 8u);
  let shift = 30 - bits - k;
  if (shift < 0) { return 2147483647; }
  if (shift > 32) { return 0; }
  return bitcast<i32>(rshr64(vec2<u32>(m, 0u), bitcast<u32>(shift)).x);
}
`;

/** The fraction of log2 m in Q24, for m of 32 bits, the first of which is 1. @param between - with what `exp2Functions` has not given */
export const log2Functions = (table: Region, between = true): string => `${between ? BETWEEN : ''}fn log2_fraction(m: u32) -> u32 {
  let i = (m >> 23u) & 255u;
  let next = i + 1u;
  return between(${table.word('i')}, ${table.word('next')}, m & 0x7fffffu, 23u);
}
fn log2_q24(x: i32) -> i32 {
  if (x <= 0) { return i32(-2147483648); }
  let zeros = countLeadingZeros(bitcast<u32>(x));
  return bitcast<i32>((31u - zeros) << 24u) + bitcast<i32>(log2_fraction(bitcast<u32>(x) << zeros));
}
`;

/** The same for the phase of an angle, 2^32 to a turn, in Q30: a quarter of the wave with a last entry once more. */
export const sineFunctions = (table: Region): string => `${BETWEEN}fn sine(phase: u32) -> i32 {
  let within = phase & 0x3fffffffu;
  let r = select(within, 0x40000000u - within, (phase & 0x40000000u) != 0u);
  let i = r >> 20u;
  let next = i + 1u;
  let v = bitcast<i32>(between(${table.word('i')}, ${table.word('next')}, r & 0xfffffu, 20u));
  return select(v, -v, phase >= 0x80000000u);
}
`;
