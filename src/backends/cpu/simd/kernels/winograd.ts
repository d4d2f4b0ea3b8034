import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Ex, Local } from '../lift.ts';
import { byteFactors, loadByteFactors, plainBounds, rescaledHalves } from './bytes.ts';
import { type Epilogue, factorsFor, loadEntry, TILE_CHANNELS, TILE_PIXELS } from './gemm.ts';
import { rescaleVector } from './rescale.ts';

/**
 * Exact Winograd convolution F(4 x 4, 3 x 3) on integers (Lavin and Gray, arXiv:1509.09308, section 4.3): 36 products for 16
 * outputs of a 3 x 3 kernel instead of 144. With the points 0, 1, -1, 2, -2 and infinity, y = A' [(G g G') * (B' d B)] A, where
 * G has fractions: 24 G = diag(6, -4, -4, 1, 1, 24) K with
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
 */

/** Positions of a transformed tile. */
export const POSITIONS = 36;
/** Rows and columns of outputs in a tile, and of the input that it reads. */
export const TILE_SIDE = 4;
export const WINDOW = 6;
/** The sum without its bias has to be in [-SUM_BOUND, SUM_BOUND). */
export const SUM_BOUND = 2 ** 25;
/** The inverse of 9 modulo 2^32. */
const INVERSE_OF_9 = 954437177;

/** Bytes of scratch that the transforms need. */
export const SCRATCH_BYTES = 2 * POSITIONS * 16;

type Six = readonly [Local, Local, Local, Local, Local, Local];
const six = (f: Fn): Six => [f.local('v128'), f.local('v128'), f.local('v128'), f.local('v128'), f.local('v128'), f.local('v128')];

/** One dimension of B' d B: d becomes B' d, in place; six vectors of i16. */
const transformInput = (f: Fn, [d0, d1, d2, d3, d4, d5]: Six): void => {
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

/** Picks bytes of two vectors in turn: `half` 0 the first eight of each, 1 the last eight. */
const zipBytes = (f: Fn, a: Local, b: Local, half: 0 | 1): Local =>
  f.v128(
    f.shuffle8(
      a,
      b,
      Array.from({ length: 16 }, (_, i) => (i % 2) * 16 + half * 8 + (i >> 1)),
    ),
  );

/** Columns 0 to 5 of eight rows of bytes at `at`, each as eight i16: lane t is row t. */
const loadColumns = (f: Fn, at: readonly Local[], unsigned: boolean, into: Six): void => {
  const { i16x8 } = f.ops;
  const rows = at.map((p) => f.v128(f.vload('load', p)));
  const [r0, r1, r2, r3, r4, r5, r6, r7] = rows as unknown as readonly [Local, Local, Local, Local, Local, Local, Local, Local];
  const even = [zipBytes(f, r0, r4, 0), zipBytes(f, r2, r6, 0)] as const;
  const odd = [zipBytes(f, r1, r5, 0), zipBytes(f, r3, r7, 0)] as const;
  for (const half of [0, 1] as const) {
    const [p, q] = [zipBytes(f, even[0], even[1], half), zipBytes(f, odd[0], odd[1], half)];
    const pairs = half === 0 ? [zipBytes(f, p, q, 0), zipBytes(f, p, q, 1)] : [zipBytes(f, p, q, 0)];
    pairs.forEach((pair, k) => {
      const [first, second] = [into[4 * half + 2 * k], into[4 * half + 2 * k + 1]];
      if (first === undefined || second === undefined) return;
      f.set(first, unsigned ? i16x8.extend_low_i8x16_u(pair) : i16x8.extend_low_i8x16_s(pair));
      f.set(second, unsigned ? i16x8.extend_high_i8x16_u(pair) : i16x8.extend_high_i8x16_s(pair));
    });
  }
};

/**
 * wino_in(to, toStep, a, b, tiles, pitch, scratch): B' d B of eight tiles of channels a and b, as the i16 pairs of the matrix
 * kernels: 32 bytes for each of the 36 positions, toStep apart. `tiles` lists where the tiles start in a plane, whose rows are
 * `pitch` bytes. Reads 16 bytes from each row of a tile.
 */
export const inputKernel = (asm: Asm, unsigned: boolean): string =>
  asm.define(`wino_in_${unsigned ? 'u' : 's'}`, new Array<'i32'>(7).fill('i32'), undefined, (f) => {
    const { i32 } = f.ops;
    const [to, step, a, b, tiles, pitch, scratch] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5), f.arg(6)];
    const rows = Array.from({ length: 8 }, () => f.local('i32'));
    const [x, y] = [six(f), six(f)];
    const [p, plane] = [f.i32(scratch), f.i32(a)];
    f.for(0, 2, 1, () => {
      rows.forEach((r, t) => f.set(r, i32.add(plane, f.load('i32', tiles, 4 * t))));
      f.for(0, WINDOW, 1, () => {
        f.scope(() => {
          loadColumns(f, rows, unsigned, x);
          transformInput(f, x);
        });
        x.forEach((v, j) => f.vstore(p, v, 16 * j));
        f.inc(p, 16 * WINDOW);
        rows.forEach((r) => f.inc(r, pitch));
      });
      f.set(plane, b);
    });
    f.set(p, scratch);
    const [target, down] = [f.local('i32'), f.i32(i32.mul(step, WINDOW))];
    f.for(0, WINDOW, 1, () => {
      x.forEach((v, i) => f.set(v, f.vload('load', p, 16 * WINDOW * i)));
      f.scope(() => transformInput(f, x));
      y.forEach((v, i) => f.set(v, f.vload('load', p, 16 * POSITIONS + 16 * WINDOW * i)));
      f.scope(() => transformInput(f, y));
      f.set(target, to);
      x.forEach((v, i) => {
        const w = y[i] ?? v;
        f.vstore(target, f.shuffle16(v, w, [0, 8, 1, 9, 2, 10, 3, 11]));
        f.vstore(target, f.shuffle16(v, w, [4, 12, 5, 13, 6, 14, 7, 15]), 16);
        f.inc(target, down);
      });
      f.inc(to, step);
      f.inc(p, 16);
    });
  });

