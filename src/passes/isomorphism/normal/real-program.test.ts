import { describe, expect, test } from '@jest/globals';
import { Philox, type Program, ProgramBuilder, randomTensor, runProgram, type Tensor } from '../../../ir/index.ts';
import { at, unwrap } from '../../../support/index.ts';
import { quantizeInputs, quantizeProgram } from '../../index.ts';
import { realProgram } from './real-program.ts';

const f32 = (shape: readonly number[], seed: number): Tensor => randomTensor({ dtype: 'f32', shape }, new Philox(seed), -1, 1);
const CONV = { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] };

/** Padding, a residual sum, relu, a mean over planes and a dense layer. */
const float = ((): Program => {
  const b = new ProgramBuilder('test');
  const x = b.input('x', { dtype: 'f32', shape: [1, 3, 6, 6] });
  const conv = (from: typeof x, seed: number, inputs: number): typeof x =>
    b.emit('conv', [from, b.param(`w${seed}`, f32([8, inputs, 3, 3], seed)), b.param(`b${seed}`, f32([8], seed + 1))], CONV, 'conv');
  const first = b.emit('relu', [conv(x, 1, 3)], {}, 'relu');
  const sum = b.emit('relu', [b.emit('add', [conv(first, 3, 8), first], {}, 'add')], {}, 'relu');
  const mean = b.emit('flatten', [b.emit('reduce_mean', [sum], { axes: [2, 3], keep: true }, 'mean')], { axis: 1 }, 'flatten');
  b.output('y', b.emit('dense', [mean, b.param('v', f32([5, 8], 5)), b.param('c', f32([5], 6))], {}, 'dense'));
  return b.finish();
})();

describe('the real network behind integers', () => {
  const samples = [11, 12, 13, 14].map((seed) => [f32([1, 3, 6, 6], seed)]);
  const model = unwrap(quantizeProgram(float, { compile: (p) => (inputs) => runProgram(p, inputs), samples }));
  const real = realProgram(model.program);

  test('gives what the integers stand for, up to their steps', () => {
    if (real === undefined) throw new Error('every op has a real counterpart');
    expect(real.types.every((t) => t.dtype === 'f32')).toBe(true);
    for (const sample of samples) {
      const q = at(quantizeInputs(model, sample), 0);
      const [port, out] = [at(model.inputs, 0), at(model.outputs, 0)];
      const centred: Tensor = { dtype: 'f32', shape: q.shape, data: Float32Array.from(q.data, (v) => v - port.zero) };
      const wanted = Array.from(at(runProgram(model.program, [q]), 0).data, (v) => v - out.zero);
      const got = Array.from(at(runProgram(real, [centred]), 0).data);
      const size = wanted.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      got.forEach((v, i) => expect(Math.abs(v - at(wanted, i)) / size).toBeLessThan(0.03));
    }
  });

  test('a program of real numbers is itself', () => {
    expect(realProgram(float)).toBe(float);
  });
});
