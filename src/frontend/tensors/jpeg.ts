import { decode } from 'jpeg-js';
import { fail, ok, type Result } from '../../support/index.ts';
import { pictureDamaged, pictureUnjustified, pictureUnsupported } from './diagnostics.ts';
import { readJpegLayout } from './jpeg-layout.ts';
import { attempt, checkSize, type Picture, type PictureLimits } from './picture.ts';

const FORMAT = 'JPEG';
const MEBIBYTE = 2 ** 20;
/** 64 coefficients of 4 bytes. */
const BLOCK_BYTES = 256;
/** Sample rows, colour planes and the result, for each pixel of a padded block. */
const PIXEL_BYTES = 12;

/**
 * Reads a JPEG: 8-bit baseline, extended and progressive Huffman coding; gray, YCbCr and RGB. The result is defined by
 * jpeg-js (integer inverse DCT, chroma repeated, not interpolated) and is the same on every machine; other decoders may
 * differ by a few levels. The EXIF orientation and colour profiles are ignored: pixels come as they are stored.
 */
export const decodeJpeg = (bytes: Uint8Array, limits: PictureLimits): Result<Picture> => {
  const { name } = limits;
  const read = readJpegLayout(bytes);
  if (read.kind === 'damaged') return fail(pictureDamaged(name, FORMAT, read.problem));
  if (read.kind === 'unsupported') return fail(pictureUnsupported(name, FORMAT, read.feature));
  const { width, height, blocks, paddedBlocks, luminanceChrominance, end } = read.layout;
  const sizeProblem = checkSize(width, height, limits);
  if (sizeProblem) return fail(sizeProblem);
  if (blocks > end * 8) return fail(pictureUnjustified(name, FORMAT, width, height, end));
  const memoryBytes = paddedBlocks * (BLOCK_BYTES + 64 * PIXEL_BYTES) + end;
  const decoded = attempt(
    () =>
      decode(bytes.subarray(0, end), {
        useTArray: true,
        formatAsRGBA: false,
        colorTransform: luminanceChrominance,
        // Tolerant means one thing only: the last restart interval of a one-component scan may pass the last block.
        tolerantDecoding: true,
        maxResolutionInMP: Math.ceil((width * height) / 1e6),
        maxMemoryUsageInMB: Math.ceil(memoryBytes / MEBIBYTE) + 1,
      }),
    (message) => pictureDamaged(name, FORMAT, message),
  );
  if (!decoded.ok) return decoded;
  return ok({ width, height, channels: 3, data: decoded.value.data });
};
