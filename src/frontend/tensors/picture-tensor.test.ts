import { expect, test } from '@jest/globals';
import { type Result, unwrap } from '../../support/index.ts';
import type { Picture } from './picture.ts';
import { pictureToTensor } from './picture-tensor.ts';

const codesOf = (result: Result<unknown>): readonly string[] => (result.ok ? [] : result.diagnostics.map((d) => d.code));
const source: Picture = { width: 2, height: 1, channels: 3, data: Uint8Array.of(255, 10, 20, 0, 30, 40) };
const raw = { scale: 1 } as const;

test('layouts and channel orders', () => {
  expect(unwrap(pictureToTensor(source, raw))).toEqual({
    dtype: 'f32',
    shape: [1, 3, 1, 2],
    data: Float32Array.of(255, 0, 10, 30, 20, 40),
  });
  expect(unwrap(pictureToTensor(source, { ...raw, layout: 'nhwc' }))).toEqual({
    dtype: 'f32',
    shape: [1, 1, 2, 3],
    data: Float32Array.of(255, 10, 20, 0, 30, 40),
  });
  expect([...unwrap(pictureToTensor(source, { ...raw, channels: 'bgr' })).data]).toEqual([20, 40, 10, 30, 255, 0]);
  expect([...unwrap(pictureToTensor(source, { ...raw, channels: 'bgr', layout: 'nhwc' })).data]).toEqual([20, 10, 255, 40, 30, 0]);
});

test('gray is BT.601 luma and keeps gray as it is', () => {
  const tensor = unwrap(pictureToTensor(source, { ...raw, channels: 'gray' }));
  expect([tensor.shape, ...tensor.data]).toEqual([
    [1, 1, 1, 2],
    Math.round(0.299 * 255 + 0.587 * 10 + 0.114 * 20),
    Math.round(0.587 * 30 + 0.114 * 40),
  ]);
  const ramp: Picture = { width: 256, height: 1, channels: 3, data: Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)) };
  expect([...unwrap(pictureToTensor(ramp, { ...raw, channels: 'gray' })).data]).toEqual(Array.from({ length: 256 }, (_, i) => i));
});

test('the default is float32(byte / 255), for every byte', () => {
  const ramp: Picture = { width: 256, height: 1, channels: 3, data: Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)) };
  const { data } = unwrap(pictureToTensor(ramp));
  for (let byte = 0; byte < 256; byte++) expect(data[byte]).toBe(Math.fround(byte / 255));
});

test('mean and std, each step rounded to float32', () => {
  const mean = [0.485, 0.456, 0.406];
  const std = [0.229, 0.224, 0.225];
  const { data } = unwrap(pictureToTensor(source, { mean, std }));
  const f = Math.fround;
  const one = (byte: number, c: number) => f(f(f(byte / 255) - f(mean[c] ?? 0)) / f(std[c] ?? 1));
  expect([...data]).toEqual([one(255, 0), one(0, 0), one(10, 1), one(30, 1), one(20, 2), one(40, 2)]);
  expect([...unwrap(pictureToTensor(source, { scale: 1, mean: [127.5], std: [127.5] })).data][0]).toBe(1);
});

test('mean and std follow the channel order', () => {
  const { data } = unwrap(pictureToTensor(source, { ...raw, channels: 'bgr', mean: [20, 10, 255] }));
  expect([...data]).toEqual([0, 20, 0, 20, 0, -255]);
});

test.each([
  { mean: [1, 2] },
  { std: [1, 2, 0] },
  { std: [1e-60] },
  { mean: [] },
  { mean: [Number.NaN] },
  { mean: [1e300] },
  { scale: Number.POSITIVE_INFINITY },
  { channels: 'gray', mean: [1, 2, 3] },
] as const)('%j is refused', (options) => {
  expect(codesOf(pictureToTensor(source, options))).toEqual(['IO2050']);
});
