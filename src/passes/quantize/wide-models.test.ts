import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, expect, test } from '@jest/globals';
import { loadBackend } from '../../backends/index.ts';
import { importOnnx } from '../../frontend/onnx/index.ts';
import { cropCentre, decodeNpy, decodePicture, pictureToTensor, resizeShorterSide } from '../../frontend/tensors/index.ts';
import { type Program, runProgram, type StaticType, type Tensor } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import { type Compile, measureSqnr, quantizeInputs, quantizeProgram } from '../index.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const DATA = process.env['CORTEXC_DATA'] ?? resolve(ROOT, '../shared/data');
const DIGITS = join(ROOT, 'examples/digits');

let compile: Compile = (program) => (inputs) => runProgram(program, inputs);
beforeAll(async () => {
  const backend = unwrap(await loadBackend('wasm'));
  compile = (program) => {
    const executable = unwrap(backend.compile(program));
    return (inputs) => executable.run(inputs);
  };
});

/** A test on models outside the repository; skipped, saying so, when they are absent. */
const withData = (name: string, run: () => void): void => {
  if (existsSync(DATA)) test(name, run, 300_000);
  else {
    console.warn(`skipped, CORTEXC_DATA (${DATA}) does not exist: ${name}`);
    test.skip(name, run);
  }
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
const inputType = (program: Program): StaticType => at(program.types, at(program.inputs, 0).value) as StaticType;
const sliceOf = (data: ArrayLike<number>, type: StaticType, i: number): Tensor => {
  const n = type.shape.reduce((p, d) => p * d, 1);
  return { dtype: 'f32', shape: type.shape, data: Float32Array.from({ length: n }, (_, k) => at(data, i * n + k)) };
};
const argmax = ({ data }: Tensor): number => {
  let best = 0;
  for (let i = 1; i < data.length; i++) if (at(data, i) > at(data, best)) best = i;
  return best;
};

/** In 16 bits a model says what it says in float, sample by sample; its first result has the same bytes on the reference. */
const check = (name: string, program: Program, samples: readonly (readonly Tensor[])[], tests: readonly (readonly Tensor[])[]): void => {
  const model = unwrap(quantizeProgram(program, { samples, compile, bits: 16 }));
  const [float, integer] = [compile(program), compile(model.program)];
  const differ = tests.filter((t) => argmax(at(float(t), 0)) !== argmax(at(integer(quantizeInputs(model, t)), 0)));
  expect(differ.length).toBe(0);
  const first = quantizeInputs(model, at(tests, 0));
  expect(integer(first)).toEqual(runProgram(model.program, first));
  const layers = measureSqnr(model, samples.slice(0, 4), compile);
  console.info(
    [`${name}, 16 bits: SQNR of each layer`, ...layers.map((l) => `  ${l.decibels.toFixed(1)} dB  ${l.op} ${l.origin}`)].join('\n'),
  );
  for (const l of layers)
    expect({ layer: l.origin, bits: l.bits, good: l.decibels > 60 }).toEqual({ layer: l.origin, bits: 16, good: true });
};

test('the digits example', () => {
  const program = importModel(join(DIGITS, 'model.onnx'));
  const type = inputType(program);
  const load = (name: string) => unwrap(decodeNpy(readFileSync(join(DIGITS, name))));
  const [calibration, images] = [load('calibration-images.npy'), load('test-images.npy')];
  const take = (data: ArrayLike<number>, n: number) => Array.from({ length: n }, (_, i) => [sliceOf(data, type, i)]);
  check('digits', program, take(calibration.data, 64), take(images.data, at(images.shape, 0)));
}, 120_000);

withData('MNIST', () => {
  const program = importModel(join(DATA, 'onnx-trained/mnist-cntk/model.onnx'));
  const type = inputType(program);
  const images = gunzipSync(readFileSync(join(DATA, 'datasets/mnist/t10k-images-0-7000-idx3-ubyte.gz'))).subarray(16);
  const take = (from: number, n: number) => Array.from({ length: n }, (_, i) => [sliceOf(images, type, from + i)]);
  check('MNIST', program, take(6936, 64), take(0, 2000));
});

withData('SqueezeNet 1.1', () => {
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
  const all = photosIn('datasets/imagenet-sample');
  const every = (n: number, first: number) => all.filter((_, i) => i % n === first).map(photo);
  check('SqueezeNet 1.1', program, every(20, 0), [...photosIn('datasets/photos').map(photo), ...every(10, 5)]);
});
