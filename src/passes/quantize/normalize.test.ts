import { describe, expect, test } from '@jest/globals';
import { type AnyAttrs, Philox, ProgramBuilder, type Program, randomTensor, runProgram, type Tensor } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import type { Norm } from './lower/normalize.ts';
import type { QuantizedModel } from './model.ts';
import { quantizeProgram } from './quantize.ts';
import { measureSqnr } from './sqnr.ts';

type Case = readonly [op: Norm, shape: readonly number[], factors: readonly (readonly number[])[], attrs: AnyAttrs];

const CASES: readonly Case[] = [
  ['layer_norm', [6, 61], [[61], [61]], { axis: -1 }],
  ['layer_norm', [2, 3, 32], [], { axis: 1 }],
  ['rms_norm', [6, 61], [[61]], { axis: 1 }],
  ['instance_norm', [2, 4, 9, 9], [[4], [4]], {}],
  ['group_norm', [2, 4, 9, 9], [[4], [4]], { groups: 2 }],
];

const programOf = ([op, shape, factors, attrs]: Case): Program => {
  const b = new ProgramBuilder('norm');
  const random = new Philox(3);
  const params = factors.map((s, i) => b.param(`p${i}`, randomTensor({ dtype: 'f32', shape: s }, random, i === 0 ? -1.5 : -1, 1.5)));
  b.output('y', at(unwrap(b.tryEmit(op, [b.input('x', { dtype: 'f32', shape }), ...params], attrs, 'the norm')), 0));
  return b.finish();
};

/** Rows of very different spread: a table of 1 / sqrt(variance) with 256 entries would lose the small ones. */
const samplesOf = (shape: readonly number[]): readonly (readonly Tensor[])[] =>
  [1, 2, 3].map((seed) => {
    const t = randomTensor({ dtype: 'f32', shape }, new Philox(seed), -3, 5);
    return [{ ...t, data: Float32Array.from(t.data, (v, i) => v * (i * 2 < t.data.length ? 1 : 0.25)) }];
  });

const compile = (program: Program) => (inputs: readonly Tensor[]) => runProgram(program, inputs);
const quantized = (c: Case, wide: boolean): QuantizedModel =>
  unwrap(quantizeProgram(programOf(c), { samples: samplesOf(c[1]), outputBits: wide ? 16 : 8 }));

describe.each(CASES)('%s of %j', (...c) => {
  test.each([false, true])('is one integer op, near the float result (16-bit result: %s)', (wide) => {
    const model = quantized(c, wide);
    expect(model.program.nodes.map((n) => n.op)).toEqual(['layer_norm_fixed']);
    const [layer] = measureSqnr(model, samplesOf(c[1]), compile);
    expect(layer?.origin).toBe('the norm');
    expect(layer?.bits).toBe(wide ? 16 : 8);
    expect(layer?.decibels).toBeGreaterThan(34);
  });
});

test('the integer op is exact to half a step on the integers of its input', () => {
  const [first] = CASES;
  if (first === undefined) throw new TypeError('no case');
  const model = quantized(first, false);
  const [x] = at(samplesOf(first[1]), 0);
  const [from, to] = [at(model.inputs, 0), at(model.outputs, 0)];
  const held = Int8Array.from(x?.data ?? [], (v) => Math.max(-128, Math.min(127, Math.floor(v / from.scale + 0.5) + from.zero)));
  const real = Float32Array.from(held, (q) => (q - from.zero) * from.scale);
  const [y] = runProgram(model.program, [{ dtype: 'i8', shape: first[1], data: held }]);
  const [wanted] = runProgram(model.float, [{ dtype: 'f32', shape: first[1], data: real }]);
  y?.data.forEach((q, i) => {
    const r = Math.max(-128 - to.zero, Math.min(127 - to.zero, (wanted?.data[i] ?? 0) / to.scale));
    expect(Math.abs(q - to.zero - r)).toBeLessThan(0.55);
  });
});

test('relu after it is its lower limit; factors known at run time only are quantized by the definition', () => {
  const b = new ProgramBuilder('norm');
  const x = b.input('x', { dtype: 'f32', shape: [4, 16] });
  b.output('y', b.emit('relu', [b.emit('layer_norm', [x], {})], {}));
  const model = unwrap(quantizeProgram(b.finish(), { samples: samplesOf([4, 16]) }));
  expect(model.program.nodes.map((n) => n.op)).toEqual(['layer_norm_fixed']);
  const attrs = at(model.program.nodes, 0).attrs as AnyAttrs;
  expect(attrs['lo']).toBe(attrs['output_zero']);
  const open = new ProgramBuilder('norm');
  const operands = [open.input('x', { dtype: 'f32', shape: [4, 16] }), open.input('scale', { dtype: 'f32', shape: [16] })];
  open.output('y', open.emit('layer_norm', operands, {}));
  const scales: Tensor = { dtype: 'f32', shape: [16], data: new Float32Array(16).fill(1.5) };
  const other = unwrap(quantizeProgram(open.finish(), { samples: samplesOf([4, 16]).map((s) => [...s, scales]) }));
  expect(other.program.nodes.map((n) => n.op)).not.toContain('layer_norm_fixed');
});
