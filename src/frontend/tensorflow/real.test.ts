import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { type Program, runProgram } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { examined } from '../testing/recorded.ts';
import { tensorflow } from './index.ts';

/** Real models, not part of the repository: CORTEXC_DATA, else ../shared/data. */
const DATA = resolve(process.env['CORTEXC_DATA'] ?? join(import.meta.dirname, '../../../../shared/data'));
const withData = existsSync(join(DATA, 'tensorflow')) ? test : test.skip;

interface Real {
  readonly file: string;
  readonly start: string;
  readonly shape: readonly number[];
  readonly output: readonly number[];
}
const models = JSON.parse(readFileSync(new URL('testing/real.json', import.meta.url), 'utf8')) as readonly Real[];

const imported = async ({ file, start, shape }: Pick<Real, 'file' | 'start' | 'shape'>): Promise<Program> => {
  const bytes = new Uint8Array(readFileSync(join(DATA, 'tensorflow', file)));
  const { program, problems, inputs } = await examined(tensorflow, bytes, { file, shapes: new Map([[start, shape]]) });
  expect(problems).toEqual([]);
  expect(inputs.map((i) => i.name)).toEqual([start]);
  if (program === undefined) throw new RangeError('there is no program');
  return program;
};

withData.each(models.map((m) => [m.file, m] as const))('%s: as TensorFlow computes it', async (_, m) => {
  const count = m.shape.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length: count }, (__, i) => ((37 * i) % 101) / 50 - 1);
  const [y] = runProgram(await imported(m), [{ dtype: 'f32', shape: m.shape, data }]);
  const scale = Math.max(1, ...m.output.map(Math.abs));
  m.output.forEach((v, i) => expect(Math.abs((y?.data[i] ?? Number.NaN) - v) / scale).toBeLessThan(1e-5));
});

withData('keyword graphs begin with sound, which is refused by name', async () => {
  const bytes = new Uint8Array(readFileSync(join(DATA, 'tensorflow/DNN_S.pb')));
  const { problems } = await examined(tensorflow, bytes);
  expect(problems.map((p) => p.where)).toEqual(['wav_data', 'decoded_sample_data', 'AudioSpectrogram', 'Mfcc']);
});

withData('LeNet-5: 98 % of the first 100 digits of the test set', async () => {
  const program = await imported({ file: 'lenet5_mnist_frozen.pb', start: 'in', shape: [1, 28, 28, 1] });
  const read = (name: string, header: number): Uint8Array => gunzipSync(readFileSync(join(DATA, 'datasets/mnist', name))).subarray(header);
  const images = read('t10k-images-0-7000-idx3-ubyte.gz', 16);
  const labels = read('t10k-labels-0-7000-idx1-ubyte.gz', 8);
  let right = 0;
  for (let k = 0; k < 100; k++) {
    const data = Float32Array.from(images.subarray(k * 784, (k + 1) * 784), (v) => v / 255);
    const [y] = runProgram(program, [{ dtype: 'f32', shape: [1, 28, 28, 1], data }]);
    const scores = Array.from(y?.data ?? []);
    if (scores.indexOf(Math.max(...scores)) === at(labels, k)) right++;
  }
  expect(right).toBeGreaterThanOrEqual(98);
});
