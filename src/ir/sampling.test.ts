import { describe, expect, test } from '@jest/globals';
import { unwrap } from '../support/index.ts';
import { ProgramBuilder } from './builder.ts';
import { runProgram } from './evaluate.ts';
import { Philox } from './numeric/index.ts';
import type { OpName } from './ops/index.ts';
import type { AnyAttrs } from './program.ts';
import { randomTensor } from './samples.ts';
import { isStaticType, parseType, type Tensor } from './types.ts';

/** Ops of this family against an independent statement of their meaning. */

const random = new Philox(77);
const tensor = (text: string, lo?: number, hi?: number): Tensor => {
  const type = parseType(text);
  if (type === undefined || !isStaticType(type)) throw new TypeError(text);
  return randomTensor(type, random, lo, hi);
};
const given = (text: string, data: readonly number[]): Tensor => {
  const zero = tensor(text, 0, 0);
  zero.data.set(data);
  return zero;
};

/** First result of one use of an op. */
const run = (op: OpName, operands: readonly Tensor[], attrs: AnyAttrs): Tensor => {
  const b = new ProgramBuilder('f');
  const inputs = operands.map((t, i) => b.input(`x${i}`, t));
  unwrap(b.tryEmit(op, inputs, attrs)).forEach((v, i) => b.output(`y${i}`, v));
  const [first] = runProgram(b.finish(), operands);
  if (first === undefined) throw new TypeError(op);
  return first;
};

describe('deformable convolution without offsets is a convolution', () => {
  const geometries: readonly (readonly [string, string, readonly number[], number, AnyAttrs])[] = [
    ['[1,3,5,4]', '[4,3,1,1]', [5, 4], 1, { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] }],
    ['[2,4,7,6]', '[6,2,3,2]', [4, 5], 2, { stride: [2, 1], dilation: [1, 2], pads: [1, 0, 2, 1], groups: 2 }],
    ['[1,2,1,1]', '[2,1,2,3]', [4, 2], 2, { stride: [1, 3], dilation: [1, 1], pads: [2, 3, 2, 3], groups: 2 }],
    ['[1,4,9,9]', '[8,1,3,3]', [3, 3], 4, { stride: [4, 4], dilation: [2, 2], pads: [1, 2, 3, 2], groups: 4 }],
    ['[1,1,2,2]', '[3,1,2,2]', [1, 1], 1, { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] }],
    ['[0,2,3,3]', '[3,2,3,3]', [3, 3], 1, { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] }],
  ];
  const offsetShape = (x: string, w: string, out: readonly number[], groups: number): string => {
    const [n] = JSON.parse(x) as number[];
    const [, , kh = 1, kw = 1] = JSON.parse(w) as number[];
    return `[${[n, 2 * groups * kh * kw, ...out].join(',')}]`;
  };
  test.each(geometries)('x %s, w %s to %j', (x, w, out, offsetGroups, attrs) => {
    const offsets = offsetShape(x, w, out, offsetGroups);
    const float = [tensor(`f32${x}`), tensor(`f32${w}`)];
    const deformed = { ...attrs, offset_groups: offsetGroups };
    expect(run('conv_deformable', [...float, tensor(`f32${offsets}`, 0, 0)], deformed)).toEqual(run('conv', float, attrs));
    const whole = [tensor(`i8${x}`), tensor(`i8${w}`)];
    const y = run('conv_deformable', [...whole, tensor(`i16${offsets}`, 0, 0)], deformed);
    expect(Array.from(y.data)).toEqual(Array.from(run('conv', whole, attrs).data, (v) => 16 * v));
  });
});

/** floor((2 a + b) / (2 b)) in exact integers. */
const rdivExact = (a: bigint, b: bigint): bigint => {
  const [n, d] = [2n * a + b, 2n * b];
  return n >= 0n ? n / d : -((-n + d - 1n) / d);
};

