import { deflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encode as encodeJpeg } from 'jpeg-js';
import { PNG } from 'pngjs';
import { type Result, sha256Hex, unwrap } from '../../support/index.ts';
import { decodePicture, pictureFormat } from './decode-picture.ts';
import type { Picture } from './picture.ts';

const codesOf = (result: Result<unknown>): readonly string[] => (result.ok ? [] : result.diagnostics.map((d) => d.code));
const messageOf = (result: Result<unknown>): string => (result.ok ? 'accepted' : (result.diagnostics[0]?.message ?? ''));
const fromBase64 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'));
const pixelsOf = (bytes: Uint8Array): readonly number[] => [...unwrap(decodePicture(bytes)).data];
const flipBit = (bytes: Uint8Array, bit: number): Uint8Array => bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));

/** A picture, or diagnostics that all carry one of the picture codes. */
const expectPictureOrCode = (bytes: Uint8Array): void => {
  const result = decodePicture(bytes, { maxPixels: 1 << 20 });
  if (result.ok) expect(result.value.data.length).toBe(result.value.width * result.value.height * 3);
  else for (const { code } of result.diagnostics) expect(code).toMatch(/^IO204[0-4]$/);
};

// ---- PNG: an encoder of our own, since pngjs writes neither palettes nor interlacing ----

const crcOf = (bytes: Uint8Array): number => {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
};
const be32 = (value: number): readonly number[] => [value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255];
const chunk = (type: string, data: ArrayLike<number>): readonly number[] => {
  const body = Uint8Array.from([...new TextEncoder().encode(type), ...Array.from(data)]);
  return [...be32(data.length), ...body, ...be32(crcOf(body))];
};
interface RawPng {
  readonly width: number;
  readonly height: number;
  readonly depth?: number;
  readonly colour?: number;
  readonly interlace?: number;
  /** Filter bytes and packed samples, before deflate. */
  readonly raw: ArrayLike<number>;
  readonly extra?: readonly number[];
}
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const png = ({ width, height, depth = 8, colour = 0, interlace = 0, raw, extra = [] }: RawPng): Uint8Array =>
  Uint8Array.from([
    ...SIGNATURE,
    ...chunk('IHDR', [...be32(width), ...be32(height), depth, colour, 0, 0, interlace]),
    ...extra,
    ...chunk('IDAT', deflateSync(Uint8Array.from(raw))),
    ...chunk('IEND', []),
  ]);

/** Filter 0 rows of an Adam7 picture of one byte a pixel. */
const adam7 = (width: number, height: number, valueAt: (x: number, y: number) => number): readonly number[] => {
  const passes = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
  ] as const;
  const out: number[] = [];
  for (const [x0, y0, dx, dy] of passes) {
    for (let y = y0; y < height && x0 < width; y += dy) {
      out.push(0);
      for (let x = x0; x < width; x += dx) out.push(valueAt(x, y));
    }
  }
  return out;
};

