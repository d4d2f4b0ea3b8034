import type { Asm } from '../asm.ts';
import type { Local } from '../lift.ts';
import { type Epilogue, EPILOGUE_BYTES, factorsFor, finishChannel, RESULT_ACCESS } from './gemm.ts';
import { ACCESS_BYTES } from './map.ts';
import { interleave, loadPixels, type PixelStep } from './pack.ts';
import { rescaleScalar } from './rescale.ts';
import { storeWords } from './store.ts';

/**
 * direct(from, offsets, weights, pairs, to, width, step, table, zero, lo, hi): one row of one output channel, for groups
 * of few output channels (depthwise): the taps are read from the input, two at a time, without a panel.
 * `offsets` holds a pair of input offsets and `weights` a pair of i16 for every two taps.
 */
export const directKernel = (asm: Asm, access: 'i8' | 'u8', how: PixelStep, epilogue: Epilogue): string =>
  asm.define(`direct_${access}${how}_${epilogue}`, new Array<'i32'>(11).fill('i32'), undefined, (f) => {
    const { i32, i32x4 } = f.ops;
    const [from, offsets, weights, pairs, to] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4)];
    const [width, step, table] = [f.arg(5), f.arg(6), f.arg(7)];
    const args = { zero: f.arg(8), lo: f.arg(9), hi: f.arg(10) };
    const [low, high, va, vb, w] = [f.local('v128'), f.local('v128'), f.local('v128'), f.local('v128'), f.local('v128')];
    const [tap, weight, end] = [f.local('i32'), f.local('i32'), f.i32(i32.add(offsets, i32.shl(pairs, 3)))];
    const factors = factorsFor(f, epilogue);
    f.while(
      () => width,
      () => {
        f.set(low, f.vload('load32_splat', table));
        f.set(high, low);
        f.set(tap, offsets);
        f.set(weight, weights);
        f.while(
          () => i32.lt_u(tap, end),
          () => {
            f.set(va, loadPixels(f, i32.add(from, f.load('i32', tap)), access, how, step));
            f.set(vb, loadPixels(f, i32.add(from, f.load('i32', tap, 4)), access, how, step));
            f.set(w, f.vload('load32_splat', weight));
            const [left, right] = interleave(f, va, vb);
            f.set(low, i32x4.add(low, i32x4.dot_i16x8_s(left, w)));
            f.set(high, i32x4.add(high, i32x4.dot_i16x8_s(right, w)));
            f.inc(tap, 8);
            f.inc(weight, 4);
          },
        );
        finishChannel(f, epilogue, factors, low, high, to, width, table, args);
        f.set(width, f.select(i32.gt_u(width, 8), i32.sub(width, 8), 0));
        f.inc(from, i32.shl(step, 3));
        f.inc(to, 8 * ACCESS_BYTES[RESULT_ACCESS[epilogue]]);
      },
    );
  });

/** directf(from, offsets, weights, count, to, width, step, bias): the float form; taps in order (F2), step in bytes. */
export const directFloatKernel = (asm: Asm, dense: boolean): string =>
  asm.define(`directf_${dense ? '1' : 'any'}`, new Array<'i32'>(8).fill('i32'), undefined, (f) => {
    const { i32, f32x4 } = f.ops;
    const [from, offsets, weights, count, to] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4)];
    const [width, step, bias] = [f.arg(5), f.arg(6), f.arg(7)];
    const [low, high, w, x] = [f.local('v128'), f.local('v128'), f.local('v128'), f.local('v128')];
    const [tap, weight, p, end] = [f.local('i32'), f.local('i32'), f.local('i32'), f.i32(i32.add(offsets, i32.shl(count, 2)))];
    const four = (): Local => {
      for (let lane = 0; lane < 4; lane++) {
        f.set(x, f.loadLane(32, lane, p, x));
        f.set(p, i32.add(p, step));
      }
      return x;
    };
    f.while(
      () => width,
      () => {
        f.set(low, f.vload('load32_splat', bias));
        f.set(high, low);
        f.set(tap, offsets);
        f.set(weight, weights);
        f.while(
          () => i32.lt_u(tap, end),
          () => {
            f.set(p, i32.add(from, f.load('i32', tap)));
            f.set(w, f.vload('load32_splat', weight));
            f.set(low, f32x4.add(low, f32x4.mul(dense ? f.vload('load', p) : four(), w)));
            f.set(high, f32x4.add(high, f32x4.mul(dense ? f.vload('load', p, 16) : four(), w)));
            f.inc(tap, 4);
            f.inc(weight, 4);
          },
        );
        storeWords(f, to, low, high, width);
        f.set(width, f.select(i32.gt_u(width, 8), i32.sub(width, 8), 0));
        f.inc(from, i32.shl(step, 3));
        f.inc(to, 32);
      },
    );
  });

/**
 * dot(x, weights, weightStep, to, count, table, zero, lo, hi): up to four outputs of a dense layer: lanes run along the
 * inner index; weight rows are weightStep bytes, a multiple of 16, with zeros behind the last element.
 */
