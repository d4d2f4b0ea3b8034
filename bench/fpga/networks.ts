import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../data.ts';
import type { Bench } from '../rows.ts';
import { architectureFile } from '../cpu/network.ts';
import { packageOf } from '../cpu/prepare.ts';

/** A network of the bench. */
export interface FpgaNetwork {
  readonly name: string;
  readonly title: string;
  /** Whether its 3x3 convs are large enough for a goal: those of the goals of the core. */
  readonly goals?: boolean;
  /** Its package, made the first time; undefined where CORTEXC_DATA lacks it. */
  readonly package: (bench: Bench) => string | undefined;
}

/** Of the data folder, if it is there. */
const stored =
  (path: string, options?: readonly string[]) =>
  (bench: Bench): string | undefined => {
    const file = bench.data === undefined ? undefined : join(bench.data, path);
    return file !== undefined && existsSync(file) ? packageOf(file, options) : undefined;
  };

/** Their integers are in the file. */
const QUANTIZED: readonly string[] = [];

/** Small networks, all of whose layers are compared. */
export const SMALL: readonly FpgaNetwork[] = [
  { name: 'digits', title: 'digits', package: () => packageOf(join(ROOT, 'examples', 'digits', 'model.onnx')) },
  { name: 'lenet', title: 'MNIST CNN (CNTK)', package: stored('onnx-trained/mnist-cntk/model.onnx') },
  { name: 'resnet8', title: 'ResNet-8', goals: true, package: stored('tflite/mlperf-tiny/pretrainedResnet_quant.tflite', QUANTIZED) },
  { name: 'dscnn', title: 'DS-CNN', package: stored('tflite/mlperf-tiny/kws_ref_model.tflite', QUANTIZED) },
  { name: 'transformer', title: 'TinyViT block', package: stored('onnx-int-deeploy/Models/TinyViT/Demo/network.onnx') },
];

/** Networks for 224 x 224 pictures. */
export const LARGE: readonly FpgaNetwork[] = [
  { name: 'squeezenet', title: 'SqueezeNet', goals: true, package: () => packageOf(architectureFile('squeezenet')) },
  { name: 'resnet50', title: 'ResNet-50', goals: true, package: () => packageOf(architectureFile('resnet50')) },
];
