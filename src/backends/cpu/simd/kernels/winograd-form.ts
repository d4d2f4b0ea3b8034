import type { Fn } from '../fn.ts';
import type { Ex, Local } from '../lift.ts';

/**
 * Exact Winograd convolutions on integers (Lavin and Gray, arXiv:1509.09308, section 4): y = A' [(G g G') * (B' d B)] A for tiles of
 * outputs of a 3 x 3 kernel, where G has fractions, which are left out of it and given back at the end.
 *
 * F(4 x 4, 3 x 3), with the points 0, 1, -1, 2, -2 and infinity: 36 products instead of 144. 24 G = diag(6, -4, -4, 1, 1, 24) K with
 *
 *        | 1  0  0 |         | 4  0 -5  0  1  0 |
 *        | 1  1  1 |         | 0 -4 -4  1  1  0 |
 *   K =  | 1 -1  1 |   B' =  | 0  4 -4 -1  1  0 |   A' diag(6, -4, -4, 1, 1, 24) =: C
 *        | 1  2  4 |         | 0 -2 -1  2  1  0 |
 *        | 1 -2  4 |         | 0  2 -1 -2  1  0 |
 *        | 0  0  1 |         | 0  4  0 -5  0  1 |
 *
 * so 576 y = C [(K g K') * (B' d B)] C' in integers. |K g K'| <= 49 * 128 and |B' d B| <= 100 * 255 are i16, a pair of products
 * stays in int32, and everything behind is right modulo 2^32: additions, subtractions, shifts to the left. 9 has an inverse
 * modulo 2^32, so 64 y is known modulo 2^32, and y is that shifted to the right by 6 wherever |y| < 2^25 is certain.
 *
 * F(2 x 2, 3 x 3), with the points 0, 1, -1 and infinity: 16 products instead of 36. K = 2 G,
 *
 *        | 2  0  0 |         | 1  0 -1  0 |
 *   K =  | 1  1  1 |   B' =  | 0  1  1  0 |   C = A' = | 1  1  1  0 |
 *        | 1 -1  1 |         | 0 -1  1  0 |            | 0  1 -1 -1 |
 *        | 0  0  2 |         | 0  1  0 -1 |
 *
 * so 4 y = C [(K g K') * (B' d B)] C', |K g K'| <= 9 * 128, |B' d B| <= 4 * 255, and |y| < 2^29 has to be certain.
 */
export interface WinogradForm {
  /** Rows and columns of outputs in a tile, and of the input that it reads. */
  readonly side: 2 | 4;
  readonly window: 4 | 6;
  /** Positions of a transformed tile: window^2. */
  readonly positions: 16 | 36;
  /** The sum without its bias has to be in [-sumBound, sumBound). */
  readonly sumBound: number;
}

export const FORMS = {
  2: { side: 2, window: 4, positions: 16, sumBound: 2 ** 29 },
  4: { side: 4, window: 6, positions: 36, sumBound: 2 ** 25 },
} as const satisfies Record<2 | 4, WinogradForm>;

/** The inverse of 9 modulo 2^32. */
const INVERSE_OF_9 = 954437177;

type Vectors = readonly Local[];
type Three = readonly [Local, Local, Local];
type Four = readonly [Local, Local, Local, Local];
type Six = readonly [Local, Local, Local, Local, Local, Local];
const isSix = (v: Vectors): v is Six => v.length === 6;
const isFour = (v: Vectors): v is Four => v.length === 4;

const inputOfFour = (f: Fn, [d0, d1, d2, d3]: Four): void => {
  const { i16x8 } = f.ops;
  f.set(d0, i16x8.sub(d0, d2));
  f.set(d3, i16x8.sub(d1, d3));
  const sum = f.v128(i16x8.add(d1, d2));
  f.set(d2, i16x8.sub(d2, d1));
  f.set(d1, sum);
};

const inputOfSix = (f: Fn, [d0, d1, d2, d3, d4, d5]: Six): void => {
  const { i16x8 } = f.ops;
  const a = f.v128(i16x8.sub(d4, i16x8.shl(d2, 2)));
  const b = f.v128(i16x8.sub(d3, i16x8.shl(d1, 2)));
  const c = f.v128(i16x8.sub(d4, d2));
  const e = f.v128(i16x8.shl(i16x8.sub(d3, d1), 1));
  f.set(d0, i16x8.add(i16x8.shl(i16x8.sub(d0, d2), 2), c));
  f.set(d5, i16x8.sub(i16x8.sub(d5, d3), i16x8.shl(e, 1)));
  f.set(d1, i16x8.add(a, b));
  f.set(d2, i16x8.sub(a, b));
  f.set(d3, i16x8.add(c, e));
  f.set(d4, i16x8.sub(c, e));
};

/** One dimension of B' d B: d becomes B' d, in place; a window of vectors of i16. */
export const transformInput = (f: Fn, d: Vectors): void => {
  if (isSix(d)) inputOfSix(f, d);
  else if (isFour(d)) inputOfFour(f, d);
};

const outputOfSix = (f: Fn, [m0, m1, m2, m3, m4, m5]: Six): readonly Ex[] => {
  const { i32x4 } = f.ops;
  const p = f.v128(i32x4.shl(i32x4.add(m1, m2), 2));
  const q = f.v128(i32x4.shl(i32x4.sub(m1, m2), 2));
  const r = f.v128(i32x4.add(m3, m4));
  const s = f.v128(i32x4.sub(m3, m4));
  const triple = (m: Local): Ex => i32x4.add(m, i32x4.shl(m, 1));
  return [
    i32x4.add(i32x4.sub(i32x4.shl(triple(m0), 1), p), r),
    i32x4.sub(i32x4.shl(s, 1), q),
    i32x4.sub(i32x4.shl(r, 2), p),
    i32x4.sub(i32x4.shl(i32x4.add(s, triple(m5)), 3), q),
  ];
};

const outputOfFour = (f: Fn, [m0, m1, m2, m3]: Four): readonly Ex[] => {
  const { i32x4 } = f.ops;
  return [i32x4.add(i32x4.add(m0, m1), m2), i32x4.sub(i32x4.sub(m1, m2), m3)];
};

/** One dimension of C m: a window of vectors of int32 becomes a side, modulo 2^32. */
export const transformOutput = (f: Fn, m: Vectors): readonly Ex[] => (isSix(m) ? outputOfSix(f, m) : isFour(m) ? outputOfFour(f, m) : []);

/** What is left out of the products given back: 576 y or 4 y becomes y. */
export const descale = (f: Fn, { side }: WinogradForm, z: Ex): Ex => {
  const { i32x4 } = f.ops;
  return side === 2 ? i32x4.shr_s(z, 2) : i32x4.shr_s(i32x4.mul(z, i32x4.splat(INVERSE_OF_9)), 6);
};

/** One dimension of K g: three vectors of i16 become a window. */
export const transformWeights = (f: Fn, { side }: WinogradForm, [g0, g1, g2]: Three): Vectors => {
  const { i16x8 } = f.ops;
  const ends = f.v128(i16x8.add(g0, g2));
  const [sum, difference] = [f.v128(i16x8.add(ends, g1)), f.v128(i16x8.sub(ends, g1))];
  if (side === 2) return [f.v128(i16x8.shl(g0, 1)), sum, difference, f.v128(i16x8.shl(g2, 1))];
  const far = f.v128(i16x8.add(g0, i16x8.shl(g2, 2)));
  const middle = f.v128(i16x8.shl(g1, 1));
  return [g0, sum, difference, f.v128(i16x8.add(far, middle)), f.v128(i16x8.sub(far, middle)), g2];
};
