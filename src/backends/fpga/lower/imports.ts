import type { ValueId } from '../../../ir/index.ts';
import { invariant } from '../../../support/index.ts';
import { type Context, type Emit, Slot } from '../../cpu/simd/index.ts';
import { blocksOf, LANES } from '../array/config.ts';
import { blockedSlack, blockKernel, repitchKernel, ROW_SLACK, unblockKernel, unblockSumsKernel } from './convert.ts';
import { BEAT, Home, isDense, isRowMajor, pixelsOf, type Sizes } from './homes.ts';

/** A value that lies row-major, as the array reads it. */
export interface Import {
  /** The row-major value that is read. */
  readonly source: ValueId;
  readonly home: Home;
  /** The place of the copy; undefined where the value itself is read. */
  readonly copy: Slot | undefined;
  /** Makes the copy, in the step that first needs it. */
  readonly emit: ((ctx: Context) => Emit) | undefined;
}

const copySlot = (home: Home, slack: number): Slot => new Slot(pixelsOf(home) * blocksOf(home.channels) * BEAT + slack);

/** A value that lies row-major. */
export interface Source {
  readonly value: ValueId;
  readonly constant: boolean;
}

/** Rows of channels: read where they are, or copied to whole beats. */
const importRows = (ctx: Context, kind: Home['kind'], sizes: Sizes, { value: source, constant }: Source): Import => {
  const shape = { ...sizes, kind };
  const probe = new Home(kind, sizes, false, () => ctx.slot(source));
  // constants have places that are not the run's
  const isWhole = sizes.channels % LANES === 0 || pixelsOf(sizes) === 1;
  if (isWhole && !constant) return { source, home: probe, copy: undefined, emit: undefined };
  const copy = copySlot(probe, ROW_SLACK);
  const pitch = blocksOf(sizes.channels) * BEAT;
  return {
    source,
    home: new Home(kind, sizes, false, () => copy),
    copy,
    emit: (context) => {
      const from = context.use(source);
      return (f) => {
        const rows = pixelsOf(shape);
        f.do(f.call(repitchKernel(context.asm), [from.address, copy.address, rows, sizes.channels, pitch, sizes.channels]));
      };
    },
  };
};

/** A matrix, or an image that lies channels last in another value. */
export const importMatrix = (ctx: Context, sizes: Sizes, source: Source): Import => importRows(ctx, 'matrix', sizes, source);
export const importChannelsLast = (ctx: Context, sizes: Sizes, source: Source): Import => importRows(ctx, 'image', sizes, source);

/** An image, channels first. */
export const importImage = (ctx: Context, sizes: Sizes, from: Source): Import => {
  const { images, height, width, channels } = sizes;
  const source = from.value;
  if (height * width === 1) return importRows(ctx, 'image', sizes, from);
  const pitch = blocksOf(channels) * BEAT;
  const probe = new Home('image', sizes, false, () => ctx.slot(source));
  const copy = copySlot(probe, blockedSlack(pitch));
  return {
    source,
    home: new Home('image', sizes, false, () => copy),
    copy,
    emit: (context) => {
      const rows = context.use(source);
      return (f) => {
        const [plane, kernel] = [height * width, blockKernel(context.asm)];
        for (let n = 0; n < images; n++)
          f.do(f.call(kernel, [rows.address + n * channels * plane, copy.address + n * plane * pitch, channels, plane, pitch]));
      };
    },
  };
};

/**
 * An image of few channels as it lies, 16 bytes of a row a beat: in planes, or channels last where the source does. Rows of other sizes
 * are copied to whole beats, with padding behind them.
 */
export const importLines = (sizes: Sizes, { value: source, constant }: Source, last: boolean, pad: number, place: () => Slot): Import => {
  const { images, height, width, channels } = sizes;
  const rowBytes = last ? width * channels : width;
  const beats = Math.ceil(rowBytes / BEAT);
  const rows = images * height * (last ? 1 : channels);
  const isWhole = rowBytes % BEAT === 0 && !constant;
  const slot = isWhole ? undefined : new Slot(rows * beats * BEAT + ROW_SLACK);
  const lines: Sizes = { images, height, width: beats, channels: BEAT };
  const home = new Home('image', lines, false, slot === undefined ? place : () => slot, last ? undefined : channels);
  if (slot === undefined) return { source, home, copy: undefined, emit: undefined };
  return {
    source,
    home,
    copy: slot,
    emit: (context) => {
      const from = context.use(source);
      return (f) => {
        const at = f.i32(from.address);
        const to = f.i32(slot.address);
        const kept = rowBytes % BEAT;
        const tail = Array.from({ length: BEAT }, (_, i) => (i < kept ? i : 16));
        const filler = f.v128(f.ops.i8x16.splat(pad));
        f.for(0, rows, 1, () => {
          for (let b = 0; b < beats; b++) {
            const vector = f.vload('load', at, b * BEAT);
            f.vstore(to, b === beats - 1 && kept > 0 ? f.shuffle8(vector, filler, tail) : vector, b * BEAT);
          }
          f.inc(at, rowBytes);
          f.inc(to, beats * BEAT);
        });
      };
    },
  };
};

/** A row-major value gets what the array made. */
export const exportRows = (ctx: Context, home: Home, value: ValueId): Emit => {
  invariant(!isDense(home) || home.isPart, 'what lies row-major is not copied');
  const to = ctx.use(value);
  const { images, height, width, channels, raw, view } = home;
  const bytes = raw ? 4 : 1;
  return (f) => {
    const pitch = view.buffer.pitch * BEAT;
    const from = view.buffer.slot.address + view.first * BEAT;
    if (isRowMajor(home)) {
      f.do(f.call(repitchKernel(ctx.asm), [from, to.address, pixelsOf(home), pitch, channels * bytes, channels * bytes]));
      return;
    }
    const plane = height * width;
    const kernel = raw ? unblockSumsKernel(ctx.asm) : unblockKernel(ctx.asm);
    for (let n = 0; n < images; n++)
      f.do(f.call(kernel, [from + n * plane * pitch, to.address + n * channels * plane * bytes, channels, plane, pitch]));
  };
};
