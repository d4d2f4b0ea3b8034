import { Buffer } from 'node:buffer';
import { inflateSync } from 'node:zlib';
import { PNG } from 'pngjs';
import { fail, ok, type Result } from '../../support/index.ts';
import { pictureDamaged, pictureUnjustified } from './diagnostics.ts';
import { attempt, checkSize, compositeOverWhite, type Picture, type PictureLimits } from './picture.ts';

interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly bitsPerPixel: number;
  readonly interlaced: boolean;
}

interface PngLayout extends PngHeader {
  /** Compressed picture data, in the order of the file. */
  readonly parts: readonly Uint8Array[];
  /** One past the IEND chunk; what follows is not the picture's. */
  readonly end: number;
}

const FORMAT = 'PNG';
const SIGNATURE_BYTES = 8;
const CHUNK_OVERHEAD_BYTES = 12;
const IHDR_BYTES = 13;
/** See zip.ts: deflate cannot do better. */
const MAX_DEFLATE_RATIO = 1032;

/** Colour type -> samples a pixel and the bit depths that the standard allows with it (PNG 3rd edition, table 12). */
const COLOUR_TYPES: ReadonlyMap<number, { readonly samples: number; readonly depths: readonly number[] }> = new Map([
  [0, { samples: 1, depths: [1, 2, 4, 8, 16] }],
  [2, { samples: 3, depths: [8, 16] }],
  [3, { samples: 1, depths: [1, 2, 4, 8] }],
  [4, { samples: 2, depths: [8, 16] }],
  [6, { samples: 4, depths: [8, 16] }],
]);

/** Adam7 passes: first column, first row, column step, row step. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Bytes of `height` rows, each with its filter byte; an empty pass has none. */
const rowsBytes = (width: number, height: number, bitsPerPixel: number): number =>
  width === 0 ? 0 : height * (1 + Math.ceil((width * bitsPerPixel) / 8));

/** Bytes that the picture data must inflate to. */
const inflatedBytes = ({ width, height, bitsPerPixel, interlaced }: PngHeader): number => {
  if (!interlaced) return rowsBytes(width, height, bitsPerPixel);
  let total = 0;
  for (const [column, row, dx, dy] of ADAM7) {
    total += rowsBytes(Math.ceil(Math.max(0, width - column) / dx), Math.ceil(Math.max(0, height - row) / dy), bitsPerPixel);
  }
  return total;
};

/** @returns the header, or what is wrong with it */
const readHeader = (view: DataView, at: number): PngHeader | string => {
  const width = view.getUint32(at);
  const height = view.getUint32(at + 4);
  const depth = view.getUint8(at + 8);
  const colour = view.getUint8(at + 9);
  const colourType = COLOUR_TYPES.get(colour);
  const interlace = view.getUint8(at + 12);
  if (width === 0 || height === 0) return `the picture is ${width} x ${height}`;
  if (!colourType?.depths.includes(depth)) return `there is no colour type ${colour} with ${depth} bits`;
  if (view.getUint8(at + 10) !== 0 || view.getUint8(at + 11) !== 0) return 'the compression or filter method is not 0';
  if (interlace > 1) return `the interlace method is ${interlace}, not 0 or 1`;
  return { width, height, bitsPerPixel: colourType.samples * depth, interlaced: interlace === 1 };
};

/** Walks the chunks, whose lengths must lead exactly to IEND. @returns what is wrong as text */
const readLayout = (bytes: Uint8Array): PngLayout | string => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  let header: PngHeader | undefined;
  let at = SIGNATURE_BYTES;
  for (;;) {
    const left = bytes.length - at - CHUNK_OVERHEAD_BYTES;
    if (left < 0) return `the file ends at byte ${bytes.length}, before the IEND chunk`;
    const length = view.getUint32(at);
    if (length > left) return `the chunk at byte ${at} says ${length} bytes, but ${left} are left`;
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if ((type === 'IHDR') !== (header === undefined))
      return `the chunk at byte ${at} is ${JSON.stringify(type)}; IHDR comes first and once`;
    if (type === 'IHDR') {
      if (length !== IHDR_BYTES) return `the IHDR chunk has ${length} bytes, not ${IHDR_BYTES}`;
      const found = readHeader(view, at + 8);
      if (typeof found === 'string') return found;
      header = found;
    } else if (type === 'IDAT') {
      parts.push(bytes.subarray(at + 8, at + 8 + length));
    }
    at += CHUNK_OVERHEAD_BYTES + length;
    if (type === 'IEND' && header !== undefined) return { ...header, parts, end: at };
  }
};

/**
 * Reads a PNG: all colour types, depths and interlacing. 16-bit samples become round(v * 255 / 65535); transparency is
 * composited over white; gamma and colour profiles are ignored; of an animation the default picture is taken.
 */
export const decodePng = (bytes: Uint8Array, limits: PictureLimits): Result<Picture> => {
  const { name } = limits;
  const layout = readLayout(bytes);
  if (typeof layout === 'string') return fail(pictureDamaged(name, FORMAT, layout));
  const { width, height, parts, end } = layout;
  const sizeProblem = checkSize(width, height, limits);
  if (sizeProblem) return fail(sizeProblem);
  const packedBytes = parts.reduce((sum, part) => sum + part.length, 0);
  const expected = inflatedBytes(layout);
  if (expected > packedBytes * MAX_DEFLATE_RATIO) return fail(pictureUnjustified(name, FORMAT, width, height, packedBytes));
  const report = (message: string) => pictureDamaged(name, FORMAT, message);
  // pngjs takes data that is cut off or not deflated at all, and inflates interlaced data without a bound.
  const inflated = attempt(() => inflateSync(Buffer.concat(parts), { maxOutputLength: expected }).length, report);
  if (!inflated.ok) return inflated;
  if (inflated.value !== expected) return fail(report(`the picture data inflates to ${inflated.value} bytes, not ${expected}`));
  const decoded = attempt(() => PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, end)), report);
  if (!decoded.ok) return decoded;
  const { data } = decoded.value;
  if (data.length !== width * height * 4) return fail(report(`the picture data holds ${data.length / 4} pixels, not ${width * height}`));
  return ok(compositeOverWhite(data, width, height));
};
