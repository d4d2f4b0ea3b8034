import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { runProgram, type Tensor, verifyProgram } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import { decodePicture } from '../tensors/index.ts';
import { importTflite, type TfliteImport } from './index.ts';
import { f32, i32, outputsOf, single } from './testing/build.ts';
import { dataPath, fileBytes, floats, hasData, listed, models, portNumbers, portTensor } from './testing/data.ts';

/** Whole networks run through the reference interpreter: minutes on a busy machine. */
jest.setTimeout(300_000);

if (!hasData()) console.warn(`TensorFlow Lite suites are skipped: ${dataPath('tflite')} does not exist (set CORTEXC_DATA)`);
const withData = hasData() ? describe : describe.skip;

const load = (file: string): TfliteImport => unwrap(importTflite(fileBytes(file)));
const run = ({ program }: TfliteImport, ...inputs: readonly Tensor[]): readonly Tensor[] => runProgram(program, inputs);
const given = (tensor: Tensor | undefined): Tensor =>
  at(
    [tensor].filter((t) => t !== undefined),
    0,
  );
const greatest = ({ data }: Tensor): number => Array.from(data).reduce((best, v, i) => (v > at(data, best) ? i : best), 0);
/** The greatest difference; NaN where one is a number and the other is not. */
const distance = (a: Tensor, b: ArrayLike<number>): number =>
  Array.from(a.data).reduce((most, v, i) => Math.max(most, Object.is(v, at(b, i)) || v === b[i] ? 0 : Math.abs(v - at(b, i))), 0);

/** Models that are refused, with the codes. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  // SignalWindow and the like are custom operators
  'tflite/tflm/audio_preprocessor_int8.tflite': ['TFL2001'],
};

withData('every model of the data folder', () => {
  test('is imported, or refused as listed, and verifies', () => {
    const refused: Record<string, readonly string[]> = {};
    const files = models();
    for (const file of files) {
      const result = importTflite(fileBytes(file));
      if (result.ok) expect(verifyProgram(result.value.program)).toMatchObject({ ok: true });
      else refused[file] = [...new Set(result.diagnostics.map((d) => d.code))];
    }
    expect(refused).toEqual(REFUSED);
    expect(files.length).toBeGreaterThan(200);
  });

  test.each([
    'tflite/coral/mobilenet_v1_0.25_128_quant.tflite',
    'tflite/coral/mobilenet_v2_1.0_224_quant.tflite',
    'tflite/mlperf-tiny/pretrainedResnet.tflite',
  ])('%s has transposes at its two ends only', (file) => {
    const { program } = load(file);
    expect(program.nodes.filter((n) => n.op === 'transpose')).toHaveLength(2);
    expect(program.nodes.filter((n) => n.op === 'conv').length).toBeGreaterThan(8);
  });
});

withData('single operators of glow', () => {
  const folder = 'tflite/glow-ops';
  const names = hasData() ? models(folder).filter((f) => existsSync(dataPath(f.replace(/tflite$/, 'out0')))) : [];
  /** A byte stands before the elements. */
  const stored = (file: string): Uint8Array => fileBytes(file).subarray(1);

  test.each(names)('%s', (file) => {
    const model = load(file);
    const base = file.slice(0, -'.tflite'.length);
    const inputs = model.inputs.map((port, i) => given(portTensor(port, stored(`${base}.inp${i}`))));
    const got = run(model, ...inputs);
    model.outputs.forEach((port, i) => {
      const wanted = given(portTensor(port, stored(`${base}.out${i}`)));
      const largest = Array.from(wanted.data).reduce((most, v) => Math.max(most, Math.abs(v)), 1);
      const allowed = port.type.dtype === 'f32' ? 1e-5 * largest : port.quantization === undefined ? 0 : 1;
      expect(distance(at(got, i), wanted.data)).toBeLessThanOrEqual(allowed);
    });
  });
});

