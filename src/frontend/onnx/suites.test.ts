import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { difference, listCases, ONNX_TOLERANCE, runCase, type Tolerance } from '../../../conformance/onnx-suite.ts';
import { runProgram, type Tensor, verifyProgram } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import { decodeTensorProto, examineOnnx, importOnnx } from './index.ts';

/** Whole networks run through the reference interpreter: minutes on a busy machine. */
jest.setTimeout(300_000);

/** Real models and suites, not part of the repository: CORTEXC_DATA, else ../shared/data. */
const DATA = resolve(process.env['CORTEXC_DATA'] ?? join(import.meta.dirname, '../../../../shared/data'));
const present = existsSync(join(DATA, 'onnx-suites'));
if (!present) console.warn(`ONNX suites are skipped: ${DATA}/onnx-suites does not exist (set CORTEXC_DATA)`);
const withData = present ? describe : describe.skip;

const path = (...parts: readonly string[]): string => join(DATA, ...parts);
const bytesOf = (...parts: readonly string[]): Uint8Array => new Uint8Array(readFileSync(path(...parts)));
const tensorOf = (...parts: readonly string[]): Tensor => unwrap(decodeTensorProto(bytesOf(...parts)));

/** Cases that are refused, with the codes. All others pass. */
const REFUSED: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  simple: {
    // ai.onnx.preview.training
    test_gradient_of_add: ['ONX2001'],
    test_gradient_of_add_and_mul: ['ONX2001'],
    test_strnorm_model_monday_casesensintive_nochangecase: ['ONX2001', 'ONX2003'],
    test_strnorm_model_monday_casesensintive_upper: ['ONX2001', 'ONX2003'],
    test_strnorm_model_monday_insensintive_upper_twodim: ['ONX2001', 'ONX2003'],
    test_strnorm_model_nostopwords_nochangecase: ['ONX2001', 'ONX2003'],
  },
  'pytorch-operator': {},
  'pytorch-converted': {},
};

/** Activations of the MNIST network reach 1000 and cancel: a value near zero carries the rounding of the large ones. */
const SUMS_OF_HUNDREDS: Tolerance = { rtol: 1e-3, atol: 1e-3 };

withData('ONNX suites', () => {
  test.each(Object.keys(REFUSED))('%s: every case passes or is refused as listed', (suite) => {
    const results = listCases(path('onnx-suites', suite)).map((name) => runCase(path('onnx-suites', suite, name), name));
    expect(results.filter((r) => r.status === 'failed').map((r) => `${r.name}: ${r.detail}`)).toEqual([]);
    expect(Object.fromEntries(results.filter((r) => r.status === 'refused').map((r) => [r.name, r.codes]))).toEqual(REFUSED[suite]);
    expect(results.length).toBeGreaterThan(10);
  });
});

const walk = (dir: string): readonly string[] =>
  readdirSync(path(dir), { withFileTypes: true })
    .flatMap((e) => (e.isDirectory() ? walk(join(dir, e.name)) : e.name.endsWith('.onnx') ? [join(dir, e.name)] : []))
    .sort();

/** Trained models that are refused, with the codes of their problems. */
const REFUSED_MODELS: Readonly<Record<string, readonly string[]>> = {
  // ImageScaler and Crop left ONNX with opset 10
  'onnx-trained/candy-style/candy.onnx': ['ONX2001'],
  'onnx-trained/mnist-sklearn/lr_mnist_scikit.onnx': ['ONX2001'],
  // height and width are symbolic
  'onnx-trained/yunet/yunet_n_dynamic.onnx': ['ONX2004'],
};

