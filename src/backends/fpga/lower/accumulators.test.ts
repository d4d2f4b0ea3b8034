import { expect, test } from '@jest/globals';
import { Philox, ProgramBuilder, randomTensor, type StaticType, type Tensor } from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import { accumulatorBits, byteSum, fitsAccumulators, weightedSum } from '../array/accumulators.ts';
import { DEFAULT_ARRAY } from '../array/config.ts';
import { compileForFpga } from '../lower.ts';
import { coreRows } from './rows.ts';
import { differences, simulate } from './testing/simulated.ts';

test('bits of accumulators hold both signs of a bound, and are never fewer than 24 or more than 32', () => {
  expect([0, 2 ** 23 - 1, 2 ** 23, 2 ** 24 - 1, 2 ** 24, 2 ** 40].map(accumulatorBits)).toEqual([24, 24, 25, 25, 26, 32]);
  expect([24, 25].map((bits) => fitsAccumulators(2 ** 23, bits))).toEqual([false, true]);
});

test('sums are bounded by the output with the greatest weights, and by 128 a byte', () => {
  expect(weightedSum(Int8Array.of(1, -2, 3, 100, -128, 0), 2)).toBe(128 * 228);
  expect(byteSum(49)).toBe(49 * 128);
});

/** Products of 520 inputs with the greatest weights: sums up to 520 x 127 x 128, a little more than 2^23. */
const wide = (() => {
  const b = new ProgramBuilder('wide');
  const x = b.input('x', { dtype: 'i8', shape: [8, 520] });
  const weights: Tensor = { dtype: 'i8', shape: [4, 520], data: new Int8Array(4 * 520).fill(127) };
  b.output('y', b.emit('dense', [x, b.constant(weights)], {}));
  return b.finish();
})();

test('a layer whose sums need more bits than the core has is left to the processor', () => {
  const inputs = wide.inputs.map((p) => randomTensor(wide.types[p.value] as StaticType, new Philox(1), -128, -128));
  const needs = [25, 24].map((bits) => {
    const config = { ...DEFAULT_ARRAY, accumulatorBits: bits };
    expect(differences(wide, inputs, simulate(wide, inputs, config).outputs)).toEqual([]);
    return unwrap(compileForFpga(wide, { rows: coreRows({ config }) })).header.array;
  });
  expect(needs).toMatchObject([
    { lanes: 16, accumulatorBits: 25 },
    { lanes: 0, accumulatorBits: 0 },
  ]);
});
