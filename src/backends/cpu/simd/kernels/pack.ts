import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Ex, Local, Val } from '../lift.ts';
import { EPILOGUE_BYTES, TILE_CHANNELS } from './gemm.ts';
import { ACCESS_BYTES } from './map.ts';

/** How neighbouring output pixels step through a row of the input; `any` takes the step as an argument. */
export type PixelStep = 1 | 2 | 'any';
export const pixelStep = (stride: number): PixelStep => (stride === 1 ? 1 : stride === 2 ? 2 : 'any');

/** What a pixel is in memory. */
export type PixelAccess = 'i8' | 'u8' | 'i16';

/** Eight i16 elements, `step` bytes apart. */
const loadWide = (f: Fn, from: Val, how: PixelStep, step: Local): Ex | Local => {
  if (how === 1) return f.vload('load', from);
  const p = f.i32(from);
  if (how === 2) {
    const [low, high] = [f.v128(f.vload('load', p)), f.v128(f.vload('load', p, 16))];
    return f.shuffle16(low, high, [0, 2, 4, 6, 8, 10, 12, 14]);
  }
  const words = f.v128(f.zero());
  for (let lane = 0; lane < 8; lane++) {
    f.set(words, f.loadLane(16, lane, p, words));
    if (lane < 7) f.set(p, f.ops.i32.add(p, step));
  }
  return words;
};

/** Eight elements, `step` bytes apart, as i16 lanes. */
export const loadPixels = (f: Fn, from: Val, access: PixelAccess, how: PixelStep, step: Local): Ex | Local => {
  const { i16x8, v128, i32 } = f.ops;
  if (access === 'i16') return loadWide(f, from, how, step);
  const unsigned = access === 'u8';
  if (how === 1) return f.vload(unsigned ? 'load8x8_u' : 'load8x8_s', from);
  if (how === 2) {
    const pairs = f.vload('load', from);
    return unsigned ? v128.and(pairs, i16x8.splat(0xff)) : i16x8.shr_s(i16x8.shl(pairs, 8), 8);
  }
  const p = f.i32(from);
  const bytes = f.v128(f.zero());
  for (let lane = 0; lane < 8; lane++) {
    f.set(bytes, f.loadLane(8, lane, p, bytes));
    if (lane < 7) f.set(p, i32.add(p, step));
  }
  return unsigned ? i16x8.extend_low_i8x16_u(bytes) : i16x8.extend_low_i8x16_s(bytes);
};

/** The i16 pairs (a0 b0 a1 b1 …) of two vectors: low four pixels, high four pixels. */
export const interleave = (f: Fn, a: Local, b: Local): readonly [Ex, Ex] => [
  f.shuffle16(a, b, [0, 8, 1, 9, 2, 10, 3, 11]),
  f.shuffle16(a, b, [4, 12, 5, 13, 6, 14, 7, 15]),
];

/**
 * pack(to, tileStep, line, from, offsets, pairs, rows, rowCount, width, step): the panel of a matrix kernel. For every pair of inner
 * indices, the pixels of `rowCount` rows of `width`, one after another, as i16 pairs: eight pixels are 32 bytes of a tile, whose pairs
 * follow each other; tiles are tileStep apart. `offsets` holds where each inner index reads relative to a pixel, `rows` where each row
 * starts. With several rows, whose widths are no whole tiles, the pixels of a pair are lined up at `line` first, where each row runs
 * over its end into the place of the next one, which is written afterwards; else `line` is 0.
 */