/** Stored inputs and outputs: folder, file, folder of outputs, allowed steps (of 1 / 256 where floats are compared). */
const STORED = [
  ['aww', 'aww', 'output_tflite', 0],
  ['cifar10', 'cifar10', 'output', 0.2],
  ['micro_speech', 'micro_speech', 'output', 0],
  ['person_detect', 'person_detect', 'output', 3],
  ['sine_model', 'sine_model', 'output', 0.001],
  ['text_class', 'text_class', 'output', 0.001],
  ['toycar', 'toycar', 'output_tflite', 0],
] as const;

withData('networks with stored outputs', () => {
  test.each(STORED)('%s', (folder, name, results, steps) => {
    const dir = `tflite/mlonmcu/${folder}`;
    const model = load(`${dir}/${name}.tflite`);
    const [input, output] = [at(model.inputs, 0), at(model.outputs, 0)];
    const files = readdirSync(dataPath(dir, 'input'));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const bytes = fileBytes(dir, 'input', file);
      const [got] = run(model, portTensor(input, bytes) ?? portNumbers(input, floats(bytes)));
      const stored = fileBytes(dir, results, file);
      const wanted = portTensor(output, stored) ?? portNumbers(output, floats(stored));
      const unit = output.quantization === undefined ? 1 / 256 : 1;
      expect(distance(given(got), wanted.data)).toBeLessThanOrEqual(steps * unit);
    }
  });

  test('resnet: the classes of TensorFlow Lite, most outputs within two steps', () => {
    const dir = 'tflite/mlonmcu/resnet';
    const model = load(`${dir}/resnet.tflite`);
    const [input, output] = [at(model.inputs, 0), at(model.outputs, 0)];
    const others: string[] = [];
    const errors = readdirSync(dataPath(dir, 'input')).flatMap((file) => {
      // pixels of 0 to 255, which is what the int8 input stands for
      const got = given(run(model, portNumbers(input, fileBytes(dir, 'input', file)))[0]);
      const wanted = portNumbers(output, floats(fileBytes(dir, 'output_tflite', file)));
      if (greatest(got) !== greatest(wanted)) others.push(file);
      return Array.from(got.data, (v, i) => Math.abs(v - at(wanted.data, i)));
    });
    // softmax near 1/2 multiplies a step of a logit
    expect(errors.filter((e) => e > 2).length).toBeLessThanOrEqual(5);
    expect(errors).toHaveLength(100);
    // two classes at 1/2 each
    expect(others.length).toBeLessThanOrEqual(1);
  });
});

withData('16-bit layers of SEANet', () => {
  const folder = 'tflite/seanet';
  test.each(hasData() ? models(folder) : [])('%s', (file) => {
    const model = load(file);
    const name = file.slice(file.lastIndexOf('/') + 1, -'.tflite'.length);
    const dir = file.slice(0, file.lastIndexOf('/'));
    const beside = readdirSync(dataPath(dir)).filter((f) => f.startsWith(`${name}_`));
    const read = (part: string): readonly number[] =>
      listed(
        new TextDecoder().decode(
          fileBytes(
            dir,
            at(
              beside.filter((f) => f.includes(part)),
              0,
            ),
          ),
        ),
      );
    const inputs = model.inputs.map((port, i) => {
      // the shape that a transposed convolution reads at run time is not stored
      const values = beside.some((f) => f.includes(`_input${i}_`)) ? read(`_input${i}_`) : [0, 0, 0, 0];
      return { ...portNumbers({ ...port, quantization: undefined }, values), shape: port.type.shape as readonly number[] };
    });
    const got = given(run(model, ...inputs)[0]);
    const wanted = read('_golden_');
    expect(got.data).toHaveLength(wanted.length);
    // int32 results up to 1.1e8 pass through float32, whose steps are 8 there
    expect(distance(got, wanted)).toBeLessThanOrEqual(at(model.outputs, 0).elem === 'int32' ? 8 : 1);
  });
});

