import type { DeviceInfo, Driver } from '../../src/backends/gpu/index.ts';
import type { Bench } from '../rows.ts';
import type { TorchRow } from './device-torch.ts';
import type { NetworkName } from './networks/architectures.ts';

export interface Device {
  readonly driver: Driver;
  readonly info: DeviceInfo;
}

/** What a part of the suite has to know. */
export interface Setting {
  readonly bench: Bench;
  readonly device: Device;
  /** The driver runs kernels on the CPU: bytes count, times do not. */
  readonly fake: boolean;
  readonly torch: readonly TorchRow[];
}

/** A network with the images of one run. */
export interface Case {
  readonly name: NetworkName;
  readonly batch: number;
  /** The network in timm, and what is asked against it: at most so many times its latency, or at least so many times its throughput. */
  readonly torch?: { readonly network: string; readonly latency: number } | { readonly network: string; readonly throughput: number };
}

const THROUGHPUT_BATCH = 32;

/** What is measured apart from the stream, the most wanted first. */
export const CASES: readonly Case[] = [
  { name: 'resnet50', batch: 1, torch: { network: 'resnet50', latency: 0.7 } },
  { name: 'resnet50', batch: THROUGHPUT_BATCH, torch: { network: 'resnet50', throughput: 1.3 } },
  { name: 'resnet152', batch: 1 },
  { name: 'resnet152', batch: THROUGHPUT_BATCH, torch: { network: 'resnet152', throughput: 1 } },
  { name: 'vgg16', batch: 1 },
  { name: 'vgg16', batch: THROUGHPUT_BATCH, torch: { network: 'vgg16', throughput: 1 } },
  { name: 'inception-v3', batch: 1 },
  { name: 'inception-v3', batch: THROUGHPUT_BATCH, torch: { network: 'inception_v3', throughput: 1 } },
];

/** What runs on the CPU in place of a GPU, in seconds. */
export const FAKE_CASES: readonly Case[] = [
  { name: 'lenet', batch: 1 },
  { name: 'lenet', batch: 3 },
];

/** The layer whose product is held against the peak of the tensor cores, and its images. */
export const LAYER: Case = { name: 'layer', batch: THROUGHPUT_BATCH };

export const NO_GPU = 'needs a GPU';

/** Effort of a measurement: on the CPU once, so that its path is walked. */
export const effortOf = ({ fake, bench }: Setting): { readonly warmUp: number; readonly runs: number } =>
  fake ? { warmUp: 0, runs: 1 } : { warmUp: 20, runs: bench.quick ? 100 : 200 };
