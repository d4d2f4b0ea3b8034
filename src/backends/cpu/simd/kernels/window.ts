import type { Asm } from '../asm.ts';
import type { Fn } from '../fn.ts';
import type { Geometry } from '../geometry.ts';
import { planeOf } from '../geometry.ts';
import type { Val } from '../lift.ts';
import { type ElementBytes, emitCopy, fill32Kernel } from './copy.ts';

/** What padding holds: a byte repeated, or a 32-bit word, which may go on into the unused end of the place. */
export type Fill = { readonly byte: number } | { readonly word: number };

/** Copies `planes` planes into their padded places. */
export const emitPadded = (f: Fn, asm: Asm, g: Geometry, planes: number, to: number, from: Val, bytes: ElementBytes, fill: Fill): void => {
  const total = planes * planeOf(g.padded) * bytes;
  if ('byte' in fill) f.fill(to, fill.byte, total);
  else f.do(f.call(fill32Kernel(asm), [to, fill.word, Math.ceil(total / 4)]));
  const [, ih, iw] = g.input;
  const [, ph, pw] = g.padded;
  const first = ((g.begin[0] * ph + g.begin[1]) * pw + g.begin[2]) * bytes;
  emitCopy(
    f,
    asm,
    {
      sizes: [planes, ...g.input],
      strides: [
        [planeOf(g.padded) * bytes, ph * pw * bytes, pw * bytes, bytes],
        [planeOf(g.input) * bytes, ih * iw * bytes, iw * bytes, bytes],
      ],
    },
    to + first,
    from,
    bytes,
  );
};