describe('integer resize', () => {
  /** NUMERICS §1.7: n, d and off of half pixels, not reduced. */
  const linear = (v: readonly (readonly number[])[], oh: number, ow: number): number[] => {
    const [h, w] = [v.length, v[0]?.length ?? 0];
    const at = (i: number, j: number): bigint => BigInt(v[Math.min(Math.max(i, 0), h - 1)]?.[Math.min(Math.max(j, 0), w - 1)] ?? 0);
    const place = (o: number, input: number, output: number): readonly [number, bigint, bigint] => {
      const [n, p] = [2 * output, (2 * o + 1) * input - output];
      const i = Math.floor(p / n);
      return [i, BigInt(p - i * n), BigInt(n)];
    };
    return Array.from({ length: oh * ow }, (_, k) => {
      const [i, ry, ny] = place(Math.floor(k / ow), h, oh);
      const [j, rx, nx] = place(k % ow, w, ow);
      const top = at(i, j) * (nx - rx) + at(i, j + 1) * rx;
      const bottom = at(i + 1, j) * (nx - rx) + at(i + 1, j + 1) * rx;
      return Number(rdivExact(top * (ny - ry) + bottom * ry, ny * nx));
    });
  };
  test.each([
    [3, 4, 5, 3],
    [5, 2, 3, 7],
    [4, 1, 8, 9],
    [7, 6, 2, 11],
  ])('linear %i x %i to %i x %i is the rounded rational', (h, w, oh, ow) => {
    for (const dtype of ['i8', 'u8']) {
      const x = tensor(`${dtype}[1,1,${h},${w}]`);
      const rows = Array.from({ length: h }, (_, i) => Array.from(x.data.subarray(i * w, (i + 1) * w)));
      expect(Array.from(run('resize', [x], { sizes: [oh, ow], mode: 'linear' }).data)).toEqual(linear(rows, oh, ow));
    }
  });
  test('cubic stays within half a step of the float form, and constants stay', () => {
    for (let k = 0; k < 20; k++) {
      const x = tensor('i8[1,1,9]', -90, 90);
      const real = run('cubic_resize', [{ ...x, dtype: 'f32', data: Float32Array.from(x.data) }], { sizes: [13] });
      const whole = run('cubic_resize', [x], { sizes: [13] });
      whole.data.forEach((v, i) => expect(Math.abs(v - (real.data[i] ?? Number.NaN))).toBeLessThan(0.52));
    }
    const flat = run('cubic_resize', [tensor('i8[1,1,4,5]', -128, -128)], { sizes: [7, 3], exclude_outside: true });
    expect(new Set(flat.data)).toEqual(new Set([-128]));
  });
});

test('integer suppression is that of exact fractions', () => {
  for (let k = 0; k < 20; k++) {
    const boxes = tensor('i16[1,12,4]', -12, 12);
    const scores = tensor('i8[1,1,12]', -3, 3);
    const threshold = 65536n / 4n;
    const box = (i: number): readonly bigint[] => Array.from(boxes.data.subarray(4 * i, 4 * i + 4), (v) => BigInt(v));
    const length = (v: bigint): bigint => (v > 0n ? v : 0n);
    const area = ([a = 0n, b = 0n, c = 0n, d = 0n]: readonly bigint[]): bigint => length(c - a) * length(d - b);
    const meet = (p: readonly bigint[], q: readonly bigint[]): bigint =>
      area(p.map((v, i) => (i < 2 === v > (q[i] ?? 0n) ? v : (q[i] ?? 0n))));
    const order = Array.from({ length: 12 }, (_, i) => i).sort((i, j) => (scores.data[j] ?? 0) - (scores.data[i] ?? 0) || i - j);
    const kept: number[] = [];
    for (const i of order) {
      const over = kept.some((j) => {
        const inter = meet(box(i), box(j));
        return inter * 65536n > threshold * (area(box(i)) + area(box(j)) - inter);
      });
      if (!over) kept.push(i);
    }
    const found = run('nms', [boxes, scores, given('i32[]', [Number(threshold)])], { max_out: 12 });
    expect(Array.from(found.data)).toEqual([...kept, ...new Array<number>(12 - kept.length).fill(-1)]);
  }
});
