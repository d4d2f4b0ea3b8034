import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { encodeNpy } from '../frontend/tensors/index.ts';
import { sha256Hex } from '../support/index.ts';
import { f32, i32, i8, single, type TestModel, type TestTensor, tflite } from '../frontend/tflite/testing/build.ts';
import { cli, inFolder } from './testing/run.ts';

/** 2 x - 1 and 3 x + 1 of one number, quantized. */
const dense = single(
  'FULLY_CONNECTED',
  {
    x: { ...i8([1, 1], 0.5, 128), elem: 'uint8' } as TestTensor,
    w: i8([2, 1], 1, 0, [2, 3]),
    b: { ...i32([2], [-2, 2]), scales: [0.5], zeros: [0] },
  },
  { y: i8([1, 2], 0.5, -8) },
  ['FullyConnectedOptions', {}],
);

const write = (folder: string, name: string, model: TestModel): void => writeFileSync(join(folder, name), tflite(model));

describe('TensorFlow Lite models', () => {
  test('doctor, inspect', () =>
    inFolder(async (folder) => {
      // the content decides, not the name
      write(folder, 'dense.bin', dense);
      const doctor = await cli(['doctor', 'dense.bin', '--json'], { cwd: folder });
      expect(doctor.exit).toBe(0);
      expect(JSON.parse(doctor.stdout)).toMatchObject({ compiles: true, nodes: [{ verdict: 'ok', node: 'y', op: 'FULLY_CONNECTED' }] });
      const inspected = await cli(['inspect', 'dense.bin'], { cwd: folder });
      expect(inspected.stdout).toMatch(/format +TensorFlow Lite/);
      expect(inspected.stdout).toMatch(/input +x +u8\[1, 1\] +real = 0\.5 \* \(q - 128\)/);
      expect(inspected.stderr).toMatch(/TFL3004/);
    }));

  test('run: real numbers are quantized with the scale of the file, integers are taken as they are', () =>
    inFolder(async (folder) => {
      write(folder, 'dense.tflite', dense);
      writeFileSync(join(folder, 'real.npy'), encodeNpy({ dtype: 'f32', shape: [1, 1], data: Float32Array.of(1.5) }));
      writeFileSync(join(folder, 'code.npy'), encodeNpy({ dtype: 'u8', shape: [1, 1], data: Uint8Array.of(131) }));
      const digests = await Promise.all(
        ['real.npy', 'code.npy'].map(async (input) => {
          const ran = await cli(['run', 'dense.tflite', input, '--json'], { cwd: folder });
          expect(ran.exit).toBe(0);
          return (JSON.parse(ran.stdout) as { outputs: { digest: string }[] }).outputs.map((o) => o.digest);
        }),
      );
      // 2 * 1.5 - 1 and 3 * 1.5 + 1 in steps of 0.5 from -8
      const wanted = sha256Hex(Uint8Array.from([-4, 3]));
      expect(digests).toEqual([[wanted], [wanted]]);
    }));

  test('compile makes an integer program', () =>
    inFolder(async (folder) => {
      write(folder, 'dense.tflite', dense);
      const ran = await cli(['compile', 'dense.tflite', '-o', 'd.cvm', '--random-calibration', '4', '--json'], { cwd: folder });
      expect(ran.exit).toBe(0);
      const inspected = await cli(['inspect', 'd.cvm', '--json'], { cwd: folder });
      expect(inspected.stdout).toMatch(/"format":"tflite"/);
      // the scales of the file go with the package: real numbers can be given
      expect((await cli(['inspect', 'd.cvm'], { cwd: folder })).stdout).toMatch(/input +x +u8\[1, 1\] +real = 0\.5 \* \(q - 128\)/);
      writeFileSync(join(folder, 'real.npy'), encodeNpy({ dtype: 'f32', shape: [1, 1], data: Float32Array.of(1.5) }));
      const result = await cli(['run', 'd.cvm', 'real.npy', '--json'], { cwd: folder });
      expect(JSON.parse(result.stdout)).toMatchObject({ outputs: [{ digest: sha256Hex(Uint8Array.from([-4, 3])) }] });
    }));

  test('every operator that cannot be imported is told at once', () =>
    inFolder(async (folder) => {
      const model: TestModel = {
        tensors: { x: f32([1]), a: f32([1]), y: f32([1]) },
        inputs: ['x'],
        outputs: ['y'],
        operators: [
          { op: 'CUSTOM', inputs: ['x'], outputs: ['a'], custom: 'Mine' },
          { op: 'UNIQUE', inputs: ['a'], outputs: ['y'] },
        ],
      };
      write(folder, 'm.tflite', model);
      const doctor = await cli(['doctor', 'm.tflite'], { cwd: folder });
      expect(doctor.exit).toBe(4);
      expect(doctor.stdout).toMatch(/CUSTOM\(Mine\)[\s\S]*UNIQUE/);
      const compiled = await cli(['compile', 'm.tflite', '--random-calibration', '1'], { cwd: folder });
      expect(compiled.exit).toBe(4);
      expect(compiled.stderr).toMatch(/TFL2001[\s\S]*TFL2001/);
    }));

  test('options of other formats, and bytes that are no model', () =>
    inFolder(async (folder) => {
      write(folder, 'dense.tflite', dense);
      for (const words of [
        ['--bind', 'N=1'],
        ['--const', 'x=1'],
        ['--params', 'p.npz'],
      ])
        expect((await cli(['inspect', 'dense.tflite', ...words], { cwd: folder })).exit).toBe(2);
      writeFileSync(join(folder, 'cut.tflite'), tflite(dense).slice(0, 40));
      const cut = await cli(['inspect', 'cut.tflite'], { cwd: folder });
      expect([cut.exit, cut.stderr.includes('TFL1001')]).toEqual([3, true]);
    }));
});
