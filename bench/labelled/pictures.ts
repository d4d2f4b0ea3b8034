import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  cropCentre,
  decodePicture,
  type Picture,
  pictureToTensor,
  type PictureTensorOptions,
  resizeShorterSide,
} from '../../src/frontend/tensors/index.ts';
import type { Tensor } from '../../src/ir/index.ts';
import { at, type Result, unwrap } from '../../src/support/index.ts';
import { type ArchiveFile, readArchive } from '../data.ts';
import { readBytes } from '../models.ts';
import { type LabelledModel, programOf } from './model.ts';
import { tflite } from './tflite.ts';

/** Decodes a picture, resizes its shorter side, crops the centre and prepares it. */
const pictureSample = (
  bytes: Uint8Array,
  side: { readonly resize: number; readonly crop: number },
  options: PictureTensorOptions,
): Tensor => {
  const then = <T>(result: Result<Picture>, next: (p: Picture) => Result<T>): Result<T> => (result.ok ? next(result.value) : result);
  const scaled = then(decodePicture(bytes), (p) => resizeShorterSide(p, side.resize));
  return unwrap(
    then(
      then(scaled, (p) => cropCentre(p, side.crop, side.crop)),
      (p) => pictureToTensor(p, options),
    ),
  );
};

const CIFAR_CLASSES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'] as const;

const RESNET20_INPUT = { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] };

/** ResNet-20 on CIFAR-10: 148 lossless training images, of which every third, without its label, calibrates. */
export const cifarResnet20 = (data: string): LabelledModel => {
  const name = 'resnet20-cifar10/resnet20.onnx';
  const path = join(data, 'onnx-trained', name);
  return {
    name,
    path,
    published: '100.00 on 148',
    quick: false,
    load: (most) => {
      const files = readArchive(join(data, 'datasets', 'cifar10', 'cifar10-train-png-open.tar.zst'));
      if (files === undefined) return undefined;
      const samples = files.map((f) => pictureSample(f.bytes, { resize: 32, crop: 32 }, RESNET20_INPUT));
      const labels = files.map((f) => CIFAR_CLASSES.findIndex((c) => c === f.folder));
      return {
        program: programOf(path),
        set: { samples: samples.slice(0, most), labels: labels.slice(0, most), calibration: samples.filter((_, i) => i % 3 === 0) },
      };
    },
  };
};

/** As many of the items as `most`, evenly spaced, so that sorted classes are all there. */
const spread = <T>(items: readonly T[], most = items.length): readonly T[] => {
  const count = Math.min(most, items.length);
  return Array.from({ length: count }, (_, i) => at(items, Math.floor((i * items.length) / count)));
};

/** CIFAR-10. Its test images are stored as JPEG: lossy, so that every network does worse on them than published, its integer forms too. */
interface CifarSet {
  readonly tests: readonly ArchiveFile[];
  readonly labels: readonly number[];
  /** Lossless training images. */
  readonly calibration: readonly ArchiveFile[];
}

const cifarTest = (data: string, most?: number): CifarSet | undefined => {
  const folder = join(data, 'datasets', 'cifar10');
  const tests = readArchive(join(folder, 'cifar10-test-jpg-open.tar.zst'));
  const calibration = readArchive(join(folder, 'cifar10-train-png-open.tar.zst'));
  if (tests === undefined || calibration === undefined) return undefined;
  const chosen = spread(tests, most);
  return { tests: chosen, labels: chosen.map((f) => CIFAR_CLASSES.findIndex((c) => c === f.folder)), calibration };
};

/** ResNet-20 on test images of CIFAR-10 (JPEG); 148 training images calibrate. */
export const cifarResnet20Test = (data: string): LabelledModel => {
  const name = 'resnet20-cifar10/resnet20.onnx';
  const path = join(data, 'onnx-trained', name);
  return {
    name: `${name} (test, JPEG)`,
    path,
    published: 'none for JPEG',
    quick: true,
    load: (most) => {
      const files = cifarTest(data, most === undefined ? undefined : most / 5);
      if (files === undefined) return undefined;
      const sample = ({ bytes }: ArchiveFile): Tensor => pictureSample(bytes, { resize: 32, crop: 32 }, RESNET20_INPUT);
      return {
        program: programOf(path),
        set: { samples: files.tests.map(sample), labels: files.labels, calibration: files.calibration.map(sample) },
      };
    },
  };
};

/** ResNet-8 of MLPerf Tiny (TensorFlow Lite) on test images of CIFAR-10 (JPEG); 148 training images calibrate. */
export const mlperfResnet8 = (data: string): LabelledModel => {
  const folder = join(data, 'tflite', 'mlperf-tiny');
  const path = join(folder, 'pretrainedResnet.tflite');
  return {
    name: 'MLPerf Tiny ResNet-8',
    path,
    published: 'none for JPEG',
    quick: true,
    load: (most) => {
      const files = cifarTest(data, most);
      if (files === undefined) return undefined;
      // pixels as they are, 0 to 255
      const sample = ({ bytes }: ArchiveFile): Tensor => pictureSample(bytes, { resize: 32, crop: 32 }, { scale: 1, layout: 'nhwc' });
      const samples = files.tests.map(sample);
      const twin = tflite(join(folder, 'pretrainedResnet_quant.tflite'));
      return {
        program: tflite(path).program,
        set: { samples, labels: files.labels, calibration: files.calibration.map(sample) },
        twin: { name: 'its int8 twin', program: twin.program, samples: samples.map(twin.toIntegers) },
      };
    },
  };
};

/** SqueezeNet 1.1 on ImageNet: 81 photos, one a class; twelve other photos calibrate. */
export const squeezenet = (data: string): LabelledModel => {
  const name = 'squeezenet1.1-fp16/SqueezeNet_fp16.onnx';
  const path = join(data, 'onnx-trained', name);
  return {
    name,
    path,
    published: '64.20 on 81 (numpy)',
    quick: false,
    load: (most) => {
      const folder = join(data, 'datasets', 'imagenet-sample');
      const options = { scale: 1, mean: [104, 117, 123], channels: 'bgr' } as const;
      const sample = (file: string): Tensor => pictureSample(readBytes(file), { resize: 256, crop: 224 }, options);
      const rows = readFileSync(join(folder, 'labels.csv'), 'utf8')
        .trim()
        .split(/\r?\n/)
        .slice(1)
        .map((line) => line.split(','))
        .filter((cells) => existsSync(join(folder, cells.at(-1) ?? '')))
        .slice(0, most);
      const known = join(data, 'datasets', 'photos');
      return {
        program: programOf(path),
        set: {
          samples: rows.map((cells) => sample(join(folder, cells.at(-1) ?? ''))),
          labels: rows.map((cells) => Number(cells[0])),
          calibration: readdirSync(known)
            .sort()
            .map((file) => sample(join(known, file))),
        },
      };
    },
  };
};
