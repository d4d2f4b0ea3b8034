import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importOnnx } from '../../frontend/onnx/index.ts';
import { bindDims, Philox, type Program, ProgramBuilder, randomTensor, runProgram, type StaticType, type Tensor } from '../../ir/index.ts';
import { unwrap } from '../../support/index.ts';
import { dequantizeTensor } from './affine.ts';
import { quantizeProgram } from './quantize.ts';
import { shareCodes, shareWeights } from './share-weights.ts';

const changeOf = (weights: Int8Array, codes: Int8Array): number =>
  weights.reduce((sum, w) => sum + ((codes[w + 127] ?? w) - w) ** 2, 0) / weights.length;
const codes = fc.array(fc.integer({ min: -127, max: 127 }), { minLength: 1, maxLength: 400 });

describe('k-means over integer weights', () => {
  test('at most 2^bits values, within the range of the weights, monotonic', () => {
    fc.assert(
      fc.property(codes, fc.constantFrom(2, 3, 4, 5, 6, 7), (list, bits) => {
        const weights = Int8Array.from(list);
        const map = shareCodes(weights, bits);
        const after = weights.map((w) => map[w + 127] ?? Number.NaN);
        const pruned = weights.filter((w) => w === 0).length >= weights.length / 2;
        expect(new Set(after).size).toBeLessThanOrEqual((1 << bits) + (pruned ? 1 : 0));
        expect(Math.min(...after)).toBeGreaterThanOrEqual(Math.min(...weights));
        expect(Math.max(...after)).toBeLessThanOrEqual(Math.max(...weights));
        expect(pruned ? after.every((v, i) => v === 0 || weights[i] !== 0) : map.every((v, i) => i === 0 || v >= map[i - 1]!)).toBe(true);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test('by hand: two bits over 0 to 9 and a far value', () => {
    // centroids 0, 100/3, 200/3, 100 settle at 4.5 (0..9) and 100; the two between have no weights and stay
    const map = shareCodes(Int8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 100), 2);
    expect([0, 5, 9, 100].map((w) => map[w + 127])).toEqual([5, 5, 5, 100]);
  });

  test('few values stay as they are, and more bits change less', () => {
    const random = new Philox(3);
    const { data } = randomTensor({ dtype: 'i8', shape: [4000] }, random, -127, 127);
    const weights = data as Int8Array;
    const changes = ([2, 3, 4, 5, 6, 7] as const).map((bits) => changeOf(weights, shareCodes(weights, bits)));
    for (let i = 1; i < changes.length; i++) expect(changes[i]!).toBeLessThan(changes[i - 1]! / 2);
    // 255 values over 16: steps of 16, an error of 16^2 / 12
    expect(changes[2]).toBeGreaterThan(19);
    expect(changes[2]).toBeLessThan(24);
    expect(changeOf(Int8Array.of(-5, 0, 5, 127), shareCodes(Int8Array.of(-5, 0, 5, 127), 2))).toBe(0);
  });

  test('zeros of a pruned layer stay', () => {
    const weights = Int8Array.from({ length: 1000 }, (_, i) => (i % 5 === 0 ? ((i * 7) % 100) + 1 : 0));
    const map = shareCodes(weights, 2);
    expect(map[127]).toBe(0);
    expect(new Set(weights.map((w) => map[w + 127] ?? w)).size).toBe(5);
  });
});

const example = (name: string): Uint8Array => new Uint8Array(readFileSync(join(import.meta.dirname, '../../../examples/digits', name)));

describe('a quantized model', () => {
  const imported = unwrap(importOnnx(example('model.onnx'))).program;
  const float: Program = unwrap(bindDims(imported, new Map([['N', 1]])));
  const type = float.types[float.inputs[0]!.value] as StaticType;
  const samples = [1, 2, 3].map((seed) => [randomTensor(type, new Philox(seed), 0, 1)] as const);
  const model = unwrap(quantizeProgram(float, { samples }));

  test('each layer has few values; parameters are new, the model given is as it was', () => {
    const before = model.program.params.map((p) => p.tensor.data.slice());
    const shared = unwrap(shareWeights(model, 4));
    expect(model.program.params.map((p) => p.tensor.data)).toEqual(before);
    expect(shared.layers).toHaveLength(4);
    for (const layer of shared.layers) {
      expect(layer.kept).toBeUndefined();
      expect(layer.after).toBeLessThanOrEqual(16);
      expect(layer.meanSquaredChange).toBeGreaterThan(0);
      expect(layer.meanSquaredChange).toBeLessThan(40);
    }
    expect(
      shared.model.program.params.filter((p) => p.tensor.data instanceof Int8Array).every((p) => new Set(p.tensor.data).size <= 16),
    ).toBe(true);
    expect(unwrap(shareWeights(model, 4)).model.program).toEqual(shared.model.program);
  });

  test('biases follow, so that the zero point of the input cancels', () => {
    // a constant input at the zero point is real 0: the logits are those of the biases alone, whatever the weights
    const b = new ProgramBuilder('line');
    const x = b.input('x', { dtype: 'f32', shape: [1, 64] });
    const random = new Philox(9);
    const w = b.param('w', randomTensor({ dtype: 'f32', shape: [8, 64] }, random, -1, 1));
    const c = b.param('c', randomTensor({ dtype: 'f32', shape: [8] }, random, -1, 1));
    b.output('y', b.emit('dense', [x, w, c], {}));
    const line = b.finish();
    const inputs = Array.from({ length: 4 }, (_, i) => [randomTensor({ dtype: 'f32', shape: [1, 64] }, new Philox(i), 0.5, 3)]);
    const quantized = unwrap(quantizeProgram(line, { samples: inputs }));
    const zero = quantized.inputs[0]!.zero;
    expect(zero).not.toBe(0);
    const at: Tensor = { dtype: 'i8', shape: [1, 64], data: new Int8Array(64).fill(zero) };
    const shared = unwrap(shareWeights(quantized, 2));
    expect(shared.layers[0]!.meanSquaredChange).toBeGreaterThan(50);
    expect(runProgram(shared.model.program, [at])).toEqual(runProgram(quantized.program, [at]));
    const real = (program: Program, input: Tensor): Float32Array => {
      const q = Int8Array.from(input.data, (v) => Math.max(-128, Math.min(127, Math.floor(v / quantized.inputs[0]!.scale + 0.5) + zero)));
      const [y] = runProgram(program, [{ dtype: 'i8', shape: [1, 64], data: q }]);
      return Float32Array.from(dequantizeTensor(y!, quantized.outputs[0]!).data);
    };
    // and off it the error stays that of the weights: 2 bits of 127 steps over 64 terms
    const [input] = inputs[0]!;
    const exact = real(quantized.program, input!);
    real(shared.model.program, input!).forEach((v, i) => expect(Math.abs(v - exact[i]!)).toBeLessThan(6));
  });
});
