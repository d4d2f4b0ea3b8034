import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { decodePackage } from '../cvm-bytecode/index.ts';
import { model, node, port, tensor } from '../frontend/onnx/testing/build.ts';
import { encodeNpy } from '../frontend/tensors/index.ts';
import { unwrap } from '../support/index.ts';
import { cli, inFolder } from './testing/run.ts';

/** y = x W in QDQ form, W int8 of one scale; functions without scales in front when asked. */
const quantized = (codes: readonly number[], unscaled = false): Uint8Array => {
  const code = (name: string, scale: number, zero: number, elem: 'uint8' | 'int8'): readonly object[] => [
    tensor(`${name}_scale`, 'float', [], [scale]),
    tensor(`${name}_zero`, elem, [], [zero]),
  ];
  const pair = (x: string, name: string): readonly object[] => [
    node('QuantizeLinear', [x, `${name}_scale`, `${name}_zero`], [`${name}_q`]),
    node('DequantizeLinear', [`${name}_q`, `${name}_scale`, `${name}_zero`], [`${name}_r`]),
  ];
  const head = unscaled
    ? [node('Softplus', ['x'], ['s'], {}, { name: 'plain' }), node('Add', ['s', 'x'], ['h'], {}, { name: 'both' })]
    : [];
  return model({
    inputs: [port('x', 'float', [1, 2])],
    outputs: [port('y_r', 'float', [1, 2])],
    params: [
      ...code('x', 0.02, 128, 'uint8'),
      ...code('w', 0.01, 0, 'int8'),
      ...code('y', 0.05, 128, 'uint8'),
      tensor('w', 'int8', [2, 2], codes),
    ],
    nodes: [
      ...head,
      ...pair(unscaled ? 'h' : 'x', 'x'),
      node('DequantizeLinear', ['w', 'w_scale', 'w_zero'], ['w_r']),
      node('MatMul', ['x_r', 'w_r'], ['product'], {}, { name: 'product' }),
      ...pair('product', 'y'),
    ],
  });
};

interface Summary {
  readonly given: {
    readonly activations: number;
    readonly layers: readonly { readonly layer: string; readonly kept: boolean; readonly clamped: number }[];
    readonly difference: { readonly random: boolean; readonly samples: number; readonly outputs: readonly { readonly maxSteps: number }[] };
  };
  readonly warnings: readonly { readonly code: string; readonly severity: string }[];
}

test('a model that is quantized already compiles without samples, with its own integers, and is compared with its source', () =>
  inFolder(async (folder) => {
    writeFileSync(join(folder, 'q.onnx'), quantized([-128, 5, 7, -128]));
    const ran = await cli(['compile', 'q.onnx', '-o', 'q.cvm', '--json'], { cwd: folder });
    expect(ran.exit).toBe(0);
    const { given, warnings } = JSON.parse(ran.stdout) as Summary;
    expect(given).toMatchObject({ activations: 2, layers: [{ layer: 'product', kept: true, clamped: 2 }] });
    expect(given.difference).toMatchObject({ random: true, samples: 16 });
    // one step from each weight of -128, which is -127 here, and one from rounding
    expect(given.difference.outputs[0]?.maxSteps).toBeLessThanOrEqual(2);
    expect(warnings.map((w) => [w.code, w.severity])).toEqual(
      expect.arrayContaining([
        ['QNT0005', 'note'],
        ['QNT0006', 'warning'],
      ]),
    );
    const { program, metadata } = unwrap(decodePackage(new Uint8Array(readFileSync(join(folder, 'q.cvm')))));
    expect(Array.from(program.params.find((p) => p.tensor.data.length === 4)?.tensor.data ?? [])).toEqual([-127, 7, 5, -127]);
    expect(metadata.inputs[0]).toMatchObject({ scale: Math.fround(0.02), zero: 0 });
    const text = await cli(['compile', 'q.onnx', '-o', 'r.cvm'], { cwd: folder });
    expect(text.stdout).toMatch(/own scales +2 values, integer weights of 1 of 1 layers/);
    expect(text.stdout).toMatch(/to the source +y_r at most .* steps, mean .*, argmax equal on .* \(16 random samples\)/);
  }));

test('values without scales need samples, and are named', () =>
  inFolder(async (folder) => {
    writeFileSync(join(folder, 'q.onnx'), quantized([1, 5, 7, 100], true));
    const ran = await cli(['compile', 'q.onnx', '-o', 'q.cvm', '--json'], { cwd: folder });
    expect(ran.exit).toBe(2);
    const { error } = JSON.parse(ran.stdout) as { error: { code: string; notes: string[] }[] };
    expect(error).toMatchObject([{ code: 'CLI1006' }]);
    expect(error[0]?.notes[0]).toContain('The model brings scales along, but not for x.');
    writeFileSync(join(folder, 's.npy'), encodeNpy({ dtype: 'f32', shape: [2, 2], data: Float32Array.of(-1, 0.5, 1, 0.25) }));
    const given = await cli(['compile', 'q.onnx', '-o', 'q.cvm', '--calibration', 's.npy', '--json'], { cwd: folder });
    expect((JSON.parse(given.stdout) as Summary).given.difference).toMatchObject({ random: false, samples: 2 });
  }));
