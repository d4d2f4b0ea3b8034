import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, jest, test } from '@jest/globals';
import { type Program, runProgram, verifyProgram } from '../../ir/index.ts';
import type { ImportReport } from '../contract.ts';
import { dataPath, examinedFile, hasData } from './testing/data.ts';

/** Whole networks, with made-up parameters by the hundred million. */
jest.setTimeout(300_000);

if (!hasData()) console.warn(`MXNet suites are skipped: ${dataPath('mxnet')} does not exist (set CORTEXC_DATA)`);
const withData = hasData() ? describe : describe.skip;

const sideOf = (file: string): readonly number[] => {
  if (file.includes('lenet')) return [1, 1, 28, 28];
  if (file.includes('inception-v3')) return [1, 3, 299, 299];
  return file.includes('unet') ? [1, 1, 168, 168] : [1, 3, 224, 224];
};
const clean = (report: ImportReport): Program => {
  expect(report.problems).toEqual([]);
  if (report.program === undefined) throw new RangeError('there is no program');
  expect(verifyProgram(report.program)).toMatchObject({ ok: true });
  return report.program;
};
const count = (program: Program, op: string): number => program.nodes.filter((n) => n.op === op).length;

withData('symbols without parameters', () => {
  const symbols = hasData() ? readdirSync(dataPath('mxnet/symbols')) : [];
  test.each(symbols)('%s', (file) => {
    const text = readFileSync(dataPath('mxnet/symbols', file), 'utf8');
    const { nodes } = JSON.parse(text) as { readonly nodes: readonly { readonly op: string }[] };
    // parameters of large networks take long to make up: without them, every layer that lacks some says so
    const big = /vgg|152|alexnet|inception/i.test(file);
    const report = examinedFile(`mxnet/symbols/${file}`, { shapes: { data: sideOf(file) }, randomParams: !big });
    if (big) expect(new Set(report.problems.map((p) => p.code))).toEqual(new Set(['IMP1011']));
    else {
      const program = clean(report);
      expect(count(program, 'conv')).toBe(nodes.filter((n) => n.op === 'Convolution').length);
      expect(count(program, 'batch_norm')).toBe(nodes.filter((n) => n.op === 'BatchNorm').length);
    }
    expect(report.inputs.map((i) => i.name)).toEqual(['data']);
  });
});

/** The bytes behind the header of an IDX file of MNIST. */
const idx = (kind: string, header: number): Uint8Array =>
  gunzipSync(readFileSync(dataPath(`datasets/mnist/t10k-${kind}-ubyte.gz`))).subarray(header);
const greatest = (data: ArrayLike<number>): number => Array.from(data).reduce((best, v, i) => (v > (data[best] ?? 0) ? i : best), 0);

/** The share of right answers on the first images, pixels divided by 255. */
const accuracy = (program: Program, total: number): number => {
  const [pixels, classes] = [idx('images-0-7000-idx3', 16), idx('labels-0-7000-idx1', 8)];
  const right = Array.from({ length: total }, (_, i) => {
    const data = Float32Array.from(pixels.subarray(784 * i, 784 * (i + 1)), (v) => v / 255);
    const [y] = runProgram(program, [{ dtype: 'f32', shape: [1, 1, 28, 28], data }]);
    return greatest(y?.data ?? []) === classes[i];
  });
  return right.filter(Boolean).length / total;
};

withData('trained networks', () => {
  const digits = { shapes: { data: [1, 1, 28, 28] } } as const;

  test('the CNN of MNIST is right in 99.0 % of the first 500 images, as was measured apart', () => {
    const program = clean(examinedFile('mxnet/trained/mnist-symbol.json', digits));
    expect(program.nodes.map((n) => n.op)).toEqual('conv tanh max_pool conv tanh max_pool flatten dense tanh dense tanh'.split(' '));
    expect(accuracy(program, 500)).toBe(0.99);
  });

  test('LeNet is right in 98 % of 200; a perceptron imports', () => {
    expect(accuracy(clean(examinedFile('mxnet/trained/fcrc-lenet-symbol.json', digits)), 200)).toBe(0.98);
    clean(examinedFile('mxnet/trained/2-layer-mlp-symbol.json', { shapes: { data: [1, 150_528] } }));
  });
});

withData('the pairs of MTCNN', () => {
  test.each([
    ['det1', 12, ['conv4_2', 'prob1']],
    ['det3', 48, ['conv6_3', 'conv6_2', 'prob1']],
  ])('%s', (name, side, outputs) => {
    const program = clean(examinedFile(`pairs/mtcnn-${name}/${name}-symbol.json`, { shapes: { data: [1, 3, side, side] } }));
    expect(program.outputs.map((o) => o.name)).toEqual(outputs);
    expect(count(program, 'prelu')).toBeGreaterThan(2);
    expect(count(program, 'reshape')).toBe(0);
  });
});