withData('trained models', () => {
  test('all are imported or refused as listed, and verify', () => {
    const refused: Record<string, readonly string[]> = {};
    for (const file of walk('onnx-trained')) {
      const result = importOnnx(bytesOf(file));
      if (result.ok) expect(verifyProgram(result.value.program)).toMatchObject({ ok: true });
      else refused[file] = [...new Set(result.diagnostics.map((d) => d.code))];
    }
    expect(refused).toEqual(REFUSED_MODELS);
  });

  test('the dynamic face detector with its sizes bound', () => {
    const bind = new Map([
      ['height', 64],
      ['width', 96],
    ]);
    const { program } = unwrap(importOnnx(bytesOf('onnx-trained/yunet/yunet_n_dynamic.onnx'), { bind }));
    expect(program.outputs).toHaveLength(12);
    expect(verifyProgram(program)).toMatchObject({ ok: true });
  });

  const mnist = 'onnx-trained/mnist-cntk';
  const outputOf = (file: string, input: Tensor): Tensor => at(runProgram(unwrap(importOnnx(bytesOf(mnist, file))).program, [input]), 0);

  test.each(['test_data_set_0', 'test_data_set_1'])('MNIST by CNTK on %s', (set) => {
    const input = tensorOf(mnist, set, 'input_0.pb');
    const wanted = tensorOf(mnist, set, 'output_0.pb');
    expect(difference(outputOf('model.onnx', input), wanted, ONNX_TOLERANCE)).toBeUndefined();
    expect(difference(outputOf('opt-mnist.onnx', input), wanted, ONNX_TOLERANCE)).toBeUndefined();
    expect(difference(outputOf('mnist-opset7-winml.onnx', input), wanted, ONNX_TOLERANCE)).toBeUndefined();
  });

  test('the same network at opset 1, which divides its input by 255', () => {
    const input = tensorOf(mnist, 'test_data_set_0', 'input_0.pb');
    const pixels: Tensor = { ...input, data: Float32Array.from(input.data, (v) => v * 255) };
    const wanted = tensorOf(mnist, 'test_data_set_0', 'output_0.pb');
    expect(difference(outputOf('mnist-cntk2.4.onnx', pixels), wanted, ONNX_TOLERANCE)).toBeUndefined();
  });

  test('every cut of MNIST after a layer', () => {
    const dir = path(mnist, 'per-layer');
    const results = listCases(dir).map((name) => runCase(join(dir, name), name, { tolerance: SUMS_OF_HUNDREDS }));
    expect(results.filter((r) => r.status !== 'passed').map((r) => `${r.name}: ${r.detail}`)).toEqual([]);
    expect(results).toHaveLength(12);
  });

  test('SqueezeNet with float16 weights against the float32 network of ONNX Runtime', () => {
    const dir = 'onnx-trained/squeezenet1.1-fp16';
    const { program } = unwrap(importOnnx(bytesOf(dir, 'SqueezeNet_fp16.onnx')));
    const got = at(runProgram(program, [tensorOf(dir, 'ort_test_data_0_input.pb')]), 0);
    const wanted = tensorOf(dir, 'ort_test_data_0_output.pb');
    expect(difference(got, { ...wanted, shape: got.shape }, { rtol: 0, atol: 2e-4 })).toBeUndefined();
    expect(got.data.indexOf(Math.max(...got.data))).toBe(wanted.data.indexOf(Math.max(...wanted.data)));
  });
});

/** Names and convolutions of the models. */
const LIGHT: readonly (readonly [string, number])[] = [
  ['light_bvlc_alexnet', 5],
  ['light_densenet121', 121],
  ['light_inception_v1', 57],
  ['light_resnet50', 53],
  ['light_squeezenet', 26],
  ['light_vgg19', 16],
  ['light_zfnet512', 5],
];

withData('light models', () => {
  test.each(LIGHT)('%s has its %d convolutions', (name, convolutions) => {
    const bytes = bytesOf('onnx-suites/light', `${name}.onnx`);
    const before = process.memoryUsage().arrayBuffers;
    const { program } = unwrap(importOnnx(bytes));
    // weights are ConstantOfShape: 5.5 * 10^8 bytes for VGG-19, which the import must not make
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 26);
    expect(program.nodes.filter((n) => n.op === 'conv')).toHaveLength(convolutions);
    expect(verifyProgram(program)).toMatchObject({ ok: true });
    expect(examineOnnx(bytes).totals).toMatchObject({ unsupported: 0 });
  });
});
