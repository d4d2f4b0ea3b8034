import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Result, unwrap } from '../../support/index.ts';
import type { Picture } from './picture.ts';
import { cropCentre, resizePicture, resizeShorterSide } from './resize.ts';

const codesOf = (result: Result<unknown>): readonly string[] => (result.ok ? [] : result.diagnostics.map((d) => d.code));

const picture = (width: number, height: number, valueAt: (x: number, y: number, channel: number) => number): Picture => ({
  width,
  height,
  channels: 3,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => valueAt(Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3)),
});
const gray = (...rows: readonly (readonly number[])[]): Picture => picture(rows[0]?.length ?? 0, rows.length, (x, y) => rows[y]?.[x] ?? 0);
const firstChannel = ({ data }: Picture): readonly number[] => [...data].filter((_, i) => i % 3 === 0);

/** The formula of resize.ts over all inputs, in whole numbers of any size. */
const reference = (values: readonly bigint[], outSize: number, scaleUp: bigint): readonly bigint[] => {
  const inSize = BigInt(values.length);
  const size = BigInt(outSize);
  const reach = 2n * (inSize > size ? inSize : size);
  return Array.from({ length: outSize }, (_, o) => {
    let total = 0n;
    let sum = 0n;
    values.forEach((value, j) => {
      const offset = (2n * BigInt(j) + 1n) * size - (2n * BigInt(o) + 1n) * inSize;
      const weight = reach - (offset < 0n ? -offset : offset);
      if (weight <= 0n) return;
      total += weight * value;
      sum += weight;
    });
    return (2n * scaleUp * total + sum * (scaleUp === 256n ? 1n : 256n)) / (2n * sum * (scaleUp === 256n ? 1n : 256n));
  });
};

describe('resizePicture', () => {
  test('the same size is the same picture', () => {
    const source = picture(7, 5, (x, y, c) => 30 * x + 7 * y + c);
    expect(unwrap(resizePicture(source, 7, 5))).toEqual(source);
  });

  test('enlarging is bilinear with half-pixel centres and repeated edges', () => {
    expect(firstChannel(unwrap(resizePicture(gray([0, 100]), 4, 1)))).toEqual([0, 25, 75, 100]);
    expect(firstChannel(unwrap(resizePicture(gray([0, 90, 30]), 5, 1)))).toEqual([0, 36, 90, 54, 30]);
    expect(firstChannel(unwrap(resizePicture(gray([0, 100], [100, 200]), 4, 4)))).toEqual([
      0, 25, 75, 100, 25, 50, 100, 125, 75, 100, 150, 175, 100, 125, 175, 200,
    ]);
  });

  test('reducing by two is the triangle 1 3 3 1', () => {
    expect(firstChannel(unwrap(resizePicture(gray([0, 0, 80, 0, 0, 0]), 3, 1)))).toEqual([11, 30, 0]);
  });

  test('halves round up', () => {
    expect(firstChannel(unwrap(resizePicture(gray([0, 1]), 1, 1)))).toEqual([1]);
  });

  test('is the stated formula', () => {
    const side = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), side, side, (row, width, height) => {
        const source = picture(1, row.length, (_, y) => row[y] ?? 0);
        const down = firstChannel(unwrap(resizePicture(source, 1, height)));
        const fine = [...row].map((value) => 256n * BigInt(value));
        expect(down.map(BigInt)).toEqual(reference(fine, height, 1n));
        const across = picture(row.length, 1, (x) => row[x] ?? 0);
        const fineAcross = reference([...row].map(BigInt), width, 256n);
        expect(firstChannel(unwrap(resizePicture(across, width, 1))).map(BigInt)).toEqual(fineAcross.map((value) => (value + 128n) / 256n));
      }),
      { seed: 4 },
    );
  });

  test('one colour stays that colour, channels stay apart', () => {
    const side = fc.integer({ min: 1, max: 30 });
    fc.assert(
      fc.property(side, side, side, side, (w, h, outW, outH) => {
        const flat = (width: number, height: number) => picture(width, height, (_x, _y, channel) => [255, 1, 128][channel] ?? 0);
        expect(unwrap(resizePicture(flat(w, h), outW, outH))).toEqual(flat(outW, outH));
      }),
      { seed: 5 },
    );
  });

  test('the longest side keeps exact sums', () => {
    const white = picture(65_535, 1, () => 255);
    expect(firstChannel(unwrap(resizePicture(white, 1, 1)))).toEqual([255]);
    const half = picture(65_535, 1, (x) => (x < 32_767 ? 0 : x === 32_767 ? 127 : 255));
    const total = reference(firstChannel(half).map(BigInt), 1, 256n).map((value) => Number((value + 128n) / 256n));
    expect(firstChannel(unwrap(resizePicture(half, 1, 1)))).toEqual(total);
  });

  test.each([
    [0, 1],
    [1, 65_536],
    [1.5, 1],
    [Number.NaN, 1],
    [-1, 1],
    [Number.POSITIVE_INFINITY, 1],
  ])('%d x %d is refused', (width, height) => {
    expect(codesOf(resizePicture(gray([1]), width, height))).toEqual(['IO2050']);
  });
});

describe('resizeShorterSide', () => {
  test.each([
    [640, 480, 256, 341, 256],
    [480, 640, 256, 256, 341],
    [5, 5, 3, 3, 3],
    [1, 3, 7, 7, 21],
  ])('%d x %d to %d is %d x %d', (w, h, size, outW, outH) => {
    const out = unwrap(
      resizeShorterSide(
        picture(w, h, () => 9),
        size,
      ),
    );
    expect([out.width, out.height]).toEqual([outW, outH]);
  });
  test.each([0, 0.5, -3])('%d is refused', (size) => {
    expect(codesOf(resizeShorterSide(gray([1, 2]), size))).toEqual(['IO2050']);
  });
});

describe('cropCentre', () => {
  const source = gray([0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14], [15, 16, 17, 18, 19]);
  test('odd rests leave the extra column and row behind', () => {
    expect(firstChannel(unwrap(cropCentre(source, 2, 1)))).toEqual([6, 7]);
    expect(firstChannel(unwrap(cropCentre(source, 3, 2)))).toEqual([6, 7, 8, 11, 12, 13]);
    expect(unwrap(cropCentre(source, 5, 4))).toEqual(source);
  });
  test.each([
    [6, 1],
    [1, 5],
    [0, 1],
    [1.5, 1],
  ])('%d x %d is refused', (width, height) => {
    expect(codesOf(cropCentre(source, width, height))).toEqual(['IO2050']);
  });
});
