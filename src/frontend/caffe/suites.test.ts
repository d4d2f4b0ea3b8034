import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, jest, test } from '@jest/globals';
import { loadBackend } from '../../backends/index.ts';
import { isStaticShape, type Program, verifyProgram } from '../../ir/index.ts';
import { at, fail, unwrap } from '../../support/index.ts';
import type { FilesBeside, ImportReport } from '../contract.ts';
import { incomplete } from '../import-problems.ts';
import { importOnnx } from '../onnx/index.ts';
import { decodePicture } from '../tensors/index.ts';
import { cropCentre, resizeShorterSide } from '../tensors/resize.ts';
import { caffe } from './index.ts';

jest.setTimeout(300_000);

/** Real models, not part of the repository: CORTEXC_DATA, else ../shared/data. */
const DATA = resolve(process.env['CORTEXC_DATA'] ?? join(import.meta.dirname, '../../../../shared/data'));
const present = existsSync(join(DATA, 'caffe'));
if (!present) console.warn(`Caffe models are skipped: ${DATA} does not exist (set CORTEXC_DATA)`);
const withData = present ? describe : describe.skip;

const bytesOf = (path: string): Uint8Array => new Uint8Array(readFileSync(join(DATA, path)));
const folder = (dir: string): FilesBeside => ({
  has: (name) => existsSync(join(DATA, dir, name)),
  read: (name) => (existsSync(join(DATA, dir, name)) ? { ok: true, value: bytesOf(join(dir, name)) } : fail(incomplete(name))),
  list: () => readdirSync(join(DATA, dir)).sort(),
});

interface Options {
  readonly params?: string;
  readonly shape?: readonly number[];
  /** Channels and groups divided by 8, and generated weights: nothing but sizes differ. */
  readonly small?: boolean;
}

const shrunk = (net: string): string =>
  net.replace(/(num_output|group): (\d+)/g, (_, field: string, n: string) => {
    const classes = Number(n) > 20_000 ? 100 : Number(n);
    return classes % 8 === 0 ? `${field}: ${classes / 8}` : `${field}: ${classes}`;
  });

const examined = async (path: string, { params, shape, small }: Options = {}): Promise<ImportReport> => {
  const bytes = bytesOf(path);
  const text = small === true ? new TextEncoder().encode(shrunk(new TextDecoder().decode(bytes))) : bytes;
  return await caffe.examine(text, {
    file: basename(path),
    beside: folder(dirname(path)),
    params: params === undefined ? undefined : bytesOf(params),
    shapes: new Map(shape === undefined ? [] : [['data', shape]]),
    randomParams: small === true,
  });
};

const programOf = ({ problems, program }: ImportReport): Program => {
  expect(problems).toEqual([]);
  if (program === undefined) throw new TypeError('there is no program');
  return program;
};

const runner = async (program: Program): Promise<(data: Float32Array) => readonly (readonly number[])[]> => {
  const executable = unwrap(unwrap(await loadBackend('wasm')).compile(program));
  const shape = program.types[at(program.inputs, 0).value]?.shape ?? [];
  return (data) => executable.run([{ dtype: 'f32', shape: isStaticShape(shape) ? shape : [], data }]).map((t) => Array.from(t.data));
};
const greatest = (scores: readonly number[]): number => scores.indexOf(Math.max(...scores));

/** Convolutions and inner products of the networks, by the file: every layer of those has become one op. */
const PRODUCTS: Readonly<Record<string, number>> = {
  'alexnet.prototxt': 8,
  'caffenet.prototxt': 8,
  'densenet121.prototxt': 121,
  'googlenet-bn.prototxt': 70,
  'googlenet.prototxt': 58,
  'inception-bn-21k.prototxt': 70,
  'inception-v3.prototxt': 95,
  'mobilenet_v1.prototxt': 28,
  'nin_cifar100.prototxt': 9,
  'nin_imagenet.prototxt': 12,
  'resnet152-soeaver.prototxt': 156,
  'resnet152-v2.prototxt': 156,
  'resnet152.prototxt': 156,
  'resnet50.prototxt': 54,
  'resnext101-64x4d.prototxt': 105,
  'resnext101-cypw.prototxt': 105,
  'resnext50-32x4d.prototxt': 54,
  'squeezenet_v1.0.prototxt': 26,
  'squeezenet_v1.1.prototxt': 26,
  'vgg16-soeaver.prototxt': 16,
  'vgg16.prototxt': 16,
  'vgg19-soeaver.prototxt': 19,
  'vgg19.prototxt': 19,
  'xception.prototxt': 75,
};

withData('architectures', () => {
  test('all of them are known here', () => {
    expect(readdirSync(join(DATA, 'caffe/prototxt')).sort()).toEqual(Object.keys(PRODUCTS));
  });
  test.each(Object.entries(PRODUCTS))('%s', async (file, products) => {
    const program = programOf(await examined(`caffe/prototxt/${file}`, { small: true }));
    expect(verifyProgram(program)).toMatchObject({ ok: true });
    const used = program.nodes.filter((n) => n.op === 'conv' || n.op === 'dense');
    expect(used).toHaveLength(products);
    expect(program.outputs).toHaveLength(1);
  });
});

