import type { Asm } from '../../cpu/simd/asm.ts';
import type { Fn } from '../../cpu/simd/fn.ts';
import type { Local } from '../../cpu/simd/lift.ts';
import { LANES } from '../array/config.ts';

/** Bytes behind the last pixel of a blocked image, and behind a row-major one, that conversions may write. */
export const blockedSlack = (pitchBytes: number): number => LANES * pitchBytes;
export const ROW_SLACK = 16;

const LOW = Array.from({ length: LANES }, (_, i) => (i % 2 === 0 ? i / 2 : (i - 1) / 2 + 16));
const HIGH = LOW.map((b) => b + 8);

/** Turns 16 vectors of 16 bytes around; uses 16 more. @returns which of both sets holds the result */
const transpose = (f: Fn, rows: readonly Local[], others: readonly Local[]): readonly Local[] => {
  let [from, to] = [rows, others];
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 8; i++) {
      const [a, b, lo, hi] = [from[i], from[i + 8], to[2 * i], to[2 * i + 1]];
      if (a === undefined || b === undefined || lo === undefined || hi === undefined) continue;
      f.set(lo, f.shuffle8(a, b, LOW));
      f.set(hi, f.shuffle8(a, b, HIGH));
    }
    [from, to] = [to, from];
  }
  return from;
};

const vectors = (f: Fn): readonly Local[] => Array.from({ length: LANES }, () => f.local('v128'));

/** Positions p of a plane in steps of 16; the last step goes back so that it ends with the plane, where that has 16. */
const forPositions = (f: Fn, plane: Local, body: (p: Local) => void): void => {
  const { i32 } = f.ops;
  const last = f.i32(f.select(i32.gt_s(plane, 16), i32.sub(plane, 16), 0));
  f.for(0, plane, 16, (p) => {
    body(f.i32(f.select(i32.gt_s(p, last), last, p)));
  });
};

/** (from, to, channels, plane, pitch): bytes [channels][plane] to beats of 16 channels, `pitch` bytes from a position to the next. */
export const blockKernel = (asm: Asm): string =>
  asm.define('array_block', ['i32', 'i32', 'i32', 'i32', 'i32'], undefined, (f) => {
    const { i32 } = f.ops;
    const [from, to, channels, plane, pitch] = [0, 1, 2, 3, 4].map((i) => f.arg(i)) as [Local, Local, Local, Local, Local];
    const [a, b] = [vectors(f), vectors(f)];
    f.for(0, channels, LANES, (c) => {
      forPositions(f, plane, (p) => {
        const at = f.i32(i32.add(i32.add(from, p), i32.mul(c, plane)));
        const left = f.i32(i32.sub(channels, c));
        a.forEach((row, i) => {
          f.set(row, f.vload('load', at));
          // channels that do not exist repeat the last one: their weights are 0
          if (i < LANES - 1) f.inc(at, f.select(i32.gt_s(left, i + 1), plane, 0));
        });
        const out = f.i32(i32.add(i32.add(to, i32.mul(p, pitch)), c));
        for (const column of transpose(f, a, b)) {
          f.vstore(out, column);
          f.inc(out, pitch);
        }
      });
    });
  });

/** (from, to, channels, plane, pitch): the way back. Writes up to 15 bytes behind the last channel. */
export const unblockKernel = (asm: Asm): string =>
  asm.define('array_unblock', ['i32', 'i32', 'i32', 'i32', 'i32'], undefined, (f) => {
    const { i32 } = f.ops;
    const [from, to, channels, plane, pitch] = [0, 1, 2, 3, 4].map((i) => f.arg(i)) as [Local, Local, Local, Local, Local];
    const [a, b] = [vectors(f), vectors(f)];
    f.for(0, channels, LANES, (c) => {
      forPositions(f, plane, (p) => {
        const at = f.i32(i32.add(i32.add(from, i32.mul(p, pitch)), c));
        for (const row of a) {
          f.set(row, f.vload('load', at));
          f.inc(at, pitch);
        }
        const out = f.i32(i32.add(i32.add(to, p), i32.mul(c, plane)));
        const left = f.i32(i32.sub(channels, c));
        transpose(f, a, b).forEach((row, i) => {
          f.if(i32.gt_s(left, i), () => {
            f.vstore(out, row);
          });
          f.inc(out, plane);
        });
      });
    });
  });

/** (from, to, rows, fromPitch, toPitch, bytes): copies rows in vectors, which may write up to 15 bytes behind each. */
export const repitchKernel = (asm: Asm): string =>
  asm.define('array_repitch', ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'], undefined, (f) => {
    const { i32 } = f.ops;
    const [from, to, rows, fromPitch, toPitch, bytes] = [0, 1, 2, 3, 4, 5].map((i) => f.arg(i)) as [
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
    ];
    const [source, target] = [f.i32(from), f.i32(to)];
    f.for(0, rows, 1, () => {
      f.for(0, bytes, 16, (k) => {
        f.vstore(i32.add(target, k), f.vload('load', i32.add(source, k)));
      });
      f.inc(source, fromPitch);
      f.inc(target, toPitch);
    });
  });

/** (from, to, channels, plane, pitch): sums of 32 bits of a pixel, `pitch` bytes apart, to [channels][plane]. */
export const unblockSumsKernel = (asm: Asm): string =>
  asm.define('array_unblock_sums', ['i32', 'i32', 'i32', 'i32', 'i32'], undefined, (f) => {
    const { i32 } = f.ops;
    const [from, to, channels, plane, pitch] = [0, 1, 2, 3, 4].map((i) => f.arg(i)) as [Local, Local, Local, Local, Local];
    const target = f.i32(to);
    f.for(0, channels, 1, (c) => {
      const source = f.i32(i32.add(from, i32.shl(c, 2)));
      f.for(0, plane, 1, () => {
        f.store('i32', target, f.load('i32', source));
        f.inc(source, pitch);
        f.inc(target, 4);
      });
    });
  });
