import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { elementCount, type Program, type StaticType, type Tensor } from '../../src/ir/index.ts';
import { classify, type LabelledSet, pictureSample } from '../classify.ts';
import { type IdxSet, readClassArchive, readIdx } from '../data.ts';
import { executableOn, importFloat, inputType, maxAbsDifference, readBytes, readProto } from '../models.ts';
import { attempt, type Bench, type Suite } from '../rows.ts';

/** Points of top-1 that INT8 may lose. */
const MOST_LOST = 1;
const CALIBRATION_IMAGES = 100;

// ---------------------------------------------------------------- stored references

interface Reference {
  readonly name: string;
  readonly model: string;
  readonly input: string;
  readonly output: string;
  readonly goal: number;
}

/** Models with outputs that another runtime stored, and the difference that float32 in another order explains. */
const REFERENCES: readonly Reference[] = [
  {
    name: 'SqueezeNet 1.1 (fp16 weights) against onnxruntime',
    model: 'squeezenet1.1-fp16/SqueezeNet_fp16.onnx',
    input: 'squeezenet1.1-fp16/ort_test_data_0_input.pb',
    output: 'squeezenet1.1-fp16/ort_test_data_0_output.pb',
    goal: 2e-4,
  },
  ...[0, 1].map((i) => ({
    name: `MNIST CNTK, data set ${i}`,
    model: 'mnist-cntk/model.onnx',
    input: `mnist-cntk/test_data_set_${i}/input_0.pb`,
    output: `mnist-cntk/test_data_set_${i}/output_0.pb`,
    goal: 1e-2,
  })),
  {
    name: 'super resolution',
    model: 'super_resolution/super_resolution.onnx',
    input: 'super_resolution/test_data_set_0/input_0.pb',
    output: 'super_resolution/test_data_set_0/output_0.pb',
    goal: 1e-5,
  },
];

/** Rank-agnostic: some stored inputs lack the batch axis. */
const compareStored = async (bench: Bench, name: string, program: Program, input: string, output: string, goal: number): Promise<void> => {
  const executable = await executableOn('wasm', program);
  const inputs = program.inputs.length === 0 ? [] : [readProto(input, inputType(program).shape)];
  const [result] = executable.run(inputs);
  const stored = readProto(output);
  const difference = maxAbsDifference(result?.data ?? [], stored.data);
  bench.row({ name: `${name}: float`, value: difference, unit: 'max |diff|', goal: `<= ${goal}`, met: difference <= goal });
};

const storedReferences = async (bench: Bench, folder: string): Promise<void> => {
  for (const r of REFERENCES) {
    await attempt(bench, r.name, () =>
      compareStored(bench, r.name, importFloat(readBytes(join(folder, r.model))), join(folder, r.input), join(folder, r.output), r.goal),
    );
  }
  const cuts = join(folder, 'mnist-cntk', 'per-layer');
  for (const cut of existsSync(cuts) ? readdirSync(cuts).sort() : []) {
    const name = `MNIST CNTK cut ${cut}`;
    const data = join(cuts, cut, 'test_data_set_0');
    await attempt(bench, name, () =>
      compareStored(
        bench,
        name,
        importFloat(readBytes(join(cuts, cut, `${cut}.onnx`))),
        join(data, 'input_0.pb'),
        join(data, 'output_0.pb'),
        1e-2,
      ),
    );
  }
};

// ---------------------------------------------------------------- MNIST

interface MnistModel {
  readonly file: string;
  /** Byte to input value. */
  readonly value: (byte: number) => number;
  /** Accuracy that someone else measured, in percent, and on how much. */
  readonly peer: string;
}

const raw = (byte: number): number => byte;
const normalized = (byte: number): number => (byte / 255 - 0.1307) / 0.3081;
const MNIST_MODELS: readonly MnistModel[] = [
  { file: 'mnist-cntk/model.onnx', value: raw, peer: '98.6 on 500' },
  { file: 'mnist-cntk/mnist-opset7-winml.onnx', value: raw, peer: '98.6 on 500' },
  { file: 'mnist-cntk/mnist-cntk2.4.onnx', value: raw, peer: '98.6 on 500' },
  { file: 'mnist-cntk/opt-mnist.onnx', value: raw, peer: '98.6 on 500' },
  { file: 'mnist-cntk/mnist.simplified.onnx', value: (b) => b / 255, peer: 'none' },
  { file: 'mnist-pytorch/cnn_mnist_pytorch.onnx', value: raw, peer: '98.8 on 500' },
  { file: 'mnist-pytorch/onnx2c_pytorch.onnx', value: (b) => b / 255, peer: '91.4 on 500' },
  { file: 'mnist-pytorch/tengine_mnist.onnx', value: normalized, peer: '99.0 on 500' },
];

/** Image `i` in the shape of the input: 28 x 28, or 14 x 14 by the mean of 2 x 2 pixels. */
const mnistSample = (set: IdxSet, i: number, type: StaticType, value: (byte: number) => number): Tensor => {
  const pixels = set.pixels.subarray(i * 784, (i + 1) * 784);
  const half = elementCount(type.shape) === 196;
  const pixel = (k: number): number => pixels[k] ?? 0;
  const corner = (k: number): number => 56 * Math.floor(k / 14) + 2 * (k % 14);
  const byte = half
    ? (k: number): number => (pixel(corner(k)) + pixel(corner(k) + 1) + pixel(corner(k) + 28) + pixel(corner(k) + 29)) / 4
    : pixel;
  return { ...type, data: Float32Array.from({ length: half ? 196 : 784 }, (_, k) => value(byte(k))) };
};

