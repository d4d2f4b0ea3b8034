import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Ex, Local, Val } from '../lift.ts';

/** How far a corner may lie from 0, in 256ths of a cell (roi_align) and in cells (roi_pool): part of the definition of the ops. */
const ROI_LIMIT = { align: 2 ** 22, pool: 2 ** 14 } as const;

/** Bytes of a sample along an axis: offsets of two cells in bytes (the first -1 outside the image), their weights. */
export const SAMPLE_BYTES = 16;
/** Bytes of a bin along an axis: its first cell and the one behind its last. */
export const BIN_BYTES = 8;

/** clamp(rshr(v M, s), -bound, bound): the product needs 52 bits. */
const fixedCorner = (f: Fn, v: Local, multiplier: Local, shift: Local, bound: number): Local => {
  const { i32, i64 } = f.ops;
  const s = f.let('i64', i64.extend_u(shift));
  const product = i64.mul(i64.extend_s(v), i64.extend_u(multiplier));
  const shifted = f.let('i64', i64.shr_s(i64.add(product, i64.shr_u(i64.shl(1, s), 1)), s));
  f.set(shifted, f.select(i64.lt_s(shifted, -bound), f.i64Bits(BigInt(-bound)), shifted, 'i64'));
  f.set(shifted, f.select(i64.gt_s(shifted, bound), f.i64Bits(BigInt(bound)), shifted, 'i64'));
  return f.i32(i32.wrap(shifted));
};

/** axis(to, start, end, scale, cells, sampling, n, stride): float samples of all bins along an axis of n cells. */
export const floatSamplesKernel = (asm: Asm, aligned: boolean): string =>
  asm.define(`roi_samples_f32_${aligned}`, ['i32', 'f32', 'f32', 'f32', 'i32', 'i32', 'i32', 'i32'], undefined, (f) => {
    const { i32, f32 } = f.ops;
    const [to, start, end, scale, cells, sampling] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const [n, stride] = [f.arg(6), f.arg(7)];
    const offset = aligned ? 0.5 : 0;
    const first = f.let('f32', f32.sub(f32.mul(start, scale), offset));
    const length = f.let('f32', f32.sub(f32.sub(f32.mul(end, scale), offset), first));
    if (!aligned) f.set(length, f.select(f32.ge(length, 1), length, f.f32c(1), 'f32'));
    const bin = f.let('f32', f32.div(length, f32.convert_s.i32(cells)));
    const size = f.let('f32', f32.convert_s.i32(n));
    const [p, last, low, part] = [f.local('f32'), f.i32(i32.sub(n, 1)), f.local('i32'), f.local('f32')];
    const parts = f.let('f32', f32.convert_s.i32(sampling));
    f.for(0, cells, 1, (c) =>
      f.for(0, sampling, 1, (j) => {
        const inner = f32.div(f32.mul(f32.add(f32.convert_s.i32(j), 0.5), bin), parts);
        f.set(p, f32.add(f32.add(first, f32.mul(f32.convert_s.i32(c), bin)), inner));
        f.if(
          i32.and(f32.ge(p, -1), f32.le(p, size)),
          () => {
            f.set(p, f.select(f32.gt(p, 0), p, f.f32c(0), 'f32'));
            f.set(low, i32.trunc_s_sat.f32(p));
            f.set(part, f32.sub(p, f32.convert_s.i32(low)));
            f.if(i32.ge_s(low, last), () => {
              f.set(low, last);
              f.set(part, 0);
            });
            putCells(f, to, low, last, stride);
            f.store('f32', to, f32.sub(1, part), 8);
            f.store('f32', to, part, 12);
          },
          () => f.store('i32', to, -1),
        );
        f.inc(to, SAMPLE_BYTES);
      }),
    );
  });

/** Cell `low` and the next, or the last twice. */
const putCells = (f: Fn, to: Local, low: Local, last: Local, stride: Local): void => {
  const { i32 } = f.ops;
  f.store('i32', to, i32.mul(low, stride));
  f.store('i32', to, i32.mul(f.select(i32.lt_s(low, last), i32.add(low, 1), last), stride), 4);
};

