import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Local } from '../lift.ts';
import {
  eachTile,
  type Epilogue,
  EPILOGUE_BYTES,
  pairSums,
  PARTIAL_BYTES,
  startFromTable,
  storePartial,
  type Sums,
  TILE_ARGS,
  TILE_CHANNELS,
  TILE_PIXELS,
  tileArgs,
  tileFinisher,
} from './gemm.ts';
import { interleave, loadPixels, type PixelStep } from './pack.ts';

/**
 * Products of matrices by 7 products of their quarters instead of 8 (Strassen 1969, in the form of Winograd with 15 sums; Knuth, The Art of
 * Computer Programming, volume 2, 4.6.4, exercise 12 answers it so). With A the weights, B the pixels,
 *
 *   P1 = A11 B11                       P5 = (A21 + A22) (B12 - B11)
 *   P2 = A12 B21                       P6 = (A21 + A22 - A11) (B22 - B12 + B11)
 *   P3 = (A12 - A21 - A22 + A11) B22   P7 = (A11 - A21) (B22 - B12)
 *   P4 = A22 (B22 - B12 + B11 - B21)
 *
 *   C11 = P1 + P2           C12 = P1 + P6 + P5 + P3
 *   C21 = P1 + P6 + P7 - P4 C22 = P1 + P6 + P7 + P5
 *
 * Sums of four bytes are i16, a pair of products of them is int32, and everything behind is right modulo 2^32.
 */
export const PRODUCTS = 7;

/** How each product's weights are made of A11, A12, A21 and A22, in the order in which the products are needed. */
export const WEIGHT_SUMS = [
  [1, 0, 0, 0], // P1
  [0, 1, 0, 0], // P2
  [-1, 0, 1, 1], // P6
  [0, 0, 1, 1], // P5
  [1, 0, -1, 0], // P7
  [1, 1, -1, -1], // P3
  [0, 0, 0, -1], // -P4
] as const satisfies readonly (readonly [number, number, number, number])[];

/** The pixels of the products in that order. */
const pixelSums = (f: Fn, b11: Local, b12: Local, b21: Local, b22: Local): readonly Local[] => {
  const { i16x8 } = f.ops;
  const t3 = f.v128(i16x8.sub(b22, b12));
  const t2 = f.v128(i16x8.add(t3, b11));
  return [b11, b21, t2, f.v128(i16x8.sub(b12, b11)), t3, b22, f.v128(i16x8.sub(t2, b21))];
};

/**
 * strassen_pack(to, panelStep, tileStep, from, plane, lower, rows, tiles): the seven panels of `tiles` pairs of tiles of 8 pixels from
 * `from` on, whose first tiles are B11 and B21, whose second tiles B12 and B22, of `rows` pairs of planes of `plane` bytes from `from`
 * on and as many `lower` bytes behind them. Tiles of a panel are tileStep apart, their rows follow each other.
 */
export const strassenPackKernel = (asm: Asm, unsigned: boolean): string =>
  asm.define(`strassen_pack_${unsigned ? 'u' : 's'}`, new Array<'i32'>(8).fill('i32'), undefined, (f) => {
    const { i32 } = f.ops;
    const [to, panelStep, tileStep, from, plane] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4)];
    const [lower, rows, tiles] = [f.arg(5), f.arg(6), f.arg(7)];
    const load = (p: Local, offset = 0): Local => f.v128(f.vload(unsigned ? 'load8x8_u' : 'load8x8_s', p, offset));
    const [first, second, target, cell] = [f.local('i32'), f.local('i32'), f.local('i32'), f.local('i32')];
    f.for(0, rows, 1, () => {
      f.set(first, from);
      f.set(second, i32.add(from, plane));
      f.set(target, to);
      f.for(0, tiles, 1, () => {
        f.scope(() => {
          const [a, b] = [first, second].map((p) => {
            const below = f.i32(i32.add(p, lower));
            return pixelSums(f, load(p), load(p, TILE_PIXELS), load(below), load(below, TILE_PIXELS));
          });
          f.set(cell, target);
          a?.forEach((v, i) => {
            const [low, high] = interleave(f, v, b?.[i] ?? v);
            f.vstore(cell, low);
            f.vstore(cell, high, 16);
            f.inc(cell, panelStep);
          });
        });
        f.inc(first, 2 * TILE_PIXELS);
        f.inc(second, 2 * TILE_PIXELS);
        f.inc(target, tileStep);
      });
      f.inc(from, i32.shl(plane, 1));
      f.inc(to, 32);
    });
  });

/**
 * strassen_line(to, from, starts, rows, width, step): bytes of `rows` rows of `width`, `step` bytes apart, behind each other; `starts`
 * lists where each row starts. Up to 7 bytes behind the last are written.
 */
