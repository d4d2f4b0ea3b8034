import { describe, expect, test } from '@jest/globals';
import { zipSync } from 'fflate';
import type { Tensor } from '../../ir/index.ts';
import { type Result, unwrap } from '../../support/index.ts';
import { encodeNpy } from './npy.ts';
import { decodeNpz, encodeNpz } from './npz.ts';

const codesOf = (result: Result<unknown>): readonly string[] => (result.ok ? [] : result.diagnostics.map((d) => d.code));
const messageOf = (result: Result<unknown>): string => (result.ok ? 'accepted' : (result.diagnostics[0]?.message ?? ''));

/** numpy.savez_compressed(file, x=arange(6) as float32 [2,3], flag=[True, False]), numpy 1.26.4. */
const NUMPY_COMPRESSED = Uint8Array.from(
  Buffer.from(
    'UEsDBC0AAAAIAAAAIQBP6QAq//////////8FABQAeC5ucHkBABAAmAAAAAAAAABVAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQW' +
      'pAL5GkY6CsaaOgq1CmQDLgYwaLAHEg5ABMQNQLzAAQBQSwMELQAAAAgAAAAhAO4Zu13//////////wgAFABmbGFnLm5weQEAEACCAAAAAAAAAEYAAAAAAAAAm+wX6hsQychQxlCtnpJanFyk' +
      'bqWgXpNkqK6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaRjqaOgq1ChQALkYGAFBLAQItAy0AAAAIAAAAIQBP6QAqVQAAAJgAAAAFAAAAAAAAAAAAAACAAQAAAAB4Lm5weVBLAQIt' +
      'Ay0AAAAIAAAAIQDuGbtdRgAAAIIAAAAIAAAAAAAAAAAAAACAAYwAAABmbGFnLm5weVBLBQYAAAAAAgACAGkAAAAMAQAAAAA=',
    'base64',
  ),
);

const bytes: Tensor = { dtype: 'u8', shape: [3], data: Uint8Array.of(1, 2, 3) };
const floats: Tensor = { dtype: 'f32', shape: [1, 2], data: Float32Array.of(0.5, -1) };

/** The archive with the bytes at `at` replaced. */
const patched = (archive: Uint8Array, at: number, ...values: readonly number[]): Uint8Array => {
  const copy = archive.slice();
  copy.set(values, at);
  return copy;
};
const u32 = (value: number): readonly number[] => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];

/** Offset of the first entry of the central directory. */
const directoryOf = (archive: Uint8Array): number =>
  new DataView(archive.buffer, archive.byteOffset, archive.length).getUint32(archive.length - 6, true);

describe('decodeNpz', () => {
  test('reads what numpy writes', () => {
    const arrays = unwrap(decodeNpz(NUMPY_COMPRESSED));
    expect([...arrays.keys()]).toEqual(['x', 'flag']);
    expect(arrays.get('x')).toMatchObject({ dtype: 'f32', shape: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) });
    expect(arrays.get('flag')).toMatchObject({ dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) });
  });

  test.each([false, true])('reads what encodeNpz writes, compress %s', (compress) => {
    const given = new Map([
      ['b', bytes],
      ['a', floats],
      ['__proto__', bytes],
    ]);
    const archive = encodeNpz(given, { compress });
    const arrays = unwrap(decodeNpz(archive));
    expect([...arrays.keys()]).toEqual(['b', 'a', '__proto__']);
    for (const [name, tensor] of given) expect(arrays.get(name)).toMatchObject({ ...tensor });
    expect(encodeNpz(given, { compress })).toEqual(archive);
  });

  test('no clock and no time zone in the archive', () => {
    const zone = process.env['TZ'];
    const archives = ['UTC', 'Asia/Tokyo', 'America/New_York'].map((place) => {
      process.env['TZ'] = place;
      return encodeNpz(new Map([['a', floats]]));
    });
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
    expect(archives[1]).toEqual(archives[0]);
    expect(archives[2]).toEqual(archives[0]);
    expect([...(archives[0]?.subarray(10, 14) ?? [])]).toEqual([0, 0, 0x21, 0]);
  });

  test('an empty archive has no arrays', () => {
    expect(unwrap(decodeNpz(zipSync({}))).size).toBe(0);
  });

  test('tells all problems of all members', () => {
    const archive = zipSync({ 'a.npy': encodeNpy(bytes), 'notes.txt': Uint8Array.of(65), 'b.npy': Uint8Array.of(1, 2) });
    const result = decodeNpz(archive, { name: 'x.npz' });
    expect(codesOf(result)).toEqual(['IO2023', 'IO2001']);
    expect(result.ok ? [] : result.diagnostics.map((d) => d.where)).toEqual(['x.npz', 'x.npz:b.npy']);
  });

  test('a name given twice is refused', () => {
    const archive = zipSync({ 'a.npy': encodeNpy(bytes), 'b.npy': encodeNpy(bytes) }, { level: 0 });
    const second = directoryOf(archive) + 46 + 5;
    expect(codesOf(decodeNpz(patched(archive, second + 46, 97)))).toEqual(['IO2023']);
  });
});

