import { expect, test } from '@jest/globals';
import { costExample, dtypesOf } from './signatures.ts';

test('the dtypes of an op are those that its inference takes, in few rows', () => {
  expect(dtypesOf('add')).toEqual(['T, T → T (T: i32 f32)']);
  expect(dtypesOf('gather')).toEqual(['T, i32 → T (T: i8 i16 i32 u8 bool f32 i6)']);
  expect(dtypesOf('cast')).toEqual(['{i8 i16 i32 u8 bool f32} → {i8 i16 i32 u8 bool f32}']);
  expect(dtypesOf('conv').toSorted()).toEqual([
    'f32, f32 → f32',
    'f32, f32, f32 → f32',
    'i16, {i8 i16 i6} → i32',
    'i16, {i8 i16 i6}, i32 → i32',
    '{i8 u8}, {i8 i6} → i32',
    '{i8 u8}, {i8 i6}, i32 → i32',
  ]);
  expect(dtypesOf('concat')).toEqual(['T → T (T: i8 i16 i32 u8 bool f32 i6)']);
});

test('the example of a cost names the types it is for', () => {
  expect(costExample('dense')).toBe('170 for (i8[2, 17], i8[5, 17], i32[5]) → i32[2, 5]');
});