export const packKernel = (asm: Asm, access: PixelAccess, how: PixelStep): string =>
  asm.define(`pack_${access}${how}`, new Array<'i32'>(10).fill('i32'), undefined, (f) => {
    const { i32 } = f.ops;
    const [to, tileStep, line, from, offsets, pairs] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const [rows, rowCount, width, step] = [f.arg(6), f.arg(7), f.arg(8), f.arg(9)];
    const [va, vb] = [f.local('v128'), f.local('v128')];
    const [a, b, target, left, entry] = [f.local('i32'), f.local('i32'), f.local('i32'), f.local('i32'), f.local('i32')];
    const apart = f.i32(f.select(line, 32, tileStep));
    const row = f.local('i32');
    const packRow = (): void => {
      f.set(target, row);
      f.set(left, width);
      f.while(
        () => i32.gt_s(left, 0),
        () => {
          f.set(va, loadPixels(f, a, access, how, step));
          f.set(vb, loadPixels(f, b, access, how, step));
          const [low, high] = interleave(f, va, vb);
          f.vstore(target, low);
          f.vstore(target, high, 16);
          f.inc(target, apart);
          f.inc(left, -8);
          f.inc(a, i32.shl(step, 3));
          f.inc(b, i32.shl(step, 3));
        },
      );
    };
    const spread = (): void => {
      f.set(target, to);
      const end = f.i32(i32.add(line, i32.shl(i32.mul(rowCount, width), 2)));
      const source = f.i32(line);
      f.while(
        () => i32.lt_u(source, end),
        () => {
          f.vstore(target, f.vload('load', source));
          f.vstore(target, f.vload('load', source, 16), 16);
          f.inc(target, tileStep);
          f.inc(source, 32);
        },
      );
    };
    f.for(0, pairs, 1, () => {
      const first = f.i32(i32.add(from, f.load('i32', offsets)));
      const second = f.i32(i32.add(from, f.load('i32', offsets, 4)));
      f.inc(offsets, 8);
      f.set(row, f.select(line, line, to));
      f.set(entry, rows);
      f.for(0, rowCount, 1, () => {
        f.set(a, i32.add(first, f.load('i32', entry)));
        f.set(b, i32.add(second, f.load('i32', entry)));
        f.inc(entry, 4);
        packRow();
        f.set(row, f.select(line, i32.add(row, i32.shl(width, 2)), target));
      });
      f.if(line, spread);
      f.inc(to, 32);
    });
  });

/**
 * packf(to, innerStep, line, from, offsets, count, rows, rowCount, width, step): the same for float: one f32 per inner index and pixel,
 * innerStep from one index to the next; `step` in bytes, `line` is not used.
 */
export const packFloatKernel = (asm: Asm, dense: boolean): string =>
  asm.define(`packf_${dense ? '1' : 'any'}`, new Array<'i32'>(10).fill('i32'), undefined, (f) => {
    const { i32 } = f.ops;
    const [to, innerStep, from, offsets, count] = [f.arg(0), f.arg(1), f.arg(3), f.arg(4), f.arg(5)];
    const [rows, rowCount, width, step] = [f.arg(6), f.arg(7), f.arg(8), f.arg(9)];
    const [a, target, end, entry] = [f.local('i32'), f.local('i32'), f.local('i32'), f.local('i32')];
    f.for(0, count, 1, () => {
      const first = f.i32(i32.add(from, f.load('i32', offsets)));
      f.inc(offsets, 4);
      const row = f.i32(to);
      f.set(entry, rows);
      f.for(0, rowCount, 1, () => {
        f.set(a, i32.add(first, f.load('i32', entry)));
        f.inc(entry, 4);
        f.set(target, row);
        f.set(end, i32.add(row, i32.shl(width, 2)));
        f.while(
          () => i32.lt_u(target, end),
          () => {
            if (dense) f.vstore(target, f.vload('load', a));
            else f.store('f32', target, f.load('f32', a));
            f.inc(target, dense ? 16 : 4);
            f.inc(a, dense ? 16 : step);
          },
        );
        f.set(row, end);
      });
      f.inc(to, innerStep);
    });
  });

/** Element `k` of row `row`, or 0 outside; both bounds checked. */
const guarded = (f: Fn, kind: PixelAccess | 'f32', row: Val, rows: Local, k: Val, inner: Local, address: Val, zero: Val): Local => {
  const { i32 } = f.ops;
  const value = f.local(kind === 'f32' ? 'f32' : 'i32');
  f.set(value, 0);
  f.if(i32.and(i32.lt_u(row, rows), i32.lt_u(k, inner)), () =>
    f.set(value, kind === 'f32' ? f.load('f32', address) : i32.sub(f.load(kind, address), zero)),
  );
  return value;
};

/**
 * packw(to, from, rows, inner, pitch, zero): weights [rows, inner] of a matrix kernel, whose rows are `pitch` elements apart, minus
 * `zero`, as i16 pairs: [ceil(rows / 4)][ceil(inner / 2)][4][2], zeros outside.
 */
