import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { at } from '../../support/index.ts';
import { CAFFE_LAYERS } from './ops/index.ts';
import { caffemodel, outputsOf } from './testing/build.ts';
import { NUMPY_CASES, OPENCV_CASES } from './testing/cases.ts';

interface Recorded {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** What OpenCV, or a definition in numpy, makes of the cases: testing/record.py. */
const RECORDED = JSON.parse(readFileSync(join(import.meta.dirname, 'testing/recorded.json'), 'utf8')) as Readonly<
  Record<string, readonly Recorded[]>
>;
const CASES = [...OPENCV_CASES, ...NUMPY_CASES];

test.each(CASES.map((c) => [c.name, c] as const))('%s', async (name, { net, inputs, blobs }) => {
  const wanted = RECORDED[name] ?? [];
  const got = await outputsOf(net, inputs, blobs);
  expect(got.map((t) => t.shape)).toEqual(wanted.map((t) => t.shape));
  got.forEach((t, i) => {
    const { data } = at(wanted, i);
    const largest = Math.max(1, ...data.map(Math.abs));
    const worst = Math.max(...Array.from(t.data, (v, k) => Math.abs(v - at(data, k))));
    // float32 sums in another order, and functions of other libraries
    expect(worst).toBeLessThanOrEqual(2e-6 * largest);
  });
});

/** Rows that other tests cover: what changes nothing, and constants. */
const ELSEWHERE = ['Split', 'Dropout', 'DummyData', 'Parameter', 'ConvolutionDepthwise', 'DepthwiseConvolution', 'ROIPooling'];

test('every row has a case', () => {
  const used = new Set(CASES.map((c) => /type: "(\w+)"/.exec(c.net)?.[1]));
  const rows = Object.entries(CAFFE_LAYERS).flatMap(([name, row]) => ('refused' in row ? [] : [name]));
  expect(rows.filter((name) => !used.has(name) && !ELSEWHERE.includes(name))).toEqual([]);
});

const folder = process.env['CAFFE_CASES'];
if (folder !== undefined)
  test('cases are written for record.py', () => {
    mkdirSync(folder, { recursive: true });
    for (const { name, net, inputs, blobs } of CASES) {
      const file = join(folder, name);
      writeFileSync(`${file}.json`, JSON.stringify({ inputs, blobs }));
      writeFileSync(`${file}.prototxt`, net);
      writeFileSync(`${file}.caffemodel`, caffemodel(Object.keys(blobs).length === 0 ? { none: [] } : blobs));
    }
  });
