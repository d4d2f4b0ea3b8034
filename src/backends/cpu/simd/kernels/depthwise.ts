import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Ex, Local } from '../lift.ts';
import { byteFactors, loadByteFactors, lowBytes, plainBounds, rescaledHalves } from './bytes.ts';
import { type Epilogue, factorsFor, finishPixels, loadEntry, RESULT_ACCESS } from './gemm.ts';
import { ACCESS_BYTES } from './map.ts';
import { interleave } from './pack.ts';
import { storeBytes } from './store.ts';

/** Pairs of taps in the weights of a channel. With stride 2 each row of the kernel has its own: a third tap is paired with 0. */
export const DEPTHWISE_PAIRS = { 1: 5, 2: 6 } as const;
export type DepthwiseStride = keyof typeof DEPTHWISE_PAIRS;

/** Where the taps of each pair are: row and column in the window. */
const PAIRS = {
  1: [
    [0, 0, 0, 1],
    [0, 2, 1, 0],
    [1, 1, 1, 2],
    [2, 0, 2, 1],
    [2, 2, 2, 2],
  ],
  2: [
    [0, 0],
    [0, 2],
    [1, 0],
    [1, 2],
    [2, 0],
    [2, 2],
  ],
} as const;

/** Finishes eight pixels of the channel that `entry` points to, of which `count` are stored. */
const finisher = (
  f: Fn,
  epilogue: Epilogue,
  entry: Local,
  constants: Local,
): ((low: Local, high: Local, to: Local, count: Local) => void) => {
  if (epilogue === 'narrow') {
    const factors = byteFactors(f);
    loadByteFactors(f, factors, entry);
    return (low, high, to, count) => {
      const halves = f.v128(rescaledHalves(f, low, high, factors, constants));
      storeBytes(f, to, f.v128(lowBytes(f, halves, halves, constants)), count);
    };
  }
  const factors = factorsFor(f, epilogue);
  loadEntry(f, factors, entry);
  const bounds = plainBounds(f, constants);
  return (low, high, to, count) => finishPixels(f, epilogue, factors, low, high, to, count, bounds);
};

/**
 * depthwise(from, pitch, to, height, width, weights, entry, constants): one channel of a 3 x 3 convolution of bytes with one kernel a
 * channel: a plane whose rows are `pitch` bytes becomes [height, width]. `weights` holds i16 pairs of taps, `constants` is a table of
 * `byteConstants`. With stride 2 two
 * neighbours in a row of the input are the operands of one pixel's pair as they lie.
 */
export const depthwiseKernel = (asm: Asm, unsigned: boolean, stride: DepthwiseStride, epilogue: Epilogue): string =>
  asm.define(`depthwise_${unsigned ? 'u' : 's'}${stride}_${epilogue}`, new Array<'i32'>(8).fill('i32'), undefined, (f) => {
    const { i32, i32x4 } = f.ops;
    const [from, pitch, to, height, width, weights, entry] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4), f.arg(5), f.arg(6)];
    const load = unsigned ? 'load8x8_u' : 'load8x8_s';
    const taps = Array.from({ length: DEPTHWISE_PAIRS[stride] }, (_, i) => f.v128(f.vload('load32_splat', weights, 4 * i)));
    const [low, high, va, vb] = [f.local('v128'), f.local('v128'), f.local('v128'), f.local('v128')];
    const rows = [f.local('i32'), f.local('i32'), f.local('i32')] as const;
    const [left, cell] = [f.local('i32'), f.i32(to)];
    const finish = finisher(f, epilogue, entry, f.arg(7));
    const bias = f.v128(f.vload('load32_splat', entry));
    const bytes = ACCESS_BYTES[RESULT_ACCESS[epilogue]];
    const add = (sum: Local, x: Ex | Local, w: Local): void => f.set(sum, i32x4.add(sum, i32x4.dot_i16x8_s(x, w)));
    const window = (): void => {
      f.set(low, bias);
      f.set(high, bias);
      taps.forEach((w, i) => {
        if (stride === 2) {
          const [y, x] = PAIRS[2][i] ?? [0, 0];
          add(low, f.vload(load, rows[y], x), w);
          add(high, f.vload(load, rows[y], x + 8), w);
          return;
        }
        const [y0, x0, y1, x1] = PAIRS[1][i] ?? [0, 0, 0, 0];
        f.set(va, f.vload(load, rows[y0], x0));
        f.set(vb, f.vload(load, rows[y1], x1));
        const [first, second] = interleave(f, va, vb);
        add(low, first, w);
        add(high, second, w);
      });
    };
    f.for(0, height, 1, () => {
      f.set(rows[0], from);
      f.set(rows[1], i32.add(from, pitch));
      f.set(rows[2], i32.add(rows[1], pitch));
      f.set(left, width);
      f.while(
        () => left,
        () => {
          window();
          f.scope(() => finish(low, high, cell, left));
          const taken = f.i32(f.select(i32.gt_u(left, 8), 8, left));
          f.set(left, i32.sub(left, taken));
          f.inc(cell, bytes === 1 ? taken : i32.mul(taken, bytes));
          rows.forEach((r) => f.inc(r, 8 * stride));
        },
      );
      f.inc(from, i32.mul(pitch, stride));
    });
  });