describe('PNG', () => {
  test('8-bit RGB', () => {
    const file = png({ width: 2, height: 2, colour: 2, raw: [0, 1, 2, 3, 4, 5, 6, 0, 7, 8, 9, 10, 11, 12] });
    expect(unwrap(decodePicture(file))).toEqual({
      width: 2,
      height: 2,
      channels: 3,
      data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
    });
  });

  test('gray of 1, 2, 4 and 8 bits is scaled to 0..255 and repeated', () => {
    const gray = (depth: number, raw: readonly number[], width: number) =>
      pixelsOf(png({ width, height: 1, depth, raw })).filter((_, i) => i % 3 === 0);
    expect(gray(1, [0, 0b10100000], 3)).toEqual([255, 0, 255]);
    expect(gray(2, [0, 0b00011011], 4)).toEqual([0, 85, 170, 255]);
    expect(gray(4, [0, 0x0f, 0x80], 3)).toEqual([0, 255, 136]);
    expect(gray(8, [0, 0, 77, 255], 3)).toEqual([0, 77, 255]);
  });

  test('16 bits become round(v * 255 / 65535)', () => {
    const values = [0, 127, 128, 129, 384, 385, 386, 32767, 32768, 65535];
    const file = png({ width: values.length, height: 1, depth: 16, raw: [0, ...values.flatMap((v) => [v >> 8, v & 255])] });
    expect(pixelsOf(file).filter((_, i) => i % 3 === 0)).toEqual(values.map((v) => Math.floor((2 * 255 * v + 65535) / (2 * 65535))));
  });

  test('palette, with and without transparency, and an index past it', () => {
    const palette = chunk('PLTE', [10, 20, 30, 40, 50, 60]);
    const indexed = { width: 2, height: 1, colour: 3 } as const;
    expect(pixelsOf(png({ ...indexed, raw: [0, 1, 0], extra: palette }))).toEqual([40, 50, 60, 10, 20, 30]);
    expect(pixelsOf(png({ ...indexed, raw: [0, 1, 0], extra: [...palette, ...chunk('tRNS', [0])] }))).toEqual([40, 50, 60, 255, 255, 255]);
    expect(codesOf(decodePicture(png({ ...indexed, raw: [0, 2, 0], extra: palette })))).toEqual(['IO2041']);
    expect(codesOf(decodePicture(png({ ...indexed, raw: [0, 1, 0] })))).toEqual(['IO2041']);
  });

  test('alpha is composited over white, halves up', () => {
    const over = (value: number, alpha: number) => pixelsOf(png({ width: 1, height: 1, colour: 4, raw: [0, value, alpha] }))[0];
    for (const [value, alpha] of [
      [0, 0],
      [0, 255],
      [0, 128],
      [100, 51],
      [255, 7],
      [254, 1],
    ] as const) {
      expect(over(value, alpha)).toBe(Math.round((value * alpha + 255 * (255 - alpha)) / 255));
    }
    expect(pixelsOf(png({ width: 1, height: 1, colour: 6, raw: [0, 10, 20, 30, 0] }))).toEqual([255, 255, 255]);
  });

  test.each([
    [1, 1],
    [3, 2],
    [8, 8],
    [9, 5],
    [4, 17],
  ])('interlaced %d x %d', (width, height) => {
    const valueAt = (x: number, y: number) => (13 * x + 7 * y) & 255;
    const picture = unwrap(decodePicture(png({ width, height, interlace: 1, raw: adam7(width, height, valueAt) })));
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) expect(picture.data[3 * (y * width + x)]).toBe(valueAt(x, y));
  });

  test('what pngjs writes', () => {
    const source = new PNG({ width: 5, height: 4 });
    source.data = Buffer.from(Array.from({ length: 80 }, (_, i) => (i % 4 === 3 ? 255 : (i * 37) & 255)));
    const expected = [...source.data].filter((_, i) => i % 4 !== 3);
    expect(pixelsOf(Uint8Array.from(PNG.sync.write(source, { colorType: 6 })))).toEqual(expected);
    expect(pixelsOf(Uint8Array.from(PNG.sync.write(source, { colorType: 2 })))).toEqual(expected);
  });

  test('the bytes may lie anywhere in a larger buffer, and bytes behind IEND are not the picture', () => {
    const file = png({ width: 1, height: 1, raw: [0, 9] });
    const padded = Uint8Array.from([1, 2, 3, ...file, 4, 5, 6]);
    expect(pixelsOf(padded.subarray(3))).toEqual([9, 9, 9]);
  });

  const flat = (width: number, height: number, raw: number) => png({ width, height, raw: new Uint8Array(raw) });

  test('size limits', () => {
    expect(codesOf(decodePicture(flat(70_000, 1, 70_001)))).toEqual(['IO2043']);
    expect(codesOf(decodePicture(flat(100, 100, 10_100), { maxPixels: 9_999 }))).toEqual(['IO2043']);
    expect(codesOf(decodePicture(flat(100, 100, 10_100), { maxPixels: 10_000 }))).toEqual([]);
    expect(codesOf(decodePicture(flat(8000, 8000, 1000)))).toEqual(['IO2044']);
  });

  test('interlaced data that inflates past its size is refused', () => {
    expect(codesOf(decodePicture(png({ width: 1, height: 1, interlace: 1, raw: new Uint8Array(5_000_000) })))).toEqual(['IO2041']);
  });

  test.each([
    ['a side of 0', png({ width: 0, height: 1, raw: [0] })],
    ['RGB of 4 bits', png({ width: 1, height: 1, colour: 2, depth: 4, raw: [0, 0, 0] })],
    ['colour type 5', png({ width: 1, height: 1, colour: 5, raw: [0, 0] })],
    ['interlace method 2', png({ width: 1, height: 1, interlace: 2, raw: [0, 0] })],
    ['a filter that is none', png({ width: 1, height: 1, raw: [5, 0] })],
    ['too few rows', png({ width: 2, height: 9, raw: [0, 1, 2] })],
    ['two headers', png({ width: 1, height: 1, raw: [0, 1], extra: chunk('IHDR', [...be32(9), ...be32(9), 8, 0, 0, 0, 0]) })],
    ['no header', Uint8Array.from([...SIGNATURE, ...chunk('IDAT', [1]), ...chunk('IEND', [])])],
    ['no data', Uint8Array.from([...SIGNATURE, ...chunk('IHDR', [...be32(1), ...be32(1), 8, 0, 0, 0, 0]), ...chunk('IEND', [])])],
    [
      'data that is not deflated',
      Uint8Array.from([...png({ width: 1, height: 1, raw: [0, 1] }).subarray(0, 33), ...chunk('IDAT', [1, 2, 3]), ...chunk('IEND', [])]),
    ],
  ])('%s is refused', (_, file) => {
    expect(['IO2041', 'IO2044']).toContain(codesOf(decodePicture(file))[0]);
  });

  test('every truncation is refused, every flipped bit is told or harmless', () => {
    const file = png({ width: 5, height: 3, colour: 6, raw: Array.from({ length: 63 }, (_, i) => (i % 21 === 0 ? 0 : i * 5)) });
    for (let length = SIGNATURE.length; length < file.length; length++)
      expect(codesOf(decodePicture(file.subarray(0, length)))).toEqual(['IO2041']);
    for (let bit = 0; bit < file.length * 8; bit++) expectPictureOrCode(flipBit(file, bit));
  });
});

