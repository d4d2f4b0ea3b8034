import { elementCount, type ValueId } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, KernelLaunch, Slot } from '../../../cpu/simd/index.ts';
import { type Geometry, planeOf } from '../../../cpu/simd/geometry.ts';
import type { Layouts } from '../../../plan/index.ts';
import { launchOver, transposition } from './launches.ts';
import { triple } from './structure.ts';

type Triple = Geometry['input'];

/** An image as the matrix engines read it, channels last. */
export interface Image {
  readonly slot: Slot;
  /** Bytes from a position to the next along the width. */
  readonly pitch: number;
  /** Bytes of a kernel position of a group: its channels, and zeros behind them in the weights. */
  readonly inGroup: number;
  /** Whether a kernel position is a whole line of the kernel, `channelBytes` each. */
  readonly merged: boolean;
  readonly channelBytes: number;
  /** Sizes as the kernel sees them. */
  readonly input: Triple;
  readonly kernel: Triple;
  readonly begin: Triple;
  readonly outside: boolean;
  /** Bytes that are neighbours wherever a kernel position starts. */
  readonly piece: 16 | 8 | 4;
}

/** A windowed layer. */
export interface Window {
  readonly x: ValueId;
  readonly batch: number;
  readonly channels: number;
  readonly groups: number;
  readonly geometry: Geometry;
  readonly pad: number;
}

const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;
const pieceOf = (...sizes: readonly number[]): 16 | 8 | 4 => {
  const fits = (piece: number): boolean => sizes.every((s) => s % piece === 0);
  return fits(16) ? 16 : fits(8) ? 8 : 4;
};

/** Whether a layer has channels last without padding them. */
const isWhole = ({ channels, groups }: Window): boolean => (channels / groups) % 4 === 0;

/** Whether the matrix engines can read the layer at all: padding channels of several groups would move them apart. */
export const canRead = (w: Window): boolean => isWhole(w) || w.groups === 1;

/** The most that an image may take when it is packed. */
export const packedBytes = ({ batch, channels, geometry: g }: Window): number =>
  batch * (planeOf(g.padded) + g.padded[0] * g.padded[1] * 4) * roundUp(channels, 16);

const direct = (w: Window, slot: Slot, pitch: number, inGroup: number): Image => ({
  slot,
  pitch,
  inGroup,
  merged: false,
  channelBytes: inGroup,
  input: w.geometry.input,
  kernel: w.geometry.kernel,
  begin: w.geometry.begin,
  outside: w.geometry.copies,
  piece: pieceOf(pitch, inGroup),
});

/** Most channels of an image whose kernel lines are merged: those of pictures. */
const MERGED_CHANNELS = 4;

/**
 * Images of few channels: each channel's bytes padded to four, the border written out, and a whole line of the kernel taken as one
 * position. 7 x 7 over 3 channels so has 7 positions of 28 bytes, read as pieces of 8, where 49 positions of 3 channels would be
 * 49 pieces of 4, or 5 times the products if channels were padded to 16.
 */
const mergedLines = (w: Window): Omit<Image, 'slot'> & { readonly full: Triple } => {
  const { geometry: g } = w;
  const unit = pieceOf(g.stride[2] * MERGED_CHANNELS);
  const full: Triple = [g.padded[0], g.padded[1], roundUp(g.padded[2] * MERGED_CHANNELS, unit) / MERGED_CHANNELS];
  return {
    pitch: MERGED_CHANNELS,
    inGroup: roundUp(g.kernel[2] * MERGED_CHANNELS, unit),
    merged: true,
    channelBytes: MERGED_CHANNELS,
    input: full,
    kernel: [g.kernel[0], g.kernel[1], 1],
    begin: [0, 0, 0],
    outside: false,
    piece: unit,
    full,
  };
};

/** The packing of planes into an image with a border and `pitch` bytes a position. */
const packing = (w: Window, name: string, from: Slot, to: Slot, full: Triple, begin: Triple, pitch: number): KernelLaunch =>
  launchOver((w.batch * planeOf(full) * pitch) / 4, 'cxg_pack.cuh', (n) => `cxg_pack_image<${n}>(e);`, name, {
    batch: w.batch,
    channels: w.channels,
    ...triple('in', w.geometry.input),
    ...triple('full', full),
    ...triple('begin', begin),
    pitch,
    pad: w.pad,
    from,
    to,
  });

/** The bytes behind a packed image that a merged line may read: its weights are zeros there. */
const SLACK = 64;

/** Where a layer's input lies channels last: where it is, or in a copy that a kernel makes first. */
export const imageOf = (ctx: Context, layouts: Layouts, w: Window, name: string): Image => {
  const { geometry: g } = w;
  const isLast = layouts.isLast(w.x) || planeOf(g.input) === 1;
  if (isLast && isWhole(w)) return direct(w, ctx.use(w.x), w.channels, w.channels / w.groups);
  if (isWhole(w)) {
    const slot = ctx.packedByKernels([w.x], elementCount(ctx.type(w.x).shape), (from, to) => [
      transposition(`${name}_image`, at(from, 0), to, { batch: w.batch, rows: w.channels, columns: planeOf(g.input) }),
    ]);
    return direct(w, slot, w.channels, w.channels / w.groups);
  }
  const few = w.channels <= MERGED_CHANNELS && g.kernel[2] > 1 && g.dilation[2] === 1;
  const merged = few ? mergedLines(w) : undefined;
  const pitch = merged?.pitch ?? roundUp(w.channels, w.channels < 16 ? 4 : 16);
  const [full, begin] = merged === undefined ? ([g.input, [0, 0, 0]] as const) : [merged.full, g.begin];
  const slot = ctx.packedByKernels([w.x], w.batch * planeOf(full) * pitch + SLACK, (from, to) => [
    packing(w, `${name}_image`, at(from, 0), to, full, begin, pitch),
  ]);
  return merged === undefined ? direct(w, slot, pitch, pitch) : { ...merged, slot };
};