export const strassenLineKernel = (asm: Asm, how: PixelStep): string =>
  asm.define(`strassen_line_${how}`, new Array<'i32'>(6).fill('i32'), undefined, (f) => {
    const { i32, i8x16 } = f.ops;
    const [to, from, starts, rows, width, step] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const [source, target, end] = [f.local('i32'), f.i32(to), f.local('i32')];
    f.for(0, rows, 1, () => {
      f.set(source, i32.add(from, f.load('i32', starts)));
      f.set(end, i32.add(target, width));
      f.while(
        () => i32.lt_u(target, end),
        () => {
          f.scope(() => {
            const words = f.v128(loadPixels(f, source, 'i8', how, step));
            f.storeLane(64, 0, target, f.v128(i8x16.narrow_i16x8_s(words, words)));
          });
          f.inc(target, 8);
          f.inc(source, i32.shl(step, 3));
        },
      );
      f.set(target, end);
      f.inc(starts, 4);
    });
  });

/**
 * strassen_w(to, from, rows, inner, s11, s12, s21, s22): a weighted sum of the quarters of i8 weights [2 rows, 2 inner] as i16 pairs:
 * [rows / 4][inner / 2][4][2]. `rows` is a multiple of 4, `inner` is even.
 */
export const strassenWeightsKernel = (asm: Asm): string =>
  asm.define('strassen_w', new Array<'i32'>(8).fill('i32'), undefined, (f) => {
    const { i32 } = f.ops;
    const [to, from, rows, inner] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3)];
    const quarters = [4, 5, 6, 7].map((i) => f.arg(i));
    const pitch = f.i32(i32.shl(inner, 1));
    const offsets = [f.i32(0), f.i32(inner), f.i32(i32.mul(rows, pitch)), f.i32(i32.add(i32.mul(rows, pitch), inner))];
    const [sum, place] = [f.local('i32'), f.local('i32')];
    f.for(0, rows, TILE_CHANNELS, (row) => {
      f.for(0, inner, 2, (k) => {
        f.for(0, TILE_CHANNELS, 1, (c) => {
          for (let j = 0; j < 2; j++) {
            f.set(place, i32.add(from, i32.add(i32.mul(i32.add(row, c), pitch), i32.add(k, j))));
            f.set(sum, 0);
            quarters.forEach((s, q) => f.inc(sum, i32.mul(s, f.load('i8', i32.add(place, offsets[q] ?? place)))));
            f.store('i16', to, sum, 2 * j);
          }
          f.inc(to, 4);
        });
      });
    });
  });

/** Tiles of the same half of the pixels are two apart. */
const everyOther = <T extends { readonly tileBytes: number }>(finisher: T): T => ({ ...finisher, tileBytes: 2 * finisher.tileBytes });

/** Adds the partial results of a tile, where there are any. */
const addPartial = (f: Fn, from: Local, sums: readonly Sums[]): void => {
  const { i32x4 } = f.ops;
  f.if(from, () => {
    sums.flat().forEach((sum, i) => f.set(sum, i32x4.add(sum, f.vload('load', from, 16 * i))));
    f.inc(from, PARTIAL_BYTES);
  });
};

/**
 * strassen(panel, rowStep, tileStep, weights, rows, to, toStep, pixels, channels, table, first, second, constants): as `gemm`, of sums that
 * start from the table, to which the partial results at `first` and `second` are added; 0 where there are none. The `partial` form
 * ends before `constants`, starts from 0 and stores its sums at `to`; of the others, every other tile of results is left out.
 */
export const strassenKernel = (asm: Asm, epilogue: Epilogue | 'partial'): string =>
  asm.define(`strassen_${epilogue}`, new Array<'i32'>(epilogue === 'partial' ? TILE_ARGS : TILE_ARGS + 1).fill('i32'), undefined, (f) => {
    const a = tileArgs(f);
    const start = (sums: readonly Sums[]): void => {
      if (epilogue === 'partial') sums.flat().forEach((sum) => f.set(sum, f.zero()));
      else startFromTable(f, a.entry, EPILOGUE_BYTES, sums);
      addPartial(f, a.partials, sums);
      addPartial(f, a.resume, sums);
    };
    const end =
      epilogue === 'partial'
        ? { tileBytes: PARTIAL_BYTES, finish: (sums: readonly Sums[], to: Local) => storePartial(f, to, sums) }
        : everyOther(tileFinisher(f, epilogue, a, f.arg(TILE_ARGS)));
    eachTile(f, a, pairSums(f), { start, ...end });
  });
