import { expect, test } from '@jest/globals';
import { Philox, type Program, randomTensor, runProgram, type StaticType, type Tensor } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import { randomCnn } from '../testing/random-cnn.ts';
import type { CalibrationSample, Compile } from './calibrate.ts';
import { fitQuantizer, quantizeProgram } from './quantize.ts';
import { measureSqnr } from './sqnr.ts';

const compile: Compile = (program) => (inputs) => runProgram(program, inputs);
const samplesFor = (program: Program, count: number): readonly CalibrationSample[] =>
  Array.from({ length: count }, (_, s) =>
    program.inputs.map((port, i): Tensor => randomTensor(at(program.types, port.value) as StaticType, new Philox(s, i))),
  );
const automatic = { method: 'auto', rounding: 'auto', equalize: 'auto' } as const;

test('what was searched is no worse than a single method, but for what a greedy order loses, and tells what it tried', () => {
  for (const seed of [3, 4]) {
    const program = randomCnn(seed);
    const samples = samplesFor(program, 4);
    const fitted = unwrap(fitQuantizer(program, { samples, compile, ...automatic }));
    const output = (model: typeof fitted.model): number => {
      const outputs = new Set(model.float.outputs.map((o) => o.value));
      const reached = measureSqnr(model, samples, compile).filter((l) => outputs.has(l.float));
      expect(reached.length).toBe(outputs.size);
      return reached.reduce((sum, l) => sum + l.decibels, 0) / reached.length;
    };
    const reached = output(fitted.model);
    for (const method of ['minmax', 'percentile', 'mse'] as const)
      expect(reached).toBeGreaterThanOrEqual(output(unwrap(quantizeProgram(program, { samples, compile, method }))) - 0.5);
    expect(fitted.trials.map((t) => t.name)).toEqual(expect.arrayContaining(['ranges mse', 'ranges by layer', 'rounding']));
  }
});

test('the search is deterministic', () => {
  const program = randomCnn(5);
  const samples = samplesFor(program, 3);
  const text = (): string => {
    const { model, trials } = unwrap(fitQuantizer(program, { samples, compile, ...automatic }));
    return JSON.stringify([trials, model.layers, model.program.params.map((p) => [p.name, [...p.tensor.data]])]);
  };
  expect(text()).toBe(text());
});