/** axis(to, start, end, multiplier, shift, count, n, stride): samples in 256ths; count = bins * samples in each. */
export const fixedSamplesKernel = (asm: Asm, aligned: boolean): string =>
  asm.define(`roi_samples_fixed_${aligned}`, new Array<'i32'>(8).fill('i32'), undefined, (f) => {
    const { i32, f64 } = f.ops;
    const [to, start, end, multiplier, shift, count] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const [n, stride] = [f.arg(6), f.arg(7)];
    const first = fixedCorner(f, start, multiplier, shift, ROI_LIMIT.align);
    const length = f.i32(i32.sub(fixedCorner(f, end, multiplier, shift, ROI_LIMIT.align), first));
    if (aligned) f.set(first, i32.sub(first, 128));
    else f.set(length, f.select(i32.gt_s(length, 256), length, 256));
    const [wide, whole] = [f.let('f64', f64.convert_s.i32(length)), f.let('f64', f64.convert_s.i32(i32.shl(count, 1)))];
    const [last, p, low, part] = [f.i32(i32.sub(n, 1)), f.local('i32'), f.local('i32'), f.local('i32')];
    f.for(0, count, 1, (i) => {
      const odd = f64.convert_s.i32(i32.add(i32.shl(i, 1), 1));
      f.set(p, i32.add(first, i32.trunc_s_sat.f64(f64.floor(f64.div(f64.mul(odd, wide), whole)))));
      f.if(
        i32.and(i32.ge_s(p, -256), i32.le_s(p, i32.shl(n, 8))),
        () => {
          f.set(p, f.select(i32.gt_s(p, 0), p, 0));
          f.set(low, i32.shr_s(p, 8));
          f.set(part, i32.and(p, 255));
          f.if(i32.ge_s(low, last), () => {
            f.set(low, last);
            f.set(part, 0);
          });
          putCells(f, to, low, last, stride);
          f.store('i32', to, i32.sub(256, part), 8);
          f.store('i32', to, part, 12);
        },
        () => f.store('i32', to, -1),
      );
      f.inc(to, SAMPLE_BYTES);
    });
  });

interface Sample {
  readonly from: Local;
  readonly y: Local;
  readonly x: Local;
}

/** The products of a sample's weights with its four cells. */
const products = (f: Fn, s: Sample, term: (weight: readonly [Ex, Ex], place: Ex) => Ex): readonly Ex[] => {
  const { i32 } = f.ops;
  return [0, 1].flatMap((i) =>
    [0, 1].map((j) => {
      const place = i32.add(i32.add(s.from, f.load('i32', s.y, 4 * i)), f.load('i32', s.x, 4 * j));
      const access = 8;
      return term([f.load('i32', s.y, access + 4 * i), f.load('i32', s.x, access + 4 * j)], place);
    }),
  );
};

/** acc += or max= one sample. */
const addFloatSample = (f: Fn, acc: Local, s: Sample, most: boolean): void => {
  const { f32 } = f.ops;
  const [a, b, c, d] = products(f, s, ([wy, wx], place) =>
    f32.mul(f32.mul(f32.reinterpret(wy), f32.reinterpret(wx)), f.load('f32', place)),
  );
  if (!a || !b || !c || !d) return;
  const join = (u: Val, v: Ex): Ex => (most ? f32.max(u, v) : f32.add(u, v));
  f.set(acc, join(acc, join(join(join(a, b), c), d)));
};

const addFixedSample = (f: Fn, acc: Local, s: Sample, access: 'i8' | 'u8', zero: Local): void => {
  const { i32 } = f.ops;
  for (const p of products(f, s, ([wy, wx], place) => i32.mul(i32.mul(wy, wx), i32.sub(f.load(access, place), zero)))) f.inc(acc, p);
};

/** align(to, from, ys, xs, rows, columns, sampling, zero): all bins of one plane. */
export const roiAlignKernel = (asm: Asm, access: 'f32' | 'i8' | 'u8', most: boolean): string =>
  asm.define(`roi_align_${access}_${most ? 'max' : 'avg'}`, new Array<'i32'>(8).fill('i32'), undefined, (f) => {
    const { i32, f32, f64 } = f.ops;
    const [to, from, ys, xs, rows, columns] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const [sampling, zero] = [f.arg(6), f.arg(7)];
    const float = access === 'f32';
    const acc = f.local(float ? 'f32' : 'i32');
    const [y, x, left, top] = [f.local('i32'), f.local('i32'), f.local('i32'), f.i32(ys)];
    const step = f.i32(i32.mul(sampling, SAMPLE_BYTES));
    const count = f.i32(i32.mul(sampling, sampling));
    f.for(0, rows, 1, () => {
      f.set(left, xs);
      f.for(0, columns, 1, () => {
        f.set(acc, most ? f.f32c(Number.NEGATIVE_INFINITY) : 0);
        f.set(y, top);
        f.for(0, sampling, 1, () => {
          f.set(x, left);
          f.for(0, sampling, 1, () => {
            f.if(
              i32.ge_s(i32.or(f.load('i32', y), f.load('i32', x)), 0),
              () => {
                if (access === 'f32') addFloatSample(f, acc, { from, y, x }, most);
                else addFixedSample(f, acc, { from, y, x }, access, zero);
              },
              () => {
                if (most) f.set(acc, f32.max(acc, f.f32c(0)));
              },
            );
            f.inc(x, SAMPLE_BYTES);
          });
          f.inc(y, SAMPLE_BYTES);
        });
        if (float) f.store('f32', to, most ? acc : f32.div(acc, f32.convert_s.i32(count)));
        else {
          // rdiv(acc, d) = floor((2 acc + d) / (2 d)), d = sampling^2 2^16
          const d = f.let('f64', f64.mul(f64.convert_s.i32(count), 65536));
          const quotient = f64.floor(f64.div(f64.add(f64.mul(2, f64.convert_s.i32(acc)), d), f64.mul(2, d)));
          f.store('i8', to, i32.add(i32.trunc_s_sat.f64(quotient), zero));
        }
        f.inc(to, float ? 4 : 1);
        f.inc(left, step);
      });
      f.inc(top, step);
    });
  });

