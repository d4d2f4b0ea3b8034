import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Ex, Local, Val } from '../lift.ts';
import { type Epilogue, EPILOGUE_BYTES, factorsFor, finishChannel, RESULT_ACCESS, TILE_CHANNELS } from './gemm.ts';
import { ACCESS_BYTES } from './map.ts';
import { interleave, loadPixels, type PixelStep } from './pack.ts';
import { rescaleScalar } from './rescale.ts';

/**
 * How pairs of i16 products are summed (NUMERICS §4: sums of i16 products are exact in I53).
 * - `plain`: in int32. Weights of 8 bits: a pair is at most 2^23, so 255 pairs fit.
 * - `split`: H sums the high halves of each pair, L the pairs themselves, wrapping. The low halves sum to R = L - H 2^16 mod 2^32,
 *   which is all of it for 65535 pairs, and the sum is H 2^16 + R. No weight is -32768, so a pair fits int32.
 * - `careful`: the same for any weights: -32768 * -32768 twice is 2^31, which wraps, so 1 is taken off each pair and given
 *   back to the sum.
 */
export type SumForm = 'plain' | 'split' | 'careful';

/** Pairs that one sum may take. */
export const MOST_PAIRS = { plain: 255, split: 65535, careful: 65535 } as const satisfies Record<SumForm, number>;

/** Bytes of the partial sums of a tile: int64. */
export const WIDE_PARTIAL_BYTES = TILE_CHANNELS * 8 * 8;

/** Sums of four lanes: one vector, or high and low halves. */
type Sums = readonly Local[];

/** A kernel's way to sum: its vectors and constants. */
const summing = (f: Fn, form: SumForm) => {
  const { i32x4, i64x2 } = f.ops;
  const d = f.local('v128');
  const one = form === 'careful' ? f.v128(i32x4.splat(1)) : d;
  const make = (): Sums => (form === 'plain' ? [f.local('v128')] : [f.local('v128'), f.local('v128')]);
  const clear = (sums: Sums): void => sums.forEach((s) => f.set(s, f.zero()));
  /** Adds x0 w0 + x1 w1 to each lane. */
  const add = ([high, low]: Sums, x: Ex | Local, w: Ex | Local): void => {
    if (high === undefined) return;
    if (low === undefined) {
      f.set(high, i32x4.add(high, i32x4.dot_i16x8_s(x, w)));
      return;
    }
    f.set(d, form === 'careful' ? i32x4.sub(i32x4.dot_i16x8_s(x, w), one) : i32x4.dot_i16x8_s(x, w));
    f.set(high, i32x4.add(high, i32x4.shr_s(d, 16)));
    f.set(low, i32x4.add(low, d));
  };
  /** The sums of two lanes as int64; `pairs` is how many pairs were added. */
  const total = ([high, low]: Sums, which: 'low' | 'high', pairs: Val): Ex => {
    const wide = i64x2[`extend_${which}_i32x4_s`](high ?? d);
    if (low === undefined) return wide;
    const rest = i32x4.sub(low, i32x4.shl(high ?? d, 16));
    const sum = i64x2.add(i64x2.shl(wide, 16), i64x2[`extend_${which}_i32x4_u`](rest));
    return form === 'careful' ? i64x2.add(sum, i64x2.splat(f.ops.i64.extend_u(pairs))) : sum;
  };
  return { make, clear, add, total };
};

/** Rounds int64 sums and shifts them: floor((v + 2^(shift - 1)) / 2^shift), the low 32 bits of each. */
const shifting = (f: Fn, shift: Local) => {
  const { i32, i64, i64x2 } = f.ops;
  const half = f.let('i64', f.select(shift, i64.shl(1, i64.extend_u(i32.sub(shift, 1))), f.i64Bits(0n), 'i64'));
  const halves = f.v128(i64x2.splat(half));
  return {
    vector: (low: Local, high: Local): Ex => {
      const down = (v: Local): Local => f.v128(i64x2.shr_s(i64x2.add(v, halves), shift));
      return f.shuffle32(down(low), down(high), [0, 2, 4, 6]);
    },
    scalar: (sum: Local): Ex => i32.wrap(i64.shr_s(i64.add(sum, half), i64.extend_u(shift))),
  };
};

interface Tile {
  readonly panel: Local;
  readonly step: Local;
  readonly weights: Local;
  readonly count: Local;
  readonly start: Local;
}