// ---- JPEG: one 20 x 12 picture, R = 40 + 8 x, G = 200 - 10 y, B = 60 + 3 x + 5 y, written by Pillow 13.0.0 ----

const BASELINE = fromBase64(
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQU' +
    'FBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wAARCAAMABQDASIAAhEBAxEB/8QAGAAAAwEBAAAAAAAAAAAAAAAAAAYIAgf/xAAdEAACAgIDAQAAAAAAAAAA' +
    'AAAAIgQFBqEBEzIj/8QAFgEBAQEAAAAAAAAAAAAAAAAAAwYH/8QAHBEAAgICAwAAAAAAAAAAAAAAAAMBBQZhEhYi/9oADAMBAAIRAxEAPwDNNmHl9j1TZh5fZM1NZyFceqazkK4EYsjRL47SK8lI' +
    'xcw+PD7A4/Fs5HTw4CdVRo3BdIrhB//Z',
);
const PROGRESSIVE = fromBase64(
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQU' +
    'FBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wgARCAAMABQDASIAAhEBAxEB/8QAGAAAAwEBAAAAAAAAAAAAAAAAAAUHAQb/xAAXAQADAQAAAAAAAAAAAAAA' +
    'AAACAwUG/9oADAMBAAIQAxAAAAHHsyerl0k48Lcf/8QAGRAAAwEBAQAAAAAAAAAAAAAAAAIDBBEh/9oACAEBAAEFAo7COwXZ5GjEaMLRuf/EABkRAAMAAwAAAAAAAAAAAAAAAAACBAURIf/aAAgB' +
    'AwEBPwHHRLwWJdH/xAAWEQADAAAAAAAAAAAAAAAAAAAAAhX/2gAIAQIBAT8BloSkP//EABQQAQAAAAAAAAAAAAAAAAAAACD/2gAIAQEABj8CX//EABgQAQEBAQEAAAAAAAAAAAAAAAAhMUFR/9oA' +
    'CAEBAAE/IcKwr2oqiruv/9oADAMBAAIAAwAAABA4L//EABURAQEAAAAAAAAAAAAAAAAAAAAR/9oACAEDAQE/EDR3/8QAFxEBAAMAAAAAAAAAAAAAAAAAAAFhcf/aAAgBAgEBPxCK2L//xAAZEAAC' +
    'AwEAAAAAAAAAAAAAAAAA8RARIcH/2gAIAQEAAT8QcjkwdznNIf/Z',
);
/** Gray, a restart marker every 4 of its 6 blocks. */
const GRAY_RESTARTS = fromBase64(
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/wAALCAAMABQBAREA/8QAFgABAQEA' +
    'AAAAAAAAAAAAAAAABgII/8QAHRAAAgICAwEAAAAAAAAAAAAABSIABAahARMyI//dAAQABP/aAAgBAQAAPwCQ2YeX3HQbMPL7jKrmHx4fcxoGJ2Fef//QMBidhXjGqTsdPDz/2Q==',
);
/** Components are R, G, B: no colour transform. */
const RGB = fromBase64(
  '/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwADAgIDAgIDAwMDBAMDBAUIBQUEBAUKBwcGCAwKDAwLCgsLDQ4SEA0OEQ4LCxAWEBETFBUVFQwPFxgWFBgSFBUU/8AAEQgADAAUA1IRAEcRAEIRAP/EABkA' +
    'AAMBAQEAAAAAAAAAAAAAAAAHCAYFCf/EACYQAAEBBQgDAQAAAAAAAAAAAAAFAwQHIqECBhYXQ1NjgRMyNSP/2gAMA1IARwBCAAA/AJfhtpdDjzb5qiURLo+slCq4baXQZt81RgIl0fWShSCF81mG' +
    'bfNU2zpdH8LMlDzEhtpdEl4lf904aImsJZCq4baXQYlf90YCImsJZCkEL5rMMSv+6bZ0TWHgsyH/2Q==',
);
const CMYK = fromBase64(
  '/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAQCwwODAoQDg0OEhEQExgoGhgWFhgxIyUdKDozPTw5Mzg3QEhcTkBEV0U3OFBtUVdfYmdoZz5NcXlwZHhcZWdj/8AAFAgACAAIBEMRAE0RAFkRAEsRAP/E' +
    'ABYAAQEBAAAAAAAAAAAAAAAAAAMEB//EABsQAAIBBQAAAAAAAAAAAAAAAAAEBhUhMUJi/9oADgRDAE0AWQBLAAA/ABj2pTV+gU1MWNAP/9k=',
);