withData('trained networks', () => {
  // published: 99.1 % of all 10,000
  test('LeNet reads digits', async () => {
    const report = await examined('caffe/trained/lenet.prototxt', {
      params: 'caffe/trained/lenet_iter_10000.caffemodel',
      shape: [1, 1, 28, 28],
    });
    const run = await runner(programOf(report));
    const read = (name: string, header: number) => gunzipSync(bytesOf(`datasets/mnist/${name}`)).subarray(header);
    const images = read('t10k-images-0-7000-idx3-ubyte.gz', 16);
    const labels = read('t10k-labels-0-7000-idx1-ubyte.gz', 8).subarray(0, 1000);
    let right = 0;
    // scale 0.00390625 of lenet_train_test.prototxt
    labels.forEach((label, i) => {
      const [scores] = run(Float32Array.from(images.subarray(784 * i, 784 * (i + 1)), (v) => v / 256));
      if (greatest(scores ?? []) === label) right++;
    });
    expect((100 * right) / labels.length).toBeGreaterThan(97.5);
  });

  test('the layers of a file with weights alone are those of its description', async () => {
    const options = { shape: [1, 1, 28, 28] };
    const alone = programOf(await examined('caffe/trained/lenet_iter_10000.caffemodel', options));
    const beside = programOf(
      await examined('caffe/trained/lenet.prototxt', { ...options, params: 'caffe/trained/lenet_iter_10000.caffemodel' }),
    );
    const ops = (p: Program): readonly string[] => p.nodes.map((n) => n.op);
    // trained for a loss, it ends before softmax
    expect([...ops(alone), 'softmax']).toEqual(ops(beside));
    expect(alone.params.map((p) => p.tensor.shape)).toEqual(beside.params.map((p) => p.tensor.shape));
  });
});

withData('weights of Deep Compression', () => {
  const net = 'caffe/trained/SqueezeNet_deep_compression_deploy.prototxt';
  const packed = 'caffe/trained/SqueezeNet_deep_compression.net';

  // of all 81 pictures 58 are named right, 66 within five; resized to 256, cut to 227, BGR less the means of the training set
  test('SqueezeNet names what is on pictures', async () => {
    const run = await runner(programOf(await examined(net, { params: packed })));
    const rows = new TextDecoder().decode(bytesOf('datasets/imagenet-sample/labels.csv')).trim().split('\n').slice(1, 7);
    let right = 0;
    for (const row of rows) {
      const [index = '', , , file = ''] = row.split(',');
      const picture = unwrap(decodePicture(bytesOf(`datasets/imagenet-sample/${file.trim()}`)));
      const { data, channels } = unwrap(cropCentre(unwrap(resizeShorterSide(picture, 256)), 227, 227));
      const x = Float32Array.from({ length: 3 * 227 * 227 }, (_, i) => {
        const plane = Math.floor(i / (227 * 227));
        return at(data, (i % (227 * 227)) * channels + 2 - plane) - at([104, 117, 123], plane);
      });
      const [scores = []] = run(x);
      const best = scores.map((v, k) => [v, k] as const).sort((a, b) => b[0] - a[0]);
      if (best.slice(0, 5).some(([, k]) => k === Number(index))) right++;
    }
    expect(right).toBeGreaterThanOrEqual(5);
  });

  test('a file of another length is refused', async () => {
    const bytes = bytesOf(packed);
    const options = { file: 'net.prototxt', beside: folder('caffe'), shapes: new Map<string, readonly number[]>(), randomParams: false };
    const report = await caffe.examine(bytesOf(net), { ...options, params: bytes.subarray(0, bytes.length - 1) });
    expect(report.problems.map((d) => d.code)).toEqual(['IMP1001']);
  });
});

/** Numbers between lo and hi that differ from cell to cell. */
const noise = (count: number, lo: number, hi: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => lo + ((hi - lo) * ((i * 7919 + 31) % 1009)) / 1008);

withData('the same network from other formats', () => {
  test('RFB-320: boxes and scores of the ONNX file', async () => {
    const mine = await runner(programOf(await examined('pairs/face-rfb-320/RFB-320.prototxt')));
    const theirs = await runner(unwrap(importOnnx(bytesOf('pairs/face-rfb-320/version-RFB-320_without_postprocessing.onnx'))).program);
    const x = noise(3 * 240 * 320, -1, 1);
    // the ONNX file gives scores, then boxes
    const [boxes, scores] = mine(x);
    const wanted = theirs(x);
    for (const got of [boxes, scores]) {
      const same = wanted.find((w) => w.length === got?.length) ?? [];
      expect(same.length).toBe(got?.length);
      expect(Math.max(...same.map((v, i) => Math.abs(v - (got?.[i] ?? Number.NaN))))).toBeLessThan(2e-4);
    }
  });

  test.each(['det1', 'det3'])('MTCNN %s', async (name) => {
    const report = await examined(`pairs/mtcnn-${name}/${name}.prototxt`);
    expect(verifyProgram(programOf(report))).toMatchObject({ ok: true });
    const alone = await examined(`pairs/mtcnn-${name}/${name}.caffemodel`);
    expect(programOf(alone).nodes.map((n) => n.op)).toEqual(programOf(report).nodes.map((n) => n.op));
  });
});
