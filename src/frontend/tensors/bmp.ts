import { fail, ok, type Result } from '../../support/index.ts';
import { pictureDamaged, pictureUnsupported } from './diagnostics.ts';
import { checkSize, compositeOverWhite, type Picture, type PictureLimits } from './picture.ts';

interface BmpHeader {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: 8 | 24 | 32;
  readonly dataStart: number;
  /** Blue, green, red, unused for each colour; empty unless `bits` is 8. */
  readonly palette: Uint8Array;
  readonly hasAlpha: boolean;
}

type ReadBmpHeader =
  | { readonly kind: 'header'; readonly header: BmpHeader }
  | { readonly kind: 'damaged'; readonly problem: string }
  | { readonly kind: 'unsupported'; readonly feature: string };

const damaged = (problem: string) => ({ kind: 'damaged', problem }) as const;
const unsupported = (feature: string) => ({ kind: 'unsupported', feature }) as const;

const FORMAT = 'BMP';
const FILE_HEADER_BYTES = 14;
/** BITMAPINFOHEADER, with masks (V2, V3), BITMAPV4HEADER, BITMAPV5HEADER. */
const INFO_HEADER_BYTES = [40, 52, 56, 108, 124];
const COMPRESSIONS = ['none', 'run lengths (RLE8)', 'run lengths (RLE4)', 'bit fields', 'JPEG', 'PNG', 'bit fields with alpha'] as const;
const BIT_FIELDS = 3;
const BIT_FIELDS_ALPHA = 6;
/** Red, green and blue masks of the one layout that is read: bytes B, G, R, A. */
const MASKS = [0x00ff0000, 0x0000ff00, 0x000000ff] as const;
const ALPHA_MASK = 0xff000000;

/** Masks stand in the header from V2 on, and right behind it before that: at the same place. */
const MASKS_START = FILE_HEADER_BYTES + 40;

/** @returns whether there is an alpha channel, or undefined when the channels lie in another way */
const readMasks = (view: DataView, compression: number, infoBytes: number): boolean | undefined => {
  const hasAlphaMask = infoBytes >= 56 || compression === BIT_FIELDS_ALPHA;
  if (view.byteLength < MASKS_START + (hasAlphaMask ? 16 : 12)) return undefined;
  if (MASKS.some((mask, i) => view.getUint32(MASKS_START + 4 * i, true) !== mask)) return undefined;
  const alpha = hasAlphaMask ? view.getUint32(MASKS_START + 12, true) : 0;
  return alpha === ALPHA_MASK ? true : alpha === 0 ? false : undefined;
};

const readHeader = (bytes: Uint8Array): ReadBmpHeader => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < FILE_HEADER_BYTES + 4) return damaged(`the file ends at byte ${bytes.length}, within its header`);
  const infoBytes = view.getUint32(FILE_HEADER_BYTES, true);
  if (!INFO_HEADER_BYTES.includes(infoBytes)) return unsupported(`a header of ${infoBytes} bytes is not read, only 40, 52, 56, 108 or 124`);
  if (bytes.length < FILE_HEADER_BYTES + infoBytes) return damaged(`the file ends at byte ${bytes.length}, within its header`);
  const dataStart = view.getUint32(10, true);
  const width = view.getInt32(18, true);
  const signedHeight = view.getInt32(22, true);
  const bits = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  if (width <= 0 || signedHeight === 0) return damaged(`the picture is ${width} x ${signedHeight}`);
  if (bits !== 8 && bits !== 24 && bits !== 32) return unsupported(`${bits} bits a pixel are not read, only 8, 24 or 32`);
  const fields = bits === 32 && (compression === BIT_FIELDS || compression === BIT_FIELDS_ALPHA);
  if (compression !== 0 && !fields)
    return unsupported(`compression ${COMPRESSIONS[compression] ?? compression} is not read at ${bits} bits`);
  const hasAlpha = fields ? readMasks(view, compression, infoBytes) : false;
  if (hasAlpha === undefined) return unsupported('bit fields other than 8 bits each of blue, green, red and alpha are not read');
  const paletteStart = FILE_HEADER_BYTES + infoBytes;
  const colours = bits === 8 ? view.getUint32(46, true) || 256 : 0;
  if (colours > 256) return damaged(`the palette has ${colours} colours, but 256 are the most`);
  const paletteEnd = paletteStart + 4 * colours;
  if (dataStart < paletteEnd || dataStart > bytes.length)
    return damaged(`the pixels start at byte ${dataStart}, within the header or past the end`);
  const palette = bytes.subarray(paletteStart, paletteEnd);
  const header = { width, height: Math.abs(signedHeight), topDown: signedHeight < 0, bits, dataStart, palette, hasAlpha } as const;
  return { kind: 'header', header };
};