/** int64 sums of 4 channels x 8 pixels: for each channel, the pixels in four vectors of two. */
const sumTile = (f: Fn, form: SumForm, { panel, step, weights, count, start }: Tile): readonly (readonly Local[])[] => {
  const { i32, i64x2 } = f.ops;
  const sum = summing(f, form);
  const channels = Array.from({ length: TILE_CHANNELS }, (_, c) => c);
  const totals = channels.map(() => [0, 1, 2, 3].map(() => f.local('v128')));
  // high and low halves of eight pixels do not fit the registers: four pixels at a time
  const passes = form === 'plain' ? [[0, 1]] : [[0], [1]];
  const [x, w, p, q] = [[f.local('v128'), f.local('v128')], f.local('v128'), f.local('i32'), f.local('i32')] as const;
  const end = f.i32(i32.add(weights, i32.shl(count, 4)));
  const all = channels.map(() => (form === 'plain' ? [sum.make(), sum.make()] : [sum.make()]));
  for (const halves of passes) {
    all.flat().forEach(sum.clear);
    f.set(p, panel);
    f.set(q, weights);
    f.while(
      () => i32.lt_u(q, end),
      () => {
        halves.forEach((half, k) => x[k] !== undefined && f.set(x[k], f.vload('load', p, 16 * half)));
        all.forEach((own, c) => {
          f.set(w, f.vload('load32_splat', q, 4 * c));
          own.forEach((s, k) => sum.add(s, x[k] ?? w, w));
        });
        f.inc(p, step);
        f.inc(q, 16);
      },
    );
    all.forEach((own, c) =>
      own.forEach((s, k) =>
        (['low', 'high'] as const).forEach((which, i) => {
          const total = totals[c]?.[2 * (halves[k] ?? 0) + i];
          if (total !== undefined) f.set(total, sum.total(s, which, count));
        }),
      ),
    );
  }
  f.if(start, () => totals.flat().forEach((total, i) => f.set(total, i64x2.add(total, f.vload('load', start, 16 * i)))));
  return totals;
};

/**
 * gemm16(panel, panelStep, weights, pairs, to, toStep, pixels, channels, table, start, zero, lo, hi, shift): as `gemm`, of i16
 * by i16 with int64 sums, which are shifted before the bias is added. The partial form stores the sums and ends at `start`.
 */
export const gemmWideKernel = (asm: Asm, form: SumForm, epilogue: Epilogue | 'partial'): string =>
  asm.define(`gemm16_${form}_${epilogue}`, new Array<'i32'>(epilogue === 'partial' ? 10 : 14).fill('i32'), undefined, (f) => {
    const { i32, i32x4 } = f.ops;
    const tile = { panel: f.arg(0), step: f.arg(1), weights: f.arg(2), count: f.arg(3), start: f.arg(9) };
    const [to, toStep, pixels, channels, entry] = [f.arg(4), f.arg(5), f.arg(6), f.arg(7), f.arg(8)];
    const totals = sumTile(f, form, tile);
    if (epilogue === 'partial') {
      totals.flat().forEach((total, i) => f.vstore(to, total, 16 * i));
      return;
    }
    const shifted = shifting(f, f.arg(13));
    const factors = factorsFor(f, epilogue);
    const bounds = { zero: f.arg(10), lo: f.arg(11), hi: f.arg(12) };
    const [low, high, bias] = [f.local('v128'), f.local('v128'), f.local('v128')];
    totals.forEach(([a, b, c, d], channel) => {
      if (a === undefined || b === undefined || c === undefined || d === undefined) return;
      f.if(i32.gt_u(channels, channel), () => {
        f.set(bias, f.vload('load32_splat', entry));
        f.set(low, i32x4.add(shifted.vector(a, b), bias));
        f.set(high, i32x4.add(shifted.vector(c, d), bias));
        finishChannel(f, epilogue, factors, low, high, to, pixels, entry, bounds);
        f.inc(to, toStep);
        f.inc(entry, EPILOGUE_BYTES);
      });
    });
  });

/** direct16(from, offsets, weights, pairs, to, width, step, table, zero, lo, hi, shift): as `direct`, of i16 by i16; step in bytes. */
export const directWideKernel = (asm: Asm, form: SumForm, how: PixelStep, epilogue: Epilogue): string =>
  asm.define(`direct16_${form}${how}_${epilogue}`, new Array<'i32'>(12).fill('i32'), undefined, (f) => {
    const { i32, i32x4 } = f.ops;
    const [from, offsets, weights, pairs, to] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4)];
    const [width, step, table] = [f.arg(5), f.arg(6), f.arg(7)];
    const bounds = { zero: f.arg(8), lo: f.arg(9), hi: f.arg(10) };
    const sum = summing(f, form);
    const [left, right] = [sum.make(), sum.make()];
    const [low, high, va, vb, w, bias] = [
      f.local('v128'),
      f.local('v128'),
      f.local('v128'),
      f.local('v128'),
      f.local('v128'),
      f.v128(f.vload('load32_splat', table)),
    ];
    const [tap, weight, end] = [f.local('i32'), f.local('i32'), f.i32(i32.add(offsets, i32.shl(pairs, 3)))];
    const shifted = shifting(f, f.arg(11));
    const factors = factorsFor(f, epilogue);
    const four = (s: Sums): Ex => shifted.vector(f.v128(sum.total(s, 'low', pairs)), f.v128(sum.total(s, 'high', pairs)));
    f.while(
      () => width,
      () => {
        sum.clear(left);
        sum.clear(right);
        f.set(tap, offsets);
        f.set(weight, weights);
        f.while(
          () => i32.lt_u(tap, end),
          () => {
            f.set(va, loadPixels(f, i32.add(from, f.load('i32', tap)), 'i16', how, step));
            f.set(vb, loadPixels(f, i32.add(from, f.load('i32', tap, 4)), 'i16', how, step));
            f.set(w, f.vload('load32_splat', weight));
            const [a, b] = interleave(f, va, vb);
            sum.add(left, a, w);
            sum.add(right, b, w);
            f.inc(tap, 8);
            f.inc(weight, 4);
          },
        );
        f.set(low, i32x4.add(four(left), bias));
        f.set(high, i32x4.add(four(right), bias));
        finishChannel(f, epilogue, factors, low, high, to, width, table, bounds);
        f.set(width, f.select(i32.gt_u(width, 8), i32.sub(width, 8), 0));
        f.inc(from, i32.shl(step, 3));
        f.inc(to, 8 * ACCESS_BYTES[RESULT_ACCESS[epilogue]]);
      },
    );
  });

