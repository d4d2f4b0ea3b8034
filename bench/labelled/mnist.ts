import { join } from 'node:path';
import { elementCount, type StaticType, type Tensor } from '../../src/ir/index.ts';
import { type IdxSet, readIdx } from '../data.ts';
import { inputType } from '../models.ts';
import { type LabelledModel, programOf } from './model.ts';

const CALIBRATION_IMAGES = 100;

interface MnistModel {
  readonly file: string;
  /** Byte to input value. */
  readonly value: (byte: number) => number;
  readonly published: string;
  readonly quick?: true;
}

const raw = (byte: number): number => byte;
const normalized = (byte: number): number => (byte / 255 - 0.1307) / 0.3081;
const MNIST_MODELS: readonly MnistModel[] = [
  { file: 'mnist-cntk/model.onnx', value: raw, published: '98.6 on 500', quick: true },
  { file: 'mnist-cntk/mnist-opset7-winml.onnx', value: raw, published: '98.6 on 500' },
  { file: 'mnist-cntk/mnist-cntk2.4.onnx', value: raw, published: '98.6 on 500' },
  { file: 'mnist-cntk/opt-mnist.onnx', value: raw, published: '98.6 on 500' },
  { file: 'mnist-cntk/mnist.simplified.onnx', value: (b) => b / 255, published: 'none' },
  { file: 'mnist-pytorch/cnn_mnist_pytorch.onnx', value: raw, published: '98.8 on 500' },
  { file: 'mnist-pytorch/onnx2c_pytorch.onnx', value: (b) => b / 255, published: '91.4 on 500' },
  { file: 'mnist-pytorch/tengine_mnist.onnx', value: normalized, published: '99.0 on 500', quick: true },
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

/** The eight MNIST classifiers of the data folder, on 7,000 test images; the last hundred, without their labels, calibrate. */
export const mnistModels = (data: string): readonly LabelledModel[] => {
  const folder = join(data, 'datasets', 'mnist');
  const set = readIdx(join(folder, 't10k-images-0-7000-idx3-ubyte.gz'), join(folder, 't10k-labels-0-7000-idx1-ubyte.gz'));
  return MNIST_MODELS.map(({ file, value, published, quick }): LabelledModel => {
    const path = join(data, 'onnx-trained', file);
    return {
      name: file,
      path,
      published,
      quick: quick === true,
      load: (most = set.count) => {
        const program = programOf(path);
        const type = inputType(program);
        const sample = (i: number): Tensor => mnistSample(set, i, type, value);
        const count = Math.min(most, set.count);
        return {
          program,
          set: {
            samples: Array.from({ length: count }, (_, i) => sample(i)),
            labels: Array.from(set.labels.subarray(0, count)),
            calibration: Array.from({ length: CALIBRATION_IMAGES }, (_, i) => sample(set.count - 1 - i)),
          },
        };
      },
    };
  });
};
