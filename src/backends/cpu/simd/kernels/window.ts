import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Geometry } from '../geometry.ts';
import { planeOf } from '../geometry.ts';
import type { Local, Val } from '../lift.ts';
import { type ElementBytes, emitCopy, fill32Kernel } from './copy.ts';
import { nest } from './nest.ts';
import { type Share, wholeOf } from './share.ts';

/** What padding holds: a byte repeated, or a 32-bit word, which may go on into the unused end of the place. */
export type Fill = { readonly byte: number } | { readonly word: number };

/** Bytes behind a padded image that `padrows` may write. */
export const PAD_SLACK = 32;

/**
 * padrows(to, toPlane, from, fromPlane, planes, lead, rows, width, gap, tail, word): copies `rows` rows of `width` bytes of each plane
 * between `lead` bytes before the first, `gap` bytes after each and `tail` bytes after the last, which repeat `word`. Everything is
 * written from front to back in vectors, so each may run over its end into what is written next.
 */
const padRowsKernel = (asm: Asm): string =>
  asm.define('padrows', new Array<'i32'>(11).fill('i32'), undefined, (f) => {
    const { i32, i32x4 } = f.ops;
    const [to, toPlane, from, fromPlane, planes] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4)];
    const [lead, rows, width, gap, tail] = [f.arg(5), f.arg(6), f.arg(7), f.arg(8), f.arg(9)];
    const fill = f.v128(i32x4.splat(f.arg(10)));
    const [p, q, source, end] = [f.local('i32'), f.local('i32'), f.local('i32'), f.local('i32')];
    const run = (bytes: Local, step: () => void): void => {
      f.set(end, i32.add(p, bytes));
      f.while(
        () => i32.lt_u(p, end),
        () => {
          step();
          f.inc(p, 16);
        },
      );
      f.set(p, end);
    };
    const pad = (bytes: Local): void => run(bytes, () => f.vstore(p, fill));
    f.for(0, planes, 1, () => {
      f.set(p, to);
      f.set(source, from);
      pad(lead);
      f.for(0, rows, 1, () => {
        f.set(q, source);
        run(width, () => {
          f.vstore(p, f.vload('load', q));
          f.inc(q, 16);
        });
        pad(gap);
        f.inc(source, width);
      });
      pad(tail);
      f.inc(to, toPlane);
      f.inc(from, fromPlane);
    });
  });

/** Rows of the padded image, from `first` on. */
export interface RowRange {
  readonly first: Val;
  readonly count: Val;
}

/**
 * Copies `planes` planes of an image of one or two dimensions into their padded places, or the rows of a range only: everything else of
 * the places stays as it is. `to` has PAD_SLACK bytes behind it.
 */
export const emitPaddedRows = (
  f: Fn,
  asm: Asm,
  g: Geometry,
  planes: Val,
  to: Val,
  from: Val,
  bytes: ElementBytes,
  word: number,
  range: RowRange = { first: 0, count: g.padded[1] },
): void => {
  const { i32 } = f.ops;
  const [, height, wide] = g.input;
  const [, , pitch] = g.padded.map((n) => n * bytes) as [number, number, number];
  const [, begin, left] = g.begin;
  const width = wide * bytes;
  const [first, count] = [f.i32(range.first), f.i32(range.count)];
  const end = f.i32(i32.add(first, count));
  const between = (value: Local): void => f.set(value, f.select(i32.lt_s(value, 0), 0, f.select(i32.gt_s(value, height), height, value)));
  const [from0, from1] = [f.i32(i32.sub(first, begin)), f.i32(i32.sub(end, begin))];
  between(from0);
  between(from1);
  const rows = f.i32(i32.sub(from1, from0));
  const lead = f.i32(f.select(rows, i32.sub(i32.add(from0, begin), first), count));
  const below = i32.sub(i32.sub(count, lead), rows);
  const tail = f.i32(f.select(rows, i32.sub(i32.mul(below, pitch), left * bytes), 0));
  const leadBytes = i32.add(i32.mul(lead, pitch), f.select(rows, left * bytes, 0));
  f.do(
    f.call(padRowsKernel(asm), [
      i32.add(to, i32.mul(first, pitch)),
      planeOf(g.padded) * bytes,
      i32.add(from, i32.mul(from0, width)),
      planeOf(g.input) * bytes,
      planes,
      leadBytes,
      rows,
      width,
      pitch - width,
      f.select(i32.gt_s(tail, 0), tail, 0),
      word,
    ]),
  );
};

/**
 * Copies `planes` planes into their padded places, or a share of them. The places have PAD_SLACK bytes behind them, and what one thread
 * writes lies as far from what another does.
 */
export const emitPadded = (
  f: Fn,
  asm: Asm,
  g: Geometry,
  planes: number,
  to: Local | number,
  from: Val,
  bytes: ElementBytes,
  fill: Fill,
  share?: Share,
): void => {
  const { i32 } = f.ops;
  const own = share ?? wholeOf(f, planes);
  const count = f.i32(i32.sub(own.end, own.first));
  const [padded, plain] = [planeOf(g.padded) * bytes, planeOf(g.input) * bytes];
  const start = f.i32(i32.add(to, i32.mul(own.first, padded)));
  const word = 'byte' in fill ? (fill.byte * 0x01010101) | 0 : fill.word;
  if (g.padded[0] === 1) {
    emitPaddedRows(f, asm, g, count, start, i32.add(from, i32.mul(own.first, plain)), bytes, word);
    return;
  }
  f.do(f.call(fill32Kernel(asm), [start, word, i32.shr_u(i32.add(i32.mul(count, padded), 3), 2)]));
  const [, ih, iw] = g.input;
  const [, ph, pw] = g.padded;
  const first = ((g.begin[0] * ph + g.begin[1]) * pw + g.begin[2]) * bytes;
  const volume = {
    sizes: g.input,
    strides: [
      [ph * pw * bytes, pw * bytes, bytes],
      [ih * iw * bytes, iw * bytes, bytes],
    ],
  };
  const each = ([target = 0, source = 0]: readonly Val[]): void => emitCopy(f, asm, volume, target, source, bytes);
  nest(f, { sizes: [planes], strides: [[padded], [plain]] }, [i32.add(to, first), from], each, own);
};
