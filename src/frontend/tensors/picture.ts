import { type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { pictureTooLarge } from './diagnostics.ts';

/** An 8-bit RGB picture: rows from the top, pixels from the left, three bytes a pixel. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 3;
  /** `height * width * 3` bytes. */
  readonly data: Uint8Array;
}

export interface PictureLimits {
  /** Names the picture in diagnostics. */
  readonly name: string | undefined;
  /** Most pixels, width times height. */
  readonly maxPixels: number;
}

/** With sides up to here all sums of the resize formula stay below 2^50 (resize.ts). */
export const MAX_SIDE = 65_535;

export const checkSize = (width: number, height: number, { name, maxPixels }: PictureLimits): Diagnostic | undefined =>
  width > MAX_SIDE || height > MAX_SIDE || width * height > maxPixels ? pictureTooLarge(name, width, height, maxPixels) : undefined;

/** One colour value over white: round((c * alpha + 255 * (255 - alpha)) / 255), halves up. */
const overWhite = (value: number, alpha: number): number => Math.floor((2 * (value * alpha + 255 * (255 - alpha)) + 255) / 510);

/** Takes RGBA of straight (not premultiplied) alpha to RGB over white. */
export const compositeOverWhite = (rgba: Uint8Array, width: number, height: number): Picture => {
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    const alpha = rgba[from + 3] ?? 0;
    for (let channel = 0; channel < 3; channel++) data[to + channel] = overWhite(rgba[from + channel] ?? 0, alpha);
  }
  return { width, height, channels: 3, data };
};

/** Whether the characters of `text`, all below 256, stand at `at`. */
export const hasText = (bytes: Uint8Array, text: string, at: number): boolean => {
  for (let i = 0; i < text.length; i++) {
    if (bytes[at + i] !== text.charCodeAt(i)) return false;
  }
  return true;
};

/** Runs a decoder of a package, which says what is wrong by throwing. */
export const attempt = <T>(decode: () => T, report: (message: string) => Diagnostic): Result<T> => {
  try {
    return ok(decode());
  } catch (error) {
    return fail(report(error instanceof Error ? error.message : String(error)));
  }
};