/**
 * wino_mul(panel, weights, pairs, tiles, blocks, to): products of one position: for each of `blocks` blocks of 4 output channels
 * and each of `tiles` groups of 8 tiles, the int32 sums over the input channels, 128 bytes: [4][8]. The `narrow` form takes the
 * first 4 tiles of each group and two blocks at a time.
 *
 * One pair a round: V8 moves the loads of an unrolled loop to its front, runs out of registers and takes a third longer. There is at
 * least one; with the first apart, V8 computes the addresses that both have in common once.
 */
export const multiplyKernel = (asm: Asm, narrow: boolean): string =>
  asm.define(narrow ? 'wino_mul4' : 'wino_mul', new Array<'i32'>(6).fill('i32'), undefined, (f) => {
    const { i32, i32x4 } = f.ops;
    const [panel, weights, pairs, tiles, blocks, to] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const size = f.i32(i32.shl(pairs, 4));
    const [p, w, second, end] = [f.local('i32'), f.local('i32'), f.local('i32'), f.local('i32')];
    const [left, right, factor] = [f.local('v128'), f.local('v128'), f.local('v128')];
    const sums = Array.from({ length: 2 * TILE_CHANNELS }, () => f.local('v128'));
    const target = f.local('i32');
    const accumulate = (i: number, x: Local, first: boolean): void => {
      const sum = sums[i] ?? x;
      const product = i32x4.dot_i16x8_s(x, factor);
      f.set(sum, first ? product : i32x4.add(sum, product));
    };
    const round = (first: boolean): void => {
      f.set(left, f.vload('load', p));
      if (!narrow) f.set(right, f.vload('load', p, 16));
      for (let c = 0; c < TILE_CHANNELS; c++) {
        f.set(factor, f.vload('load32_splat', w, 4 * c));
        accumulate(2 * c, left, first);
        if (narrow) f.set(factor, f.vload('load32_splat', second, 4 * c));
        accumulate(2 * c + 1, narrow ? left : right, first);
      }
      f.inc(p, 32);
      f.inc(w, 16);
      if (narrow) f.inc(second, 16);
    };
    f.for(0, blocks, narrow ? 2 : 1, () => {
      f.set(p, panel);
      f.set(target, to);
      f.for(0, tiles, 1, () => {
        f.set(w, weights);
        f.set(end, i32.add(weights, size));
        if (narrow) f.set(second, end);
        round(true);
        f.while(
          () => i32.lt_u(w, end),
          () => round(false),
        );
        const blockBytes = TILE_CHANNELS * TILE_PIXELS * 4;
        if (narrow) {
          const next = f.i32(i32.add(target, i32.mul(tiles, blockBytes)));
          sums.forEach((s, i) => f.vstore(i % 2 === 0 ? target : next, s, 32 * (i >> 1)));
        } else sums.forEach((s, i) => f.vstore(target, s, 16 * i));
        f.inc(target, blockBytes);
      });
      const taken = narrow ? 2 : 1;
      f.inc(to, i32.mul(tiles, taken * TILE_CHANNELS * TILE_PIXELS * 4));
      f.inc(weights, taken === 2 ? i32.shl(size, 1) : size);
    });
  });