describe('limits', () => {
  const bomb = zipSync({ 'a.npy': new Uint8Array(2_000_000) }, { level: 9 });

  test('declared sizes are held against the limit before anything is unpacked', () => {
    expect(codesOf(decodeNpz(bomb, { maxBytes: 1_999_999 }))).toEqual(['IO2022']);
    expect(messageOf(decodeNpz(bomb, { maxBytes: 1_999_999 }))).toBe('the members say 2000000 bytes together, but the limit is 1999999');
    expect(codesOf(decodeNpz(bomb, { maxBytes: 2_000_000 }))).toEqual(['IO2001']);
  });

  test('a size that deflate cannot reach is refused', () => {
    const at = directoryOf(bomb) + 24;
    expect(codesOf(decodeNpz(patched(bomb, at, ...u32(0x7fffffff)), { maxBytes: 2 ** 40 }))).toEqual(['IO2022']);
  });

  test('a member that unpacks to more or less than it says is refused', () => {
    const at = directoryOf(bomb) + 24;
    for (const size of [0, 1000, 1_999_999, 2_000_001]) expect(codesOf(decodeNpz(patched(bomb, at, ...u32(size))))).toEqual(['IO2020']);
  });
});

describe('hostile archives', () => {
  const archive = encodeNpz(
    new Map([
      ['a', floats],
      ['b', bytes],
    ]),
    { compress: true },
  );
  const at = directoryOf(archive);

  test.each([
    ['encrypted', at + 8, [1, 0], 'IO2021'],
    ['compression method 12', at + 10, [12, 0], 'IO2021'],
    ['zip64 size without its value', at + 24, [255, 255, 255, 255], 'IO2020'],
    ['another checksum', at + 16, [0, 0, 0, 0], 'IO2020'],
    ['stored with two sizes', at + 10, [0, 0], 'IO2020'],
    ['member offset past the end', at + 42, [0, 0, 0, 1], 'IO2020'],
    ['packed size past the end', at + 20, [0, 0, 0, 1], 'IO2020'],
    ['no directory signature', at, [0], 'IO2020'],
    ['a name past the directory', at + 28, [255, 255], 'IO2020'],
    ['no local signature', 0, [0], 'IO2020'],
    ['more entries than there are', archive.length - 12, [9, 0], 'IO2021'],
    ['directory past the end record', archive.length - 10, [255, 255, 0, 0], 'IO2020'],
    ['a zip64 directory without its record', archive.length - 6, [255, 255, 255, 255], 'IO2020'],
    ['a second disk', archive.length - 18, [1, 0], 'IO2021'],
  ])('%s', (_, offset, values, code) => {
    expect(codesOf(decodeNpz(patched(archive, offset, ...values)))).toEqual([code]);
  });

  test('every truncation is refused', () => {
    for (let length = 0; length < archive.length; length++) expect(codesOf(decodeNpz(archive.subarray(0, length)))).toEqual(['IO2020']);
  });

  test('every flipped bit gives arrays or coded diagnostics', () => {
    for (let bit = 0; bit < archive.length * 8; bit++) {
      const result = decodeNpz(patched(archive, bit >> 3, (archive[bit >> 3] ?? 0) ^ (1 << (bit & 7))));
      if (!result.ok) expect(result.diagnostics[0]?.code).toMatch(/^IO20[02]\d$/);
    }
  });

  test('a comment behind the end record is passed over', () => {
    const text = new TextEncoder().encode('made by hand');
    const withComment = Uint8Array.from([...patched(archive, archive.length - 2, text.length, 0), ...text]);
    expect(unwrap(decodeNpz(withComment)).size).toBe(2);
  });
});
