import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Tensor } from '../../ir/index.ts';
import { compareResults, tensorDigest, topOf } from './execute.ts';

const i8 = (...values: number[]): Tensor => ({ dtype: 'i8', shape: [values.length], data: Int8Array.from(values) });

test('topOf: greatest first, of equal ones the lower index, as a full sort gives', () => {
  expect(topOf(i8(3, 7, 7, -1), 3, { scale: 0.5, zero: 1 }, ['a', 'b', 'c', 'd'])).toEqual([
    { index: 1, label: 'b', score: 3 },
    { index: 2, label: 'c', score: 3 },
    { index: 0, label: 'a', score: 1 },
  ]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -3, max: 3 })), fc.integer({ min: 0, max: 9 }), (values, count) => {
      const sorted = values.map((_, i) => i).sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0) || a - b);
      expect(topOf(i8(...values), count).map((s) => s.index)).toEqual(sorted.slice(0, count));
      expect(topOf(i8(...values), 1000).map((s) => s.index)).toEqual(sorted);
    }),
  );
});

test('a difference in one byte is a finding that names output and byte', () => {
  const same = compareResults(['a', 'b'], [i8(1, 2), i8(3)], [i8(1, 2), i8(3)], 'wasm');
  expect(same.ok).toBe(true);
  const other = compareResults(['a', 'b'], [i8(1, 2), i8(3)], [i8(1, 4), i8(5)], 'wasm');
  expect(other.ok ? [] : other.diagnostics.map((d) => [d.code, d.message])).toEqual([
    ['CLI3001', 'output a: wasm and reference differ: first at byte 1 of 2'],
    ['CLI3001', 'output b: wasm and reference differ: first at byte 0 of 1'],
  ]);
});

test('the digest is that of the little-endian bytes', () => {
  // sha256 of 01 00 00 00 fe ff ff ff
  const tensor: Tensor = { dtype: 'i32', shape: [2], data: Int32Array.of(1, -2) };
  expect(tensorDigest(tensor)).toBe('b5f56b64f014154a5433fcb074019bb39a5bc74b2004cb4670565d57b5af23b6');
});
