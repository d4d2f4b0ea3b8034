import type { DType } from '../../../ir/index.ts';
import type { Headers } from './program.ts';

/**
 * Text of WGSL. Arithmetic of i32 and u32 wraps, shifts by variables take their amount modulo 32, and i32 `>>` is arithmetic (W3C, WebGPU
 * Shading Language, sections 6.7 and 8.7). What is wrong in a constant expression is an error, so numbers that could overflow or divide by
 * zero there are never written next to each other.
 */

/** Iterations of all loops of one invocation together: llvmpipe ends an invocation after 65,535 without telling. */
export const MOST_ITERATIONS = 60_000;

/** An i32. The negation of an abstract number may be the least i32; `-2147483648i` may not. */
export const int = (n: number): string => `i32(${n})`;
export const uint = (n: number): string => `${n}u`;

/** Bytes of the elements as kernels see them. */
export const LANES = { i8: 4, u8: 4, bool: 4, i6: 4, i16: 2, i32: 1, f32: 1 } as const satisfies Record<DType, 1 | 2 | 4>;

/** Sums of four products of signed bytes, added to a third operand. */
export const HEADERS: Headers = {
  packed: `requires packed_4x8_integer_dot_product;
fn dot4(a: u32, b: u32) -> i32 { return dot4I8Packed(a, b); }
`,
  plain: `fn dot4(a: u32, b: u32) -> i32 {
  let x = bitcast<i32>(a);
  let y = bitcast<i32>(b);
  return ((x << 24u) >> 24u) * ((y << 24u) >> 24u) + ((x << 16u) >> 24u) * ((y << 16u) >> 24u)
    + ((x << 8u) >> 24u) * ((y << 8u) >> 24u) + (x >> 24u) * (y >> 24u);
}
`,
};

/** An element of a word, sign- or zero-extended. */
const ELEMENTS = `fn s8(w: u32, i: u32) -> i32 { return extractBits(bitcast<i32>(w), (i & 3u) * 8u, 8u); }
fn u8(w: u32, i: u32) -> i32 { return bitcast<i32>(extractBits(w, (i & 3u) * 8u, 8u)); }
fn s16(w: u32, i: u32) -> i32 { return extractBits(bitcast<i32>(w), (i & 1u) * 16u, 16u); }
`;

/**
 * clamp(rshr(v * m, s) + zero, lo, hi) with 0 <= m < 2^21 and 1 <= s <= 52 (NUMERICS 1.1): the product of at most 53 bits in a pair of
 * u32, made of four products of 16 bits (Knuth, TAOCP 2, 4.3.1, algorithm M), then 2^(s-1) added and shifted with its sign. The zero point
 * is added to the pair, since the quotient may leave int32 where the result does not.
 */
const RESCALE = `fn add64(a: vec2<u32>, low: u32, high: u32) -> vec2<u32> {
  let l = a.x + low;
  return vec2<u32>(l, a.y + high + select(0u, 1u, l < low));
}
fn mulhi(a: u32, b: u32) -> u32 {
  let al = a & 0xffffu;
  let ah = a >> 16u;
  let bl = b & 0xffffu;
  let bh = b >> 16u;
  let lh = al * bh;
  let hl = ah * bl;
  return ah * bh + (lh >> 16u) + (hl >> 16u) + ((((al * bl) >> 16u) + (lh & 0xffffu) + (hl & 0xffffu)) >> 16u);
}
fn rescale(v: i32, m: i32, s: i32, zero: i32, lo: i32, hi: i32) -> i32 {
  let a = bitcast<u32>(v);
  let b = bitcast<u32>(m);
  var p = vec2<u32>(a * b, mulhi(a, b) - select(0u, b, v < 0));
  let n = bitcast<u32>(s);
  if (n <= 32u) {
    p = add64(p, 1u << ((n - 1u) & 31u), 0u);
  } else {
    p = add64(p, 0u, 1u << ((n - 33u) & 31u));
  }
  let sign = bitcast<u32>(bitcast<i32>(p.y) >> 31u);
  if (n >= 32u) {
    p = vec2<u32>(bitcast<u32>(bitcast<i32>(p.y) >> ((n - 32u) & 31u)), sign);
  } else {
    p = vec2<u32>((p.x >> n) | (p.y << ((32u - n) & 31u)), bitcast<u32>(bitcast<i32>(p.y) >> n));
  }
  p = add64(p, bitcast<u32>(zero), bitcast<u32>(zero >> 31u));
  let low = bitcast<i32>(p.x);
  let high = bitcast<i32>(p.y);
  if (high != (low >> 31u)) {
    return select(hi, lo, high < 0);
  }
  return clamp(low, lo, hi);
}
`;

/** Functions that any kernel may use. */
export const PRELUDE = `${ELEMENTS}${RESCALE}`;

/** Invocations of a workgroup. */
const GROUP = 64;
/** Workgroups along x. WebGPU allows 65,535 in each direction, so that this reaches every u32. */
const MOST_COLUMNS = 1024;

/** Workgroups for so many invocations. */
export const workgroupsOf = (invocations: number): readonly [number, number] => {
  const groups = Math.ceil(invocations / GROUP);
  const columns = Math.min(groups, MOST_COLUMNS);
  return [columns, Math.ceil(groups / columns)];
};

/** The entry point: `body` is run with `id` from 0 to `invocations` - 1. */
export const entryPoint = (invocations: number, body: string): string => {
  const [columns] = workgroupsOf(invocations);
  return `@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) global: vec3<u32>) {
  let id = global.y * ${uint(columns * GROUP)} + global.x;
  if (id >= ${uint(invocations)}) {
    return;
  }
${body}
}
`;
};

/** Buffers as words, `m` and their number, and those of parameters once more as vectors of four words, `v` and their number. */
export const bindings = (words: readonly number[], fours: readonly number[] = []): string =>
  [
    ...words.map((n, i) => `@group(0) @binding(${i}) var<storage, ${n === 0 ? 'read_write' : 'read'}> m${n}: array<u32>;\n`),
    ...fours.map((n, i) => `@group(0) @binding(${words.length + i}) var<storage, read> v${n}: array<vec4<u32>>;\n`),
  ].join('');