/** One dimension of C m: six vectors of int32 become four, modulo 2^32. */
const transformOutput = (f: Fn, [m0, m1, m2, m3, m4, m5]: Six): readonly [Ex, Ex, Ex, Ex] => {
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

type Four = readonly [Local, Local, Local, Local];

/** Stores one row of four tiles as int32: vector j holds column j of each tile, `rows` where the tiles' rows are. */
const storeSums = (f: Fn, [y0, y1, y2, y3]: Four, rows: readonly Local[]): void => {
  const pair = (a: Local, b: Local, lanes: readonly number[]): Local => f.v128(f.shuffle32(a, b, lanes));
  const [a, b] = [pair(y0, y1, [0, 4, 1, 5]), pair(y0, y1, [2, 6, 3, 7])];
  const [c, d] = [pair(y2, y3, [0, 4, 1, 5]), pair(y2, y3, [2, 6, 3, 7])];
  rows.forEach((row, t) => {
    const [left, right] = t < 2 ? [a, c] : [b, d];
    f.vstore(row, f.shuffle32(left, right, t % 2 === 0 ? [0, 1, 4, 5] : [2, 3, 6, 7]));
  });
};

/** Stores such a row as i16: columns 0 and 1 of the four tiles in `low`, 2 and 3 in `high`. */
const storeHalfRow = (f: Fn, low: Local, high: Local, rows: readonly Local[]): void => {
  const halves = [f.v128(f.shuffle16(low, high, [0, 4, 8, 12, 1, 5, 9, 13])), f.v128(f.shuffle16(low, high, [2, 6, 10, 14, 3, 7, 11, 15]))];
  rows.forEach((row, t) => f.storeLane(64, t % 2, row, halves[t >> 1] ?? low));
};

/** Stores the low bytes of such a row: lo and hi are within the 8-bit type, so they are the results, for i8 and u8 alike. */
const storeByteRow = (f: Fn, low: Local, high: Local, rows: readonly Local[]): void => {
  const bytes = f.v128(
    f.shuffle8(
      low,
      high,
      [0, 1, 2, 3].flatMap((t) => [2 * t, 2 * t + 8, 2 * t + 16, 2 * t + 24]),
    ),
  );
  rows.forEach((row, t) => f.storeLane(32, t, row, bytes));
};

/** Finishes and stores rows of sums of the channel that `entry` points to; `constants` is a table of `byteConstants`. */
const rowFinisher = (f: Fn, epilogue: Epilogue, entry: Local, constants: Local): ((sums: Four, rows: readonly Local[]) => void) => {
  const { i16x8 } = f.ops;
  if (epilogue === 'narrow') {
    const factors = byteFactors(f);
    loadByteFactors(f, factors, entry);
    return ([y0, y1, y2, y3], rows) => {
      const half = (a: Local, b: Local): Local => f.v128(rescaledHalves(f, a, b, factors, constants));
      storeByteRow(f, half(y0, y1), half(y2, y3), rows);
    };
  }
  const factors = factorsFor(f, epilogue);
  if (factors === undefined) return (sums, rows) => storeSums(f, sums, rows);
  loadEntry(f, factors, entry);
  const bounds = plainBounds(f, constants);
  return (sums, rows) => {
    const [y0, y1, y2, y3] = sums.map((y) => f.v128(rescaleVector(f, y, factors, bounds))) as unknown as Four;
    const [low, high] = [f.v128(i16x8.narrow_i32x4_s(y0, y1)), f.v128(i16x8.narrow_i32x4_s(y2, y3))];
    (epilogue === 'wide16' ? storeHalfRow : storeByteRow)(f, low, high, rows);
  };
};

/**
 * wino_out(from, fromStep, halves, tiles, to, pitch, scratch, entry, constants): one output channel of `halves` times 4 tiles. `from`
 * holds the sums of its first position, the 36 positions are fromStep apart; `tiles` lists where the tiles' results start in the
 * plane `to`, whose rows are `pitch` bytes; `entry` is the channel's epilogue table entry, `constants` a table of `byteConstants`.
 */
export const outputKernel = (asm: Asm, epilogue: Epilogue): string =>
  asm.define(`wino_out_${epilogue}`, new Array<'i32'>(9).fill('i32'), undefined, (f) => {
    const { i32, i32x4 } = f.ops;
    const [from, step, halves, tiles, to, pitch, scratch] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5), f.arg(6)];
    const entry = f.arg(7);
    const bias = f.v128(f.vload('load32_splat', entry));
    const finishRow = rowFinisher(f, epilogue, entry, f.arg(8));
    const down = f.i32(i32.mul(step, WINDOW));
    const rows = Array.from({ length: 4 }, () => f.local('i32'));
    const [m, p, q, source] = [six(f), f.local('i32'), f.local('i32'), f.local('i32')];
    const half = (): void => {
      f.set(p, source);
      f.set(q, scratch);
      f.for(0, WINDOW, 1, () => {
        const r = f.i32(p);
        m.forEach((v) => {
          f.set(v, f.vload('load', r));
          f.inc(r, down);
        });
        f.scope(() => transformOutput(f, m).forEach((y, i) => f.vstore(q, y, 16 * WINDOW * i)));
        f.inc(p, step);
        f.inc(q, 16);
      });
      rows.forEach((r, t) => f.set(r, i32.add(to, f.load('i32', tiles, 4 * t))));
      f.set(q, scratch);
      f.for(0, TILE_SIDE, 1, () => {
        m.forEach((v, j) => f.set(v, f.vload('load', q, 16 * j)));
        f.scope(() => {
          const y = transformOutput(f, m).map((z) => f.v128(i32x4.add(i32x4.shr_s(i32x4.mul(z, i32x4.splat(INVERSE_OF_9)), 6), bias)));
          finishRow(y as unknown as Four, rows);
        });
        rows.forEach((r) => f.inc(r, pitch));
        f.inc(q, 16 * WINDOW);
      });
    };
    f.for(0, halves, 1, (i) => {
      f.set(source, i32.add(from, i32.add(i32.mul(i32.shr_u(i, 1), TILE_CHANNELS * TILE_PIXELS * 4), i32.shl(i32.and(i, 1), 4))));
      half();
      f.inc(tiles, 16);
    });
  });

