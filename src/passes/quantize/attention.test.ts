import { describe, expect, test } from '@jest/globals';
import {
  type AttrsIn,
  isIntegerProgram,
  Philox,
  type Program,
  ProgramBuilder,
  proveProgram,
  randomTensor,
  runProgram,
  type Tensor,
  type ValueId,
  verifyProgram,
} from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import { type CalibrationSample, type Compile, dequantizeTensor, measureSqnr, quantizeInputs, quantizeProgram } from '../index.ts';

const compile: Compile = (program) => (inputs) => runProgram(program, inputs);
const TOKENS = 6;
const WIDTH = 16;

const weights = (seed: number): Tensor => randomTensor({ dtype: 'f32', shape: [WIDTH, WIDTH] }, new Philox(seed, 1), -0.4, 0.4);

/** Projections of the input to four heads, attention, and a projection of the result. */
const block = (attrs: AttrsIn<'attention'>, mask?: (b: ProgramBuilder) => ValueId): Program => {
  const b = new ProgramBuilder('block');
  const x = b.input('x', { dtype: 'f32', shape: [1, TOKENS, WIDTH] });
  const heads = (seed: number): ValueId =>
    b.emit('transpose', [b.emit('reshape', [b.emit('dense', [x, b.constant(weights(seed))], {})], { shape: [1, TOKENS, 4, 4] })], {
      perm: [0, 2, 1, 3],
    });
  const y = b.emit('attention', [heads(1), heads(2), heads(3), ...(mask === undefined ? [] : [mask(b)])], attrs);
  const joined = b.emit('reshape', [b.emit('transpose', [y], { perm: [0, 2, 1, 3] })], { shape: [1, TOKENS, WIDTH] });
  b.output('y', b.emit('dense', [joined, b.constant(weights(4))], {}));
  return b.finish();
};

const samples: readonly CalibrationSample[] = Array.from({ length: 6 }, (_, s) => [
  randomTensor({ dtype: 'f32', shape: [1, TOKENS, WIDTH] }, new Philox(50 + s, 2), -2, 2),
]);

const lower = Uint8Array.from({ length: TOKENS * TOKENS }, (_, i) => (i % TOKENS <= Math.floor(i / TOKENS) ? 1 : 0));
const truth = (b: ProgramBuilder): ValueId => b.constant({ dtype: 'bool', shape: [TOKENS, TOKENS], data: lower });
const bias = (b: ProgramBuilder): ValueId =>
  b.constant({
    dtype: 'f32',
    shape: [1, 1, TOKENS, TOKENS],
    data: Float32Array.from(lower, (v, i) => (v === 1 ? -0.1 * (i % 3) : Number.NEGATIVE_INFINITY)),
  });

describe('a block of attention becomes integers', () => {
  test.each([
    ['no mask', block({})],
    ['a soft cap', block({ softcap: 3 })],
    ['causal', block({ right: 0 })],
    ['a window', block({ right: 0, left: 2 })],
    ['a constant mask of truth', block({}, truth)],
    ['a constant mask of numbers and -inf', block({}, bias)],
  ])('%s', (_name, program) => {
    const model = unwrap(quantizeProgram(program, { samples, compile }));
    expect(isIntegerProgram(model.program)).toBe(true);
    expect(verifyProgram(model.program).ok && proveProgram(model.program).ok).toBe(true);
    const table = measureSqnr(model, samples, compile);
    expect(at(table, table.length - 1).decibels).toBeGreaterThan(28);
    // the float program that is quantized gives what the model gives
    for (const sample of samples) {
      const wanted = at(runProgram(program, sample), 0).data;
      const got = at(runProgram(model.float, sample), 0).data;
      got.forEach((v, i) => expect(v).toBeCloseTo(at(Array.from(wanted), i), 5));
    }
  });

  test('a causal query does not see later tokens, to the last bit', () => {
    const model = unwrap(quantizeProgram(block({ right: 0 }), { samples, compile }));
    const first = at(at(samples, 0), 0);
    const changed = { ...first, data: Float32Array.from(first.data, (v, i) => (i < 3 * WIDTH ? v : -v)) };
    const [a, b] = [first, changed].map((t) => at(runProgram(model.program, quantizeInputs(model, [t])), 0));
    expect(Array.from(a?.data.slice(0, 3 * WIDTH) ?? [])).toEqual(Array.from(b?.data.slice(0, 3 * WIDTH) ?? []));
    expect(Array.from(a?.data.slice(3 * WIDTH) ?? [])).not.toEqual(Array.from(b?.data.slice(3 * WIDTH) ?? []));
    expect(a && dequantizeTensor(a, at(model.outputs, 0)).data.length).toBe(TOKENS * WIDTH);
  });

  test('a mask that is known only at run time is refused by name', () => {
    const program = block({}, (b) => b.input('mask', { dtype: 'bool', shape: [TOKENS, TOKENS] }));
    const masked = samples.map(
      ([x]): CalibrationSample => [...(x === undefined ? [] : [x]), { dtype: 'bool', shape: [TOKENS, TOKENS], data: lower }],
    );
    const result = quantizeProgram(program, { samples: masked, compile });
    expect(result.ok ? [] : [...new Set(result.diagnostics.map((d) => d.code))]).toEqual(['QNT0001']);
  });
});
