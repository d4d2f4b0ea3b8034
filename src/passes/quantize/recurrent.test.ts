import { expect, test } from '@jest/globals';
import { Philox, proveProgram, ProgramBuilder, randomTensor, runProgram, type Tensor } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import { quantizeProgram } from '../index.ts';

/** A GRU layer over 6 steps with constant weights, and samples of its input. */
const layer = () => {
  const random = new Philox(5);
  const tensor = (...shape: readonly number[]): Tensor => randomTensor({ dtype: 'f32', shape }, random, -1, 1);
  const b = new ProgramBuilder('t');
  const x = b.input('x', { dtype: 'f32', shape: [6, 2, 4] });
  const weights = [tensor(1, 15, 4), tensor(1, 15, 5), tensor(1, 30), tensor(1, 2, 5)].map((t, i) => b.param(`p${i}`, t));
  b.output('y', at(b.emitAll('gru', [x, ...weights], {}), 0));
  return { program: b.finish(), samples: Array.from({ length: 12 }, () => [tensor(6, 2, 4)]) };
};

test('a recurrent layer is quantized step by step; its steps share their weights and stay near the float results', () => {
  const { program, samples } = layer();
  const quantized = unwrap(quantizeProgram(program, { samples }));
  unwrap(proveProgram(quantized.program));
  // the weights of x, those of the state for the gates and for the candidate, and the initial state
  const matrices = quantized.program.params
    .map(({ value }) => at(quantized.program.types, value))
    .filter((t) => t.dtype === 'i8' && t.shape.length === 2);
  expect(
    matrices
      .map((t) => t.shape.join('x'))
      .filter((s) => s.endsWith('x4') || s.endsWith('x5'))
      .sort(),
  ).toEqual(['10x5', '15x4', '2x5', '5x5']);
  const { scale: xs, zero: xz } = at(quantized.inputs, 0);
  const { scale: ys, zero: yz } = at(quantized.outputs, 0);
  const sample = at(at(samples, 0), 0);
  const data = Int8Array.from(sample.data, (v) => Math.max(-128, Math.min(127, Math.round(v / xs) + xz)));
  const [got] = runProgram(quantized.program, [{ dtype: 'i8', shape: sample.shape, data }]);
  const [wanted] = runProgram(program, [sample]);
  const worst = Math.max(...Array.from(wanted?.data ?? [], (v, i) => Math.abs(((got?.data[i] ?? 0) - yz) * ys - v)));
  expect(worst).toBeLessThan(0.05);
});