/** One dimension of K g: three vectors become six. */
const transformWeights = (f: Fn, [g0, g1, g2]: readonly [Local, Local, Local]): Six => {
  const { i16x8 } = f.ops;
  const ends = f.v128(i16x8.add(g0, g2));
  const far = f.v128(i16x8.add(g0, i16x8.shl(g2, 2)));
  const middle = f.v128(i16x8.shl(g1, 1));
  return [g0, f.v128(i16x8.add(ends, g1)), f.v128(i16x8.sub(ends, g1)), f.v128(i16x8.add(far, middle)), f.v128(i16x8.sub(far, middle)), g2];
};

/** Eight bytes, nine apart, from `p` + `tap` on, as i16. */
const gatherTaps = (f: Fn, p: Local, tap: number): Local => {
  const bytes = f.v128(f.zero());
  for (let lane = 0; lane < 8; lane++) f.set(bytes, f.loadLane(8, lane, p, bytes, 9 * lane + tap));
  return f.v128(f.ops.i16x8.extend_low_i8x16_s(bytes));
};

/**
 * wino_w(to, step, from, outputs, channels, scratch): K g K' of i8 weights [outputs, channels, 3, 3], as the i16 pairs of the matrix
 * kernels: [36][ceil(outputs / 4)][channels / 2][4][2], positions `step` apart. `channels` is even.
 */
export const weightsKernel = (asm: Asm): string =>
  asm.define('wino_w', new Array<'i32'>(6).fill('i32'), undefined, (f) => {
    const { i32 } = f.ops;
    const [to, step, from, outputs, channels, scratch] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const pairs = f.i32(i32.shr_u(channels, 1));
    const [p, s, target, entry, count] = [f.local('i32'), f.local('i32'), f.local('i32'), f.local('i32'), f.local('i32')];
    f.for(0, outputs, 1, (o) => {
      const block = i32.mul(i32.shr_u(o, 2), i32.shl(pairs, 4));
      f.set(target, i32.add(to, i32.add(block, i32.shl(i32.and(o, 3), 2))));
      f.set(p, from);
      f.for(0, pairs, 4, (pair) => {
        f.scope(() => {
          const taps = Array.from({ length: 9 }, (_, tap) => gatherTaps(f, p, tap));
          const columns = [0, 1, 2].map((x) =>
            transformWeights(f, [taps[x], taps[3 + x], taps[6 + x]] as unknown as [Local, Local, Local]),
          );
          for (let i = 0; i < WINDOW; i++) {
            const row = transformWeights(f, columns.map((c) => c[i]) as unknown as [Local, Local, Local]);
            row.forEach((v, j) => f.vstore(scratch, v, 16 * (WINDOW * i + j)));
          }
        });
        const left = i32.sub(pairs, pair);
        f.set(count, left);
        f.set(count, f.select(i32.lt_u(count, 4), count, 4));
        f.for(0, count, 1, (k) => {
          f.set(s, i32.add(scratch, i32.shl(k, 2)));
          f.set(entry, target);
          f.for(0, POSITIONS, 1, () => {
            f.store('i32', entry, f.load('i32', s));
            f.inc(s, 16);
            f.inc(entry, step);
          });
          f.inc(target, 16);
        });
        f.inc(p, 72);
      });
      f.inc(from, i32.mul(channels, 9));
    });
  });
