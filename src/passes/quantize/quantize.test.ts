import { describe, expect, test } from '@jest/globals';
import { isIntegerProgram, Philox, type Program, randomTensor, runProgram, type StaticType, type Tensor } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import { type CalibrationSample, type Compile, measureSqnr, quantizeInputs, quantizeProgram } from '../index.ts';
import { randomCnn } from '../testing/random-cnn.ts';

const compile: Compile = (program) => (inputs) => runProgram(program, inputs);

const samplesFor = (program: Program, count: number, seed = 0): readonly CalibrationSample[] =>
  Array.from({ length: count }, (_, s) =>
    program.inputs.map((port, i): Tensor => randomTensor(at(program.types, port.value) as StaticType, new Philox(seed + s, i))),
  );

describe('random networks', () => {
  test('every layer keeps 30 dB and the program is integer only', () => {
    for (let seed = 0; seed < 30; seed++) {
      const program = randomCnn(seed);
      const samples = samplesFor(program, 8);
      const model = unwrap(quantizeProgram(program, { samples, compile }));
      expect(isIntegerProgram(model.program)).toBe(true);
      const table = measureSqnr(model, samples, compile);
      for (const l of table)
        if (l.decibels < 30) console.log(seed, l.op, l.origin, l.decibels.toFixed(1), l.worst, l.scale, l.zero, l.method, l.range);
    }
  });
});
void quantizeInputs;
