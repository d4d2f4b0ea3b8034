import type { ValueId } from '../../../ir/index.ts';
import { invariant } from '../../../support/index.ts';
import { type Context, type Emit, Slot } from '../../cpu/simd/index.ts';
import { blocksOf, LANES } from '../array/config.ts';
import {
  blockedSlack,
  blockKernel,
  repitchKernel,
  ROW_SLACK,
  spreadKernel,
  unblockKernel,
  unblockSumsKernel,
  zipKernel,
} from './convert.ts';
import { BEAT, Home, isDense, isRowMajor, pixelsOf, type Sizes } from './homes.ts';
import type { ColumnPacking } from './weights.ts';

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

/** How the columns of an image of few channels are brought together for a conv. */
export interface Columns extends ColumnPacking {
  /** Padding before the first column, beats of a row, and columns from a beat to the next. */
  readonly begin: number;
  readonly beats: number;
  readonly step: number;
  readonly pad: number;
}

/** Bytes that kernels may write behind a line. */
const LINE_SLACK = 96;

/**
 * An image of few channels, a beat for every window start with the pixels that follow: so a conv has one kernel position for several
 * columns. Padding of columns is written out; that of rows is left to the array.
 * @param last - whether the source lies channels last
 */
export const importColumns = (sizes: Sizes, source: ValueId, last: boolean, c: Columns): Import => {
  const { images, height, width, channels } = sizes;
  const packed: Sizes = { images, height, width: c.beats, channels: LANES };
  const copy = new Slot(images * height * c.beats * BEAT);
  const lead = Math.ceil((c.begin * c.pixel) / LANES) * LANES;
  const first = lead - c.begin * c.pixel;
  const reads = (c.beats - 1) * c.step * c.pixel + LANES;
  const lineBytes = Math.max(first + reads, lead + width * c.pixel) + LINE_SLACK;
  return {
    source,
    home: new Home('image', packed, false, () => copy),
    copy,
    emit: (context) => {
      const from = context.use(source);
      const line = context.temporary(lineBytes);
      return (f) => {
        const { i32 } = f.ops;
        const spread = spreadKernel(context.asm);
        const zip = last || channels === 1 ? undefined : zipKernel(context.asm, channels as 2 | 3 | 4);
        const rowBytes = last ? width * channels : width;
        const end = lead + width * c.pixel;
        f.fill(line.address, c.pad & 255, lineBytes);
        const to = f.i32(copy.address);
        for (let n = 0; n < images; n++) {
          const at = f.i32(from.address + n * channels * height * width);
          f.for(0, height, 1, () => {
            if (zip === undefined) f.copy(line.address + lead, at, rowBytes);
            else {
              f.do(f.call(zip, [at, line.address + lead, width, height * width]));
              // the last vectors go beyond the row
              if (width % LANES !== 0) f.fill(line.address + end, c.pad & 255, Math.min(lineBytes - end, 64));
            }
            f.do(f.call(spread, [line.address + first, to, c.beats, c.step * c.pixel]));
            f.inc(at, rowBytes);
            f.set(to, i32.add(to, c.beats * BEAT));
          });
        }
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