/** Looks every pixel up in the palette. @returns undefined when an index has no colour */
const fromPalette = (rows: readonly Uint8Array[], palette: Uint8Array, out: Uint8Array): Uint8Array | undefined => {
  let to = 0;
  for (const row of rows) {
    for (const index of row) {
      if (4 * index >= palette.length) return undefined;
      for (const channel of [2, 1, 0]) out[to++] = palette[4 * index + channel] ?? 0;
    }
  }
  return out;
};

/** Turns the blue, green, red of each pixel around; a fourth byte goes along or is dropped. */
const fromDirect = (rows: readonly Uint8Array[], step: 3 | 4, outStep: 3 | 4, out: Uint8Array): Uint8Array => {
  let to = 0;
  for (const row of rows) {
    for (let from = 0; from < row.length; from += step, to += outStep) {
      out[to] = row[from + 2] ?? 0;
      out[to + 1] = row[from + 1] ?? 0;
      out[to + 2] = row[from] ?? 0;
      if (outStep === 4) out[to + 3] = row[from + 3] ?? 0;
    }
  }
  return out;
};

/**
 * Reads a BMP: uncompressed 24 and 32 bits, 8 bits with palette; rows from the bottom or the top. The fourth byte of a
 * pixel is alpha (composited over white) only where the header has an alpha mask; otherwise it is ignored.
 */
export const decodeBmp = (bytes: Uint8Array, limits: PictureLimits): Result<Picture> => {
  const { name } = limits;
  const read = readHeader(bytes);
  if (read.kind === 'damaged') return fail(pictureDamaged(name, FORMAT, read.problem));
  if (read.kind === 'unsupported') return fail(pictureUnsupported(name, FORMAT, read.feature));
  const { width, height, topDown, bits, dataStart, palette, hasAlpha } = read.header;
  const sizeProblem = checkSize(width, height, limits);
  if (sizeProblem) return fail(sizeProblem);
  const rowBytes = (width * bits) / 8;
  const stride = Math.ceil(rowBytes / 4) * 4;
  const needed = stride * height;
  const present = bytes.length - dataStart;
  if (present < needed)
    return fail(pictureDamaged(name, FORMAT, `${width} x ${height} pixels need ${needed} bytes, but ${present} are left`));
  const rows = Array.from({ length: height }, (_, y) => {
    const start = dataStart + stride * (topDown ? y : height - 1 - y);
    return bytes.subarray(start, start + rowBytes);
  });
  if (bits === 8) {
    const data = fromPalette(rows, palette, new Uint8Array(width * height * 3));
    if (!data) return fail(pictureDamaged(name, FORMAT, `a pixel has a colour past the palette of ${palette.length / 4}`));
    return ok({ width, height, channels: 3, data });
  }
  if (hasAlpha) return ok(compositeOverWhite(fromDirect(rows, 4, 4, new Uint8Array(width * height * 4)), width, height));
  return ok({ width, height, channels: 3, data: fromDirect(rows, bits === 24 ? 3 : 4, 3, new Uint8Array(width * height * 3)) });
};
