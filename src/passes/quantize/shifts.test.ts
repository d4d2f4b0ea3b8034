import { describe, expect, test } from '@jest/globals';
import {
  type AnyNode,
  Philox,
  type Program,
  ProgramBuilder,
  randomTensor,
  runProgram,
  type StaticType,
  type Tensor,
} from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import { randomCnn } from '../testing/random-cnn.ts';
import { quantizeProgram } from './quantize.ts';
import { multipliersLeft } from './shifts.ts';
import { measureSqnr } from './sqnr.ts';

const samplesFor = (program: Program): readonly (readonly Tensor[])[] =>
  Array.from({ length: 4 }, (_, s) =>
    program.inputs.map((port, i) => randomTensor(at(program.types, port.value) as StaticType, new Philox(s, i))),
  );

const exponentOf = (scale: number): number => {
  let e = 0;
  for (let s = scale; s < 1; s *= 2) e--;
  for (let s = scale; s > 1; s /= 2) e++;
  return e;
};

describe('power-of-two scales', () => {
  test('every scale is a power of two, and only means keep a multiplier', () => {
    for (const bits of [8, 6] as const)
      for (let seed = 0; seed < 6; seed++) {
        const program = randomCnn(seed);
        const model = unwrap(quantizeProgram(program, { samples: samplesFor(program), bits, powerOfTwo: true }));
        for (const { scale } of model.layers) expect(scale).toBe(2 ** exponentOf(scale));
        const means = new Set((model.program.nodes as readonly AnyNode[]).filter((n) => n.op === 'reduce_sum').map((n) => n.origin));
        for (const name of multipliersLeft(model.program)) expect(means).toContain(name);
      }
  });

  test('free scales need multipliers in every layer', () => {
    const program = randomCnn(1);
    const model = unwrap(quantizeProgram(program, { samples: samplesFor(program) }));
    expect(multipliersLeft(model.program).length).toBeGreaterThan(3);
  });

  test('they cost at most a bit', () => {
    const b = new ProgramBuilder('net');
    const x = b.input('x', { dtype: 'f32', shape: [1, 32] });
    const random = (shape: readonly number[], seed: number): Tensor => randomTensor({ dtype: 'f32', shape }, new Philox(seed), -1, 1);
    const hidden = b.emit('relu', [b.emit('dense', [x, b.constant(random([64, 32], 1))], {})], {});
    b.output('y', b.emit('dense', [hidden, b.constant(random([10, 64], 2))], {}));
    const program = b.finish();
    const samples = samplesFor(program);
    const decibels = [false, true].map((powerOfTwo) => {
      const model = unwrap(quantizeProgram(program, { samples, powerOfTwo }));
      return measureSqnr(model, samples, (p) => (inputs) => runProgram(p, inputs)).at(-1)?.decibels ?? 0;
    });
    expect(at(decibels, 1)).toBeGreaterThan(at(decibels, 0) - 7);
    expect(at(decibels, 1)).toBeLessThan(at(decibels, 0) + 1);
  });
});
