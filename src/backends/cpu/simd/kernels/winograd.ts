import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Local } from '../lift.ts';
import { TILE_CHANNELS, TILE_PIXELS } from './gemm.ts';
import { FORMS, transformInput, transformWeights, type WinogradForm } from './winograd-form.ts';

/** Bytes of scratch that the transforms need, at most. */
export const SCRATCH_BYTES = 2 * FORMS[4].positions * 16;

/** A window of vectors. */
export const windowOf = (f: Fn, { window }: WinogradForm): readonly Local[] => Array.from({ length: window }, () => f.local('v128'));

/** Picks bytes of two vectors in turn: `half` 0 the first eight of each, 1 the last eight. */
const zipBytes = (f: Fn, a: Local, b: Local, half: 0 | 1): Local =>
  f.v128(
    f.shuffle8(
      a,
      b,
      Array.from({ length: 16 }, (_, i) => (i % 2) * 16 + half * 8 + (i >> 1)),
    ),
  );

/** The first columns, four or six, of eight rows of bytes at `at`, each as eight i16: lane t is row t. */
const loadColumns = (f: Fn, at: readonly Local[], unsigned: boolean, into: readonly Local[]): void => {
  const { i16x8 } = f.ops;
  const rows = at.map((p) => f.v128(f.vload('load', p)));
  const [r0, r1, r2, r3, r4, r5, r6, r7] = rows as unknown as readonly [Local, Local, Local, Local, Local, Local, Local, Local];
  const even = [zipBytes(f, r0, r4, 0), zipBytes(f, r2, r6, 0)] as const;
  const odd = [zipBytes(f, r1, r5, 0), zipBytes(f, r3, r7, 0)] as const;
  for (const half of [0, 1] as const) {
    if (into.length <= 4 * half) break;
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
 * kernels: 32 bytes for each position, toStep apart. `tiles` lists where the tiles start in a plane, whose rows are
 * `pitch` bytes. Reads 16 bytes from each row of a tile.
 */
export const inputKernel = (asm: Asm, form: WinogradForm, unsigned: boolean): string =>
  asm.define(`wino_in${form.side}_${unsigned ? 'u' : 's'}`, new Array<'i32'>(7).fill('i32'), undefined, (f) => {
    const { i32 } = f.ops;
    const { window, positions } = form;
    const [to, step, a, b, tiles, pitch, scratch] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5), f.arg(6)];
    const rows = Array.from({ length: 8 }, () => f.local('i32'));
    const [x, y] = [windowOf(f, form), windowOf(f, form)];
    const [p, plane] = [f.i32(scratch), f.i32(a)];
    f.for(0, 2, 1, () => {
      rows.forEach((r, t) => f.set(r, i32.add(plane, f.load('i32', tiles, 4 * t))));
      f.for(0, window, 1, () => {
        f.scope(() => {
          loadColumns(f, rows, unsigned, x);
          transformInput(f, x);
        });
        x.forEach((v, j) => f.vstore(p, v, 16 * j));
        f.inc(p, 16 * window);
        rows.forEach((r) => f.inc(r, pitch));
      });
      f.set(plane, b);
    });
    f.set(p, scratch);
    const [target, down] = [f.local('i32'), f.i32(i32.mul(step, window))];
    f.for(0, window, 1, () => {
      x.forEach((v, i) => f.set(v, f.vload('load', p, 16 * window * i)));
      f.scope(() => transformInput(f, x));
      y.forEach((v, i) => f.set(v, f.vload('load', p, 16 * positions + 16 * window * i)));
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

/** Eight bytes, nine apart, from `p` + `tap` on, as i16. */
const gatherTaps = (f: Fn, p: Local, tap: number): Local => {
  const bytes = f.v128(f.zero());
  for (let lane = 0; lane < 8; lane++) f.set(bytes, f.loadLane(8, lane, p, bytes, 9 * lane + tap));
  return f.v128(f.ops.i16x8.extend_low_i8x16_s(bytes));
};

/**
 * wino_w(to, step, from, outputs, channels, scratch): K g K' of i8 weights [outputs, channels, 3, 3], as the i16 pairs of the matrix
 * kernels: [positions][ceil(outputs / 4)][channels / 2][4][2], positions `step` apart. `channels` is even.
 */
export const weightsKernel = (asm: Asm, form: WinogradForm): string =>
  asm.define(`wino_w${form.side}`, new Array<'i32'>(6).fill('i32'), undefined, (f) => {
    const { i32 } = f.ops;
    const { window, positions } = form;
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
            transformWeights(f, form, [taps[x], taps[3 + x], taps[6 + x]] as unknown as [Local, Local, Local]),
          );
          for (let i = 0; i < window; i++) {
            const row = transformWeights(f, form, columns.map((c) => c[i]) as unknown as [Local, Local, Local]);
            row.forEach((v, j) => f.vstore(scratch, v, 16 * (window * i + j)));
          }
        });
        const left = i32.sub(pairs, pair);
        f.set(count, left);
        f.set(count, f.select(i32.lt_u(count, 4), count, 4));
        f.for(0, count, 1, (k) => {
          f.set(s, i32.add(scratch, i32.shl(k, 2)));
          f.set(entry, target);
          f.for(0, positions, 1, () => {
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