export const dotKernel = (asm: Asm, unsigned: boolean, epilogue: Epilogue): string =>
  asm.define(`dot_${unsigned ? 'u' : 's'}${RESULT_ACCESS[epilogue]}`, new Array<'i32'>(9).fill('i32'), undefined, (f) => {
    const { i32, i32x4 } = f.ops;
    const [x, weights, step, to, count, table] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const bounds = { zero: f.arg(6), lo: f.arg(7), hi: f.arg(8) };
    const access = RESULT_ACCESS[epilogue];
    const acc = [f.local('v128'), f.local('v128'), f.local('v128'), f.local('v128')] as const;
    const rows = acc.map((_, r) => f.i32(i32.add(weights, i32.mul(step, r))));
    const [x0, x1] = [f.local('v128'), f.local('v128')];
    const end = f.i32(i32.add(weights, step));
    const first = rows[0];
    f.while(
      () => i32.lt_u(first ?? weights, end),
      () => {
        f.set(x0, f.vload(unsigned ? 'load8x8_u' : 'load8x8_s', x));
        f.set(x1, f.vload(unsigned ? 'load8x8_u' : 'load8x8_s', x, 8));
        rows.forEach((row, r) => {
          const a = acc[r];
          if (a === undefined) return;
          f.set(a, i32x4.add(a, i32x4.dot_i16x8_s(x0, f.vload('load8x8_s', row))));
          f.set(a, i32x4.add(a, i32x4.dot_i16x8_s(x1, f.vload('load8x8_s', row, 8))));
          f.inc(row, 16);
        });
        f.inc(x, 16);
      },
    );
    // transpose and add: lane r of `sums` is the sum of the lanes of acc[r]
    const pair = (a: Local, b: Local): Local => f.v128(i32x4.add(f.shuffle32(a, b, [0, 4, 1, 5]), f.shuffle32(a, b, [2, 6, 3, 7])));
    const [p, q] = [pair(acc[0], acc[1]), pair(acc[2], acc[3])];
    const sums = f.v128(i32x4.add(f.shuffle32(p, q, [0, 1, 4, 5]), f.shuffle32(p, q, [2, 3, 6, 7])));
    for (let r = 0; r < 4; r++) {
      f.if(i32.gt_u(count, r), () => {
        const sum = f.i32(i32.add(f.lane32(sums, r), f.load('i32', table)));
        const y = epilogue === 'i32' ? sum : rescaleScalar(f, sum, f.load('i32', table, 4), f.load('i32', table, 8), bounds);
        f.store(access, to, y);
        f.inc(to, ACCESS_BYTES[access]);
        f.inc(table, EPILOGUE_BYTES);
      });
    }
  });

/** densef(x, panel, inner, to, count, bias): up to 16 outputs of a float dense layer; lanes are outputs, panel [inner][16]. */
export const denseFloatKernel = (asm: Asm): string =>
  asm.define('densef', new Array<'i32'>(6).fill('i32'), undefined, (f) => {
    const { i32, f32x4 } = f.ops;
    const [x, panel, inner, to, count, bias] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const acc = [0, 1, 2, 3].map((i) => f.v128(f.vload('load', bias, 16 * i)));
    const end = f.i32(i32.add(x, i32.shl(inner, 2)));
    const v = f.local('v128');
    f.while(
      () => i32.lt_u(x, end),
      () => {
        f.set(v, f.vload('load32_splat', x));
        acc.forEach((a, i) => f.set(a, f32x4.add(a, f32x4.mul(f.vload('load', panel, 16 * i), v))));
        f.inc(x, 4);
        f.inc(panel, 64);
      },
    );
    const [a, b, c, d] = acc;
    if (a === undefined || b === undefined || c === undefined || d === undefined) return;
    storeWords(f, to, a, b, count);
    f.if(i32.gt_u(count, 8), () => {
      f.set(to, i32.add(to, 32));
      f.set(count, i32.sub(count, 8));
      storeWords(f, to, c, d, count);
    });
  });

/** packd(to, from, rows, inner): float weights [rows, inner] as [ceil(rows / 16)][inner][16], zeros outside. */
export const packDenseFloatKernel = (asm: Asm): string =>
  asm.define('packd', new Array<'i32'>(4).fill('i32'), undefined, (f) => {
    const { i32 } = f.ops;
    const [to, from, rows, inner] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3)];
    const [value, r] = [f.local('f32'), f.local('i32')];
    f.for(0, rows, 16, (block) => {
      f.for(0, inner, 1, (k) => {
        f.for(0, 16, 1, (c) => {
          f.set(r, i32.add(block, c));
          f.set(value, 0);
          f.if(i32.lt_u(r, rows), () => f.set(value, f.load('f32', i32.add(from, i32.shl(i32.add(i32.mul(r, inner), k), 2)))));
          f.store('f32', to, value);
          f.inc(to, 4);
        });
      });
    });
  });
