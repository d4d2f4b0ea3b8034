import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Local, Val } from '../lift.ts';
import { type Axes, collapse, nestRows } from './nest.ts';

const ACCESS = { 1: 'u8', 2: 'i16', 4: 'i32' } as const;
export type ElementBytes = keyof typeof ACCESS;

/** move(to, from, bytes): memory.copy is a call out of the module, too slow for the short rows of images. */
export const moveKernel = (asm: Asm): string =>
  asm.define('move', ['i32', 'i32', 'i32'], undefined, (f) => {
    const { i32 } = f.ops;
    const [to, from, bytes] = [f.arg(0), f.arg(1), f.arg(2)];
    f.if(
      i32.gt_u(bytes, 256),
      () => f.copy(to, from, bytes),
      () => {
        const end8 = f.i32(i32.add(to, i32.and(bytes, -8)));
        const end = f.i32(i32.add(to, bytes));
        f.while(
          () => i32.lt_u(to, end8),
          () => {
            f.store('i64', to, f.load('i64', from));
            f.inc(to, 8);
            f.inc(from, 8);
          },
        );
        f.while(
          () => i32.lt_u(to, end),
          () => {
            f.store('u8', to, f.load('u8', from));
            f.inc(to, 1);
            f.inc(from, 1);
          },
        );
      },
    );
  });

/** strided(to, from, count, toStep, fromStep): single elements; steps in bytes. */
const stridedKernel = (asm: Asm, bytes: ElementBytes): string =>
  asm.define(`strided${bytes}`, ['i32', 'i32', 'i32', 'i32', 'i32'], undefined, (f) => {
    const [to, from, count, toStep, fromStep] = [f.arg(0), f.arg(1), f.arg(2), f.arg(3), f.arg(4)];
    f.for(0, count, 1, () => {
      f.store(ACCESS[bytes], to, f.load(ACCESS[bytes], from));
      f.inc(to, toStep);
      f.inc(from, fromStep);
    });
  });

/** fill32(to, word, count): repeats a 32-bit pattern. */
export const fill32Kernel = (asm: Asm): string =>
  asm.define('fill32', ['i32', 'i32', 'i32'], undefined, (f) => {
    const to = f.arg(0);
    f.for(0, f.arg(2), 1, () => {
      f.store('i32', to, f.arg(1));
      f.inc(to, 4);
    });
  });

/** Copies elements along a walk, or the calling thread's share of it; pointer 0 is the target, pointer 1 the source, strides in bytes. */
export const emitCopy = (f: Fn, asm: Asm, axes: Axes, to: Val, from: Val, bytes: ElementBytes, divided = false): void => {
  if (axes.sizes.some((s) => s === 0)) return;
  const walk = collapse(axes);
  const inner = walk.sizes.length - 1;
  const [toStep = 0, fromStep = 0] = walk.strides.map((s) => s[inner] ?? bytes);
  const row = ([t, s]: readonly Local[], count: Val): void => {
    if (t === undefined || s === undefined) return;
    if (toStep === bytes && fromStep === bytes) f.do(f.call(moveKernel(asm), [t, s, f.ops.i32.mul(count, bytes)]));
    else f.do(f.call(stridedKernel(asm, bytes), [t, s, count, toStep, fromStep]));
  };
  nestRows(f, walk, [to, from], row, divided);
};
