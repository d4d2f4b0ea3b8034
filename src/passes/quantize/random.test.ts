import { describe, expect, test } from '@jest/globals';
import { Philox, ProgramBuilder, randomTensor, runProgram, type Program, type Tensor, type ValueId } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import { quantizeProgram } from './quantize.ts';
import { measureSqnr } from './sqnr.ts';

const seeds: readonly Tensor[] = [1, 2, 3].map((s) => ({ dtype: 'i32', shape: [2], data: Int32Array.of(s, -s) }));
const compile = (program: Program) => (inputs: readonly Tensor[]) => runProgram(program, inputs);

/** Quantizes what `draw` makes of a seed (and of further inputs), and compares it with the float draws, layer by layer. */
const compare = (draw: (b: ProgramBuilder, seed: ValueId) => ValueId, more: readonly Tensor[] = []) => {
  const b = new ProgramBuilder('draws');
  b.output('y', draw(b, b.input('seed', { dtype: 'i32', shape: [2] })));
  const samples = seeds.map((s) => [s, ...more]);
  const model = unwrap(quantizeProgram(b.finish(), { samples, outputBits: 8 }));
  return { ops: model.program.nodes.map((n) => n.op), layers: measureSqnr(model, samples, compile) };
};

describe('a quantized draw is the float draw, rounded', () => {
  test('uniform', () => {
    const { ops, layers } = compare((b, seed) => b.emit('random_uniform', [seed], { shape: [500], low: -2, high: 3, op_id: 4 }));
    expect(ops).toEqual(['random_int', 'rescale']);
    for (const l of layers) expect(l.worst).toBeLessThan(0.51 * l.scale);
  });

  test('uniform in an interval that is short against its ends is refused', () => {
    const b = new ProgramBuilder('draws');
    const seed = b.input('seed', { dtype: 'i32', shape: [2] });
    b.output('y', b.emit('random_uniform', [seed], { shape: [5], low: 4194304, high: 4194305 }));
    const model = quantizeProgram(b.finish(), { samples: seeds.map((s) => [s]) });
    expect(model.ok ? '' : model.diagnostics.map((d) => d.code)).toEqual(['QNT0001']);
  });

  test('normal', () => {
    const { ops, layers } = compare((b, seed) => b.emit('random_normal', [seed], { shape: [500], mean: 1, scale: 2 }));
    expect(ops).toEqual(['random_bits', 'table', 'rescale', 'table']);
    for (const l of layers) expect(l.decibels).toBeGreaterThan(34);
  });

  test('Bernoulli with probabilities of the model, and with computed ones', () => {
    const p = randomTensor({ dtype: 'f32', shape: [500] }, new Philox(9), 0, 1);
    const fixed = compare((b, seed) => b.emit('random_bernoulli', [seed, b.constant(p)], { shape: [500], dtype: 'f32' }));
    expect(fixed.ops).toEqual(['random_bernoulli', 'rescale']);
    expect(at(fixed.layers, 0).worst).toBeLessThan(0.01);
    const codes: Tensor = { ...p, data: Float32Array.from(p.data, (v) => Math.floor(v * 255 + 0.5) / 255) };
    const made = compare(
      (b, seed) => b.emit('random_bernoulli', [seed, b.input('p', { dtype: 'f32', shape: [500] })], { shape: [500], dtype: 'i32' }),
      [{ ...codes, data: codes.data.map((v, i) => (i === 0 ? 1 : v)) }],
    );
    expect(made.ops).toEqual(['table', 'random_bernoulli']);
  });
});