/** Largest difference between a picture and a formula for its pixels. */
const distance = ({ width, data }: Picture, valueAt: (x: number, y: number) => readonly number[]): number => {
  let most = 0;
  data.forEach((value, i) => {
    const pixel = Math.floor(i / 3);
    most = Math.max(most, Math.abs(value - (valueAt(pixel % width, Math.floor(pixel / width))[i % 3] ?? 0)));
  });
  return most;
};
const colourAt = (x: number, y: number): readonly number[] => [40 + 8 * x, 200 - 10 * y, 60 + 3 * x + 5 * y];

/** Offset behind the first marker of that code. */
const after = (file: Uint8Array, marker: number): number => file.findIndex((byte, i) => byte === 0xff && file[i + 1] === marker) + 2;
const patched = (file: Uint8Array, at: number, ...values: readonly number[]): Uint8Array => {
  const copy = file.slice();
  copy.set(values, at);
  return copy;
};

describe('JPEG', () => {
  test('baseline and progressive give the same pixels, close to the source', () => {
    const picture = unwrap(decodePicture(BASELINE));
    expect([picture.width, picture.height]).toEqual([20, 12]);
    expect(distance(picture, colourAt)).toBeLessThan(24); // chroma is halved and repeated
    expect(unwrap(decodePicture(PROGRESSIVE)).data).toEqual(picture.data);
  });

  test('the pixels are the same on every machine', () => {
    expect(sha256Hex(unwrap(decodePicture(BASELINE)).data)).toBe('8877bea6fe367ec9c79fa7537ae83c5a24bdbc2433ad14f53e156eeacf58bea6');
    expect(sha256Hex(unwrap(decodePicture(RGB)).data)).toBe('5c44947c572d7d7a2fb6c0a9f4d07826439f63a749bab7b65a4f201d71d7a349');
  });

  test('RGB components are not transformed', () => {
    expect(distance(unwrap(decodePicture(RGB)), colourAt)).toBeLessThan(7);
  });

  test('gray with a last restart interval that is not full', () => {
    const luma = (x: number, y: number) => {
      const [r = 0, g = 0, b = 0] = colourAt(x, y);
      return new Array<number>(3).fill(0.299 * r + 0.587 * g + 0.114 * b);
    };
    expect(distance(unwrap(decodePicture(GRAY_RESTARTS)), luma)).toBeLessThan(4);
  });

  test('bytes behind the end-of-image marker are not the picture', () => {
    expect(pixelsOf(Uint8Array.from([...BASELINE, 1, 2, 3]))).toEqual(pixelsOf(BASELINE));
  });

  test('CMYK is refused by name', () => {
    expect([codesOf(decodePicture(CMYK)), messageOf(decodePicture(CMYK))]).toEqual([['IO2042'], expect.stringContaining('CMYK')]);
  });

  const frame = after(BASELINE, 0xc0);
  const scan = after(BASELINE, 0xda);
  test.each([
    ['lossless', patched(BASELINE, frame - 1, 0xc3), 'IO2042'],
    ['arithmetic coding', patched(BASELINE, frame - 1, 0xc9), 'IO2042'],
    ['12-bit samples', patched(BASELINE, frame + 2, 12), 'IO2042'],
    ['a height of 0', patched(BASELINE, frame + 3, 0, 0), 'IO2042'],
    ['2 components', patched(BASELINE, frame + 7, 2), 'IO2042'],
    ['a width of 0', patched(BASELINE, frame + 5, 0, 0), 'IO2041'],
    ['sampling factor 5', patched(BASELINE, frame + 9, 0x51), 'IO2041'],
    ['a component named twice', patched(BASELINE, frame + 11, 1), 'IO2041'],
    ['a frame header that is too short', patched(BASELINE, frame, 0, 7), 'IO2041'],
    ['a scan of an unknown component', patched(BASELINE, scan + 3, 9), 'IO2041'],
    ['a scan of 4 components', patched(BASELINE, scan + 2, 4), 'IO2041'],
    ['a segment past the end', patched(BASELINE, 4, 0xff, 0xff), 'IO2041'],
    ['a segment of no bytes', patched(BASELINE, 4, 0, 0), 'IO2041'],
    ['no marker where one belongs', patched(BASELINE, 20, 0), 'IO2041'],
    ['two frames', Uint8Array.from([...BASELINE.subarray(0, frame + 17), ...BASELINE.subarray(frame - 2)]), 'IO2041'],
    ['no frame', Uint8Array.of(0xff, 0xd8, 0xff, 0xd9), 'IO2041'],
    ['a scan before the frame', Uint8Array.from([0xff, 0xd8, ...BASELINE.subarray(scan - 2)]), 'IO2041'],
    ['no scan', Uint8Array.from([...BASELINE.subarray(0, scan - 2), 0xff, 0xd9]), 'IO2041'],
    ['more pixels than the limit', patched(BASELINE, frame + 3, 0xff, 0xff, 0xff, 0xff), 'IO2043'],
    ['more pixels than its bytes hold', patched(BASELINE, frame + 3, 0x10, 0, 0x10, 0), 'IO2044'],
  ])('%s is refused', (_, file, code) => {
    expect(codesOf(decodePicture(file))).toEqual([code]);
  });

  test('missing restart intervals are noticed', () => {
    const restart = after(GRAY_RESTARTS, 0xd0);
    const cut = Uint8Array.from([...GRAY_RESTARTS.subarray(0, restart - 2), 0xff, 0xd9]);
    expect([codesOf(decodePicture(cut)), messageOf(decodePicture(cut))]).toEqual([
      ['IO2041'],
      expect.stringContaining('0 of 1 restart markers'),
    ]);
  });

  test('scans are limited', () => {
    const scans = PROGRESSIVE.subarray(after(PROGRESSIVE, 0xda) - 2, after(PROGRESSIVE, 0xda) + 30);
    const end = scans.findIndex((byte, i) => i > 14 && byte === 0xff);
    const many = Array.from({ length: 101 }, () => [...scans.subarray(0, end)]).flat();
    const file = Uint8Array.from([...PROGRESSIVE.subarray(0, after(PROGRESSIVE, 0xda) - 2), ...many, 0xff, 0xd9]);
    expect(messageOf(decodePicture(file))).toContain('more than 100 scans');
  });

  test.each([
    ['baseline', BASELINE],
    ['progressive', PROGRESSIVE],
    ['restarts', GRAY_RESTARTS],
  ] as const)('%s: every truncation is refused, flipped bits are told or harmless', (_, file) => {
    for (let length = 3; length < file.length; length++) expect(codesOf(decodePicture(file.subarray(0, length)))).toEqual(['IO2041']);
    for (let bit = 0; bit < file.length * 8; bit++) expectPictureOrCode(flipBit(file, bit));
  });

  test('what jpeg-js writes', () => {
    const data = Uint8Array.from({ length: 16 * 16 * 4 }, (_, i) => (i % 4 === 3 ? 255 : 100 + (i % 4) * 20));
    const file = Uint8Array.from(encodeJpeg({ width: 16, height: 16, data }, 95).data);
    expect(distance(unwrap(decodePicture(file)), () => [100, 120, 140])).toBeLessThan(3);
  });
});