/** corner(v, multiplier, shift): a whole cell from an integer. */
export const poolCornerKernel = (asm: Asm): string =>
  asm.define('roi_corner_fixed', ['i32', 'i32', 'i32'], 'i32', (f) =>
    f.result(fixedCorner(f, f.arg(0), f.arg(1), f.arg(2), ROI_LIMIT.pool)),
  );

/** corner(v, scale): a whole cell from a float32, ties away from zero; NaN is far outside. */
export const floatCornerKernel = (asm: Asm): string =>
  asm.define('roi_corner_f32', ['f32', 'f32'], 'i32', (f) => {
    const { i32, f32 } = f.ops;
    const bound = ROI_LIMIT.pool;
    const v = f.let('f32', f32.mul(f.arg(0), f.arg(1)));
    const whole = f.let('f32', f32.trunc(v));
    const rest = f.let('f32', f32.sub(v, whole));
    f.if(f32.ge(rest, 0.5), () => f.set(whole, f32.add(whole, 1)));
    f.if(f32.le(rest, -0.5), () => f.set(whole, f32.sub(whole, 1)));
    const above = f.select(f32.le(whole, bound), whole, f.f32c(bound), 'f32');
    f.result(i32.trunc_s_sat.f32(f.select(f32.ge(whole, -bound), above, f.f32c(-bound), 'f32')));
  });

/** bins(to, start, end, cells, n, stride): the bins of a region along an axis, as byte offsets. */
export const binsKernel = (asm: Asm): string =>
  asm.define('roi_bins', new Array<'i32'>(6).fill('i32'), undefined, (f) => {
    const { i32 } = f.ops;
    const [to, start, end, cells, n, stride] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5)];
    const length = f.i32(i32.add(i32.sub(end, start), 1));
    f.set(length, f.select(i32.gt_s(length, 1), length, 1));
    const cell = f.local('i32');
    const put = (offset: number): void => {
      f.set(cell, i32.add(start, cell));
      f.set(cell, f.select(i32.lt_s(cell, 0), 0, f.select(i32.gt_s(cell, n), n, cell)));
      f.store('i32', to, i32.mul(cell, stride), offset);
    };
    f.for(0, cells, 1, (c) => {
      f.set(cell, i32.div_u(i32.mul(c, length), cells));
      put(0);
      f.set(cell, i32.div_u(i32.add(i32.mul(i32.add(c, 1), length), i32.sub(cells, 1)), cells));
      put(4);
      f.inc(to, BIN_BYTES);
    });
  });

/** pool(to, from, rows, columns, height, width, zero): all bins of one plane; `height` and `width` count bins. */
export const roiPoolKernel = (asm: Asm, access: 'f32' | 'i8' | 'u8', rowBytes: number): string =>
  asm.define(`roi_pool_${access}_${rowBytes}`, new Array<'i32'>(7).fill('i32'), undefined, (f) => {
    const { i32, f32 } = f.ops;
    const [to, from, rows, columns, height, width, zero] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5), f.arg(6)];
    const float = access === 'f32';
    const bytes = float ? 4 : 1;
    const best = f.local(float ? 'f32' : 'i32');
    const [row, column, bottom, right, left] = [f.local('i32'), f.local('i32'), f.local('i32'), f.local('i32'), f.local('i32')];
    f.for(0, height, 1, () => {
      f.set(bottom, f.load('i32', rows, 4));
      f.set(left, columns);
      f.for(0, width, 1, () => {
        f.set(row, f.load('i32', rows));
        f.set(right, f.load('i32', left, 4));
        const empty = i32.or(i32.ge_s(row, bottom), i32.ge_s(f.load('i32', left), right));
        if (float) f.set(best, f.select(empty, f.f32c(0), f.f32c(Number.NEGATIVE_INFINITY), 'f32'));
        else f.set(best, f.select(empty, zero, -128));
        f.while(
          () => i32.lt_s(row, bottom),
          () => {
            f.set(column, f.load('i32', left));
            f.while(
              () => i32.lt_s(column, right),
              () => {
                const v = f.let(float ? 'f32' : 'i32', f.load(access, i32.add(from, i32.add(row, column))));
                f.set(best, float ? f32.max(best, v) : f.select(i32.gt_s(v, best), v, best));
                f.inc(column, bytes);
              },
            );
            f.inc(row, rowBytes);
          },
        );
        f.store(float ? 'f32' : 'i8', to, best);
        f.inc(to, bytes);
        f.inc(left, BIN_BYTES);
      });
      f.inc(rows, BIN_BYTES);
    });
  });
