import type { Tensor } from '../../ir/index.ts';
import { fail, ok, type Result } from '../../support/index.ts';
import { preparationOutOfRange } from './diagnostics.ts';
import type { Picture } from './picture.ts';

export const PICTURE_LAYOUTS = ['nchw', 'nhwc'] as const;
export type PictureLayout = (typeof PICTURE_LAYOUTS)[number];
export const PICTURE_CHANNELS = ['rgb', 'bgr', 'gray'] as const;
export type PictureChannels = (typeof PICTURE_CHANNELS)[number];

export interface PictureTensorOptions {
  /** Subtracted after scaling: one value, or one for each channel in the order of `channels`. */
  readonly mean?: readonly number[];
  /** Divided by at the end: one value, or one for each channel; not 0. */
  readonly std?: readonly number[];
  /** Multiplies the 8-bit value; 1/255 when left out. */
  readonly scale?: number;
  readonly layout?: PictureLayout;
  readonly channels?: PictureChannels;
}

/** Luma of ITU-R BT.601 in 16 fractional bits; the weights sum to 65536. */
const luma = (red: number, green: number, blue: number): number => (19_595 * red + 38_470 * green + 7_471 * blue + 32_768) >> 16;

/** Channel order -> the 8-bit planes, one value a pixel. */
const toPlanes = ({ data }: Picture, channels: PictureChannels): readonly Uint8Array[] => {
  const planes = [0, 1, 2].map((channel) => new Uint8Array(data.length / 3).map((_, i) => data[3 * i + channel] ?? 0));
  const [red = new Uint8Array(), green = new Uint8Array(), blue = new Uint8Array()] = planes;
  switch (channels) {
    case 'rgb':
      return planes;
    case 'bgr':
      return planes.toReversed();
    case 'gray':
      return [red.map((value, i) => luma(value, green[i] ?? 0, blue[i] ?? 0))];
    default:
      return channels satisfies never;
  }
};

/** One value for each channel; undefined when the list has another length or a value that cannot be used. */
const spread = (values: readonly number[], count: number, usable: (value: number) => boolean): readonly number[] | undefined => {
  const [first = Number.NaN] = values;
  const all = values.length === 1 ? new Array<number>(count).fill(first) : values;
  return all.length === count && all.every(usable) ? all : undefined;
};

/** What each of the 256 byte values becomes, in float32 with a rounding after each step. */
const valueTable = (scale: number, mean: number, std: number): Float32Array =>
  Float32Array.from({ length: 256 }, (_, byte) => {
    const scaled = Math.fround(byte * scale);
    return Math.fround(Math.fround(scaled - Math.fround(mean)) / Math.fround(std));
  });

/**
 * Makes the float32 input tensor of a model, `[1, C, H, W]` or `[1, H, W, C]`:
 *
 *     x = fround(fround(fround(byte * scale) - fround(mean)) / fround(std))
 *
 * `scale` itself stays float64, so that 1/255 gives exactly float32(byte / 255) for every byte. Gray is BT.601 luma,
 * rounded to 8 bits first. Error: IO2050.
 */
export const pictureToTensor = (
  picture: Picture,
  { mean = [0], std = [1], scale = 1 / 255, layout = 'nchw', channels = 'rgb' }: PictureTensorOptions = {},
): Result<Tensor> => {
  const { width, height } = picture;
  const planes = toPlanes(picture, channels);
  const count = planes.length;
  const means = spread(mean, count, (value) => Number.isFinite(Math.fround(value)));
  const stds = spread(std, count, (value) => Number.isFinite(Math.fround(value)) && Math.fround(value) !== 0);
  if (!means || !stds || !Number.isFinite(Math.fround(scale))) {
    const given = `scale ${scale}, mean [${mean.join(', ')}], std [${std.join(', ')}]`;
    return fail(
      preparationOutOfRange(
        `${given} do not fit ${count} channel${count === 1 ? '' : 's'} (${channels})`,
        `Give 1 or ${count} finite float32 values each; no std is 0.`,
      ),
    );
  }
  const data = new Float32Array(count * width * height);
  const [channelStep, pixelStep] = layout === 'nchw' ? [width * height, 1] : [1, count];
  planes.forEach((plane, channel) => {
    const table = valueTable(scale, means[channel] ?? 0, stds[channel] ?? 1);
    plane.forEach((byte, pixel) => {
      data[channel * channelStep + pixel * pixelStep] = table[byte] ?? 0;
    });
  });
  const shape = layout === 'nchw' ? [1, count, height, width] : [1, height, width, count];
  return ok({ dtype: 'f32', shape, data });
};