const report = async (bench: Bench, name: string, program: Program, set: LabelledSet, peer: string, top5 = false): Promise<void> => {
  const { float, int8, refused } = await classify(program, set);
  const percent = (share: number): number => 100 * share;
  const of = `of ${set.samples.length}`;
  bench.row({ name: `${name}: float top-1 ${of}`, value: percent(float.top1), unit: '%', peer });
  if (int8 === undefined) {
    bench.row({ name: `${name}: INT8`, unit: '%', skipped: refused ?? 'no integer form' });
    return;
  }
  const met = percent(int8.top1) >= percent(float.top1) - MOST_LOST;
  bench.row({
    name: `${name}: INT8 top-1 ${of}`,
    value: percent(int8.top1),
    unit: '%',
    peer: `float ${percent(float.top1).toFixed(2)}`,
    goal: `>= float - ${MOST_LOST}`,
    met,
  });
  bench.row({ name: `${name}: INT8 chooses as float`, value: percent(int8.agreement), unit: '%' });
  if (!top5) return;
  bench.row({ name: `${name}: float top-5 ${of}`, value: percent(float.top5), unit: '%' });
  bench.row({ name: `${name}: INT8 top-5 ${of}`, value: percent(int8.top5), unit: '%', peer: `float ${percent(float.top5).toFixed(2)}` });
};

const mnist = async (bench: Bench, data: string): Promise<void> => {
  const folder = join(data, 'datasets', 'mnist');
  const set = readIdx(join(folder, 't10k-images-0-7000-idx3-ubyte.gz'), join(folder, 't10k-labels-0-7000-idx1-ubyte.gz'));
  const count = bench.quick ? 1000 : set.count;
  for (const m of MNIST_MODELS) {
    await attempt(bench, m.file, async () => {
      const program = importFloat(readBytes(join(data, 'onnx-trained', m.file)));
      const type = inputType(program);
      const sample = (i: number): Tensor => mnistSample(set, i, type, m.value);
      await report(
        bench,
        m.file,
        program,
        {
          samples: Array.from({ length: count }, (_, i) => sample(i)),
          labels: Array.from(set.labels.subarray(0, count)),
          calibration: Array.from({ length: CALIBRATION_IMAGES }, (_, i) => sample(set.count - 1 - i)),
        },
        m.peer,
      );
    });
  }
};

// ---------------------------------------------------------------- CIFAR-10 and photos

const CIFAR_CLASSES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'] as const;

const cifar = async (bench: Bench, data: string): Promise<void> => {
  const name = 'resnet20-cifar10/resnet20.onnx';
  const archive = join(data, 'datasets', 'cifar10', 'cifar10-train-png-open.tar.zst');
  const files = readClassArchive(archive);
  if (files === undefined) {
    bench.row({ name, unit: '%', skipped: 'tar with zstd is not on this machine' });
    return;
  }
  await attempt(bench, name, async () => {
    const program = importFloat(readBytes(join(data, 'onnx-trained', name)));
    const options = { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] };
    const samples = files.map((f) => pictureSample(f.bytes, { resize: 32, crop: 32 }, options));
    const labels = files.map((f) => CIFAR_CLASSES.findIndex((c) => c === f.className));
    await report(bench, name, program, { samples, labels, calibration: samples.filter((_, i) => i % 3 === 0) }, '100.00 on 148');
  });
};

const photos = async (bench: Bench, data: string): Promise<void> => {
  const name = 'squeezenet1.1-fp16/SqueezeNet_fp16.onnx';
  const folder = join(data, 'datasets', 'imagenet-sample');
  await attempt(bench, name, async () => {
    const program = importFloat(readBytes(join(data, 'onnx-trained', name)));
    const options = { scale: 1, mean: [104, 117, 123], channels: 'bgr' } as const;
    const sample = (path: string): Tensor => pictureSample(readBytes(path), { resize: 256, crop: 224 }, options);
    const rows = readFileSync(join(folder, 'labels.csv'), 'utf8')
      .trim()
      .split(/\r?\n/)
      .slice(1)
      .map((line) => line.split(','))
      .filter((cells) => existsSync(join(folder, cells.at(-1) ?? '')));
    const known = join(data, 'datasets', 'photos');
    const set: LabelledSet = {
      samples: rows.map((cells) => sample(join(folder, cells.at(-1) ?? ''))),
      labels: rows.map((cells) => Number(cells[0])),
      calibration: readdirSync(known)
        .sort()
        .map((file) => sample(join(known, file))),
    };
    await report(bench, name, program, set, '64.20 on 81 (numpy)', true);
  });
};

const run = async (bench: Bench): Promise<void> => {
  const { data } = bench;
  if (data === undefined) {
    bench.row({ name: 'trained models', unit: '', skipped: 'the data folder is not on this machine' });
    return;
  }
  await storedReferences(bench, join(data, 'onnx-trained'));
  await mnist(bench, data);
  await cifar(bench, data);
  await photos(bench, data);
};

export const trained: Suite = {
  name: 'trained',
  summary: 'small trained ONNX models: float against stored outputs, INT8 accuracy on real data',
  run,
};