// ---- BMP ----

interface RawBmp {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly pixels: readonly number[];
  readonly palette?: readonly number[];
  readonly compression?: number;
  readonly infoBytes?: number;
  readonly masks?: readonly number[];
}
const bmp = ({ width, height, bits, pixels, palette = [], compression = 0, infoBytes = 40, masks = [] }: RawBmp): Uint8Array => {
  const dataStart = 14 + infoBytes + palette.length + (infoBytes === 40 ? masks.length * 4 : 0);
  const out = new Uint8Array(dataStart + pixels.length);
  const view = new DataView(out.buffer);
  out.set([0x42, 0x4d]);
  view.setUint32(10, dataStart, true);
  view.setUint32(14, infoBytes, true);
  view.setInt32(18, width, true);
  view.setInt32(22, height, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, bits, true);
  view.setUint32(30, compression, true);
  view.setUint32(46, palette.length / 4, true);
  masks.forEach((mask, i) => view.setUint32(54 + 4 * i, mask, true));
  out.set(palette, 14 + infoBytes);
  out.set(pixels, dataStart);
  return out;
};
const MASKS = [0xff0000, 0xff00, 0xff];

describe('BMP', () => {
  test('24 bits, rows from the bottom and padded to four bytes', () => {
    const pixels = [3, 2, 1, 0, 6, 5, 4, 0];
    expect(pixelsOf(bmp({ width: 1, height: 2, bits: 24, pixels }))).toEqual([4, 5, 6, 1, 2, 3]);
    expect(pixelsOf(bmp({ width: 1, height: -2, bits: 24, pixels }))).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('32 bits: the fourth byte counts only with an alpha mask', () => {
    const one = { width: 1, height: 1, bits: 32, pixels: [30, 20, 10, 0] } as const;
    expect(pixelsOf(bmp(one))).toEqual([10, 20, 30]);
    expect(pixelsOf(bmp({ ...one, compression: 3, masks: MASKS }))).toEqual([10, 20, 30]);
    expect(pixelsOf(bmp({ ...one, compression: 3, infoBytes: 108, masks: [...MASKS, 0] }))).toEqual([10, 20, 30]);
    expect(pixelsOf(bmp({ ...one, compression: 3, infoBytes: 124, masks: [...MASKS, 0xff000000] }))).toEqual([255, 255, 255]);
    expect(pixelsOf(bmp({ ...one, compression: 6, masks: [...MASKS, 0xff000000] }))).toEqual([255, 255, 255]);
  });

  test('8 bits with a palette', () => {
    const palette = [3, 2, 1, 0, 6, 5, 4, 0];
    expect(pixelsOf(bmp({ width: 2, height: 1, bits: 8, palette, pixels: [1, 0, 0, 0] }))).toEqual([4, 5, 6, 1, 2, 3]);
    expect(codesOf(decodePicture(bmp({ width: 2, height: 1, bits: 8, palette, pixels: [1, 2, 0, 0] })))).toEqual(['IO2041']);
  });

  const one = { width: 1, height: 1, bits: 24, pixels: [3, 2, 1, 0] } as const;
  test.each([
    ['a header of 12 bytes', patched(bmp(one), 14, 12), 'IO2042'],
    ['1 bit', bmp({ ...one, bits: 1 }), 'IO2042'],
    ['16 bits', bmp({ ...one, bits: 16 }), 'IO2042'],
    ['run lengths', bmp({ ...one, bits: 8, compression: 1, palette: [0, 0, 0, 0] }), 'IO2042'],
    ['other bit fields', bmp({ ...one, bits: 32, compression: 3, masks: [0xff, 0xff00, 0xff0000] }), 'IO2042'],
    ['a width of 0', bmp({ ...one, width: 0 }), 'IO2041'],
    ['a negative width', bmp({ ...one, width: -1 }), 'IO2041'],
    ['a height of 0', bmp({ ...one, height: 0 }), 'IO2041'],
    ['missing rows', bmp({ ...one, height: 2 }), 'IO2041'],
    ['pixels in the header', patched(bmp(one), 10, 20), 'IO2041'],
    ['pixels past the end', patched(bmp(one), 10, 255), 'IO2041'],
    ['a palette of 300', patched(bmp({ ...one, bits: 8, palette: [0, 0, 0, 0] }), 46, 44, 1), 'IO2041'],
    ['an immense size', bmp({ ...one, width: 0x7fffffff, height: -0x80000000 }), 'IO2043'],
  ])('%s is refused', (_, file, code) => {
    expect(codesOf(decodePicture(file))).toEqual([code]);
  });

  test('every truncation is refused, every flipped bit is told or harmless', () => {
    const file = bmp({ width: 2, height: 2, bits: 8, palette: [3, 2, 1, 0, 6, 5, 4, 0], pixels: [1, 0, 0, 0, 0, 1, 0, 0] });
    for (let length = 2; length < file.length; length++) expect(codesOf(decodePicture(file.subarray(0, length)))).toEqual(['IO2041']);
    for (let bit = 0; bit < file.length * 8; bit++) expectPictureOrCode(flipBit(file, bit));
  });
});

describe('other files', () => {
  test.each([
    ['GIF', 'GIF89a'],
    ['WebP', 'RIFF....WEBPVP8 '],
    ['TIFF', 'II*\0'],
    ['AVIF', '....ftypavif'],
    ['PPM', 'P6 1 1 255'],
  ])('%s is refused by name', (name, text) => {
    const result = decodePicture(new TextEncoder().encode(text), { name: 'x' });
    expect(result).toMatchObject({
      diagnostics: [{ code: 'IO2040', where: 'x', message: `${name} is not a picture format that is read` }],
    });
  });

  test('unknown and empty files show their first bytes', () => {
    expect(messageOf(decodePicture(Uint8Array.of(1, 2, 250)))).toContain('01 02 fa');
    expect(messageOf(decodePicture(new Uint8Array()))).toContain('no bytes at all');
  });

  test('the format is told by the first bytes', () => {
    expect([BASELINE, png({ width: 1, height: 1, raw: [0, 0] }), Uint8Array.of(0x42, 0x4d), Uint8Array.of(7)].map(pictureFormat)).toEqual([
      'jpeg',
      'png',
      'bmp',
      undefined,
    ]);
  });

  test('any bytes behind any first bytes', () => {
    const starts = [BASELINE.subarray(0, 20), Uint8Array.from(SIGNATURE), Uint8Array.of(0x42, 0x4d), new Uint8Array()];
    fc.assert(
      fc.property(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 300 }), (start, tail) =>
        expectPictureOrCode(Uint8Array.from([...start, ...tail])),
      ),
      { seed: 3, numRuns: 500 },
    );
  });
});
