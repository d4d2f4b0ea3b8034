import { describe, expect, test } from '@jest/globals';
import { unwrap } from '../../support/index.ts';
import { completeAttrs, inferNode } from '../builder.ts';
import { evaluateNode } from '../evaluate.ts';
import { encodeRescale, Philox } from '../numeric/index.ts';
import type { AnyAttrs } from '../program.ts';
import { randomTensor } from '../samples.ts';
import type { StaticType, Tensor } from '../types.ts';
import type { OpName } from './index.ts';

const run = (op: OpName, operands: readonly Tensor[], given: AnyAttrs): Tensor => {
  const attrs = unwrap(completeAttrs(op, given));
  const types = unwrap(inferNode(op, operands, attrs)) as readonly StaticType[];
  const [y] = evaluateNode(op, operands, attrs, types);
  if (y === undefined) throw new TypeError('no result');
  return y;
};

const worstOf = (got: Tensor, wanted: (i: number) => number): number => {
  let worst = 0;
  got.data.forEach((v, i) => {
    worst = Math.max(worst, Math.abs(v - wanted(i)));
  });
  return worst;
};

describe('softmax_fixed against float64, in units of the result', () => {
  test.each([
    ['i16', 15, 0.0005, 0.7],
    ['i16', 15, 0.01, 0.7],
    ['i8', 8, 0.05, 0.51],
  ] as const)('%s, %d bits, scale %d', (dtype, bits, scale, bound) => {
    for (const n of [1, 2, 7, 100, 1000]) {
      const x = randomTensor({ dtype, shape: [n] }, new Philox(n));
      const { multiplier, shift } = encodeRescale(scale * Math.LOG2E * 2 ** 16, 'w21');
      const to = dtype === 'i8' ? { output_zero: -128, dtype } : {};
      const y = run('softmax_fixed', [x], { axis: 0, bits, multiplier, shift, ...to });
      const zero = dtype === 'i8' ? -128 : 0;
      const m = Math.max(...x.data);
      const e = Array.from(x.data, (v) => Math.exp((v - m) * scale));
      const s = e.reduce((a, b) => a + b, 0);
      expect(worstOf(y, (i) => Math.min(2 ** bits - 1, ((e[i] ?? 0) / s) * 2 ** bits) + zero)).toBeLessThan(bound);
    }
  });
});

describe('layer_norm_fixed against float64', () => {
  const GAIN = 20000;
  const SHIFT = 20;
  test.each([
    ['i8', 16],
    ['i8', 61],
    ['i8', 4096],
    ['i16', 16],
    ['i16', 1024],
  ] as const)('%s, %d elements: 0.51 units', (dtype, n) => {
    const x = randomTensor({ dtype, shape: [n] }, new Philox(n));
    const gain: Tensor = { dtype: 'i16', shape: [1], data: Int16Array.of(GAIN) };
    const bias: Tensor = { dtype: 'i32', shape: [1], data: Int32Array.of(3 * 2 ** SHIFT + 77) };
    for (const center of [true, false]) {
      const epsilon = n;
      const y = run('layer_norm_fixed', [x, gain, bias], { axis: 0, center, epsilon, shift: SHIFT, lo: -32768, hi: 32767, dtype: 'i16' });
      const values = Array.from(x.data, Number);
      const mean = center ? values.reduce((a, b) => a + b, 0) / n : 0;
      const variance = values.reduce((a, v) => a + (v - mean) ** 2, 0) / n + epsilon / n ** 2;
      const real = (i: number) => (((values[i] ?? 0) - mean) / Math.sqrt(variance)) * ((GAIN * 2 ** 11) / 2 ** SHIFT) + 3 + 77 / 2 ** SHIFT;
      // z is rounded to 2^-11: at most half a step of 20000 / 2^20 on top of the last rounding
      expect(worstOf(y, real)).toBeLessThan(0.5 + GAIN / 2 ** (SHIFT + 1) + 0.001);
    }
  });
});
