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
import { type Result, unwrap } from '../../src/support/index.ts';
import { readClassArchive } from '../data.ts';
import { readBytes } from '../models.ts';
import { type LabelledModel, programOf } from './model.ts';

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

/** ResNet-20 on CIFAR-10: 148 lossless training images, of which every third, without its label, calibrates. */
export const cifarResnet20 = (data: string): LabelledModel => {
  const name = 'resnet20-cifar10/resnet20.onnx';
  const path = join(data, 'onnx-trained', name);
  return {
    name,
    path,
    published: '100.00 on 148',
    quick: true,
    load: (most) => {
      const files = readClassArchive(join(data, 'datasets', 'cifar10', 'cifar10-train-png-open.tar.zst'));
      if (files === undefined) return undefined;
      const options = { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] };
      const samples = files.map((f) => pictureSample(f.bytes, { resize: 32, crop: 32 }, options));
      const labels = files.map((f) => CIFAR_CLASSES.findIndex((c) => c === f.className));
      return {
        program: programOf(path),
        set: { samples: samples.slice(0, most), labels: labels.slice(0, most), calibration: samples.filter((_, i) => i % 3 === 0) },
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
