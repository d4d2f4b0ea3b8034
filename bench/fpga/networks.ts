import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type CoreConfig, DEFAULT_CONFIG } from '../../src/backends/fpga/index.ts';
import { ROOT } from '../data.ts';
import type { Bench } from '../rows.ts';
import { architectureFile } from '../cpu/network.ts';
import { packageOf, PLAIN } from '../cpu/prepare.ts';

/** A network of the bench. */
export interface FpgaNetwork {
  readonly name: string;
  readonly title: string;
  /** Whether its 3x3 convs are large enough for a goal: those of the goals of the core. */
  readonly goals?: boolean;
  /** The core that it runs on; the default one when absent. */
  readonly config?: CoreConfig;
  /** Most cycles of a run. */
  readonly mostCycles?: number;
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

/** 1024 products a cycle. */
const FOUR: CoreConfig = { ...DEFAULT_CONFIG, groups: 4 };
/** Weights of 6 bits, two products on a multiplier. */
const INT6: CoreConfig = { ...FOUR, bits: 6, pack: true };

/** Small networks, all of whose layers are compared. */
export const SMALL: readonly FpgaNetwork[] = [
  { name: 'digits', title: 'digits', package: () => packageOf(join(ROOT, 'examples', 'digits', 'model.onnx')) },
  { name: 'lenet', title: 'MNIST CNN (CNTK)', package: stored('onnx-trained/mnist-cntk/model.onnx') },
  {
    name: 'resnet8',
    title: 'ResNet-8',
    goals: true,
    mostCycles: 60_000,
    package: stored('tflite/mlperf-tiny/pretrainedResnet_quant.tflite', QUANTIZED),
  },
  {
    name: 'resnet8-int6',
    title: 'ResNet-8 INT6 on 4 groups of 128 + 24 multipliers',
    config: INT6,
    mostCycles: 32_000,
    package: stored('tflite/mlperf-tiny/pretrainedResnet.tflite', ['--bits', '6', ...PLAIN]),
  },
  { name: 'dscnn', title: 'DS-CNN', package: stored('tflite/mlperf-tiny/kws_ref_model.tflite', QUANTIZED) },
  { name: 'transformer', title: 'TinyViT block', package: stored('onnx-int-deeploy/Models/TinyViT/Demo/network.onnx') },
];

/** Networks for 224 x 224 pictures. */
export const LARGE: readonly FpgaNetwork[] = [
  { name: 'squeezenet', title: 'SqueezeNet', goals: true, package: () => packageOf(architectureFile('squeezenet')) },
  { name: 'resnet50', title: 'ResNet-50', goals: true, package: () => packageOf(architectureFile('resnet50')) },
  { name: 'resnet50-4', title: 'ResNet-50 on 4 groups', config: FOUR, package: () => packageOf(architectureFile('resnet50')) },
];
