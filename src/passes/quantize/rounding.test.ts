import { describe, expect, test } from '@jest/globals';
import { Philox } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { columnMeans, ErrorFeedback, type InputRows, LayerFeedback, roundNearest } from './rounding.ts';

/** Inputs whose columns move together: `rank` sources mixed into `width` columns, plus a mean. */
const correlated = (rows: number, width: number, rank: number, seed: number): InputRows => {
  const random = new Philox(seed);
  const mix = Float64Array.from({ length: rank * width }, () => 2 * random.unit() - 1);
  const data = new Float32Array(rows * width);
  for (let r = 0; r < rows; r++) {
    const source = Array.from({ length: rank }, () => 2 * random.unit() - 1);
    for (let k = 0; k < width; k++) {
      let v = 0.5 + 0.02 * random.unit();
      for (let s = 0; s < rank; s++) v += at(source, s) * at(mix, s * width + k);
      data[r * width + k] = v;
    }
  }
  return { data, rows, stride: width, start: 0, width };
};

/** Variance of the output error that rounding makes on the inputs. */
const outputError = (x: InputRows, w: Float32Array, row: Int8Array, scale: number): number => {
  const errors = Array.from({ length: x.rows }, (_, r) => {
    let e = 0;
    for (let k = 0; k < x.width; k++) e += (at(w, k) - at(row, k) * scale) * at(x.data, r * x.stride + x.start + k);
    return e;
  });
  const mean = errors.reduce((a, b) => a + b, 0) / x.rows;
  return errors.reduce((a, b) => a + (b - mean) * (b - mean), 0) / x.rows;
};

const weights = (width: number, seed: number): Float32Array => {
  const random = new Philox(seed);
  return Float32Array.from({ length: width }, () => 2 * random.unit() - 1);
};

describe('rounding with error feedback', () => {
  test('the output error is a small part of that of nearest rounding where inputs are correlated', () => {
    const x = correlated(400, 96, 12, 1);
    const feedback = new ErrorFeedback(x);
    let [nearest, better] = [0, 0];
    for (let seed = 0; seed < 20; seed++) {
      const w = weights(96, 100 + seed);
      const [a, b] = [new Int8Array(96), new Int8Array(96)];
      roundNearest(w, 1 / 31, 31, a);
      feedback.round(w, 1 / 31, 31, b);
      nearest += outputError(x, w, a, 1 / 31);
      better += outputError(x, w, b, 1 / 31);
      expect(Math.max(...b.map(Math.abs))).toBeLessThanOrEqual(31);
    }
    expect(better).toBeLessThan(0.2 * nearest);
  });

  test('columns that never move are rounded to nearest', () => {
    const x: InputRows = { data: new Float32Array(8 * 10).fill(3), rows: 10, stride: 8, start: 0, width: 8 };
    const w = weights(8, 3);
    const [a, b] = [new Int8Array(8), new Int8Array(8)];
    roundNearest(w, 1 / 31, 31, a);
    new ErrorFeedback(x).round(w, 1 / 31, 31, b);
    expect([...b]).toEqual([...a]);
  });

  test('a group reads its own columns, and more columns than a block holds are all rounded', () => {
    const wide = correlated(16, 1500, 4, 5);
    const group: InputRows = { ...wide, start: 100, width: 1200 };
    expect(at(columnMeans(group), 0)).toBe(at(columnMeans(wide), 100));
    const w = weights(1200, 6);
    const row = new Int8Array(1200);
    new ErrorFeedback(group).round(w, 1 / 127, 127, row);
    // every column moved to one of the codes around its weight and what was asked of it, the last block too
    expect(row.subarray(1024).some((q) => q !== 0)).toBe(true);
    expect(outputError(group, w, row, 1 / 127)).toBeLessThan(outputError(group, w, new Int8Array(1200), 1 / 127) / 100);
  });

  test('a layer rounds each row by its own group, and a known row stays what it was', () => {
    const x = correlated(200, 32, 5, 8);
    const rowsOf = (group: number): InputRows => ({ ...x, start: 16 * group, width: 16 });
    const layer = new LayerFeedback(rowsOf);
    const w = weights(16, 9);
    const rows = [0, 1, 0].map((group, channel) => {
      const row = new Int8Array(16);
      layer.round(channel, group, w, 1 / 31, 31, row);
      const own = new Int8Array(16);
      new ErrorFeedback(rowsOf(group)).round(w, 1 / 31, 31, own);
      expect([...row]).toEqual([...own]);
      return row;
    });
    layer.rest();
    const again = new Int8Array(16);
    layer.round(1, 1, w, 1 / 31, 31, again);
    expect([...again]).toEqual([...at(rows, 1)]);
    expect([...layer.meansOf(1)]).toEqual([...columnMeans(rowsOf(1))]);
  });
});
