import { fail, type Result } from '../../support/index.ts';
import { decodeBmp } from './bmp.ts';
import { firstBytes, type NamedSource, pictureFormatUnknown } from './diagnostics.ts';
import { decodeJpeg } from './jpeg.ts';
import { hasText, type Picture, type PictureLimits } from './picture.ts';
import { decodePng } from './png.ts';

export interface DecodePictureOptions extends NamedSource {
  /** Most pixels, width times height; 2^26 when left out. */
  readonly maxPixels?: number;
}

const DEFAULT_MAX_PIXELS = 2 ** 26;

/** First bytes -> format; text stands for its character codes. */
const READ = {
  png: '\x89PNG\r\n\x1a\n',
  jpeg: '\xff\xd8\xff',
  bmp: 'BM',
} as const;
export type PictureFormat = keyof typeof READ;

const DECODERS = { png: decodePng, jpeg: decodeJpeg, bmp: decodeBmp } as const satisfies Record<
  PictureFormat,
  (bytes: Uint8Array, limits: PictureLimits) => Result<Picture>
>;

/** Formats that are known by name only, so that the refusal can say it: first bytes, where they stand, name. */
const NOT_READ = [
  ['GIF8', 0, 'GIF'],
  ['WEBP', 8, 'WebP'],
  ['II*\0', 0, 'TIFF'],
  ['MM\0*', 0, 'TIFF'],
  ['ftypavif', 4, 'AVIF'],
  ['ftypheic', 4, 'HEIC'],
  ['ftypmif1', 4, 'HEIF'],
  ['\xff\x0a', 0, 'JPEG XL'],
  ['JXL ', 4, 'JPEG XL'],
  ['jP  ', 4, 'JPEG 2000'],
  ['P5', 0, 'PGM'],
  ['P6', 0, 'PPM'],
] as const;

/** The format by its first bytes; undefined when it is none that is read. */
export const pictureFormat = (bytes: Uint8Array): PictureFormat | undefined => {
  for (const format of ['png', 'jpeg', 'bmp'] as const) {
    if (hasText(bytes, READ[format], 0)) return format;
  }
  return undefined;
};

/**
 * Reads a PNG, JPEG or BMP into 8-bit RGB. Gray is repeated into three channels. Transparency is composited over white.
 * EXIF orientation, gamma and colour profiles are ignored. The result depends on the bytes alone.
 *
 * Allocation is bounded by `maxPixels` and by what the bytes can hold. Errors: IO2040 to IO2044.
 */
export const decodePicture = (bytes: Uint8Array, { name, maxPixels = DEFAULT_MAX_PIXELS }: DecodePictureOptions = {}): Result<Picture> => {
  const format = pictureFormat(bytes);
  if (format !== undefined) return DECODERS[format](bytes, { name, maxPixels });
  const known = NOT_READ.find(([text, at]) => hasText(bytes, text, at));
  return fail(pictureFormatUnknown(name, known?.[2] ?? `a file that starts with ${firstBytes(bytes)}`));
};
