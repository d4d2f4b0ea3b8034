import { describe, expect, test } from '@jest/globals';
import { Philox, type Program, ProgramBuilder, randomTensor, runProgram, type Tensor, type ValueId } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import type { Compile } from './calibrate.ts';
import { rangeThroughFunctions } from './function-range.ts';
import { histogramOf } from './histogram.ts';
import type { LayerInfo } from './model.ts';
import { quantizeProgram } from './quantize.ts';
import { measureSqnr } from './sqnr.ts';

const compile: Compile = (program) => (inputs) => runProgram(program, inputs);
const random = (shape: readonly number[], seed: number, most = 1): Tensor =>
  randomTensor({ dtype: 'f32', shape }, new Philox(seed), -most, most);

const network = (body: (b: ProgramBuilder, x: ValueId) => readonly ValueId[]): Program => {
  const b = new ProgramBuilder('net');
  const x = b.input('x', { dtype: 'f32', shape: [1, 16] });
  const hidden = b.emit('dense', [x, b.constant(random([32, 16], 1, 2))], {}, 'hidden');
  body(b, hidden).forEach((v, i) => b.output(`y${i}`, v));
  return b.finish();
};
const samples = Array.from({ length: 32 }, (_, i) => [random([1, 16], 100 + i, 2)]);
const hiddenOf = (program: Program, method: 'mse' | 'minmax'): LayerInfo => {
  const { layers } = unwrap(quantizeProgram(program, { samples, compile, method }));
  const found = layers.find((l) => l.origin === 'hidden');
  if (found === undefined) throw new Error('the layer is reported');
  return found;
};

describe('a value that only functions read', () => {
  const swish = network((b, x) => [b.emit('hard_swish', [x], {}, 'swish')]);

  test('has no codes for what hard swish makes 0', () => {
    const hidden = hiddenOf(swish, 'mse');
    expect(hidden.method).toBe('function');
    expect(hidden.range[0]).toBeGreaterThan(-3.6);
    expect(hidden.range[0]).toBeLessThan(-2);
    expect(hiddenOf(swish, 'minmax').range[0]).toBeLessThan(-8);
  });

  test('what the function gives is nearer for it', () => {
    const decibels = (['minmax', 'mse'] as const).map((method) => {
      const model = unwrap(quantizeProgram(swish, { samples, compile, method, outputBits: 16 }));
      return measureSqnr(model, samples, compile).at(-1)?.decibels ?? 0;
    });
    expect(at(decibels, 1)).toBeGreaterThan(at(decibels, 0) + 1);
  });

  test('sigmoid keeps what it can tell apart', () => {
    const hidden = hiddenOf(
      network((b, x) => [b.emit('sigmoid', [x], {})]),
      'mse',
    );
    expect(hidden.method).toBe('function');
    expect(Math.max(-hidden.range[0], hidden.range[1])).toBeLessThan(12);
    expect(Math.min(-hidden.range[0], hidden.range[1])).toBeGreaterThan(4);
  });
});

test('where something else reads the value too, or it is an output, its own error counts', () => {
  const read = network((b, x) => [b.emit('dense', [x, b.constant(random([4, 32], 3))], {}), b.emit('hard_swish', [x], {})]);
  const output = network((b, x) => [x, b.emit('hard_swish', [x], {})]);
  for (const program of [read, output]) expect(hiddenOf(program, 'mse').method).not.toBe('function');
});

test('a function without any power, or with an infinite result, decides nothing', () => {
  const h = histogramOf(Float32Array.of(-1, 0, 1, 2));
  expect(rangeThroughFunctions(h, [(inputs) => new Float64Array(inputs.length)])).toBeUndefined();
  expect(rangeThroughFunctions(h, [(inputs) => Array.from(inputs, () => Number.POSITIVE_INFINITY)])).toBeUndefined();
});