export const packWeightsKernel = (asm: Asm, access: PixelAccess = 'i8'): string =>
  asm.define(`packw_${access}`, new Array<'i32'>(6).fill('i32'), undefined, (f) => {
    const { i32 } = f.ops;
    const [to, from, rows, inner, pitch, zero] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const [k, r] = [f.local('i32'), f.local('i32')];
    f.for(0, rows, TILE_CHANNELS, (block) => {
      f.for(0, inner, 2, (pair) => {
        f.for(0, TILE_CHANNELS, 1, (c) => {
          f.set(r, i32.add(block, c));
          for (let j = 0; j < 2; j++) {
            f.set(k, i32.add(pair, j));
            const element = i32.add(i32.mul(r, pitch), k);
            const address = i32.add(from, access === 'i16' ? i32.shl(element, 1) : element);
            const value = guarded(f, access, r, rows, k, inner, address, zero);
            f.store('i16', to, value, 2 * j);
          }
          f.inc(to, 4);
        });
      });
    });
  });

/** packwf(to, from, rows, inner, pitch): float weights as [ceil(rows / 4)][inner][4], zeros outside. */
export const packWeightsFloatKernel = (asm: Asm): string =>
  asm.define('packwf', new Array<'i32'>(5).fill('i32'), undefined, (f) => {
    const { i32 } = f.ops;
    const [to, from, rows, inner, pitch] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4)];
    const r = f.local('i32');
    f.for(0, rows, TILE_CHANNELS, (block) => {
      f.for(0, inner, 1, (k) => {
        f.for(0, TILE_CHANNELS, 1, (c) => {
          f.set(r, i32.add(block, c));
          const address = i32.add(from, i32.shl(i32.add(i32.mul(r, pitch), k), 2));
          f.store('f32', to, guarded(f, 'f32', r, rows, k, inner, address, 0));
          f.inc(to, 4);
        });
      });
    });
  });

/**
 * packe(to, bias, multiplier, shift, factorStep, minus, count): an epilogue table. A null bias reads 0; `minus` is taken
 * off the bias; factorStep is 4 for one factor a channel and 0 for one factor for all.
 */
export const packTableKernel = (asm: Asm): string =>
  asm.define('packe', new Array<'i32'>(7).fill('i32'), undefined, (f) => {
    const { i32 } = f.ops;
    const [to, bias, multiplier, shift, step, minus, count] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5), f.arg(6)];
    const value = f.local('i32');
    f.for(0, count, 1, (i) => {
      f.set(value, 0);
      f.if(bias, () => f.set(value, f.load('i32', i32.add(bias, i32.shl(i, 2)))));
      f.store('i32', to, i32.sub(value, minus));
      f.if(multiplier, () => {
        f.store('i32', to, f.load('i32', i32.add(multiplier, i32.mul(i, step))), 4);
        f.store('i32', to, f.load('i32', i32.add(shift, i32.mul(i, step))), 8);
      });
      f.inc(to, EPILOGUE_BYTES);
    });
  });

/** packc(to, pairStep, from, inner, columns, zero): a matrix [inner, columns], minus `zero`, as the panel of a matrix kernel. */
export const packColumnsKernel = (asm: Asm, access: PixelAccess): string =>
  asm.define(`packc_${access}`, new Array<'i32'>(6).fill('i32'), undefined, (f) => {
    const { i32 } = f.ops;
    const [to, step, from, inner, columns, zero] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const [target, second, bytes] = [f.local('i32'), f.local('i32'), ACCESS_BYTES[access]];
    f.for(0, inner, 2, (k) => {
      f.set(target, to);
      f.for(0, columns, 1, () => {
        f.store('i16', target, i32.sub(f.load(access, from), zero));
        f.set(second, 0);
        f.if(i32.lt_u(i32.add(k, 1), inner), () => f.set(second, i32.sub(f.load(access, i32.add(from, i32.mul(columns, bytes))), zero)));
        f.store('i16', target, second, 2);
        f.inc(target, 4);
        f.inc(from, bytes);
      });
      f.inc(from, i32.mul(columns, bytes));
      f.inc(to, step);
    });
  });
