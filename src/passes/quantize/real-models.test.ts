import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { loadBackend } from '../../backends/index.ts';
import { importOnnx } from '../../frontend/onnx/index.ts';
import { cropCentre, decodeNpy, decodePicture, pictureToTensor, resizeShorterSide } from '../../frontend/tensors/index.ts';
import { isIntegerProgram, type Program, type StaticType, type Tensor } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import { type Compile, measureSqnr, type QuantizedModel, quantizeInputs, quantizeProgram } from '../index.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const DATA = process.env['CORTEXC_DATA'] ?? resolve(ROOT, '../shared/data');

/** A test on models outside the repository; skipped, saying so, when they are absent. */
const withData = (name: string, run: () => Promise<void>): void => {
  if (existsSync(DATA)) test(name, run, 300_000);
  else {
    console.warn(`skipped, CORTEXC_DATA (${DATA}) does not exist: ${name}`);
    test.skip(name, run);
  }
};

const compiler = async (): Promise<Compile> => {
  const backend = unwrap(await loadBackend('wasm'));
  return (program) => {
    const executable = unwrap(backend.compile(program));
    return (inputs) => executable.run(inputs);
  };
};

const importModel = (path: string): Program =>
  unwrap(
    importOnnx(readFileSync(path), {
      bind: new Map([
        ['N', 1],
        ['batch_size', 1],
      ]),
    }),
  ).program;

const argmax = (tensor: Tensor | undefined): number => {
  const data = tensor?.data ?? [];
  let best = 0;
  for (let i = 1; i < data.length; i++) if (at(data, i) > at(data, best)) best = i;
  return best;
};

interface Score {
  readonly float: number;
  readonly int: number;
  readonly agree: number;
}

/** Share of samples, in percent, whose top class is the label in float and in integers, and where both agree. */
const score = (
  program: Program,
  model: QuantizedModel,
  compile: Compile,
  samples: readonly (readonly Tensor[])[],
  labels: ArrayLike<number>,
): Score => {
  const runFloat = compile(program);
  const runInt = compile(model.program);
  let [float, int, agree] = [0, 0, 0];
  samples.forEach((sample, i) => {
    const f = argmax(runFloat(sample)[0]);
    const q = argmax(runInt(quantizeInputs(model, sample))[0]);
    if (f === labels[i]) float++;
    if (q === labels[i]) int++;
    if (f === q) agree++;
  });
  const percent = (n: number): number => (100 * n) / samples.length;
  return { float: percent(float), int: percent(int), agree: percent(agree) };
};

const sliceOf = (data: ArrayLike<number>, type: StaticType, i: number): Tensor => {
  const n = type.shape.reduce((p, d) => p * d, 1);
  return { dtype: 'f32', shape: type.shape, data: Float32Array.from({ length: n }, (_, k) => at(data, i * n + k)) };
};
const inputType = (program: Program): StaticType => at(program.types, at(program.inputs, 0).value) as StaticType;

describe('the digits example', () => {
  test('keeps its accuracy in 8 bits, whatever chooses the ranges, and with 6-bit weights', async () => {
    const dir = join(ROOT, 'examples/digits');
    const compile = await compiler();
    const program = importModel(join(dir, 'model.onnx'));
    const type = inputType(program);
    const load = (name: string) => unwrap(decodeNpy(readFileSync(join(dir, name))));
    const [calibration, images, labels] = [load('calibration-images.npy'), load('test-images.npy'), load('test-labels.npy')];
    const samples = Array.from({ length: 64 }, (_, i) => [sliceOf(calibration.data, type, i)]);
    const tests = Array.from({ length: labels.data.length }, (_, i) => [sliceOf(images.data, type, i)]);
    for (const options of [{ method: 'mse' }, { method: 'minmax' }, { method: 'percentile' }, { bits: 6 }] as const) {
      const model = unwrap(quantizeProgram(program, { samples, compile, ...options }));
      expect(isIntegerProgram(model.program)).toBe(true);
      const { float, int } = score(program, model, compile, tests, labels.data);
      expect(float).toBeGreaterThan(95);
      expect(int).toBeGreaterThanOrEqual(float - 0.6);
      if (!('bits' in options)) for (const l of measureSqnr(model, samples, compile)) expect(l.decibels).toBeGreaterThan(30);
    }
  }, 120_000);
});

describe('trained models', () => {
  withData('MNIST: within 0.2 points of float', async () => {
    const compile = await compiler();
    const program = importModel(join(DATA, 'onnx-trained/mnist-cntk/model.onnx'));
    const type = inputType(program);
    const read = (name: string, header: number) => gunzipSync(readFileSync(join(DATA, 'datasets/mnist', name))).subarray(header);
    const images = read('t10k-images-0-7000-idx3-ubyte.gz', 16);
    const labels = read('t10k-labels-0-7000-idx1-ubyte.gz', 8);
    const samples = Array.from({ length: 64 }, (_, i) => [sliceOf(images, type, 6900 + i)]);
    const model = unwrap(quantizeProgram(program, { samples, compile }));
    const tests = Array.from({ length: 2000 }, (_, i) => [sliceOf(images, type, i)]);
    const { float, int, agree } = score(program, model, compile, tests, labels);
    expect(int).toBeGreaterThanOrEqual(float - 0.2);
    expect(agree).toBeGreaterThan(99.7);
  });

  withData('SqueezeNet 1.1: the same class as float on every photo whose class is clear', async () => {
    const compile = await compiler();
    const program = importModel(join(DATA, 'onnx-trained/squeezenet1.1-fp16/SqueezeNet_fp16.onnx'));
    const photo = (path: string): readonly Tensor[] => {
      const picture = unwrap(cropCentre(unwrap(resizeShorterSide(unwrap(decodePicture(readFileSync(path))), 256)), 224, 224));
      return [unwrap(pictureToTensor(picture, { scale: 1, mean: [104, 117, 123], std: [1], channels: 'bgr' }))];
    };
    const photosIn = (folder: string): readonly string[] =>
      readdirSync(join(DATA, folder))
        .filter((f) => /[.](bmp|jpe?g|png)$/i.test(f))
        .toSorted()
        .map((f) => join(DATA, folder, f));
    const samples = photosIn('datasets/imagenet-sample')
      .filter((_, i) => i % 10 === 0)
      .map(photo);
    const model = unwrap(quantizeProgram(program, { samples, compile }));
    const runFloat = compile(program);
    const runInt = compile(model.program);
    let clear = 0;
    for (const path of photosIn('datasets/photos')) {
      const inputs = photo(path);
      const probabilities = at(runFloat(inputs), 0);
      const [first = 0, second = 0] = [...probabilities.data].toSorted((p, q) => q - p);
      if (first - second < 0.1) continue;
      clear++;
      expect({ path, class: argmax(runInt(quantizeInputs(model, inputs))[0]) }).toEqual({ path, class: argmax(probabilities) });
    }
    expect(clear).toBeGreaterThan(6);
  });
});
