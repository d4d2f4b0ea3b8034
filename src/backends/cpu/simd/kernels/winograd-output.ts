import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Ex, Local } from '../lift.ts';
import { byteFactors, loadByteFactors, plainBounds, rescaledHalves } from './bytes.ts';
import { type Epilogue, factorsFor, loadEntry, TILE_CHANNELS, TILE_PIXELS } from './gemm.ts';
import { rescaleVector } from './rescale.ts';
import { descale, transformOutput, type WinogradForm } from './winograd-form.ts';
import { windowOf } from './winograd.ts';

/** Stores one row of four tiles as int32: vector j holds column j of each tile, `rows` where the tiles' rows are. */
const storeSums = (f: Fn, sums: readonly Local[], rows: readonly Local[]): void => {
  const [y0, y1, y2, y3] = sums;
  if (y0 === undefined || y1 === undefined) return;
  const pair = (a: Local, b: Local, lanes: readonly number[]): Local => f.v128(f.shuffle32(a, b, lanes));
  const [a, b] = [pair(y0, y1, [0, 4, 1, 5]), pair(y0, y1, [2, 6, 3, 7])];
  if (y2 === undefined || y3 === undefined) {
    rows.forEach((row, t) => f.storeLane(64, t % 2, row, t < 2 ? a : b));
    return;
  }
  const [c, d] = [pair(y2, y3, [0, 4, 1, 5]), pair(y2, y3, [2, 6, 3, 7])];
  rows.forEach((row, t) => {
    const [left, right] = t < 2 ? [a, c] : [b, d];
    f.vstore(row, f.shuffle32(left, right, t % 2 === 0 ? [0, 1, 4, 5] : [2, 3, 6, 7]));
  });
};

/** Stores such a row as i16: columns 0 and 1 of the four tiles in `low`, 2 and 3, if there are, in `high`. */
const storeHalfRow = (f: Fn, low: Local, high: Local | undefined, rows: readonly Local[]): void => {
  if (high === undefined) {
    const halves = f.v128(f.shuffle16(low, low, [0, 4, 1, 5, 2, 6, 3, 7]));
    rows.forEach((row, t) => f.storeLane(32, t, row, halves));
    return;
  }
  const halves = [f.v128(f.shuffle16(low, high, [0, 4, 8, 12, 1, 5, 9, 13])), f.v128(f.shuffle16(low, high, [2, 6, 10, 14, 3, 7, 11, 15]))];
  rows.forEach((row, t) => f.storeLane(64, t % 2, row, halves[t >> 1] ?? low));
};

/** Stores the low bytes of such a row: lo and hi are within the 8-bit type, so they are the results, for i8 and u8 alike. */
const storeByteRow = (f: Fn, low: Local, high: Local | undefined, rows: readonly Local[]): void => {
  const tiles = [0, 1, 2, 3];
  const columns = (t: number): number[] => (high === undefined ? [2 * t, 2 * t + 8] : [2 * t, 2 * t + 8, 2 * t + 16, 2 * t + 24]);
  const order = tiles.flatMap(columns);
  const bytes = f.v128(f.shuffle8(low, high ?? low, [...order, ...order].slice(0, 16)));
  rows.forEach((row, t) => f.storeLane(high === undefined ? 16 : 32, t, row, bytes));
};

/** Finishes and stores rows of sums of the channel that `entry` points to; `constants` is a table of `byteConstants`. */
const rowFinisher = (
  f: Fn,
  epilogue: Epilogue,
  entry: Local,
  constants: Local,
): ((sums: readonly Local[], rows: readonly Local[]) => void) => {
  const { i16x8 } = f.ops;
  /** Columns as i16, two in a vector. */
  const inPairs = (sums: readonly Local[], join: (a: Local, b: Local) => Ex): readonly Local[] =>
    sums.flatMap((y, i) => (i % 2 === 0 ? [f.v128(join(y, sums[i + 1] ?? y))] : []));
  if (epilogue === 'narrow') {
    const factors = byteFactors(f);
    loadByteFactors(f, factors, entry);
    return (sums, rows) => {
      const [low, high] = inPairs(sums, (a, b) => rescaledHalves(f, a, b, factors, constants));
      if (low !== undefined) storeByteRow(f, low, high, rows);
    };
  }
  const factors = factorsFor(f, epilogue);
  if (factors === undefined) return (sums, rows) => storeSums(f, sums, rows);
  loadEntry(f, factors, entry);
  const bounds = plainBounds(f, constants);
  return (sums, rows) => {
    const scaled = sums.map((y) => f.v128(rescaleVector(f, y, factors, bounds)));
    const [low, high] = inPairs(scaled, (a, b) => i16x8.narrow_i32x4_s(a, b));
    if (low !== undefined) (epilogue === 'wide16' ? storeHalfRow : storeByteRow)(f, low, high, rows);
  };
};

/**
 * wino_out(from, fromStep, halves, tiles, to, pitch, scratch, entry, constants): one output channel of `halves` times 4 tiles. `from`
 * holds the sums of its first position, the positions are fromStep apart; `tiles` lists where the tiles' results start in the
 * plane `to`, whose rows are `pitch` bytes; `entry` is the channel's epilogue table entry, `constants` a table of `byteConstants`.
 */
export const outputKernel = (asm: Asm, form: WinogradForm, epilogue: Epilogue): string =>
  asm.define(`wino_out${form.side}_${epilogue}`, new Array<'i32'>(9).fill('i32'), undefined, (f) => {
    const { i32, i32x4 } = f.ops;
    const { window, side } = form;
    const [from, step, halves, tiles, to, pitch, scratch] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5), f.arg(6)];
    const entry = f.arg(7);
    const bias = f.v128(f.vload('load32_splat', entry));
    const finishRow = rowFinisher(f, epilogue, entry, f.arg(8));
    const down = f.i32(i32.mul(step, window));
    const rows = Array.from({ length: 4 }, () => f.local('i32'));
    const [m, p, q, source] = [windowOf(f, form), f.local('i32'), f.local('i32'), f.local('i32')];
    const half = (): void => {
      f.set(p, source);
      f.set(q, scratch);
      f.for(0, window, 1, () => {
        const r = f.i32(p);
        m.forEach((v) => {
          f.set(v, f.vload('load', r));
          f.inc(r, down);
        });
        f.scope(() => transformOutput(f, m).forEach((y, i) => f.vstore(q, y, 16 * window * i)));
        f.inc(p, step);
        f.inc(q, 16);
      });
      rows.forEach((r, t) => f.set(r, i32.add(to, f.load('i32', tiles, 4 * t))));
      f.set(q, scratch);
      f.for(0, side, 1, () => {
        m.forEach((v, j) => f.set(v, f.vload('load', q, 16 * j)));
        f.scope(() => {
          finishRow(
            transformOutput(f, m).map((z) => f.v128(i32x4.add(descale(f, form, z), bias))),
            rows,
          );
        });
        rows.forEach((r) => f.inc(r, pitch));
        f.inc(q, 16 * window);
      });
    };
    f.for(0, halves, 1, (i) => {
      f.set(source, i32.add(from, i32.add(i32.mul(i32.shr_u(i, 1), TILE_CHANNELS * TILE_PIXELS * 4), i32.shl(i32.and(i, 1), 4))));
      half();
      f.inc(tiles, 16);
    });
  });