/** A picture squeezed to a square by RESIZE_BILINEAR, as libcoral does. */
const pixels = (file: string, side: number): Uint8Array => {
  const { width, height, data } = unwrap(decodePicture(fileBytes(file)));
  const resize = single(
    'RESIZE_BILINEAR',
    { x: f32([1, height, width, 3]), size: i32([2], [side, side]) },
    { y: f32([1, side, side, 3]) },
    ['ResizeBilinearOptions', {}],
  );
  return Uint8Array.from(given(outputsOf(resize, Array.from(data))[0]).data);
};

withData('pictures', () => {
  // labels and scores of google-coral/libcoral, model_test_cases; labels count the background as 0
  test.each([
    ['mobilenet_v1_0.25_128_quant', 128, 283, 0.25],
    ['mobilenet_v1_0.75_192_quant', 192, 283, 0.35],
    ['mobilenet_v2_1.0_224_quant', 224, 286, 0.7],
  ] as const)('%s sees the cat', (name, side, label, score) => {
    const model = load(`tflite/coral/${name}.tflite`);
    const got = given(run(model, { dtype: 'u8', shape: [1, side, side, 3], data: pixels('datasets/photos/cat.bmp', side) })[0]);
    expect(greatest(got)).toBe(label);
    expect(at(got.data, greatest(got)) / 256).toBeGreaterThan(score);
  });

  test('person_detect tells a person from none', () => {
    const model = load('tflite/tflm/person_detect.tflite');
    const classOf = (file: string): number => {
      const { data, channels } = unwrap(decodePicture(fileBytes('tflite/tflm', file)));
      // the example of tflite-micro copies the bytes of the picture into the int8 input as they are
      const gray = Int8Array.from({ length: 96 * 96 }, (_, i) => at(data, i * channels));
      return greatest(given(run(model, { dtype: 'i8', shape: [1, 96, 96, 1], data: gray })[0]));
    };
    expect([classOf('no_person.bmp'), classOf('person.bmp')]).toEqual([0, 1]);
  });

  test.each(['tflite/tflm/trained_lstm.tflite', 'tflite/coral/keras_lstm_mnist_ptq.tflite'])('%s reads digits, row by row', (file) => {
    const model = load(file);
    const digit = (n: number): number => {
      const { data, channels } = unwrap(decodePicture(fileBytes(`tflite/tflm/mnist_sample${n}.png`)));
      const rows = Float32Array.from({ length: 28 * 28 }, (_, i) => at(data, i * channels) / 255);
      return greatest(given(run(model, { ...portNumbers(at(model.inputs, 0), rows), shape: [1, 28, 28] })[0]));
    };
    expect([3, 6, 8].map(digit)).toEqual([3, 6, 8]);
  });
});

withData('damaged copies of real models', () => {
  test.each([
    'tflite/mlonmcu/sine_model/sine_model.tflite',
    'tflite/tflm/hello_world_int8.tflite',
    'tflite/glow-ops/strided_slice_test1.tflite',
  ])('%s', (file) => {
    const whole = fileBytes(file);
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const bytes = whole.slice();
        for (const [i, v] of changes) bytes[i] = v;
        const result = importTflite(bytes);
        if (result.ok) expect(verifyProgram(result.value.program)).toMatchObject({ ok: true });
        else expect(result.diagnostics.length).toBeGreaterThan(0);
      }),
      { numRuns: 800, seed: 20261126 },
    );
  });
});

withData('twins', () => {
  test('the keyword network in float and int8 agree', () => {
    const dir = 'tflite/mlperf-tiny';
    const [float, integer] = [load(`${dir}/kws_ref_model_float32.tflite`), load(`${dir}/kws_ref_model.tflite`)];
    const files = readdirSync(dataPath('tflite/mlonmcu/aww/input'));
    for (const file of files) {
      const bytes = fileBytes('tflite/mlonmcu/aww/input', file);
      const of = (m: TfliteImport): number => greatest(given(run(m, portNumbers(at(m.inputs, 0), floats(bytes)))[0]));
      expect(of(float)).toBe(of(integer));
    }
  });
});