/** Outputs of one call of the dot kernel. */
const OUTPUTS = 4;

/**
 * dot16(x, weights, weightStep, to, count, table, zero, lo, hi, shift): as `dot`, of i16 by i16 with int64 sums. Weight rows
 * are weightStep bytes, a multiple of 16.
 */
export const dotWideKernel = (asm: Asm, form: SumForm, epilogue: Epilogue): string =>
  asm.define(`dot16_${form}_${epilogue}`, new Array<'i32'>(10).fill('i32'), undefined, (f) => {
    const { i32, i64, i64x2 } = f.ops;
    const [x, weights, step, to, count, table] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const bounds = { zero: f.arg(6), lo: f.arg(7), hi: f.arg(8) };
    const sum = summing(f, form);
    const sums = Array.from({ length: OUTPUTS }, () => ({ sums: sum.make(), total: f.v128(f.zero()) }));
    const rows = sums.map((_, r) => f.i32(i32.add(weights, i32.mul(step, r))));
    const [first = weights] = rows;
    const [v, left, stop, blocks] = [f.local('v128'), f.i32(i32.shr_u(step, 4)), f.local('i32'), f.local('i32')];
    f.while(
      () => left,
      () => {
        f.set(blocks, f.select(i32.gt_u(left, MOST_PAIRS[form]), MOST_PAIRS[form], left));
        f.set(left, i32.sub(left, blocks));
        f.set(stop, i32.add(first, i32.shl(blocks, 4)));
        sums.forEach((s) => sum.clear(s.sums));
        f.while(
          () => i32.lt_u(first, stop),
          () => {
            f.set(v, f.vload('load', x));
            sums.forEach((s, r) => {
              const row = rows[r] ?? first;
              sum.add(s.sums, v, f.vload('load', row));
              f.inc(row, 16);
            });
            f.inc(x, 16);
          },
        );
        for (const { sums: own, total } of sums)
          for (const which of ['low', 'high'] as const) f.set(total, i64x2.add(total, sum.total(own, which, blocks)));
      },
    );
    const shifted = shifting(f, f.arg(9));
    const access = RESULT_ACCESS[epilogue];
    sums.forEach(({ total }, r) =>
      f.if(i32.gt_u(count, r), () => {
        const whole = f.let('i64', i64.add(f.lane64(total, 0), f.lane64(total, 1)));
        const y = f.i32(i32.add(shifted.scalar(whole), f.load('i32', table)));
        const scaled = epilogue === 'i32' ? y : rescaleScalar(f, y, f.load('i32', table, 4), f.load('i32', table, 8), bounds);
        f.store(access, to, scaled);
        f.inc(to, ACCESS_BYTES[access]);
        f.inc(table, EPILOGUE_BYTES);
      }),
    );
  });

/** packp(to, from, rows, inner, rowBytes): weights [rows, inner] as i16 rows of rowBytes; what is behind the last element is left as it is. */
export const packRowsKernel = (asm: Asm, access: 'i8' | 'i16'): string =>
  asm.define(`packp_${access}`, new Array<'i32'>(5).fill('i32'), undefined, (f) => {
    const { i32 } = f.ops;
    const [to, from, rows, inner, rowBytes] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4)];
    const cell = f.local('i32');
    f.for(0, rows, 1, () => {
      f.set(cell, to);
      f.for(0, inner, 1, () => {
        f.store('i16', cell, f.load(access, from));
        f.inc(from, ACCESS_BYTES[access]);
        f.inc(cell, 2);
      });
      f.set(to, i32.add(to, rowBytes));
    });
  });
