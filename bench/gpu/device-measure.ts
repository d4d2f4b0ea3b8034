import { GpuInstance } from '../../src/backends/gpu/index.ts';
import { tensorBytes } from '../../src/ir/index.ts';
import { at, unwrap } from '../../src/support/index.ts';
import { median } from '../rows.ts';
import { batchVector, builtFolder, type Built, readBuilt, readVectors, tensorsOf, type Vector, vectorFolder } from './device-folder.ts';
import type { Case, Device } from './device-setting.ts';
import { DeviceProgram } from './device-program.ts';
import type { NetworkName } from './networks/architectures.ts';
import type { StreamModel } from './stream.ts';

/** Milliseconds of one run. */
export interface Times {
  /** From pinned memory and back, until the result is there: median of single runs. */
  readonly copies: number;
  /** The kernels alone, runs behind each other, by the device's clock. */
  readonly kernels: number;
  /** Through the backend's `run`, which takes and gives tensors. */
  readonly run: number;
}

/** How often things are run. */
export interface Effort {
  readonly warmUp: number;
  readonly runs: number;
}

const TIMEOUT_MS = 20_000;

/** Vectors of the batch: one image at a time, or all in turns. */
export const vectorsFor = (item: Case): readonly Vector[] => {
  const vectors = readVectors(vectorFolder(item));
  return item.batch === 1 ? vectors : [batchVector(vectors, item.batch)];
};

export const open = ({ driver, info }: Device, { program, images }: Built): GpuInstance =>
  unwrap(GpuInstance.open(driver, info, program, images, { timeoutMs: TIMEOUT_MS }));

export const built = (item: Case): Built => readBuilt(builtFolder(item));

const medianOf = ({ warmUp, runs }: Effort, action: () => void): number => {
  for (let i = 0; i < warmUp; i++) action();
  return median(
    Array.from({ length: runs }, () => {
      const started = performance.now();
      action();
      return performance.now() - started;
    }),
  );
};

const sameBytes = (outputs: readonly Uint8Array[], expected: readonly Uint8Array[]): boolean =>
  expected.every((bytes, i) => Buffer.compare(bytes, at(outputs, i)) === 0);

/** Runs every vector twice: what one run leaves behind may spoil the next. @returns how many of the runs gave other bytes */
export const wrongRuns = (instance: GpuInstance, vectors: readonly Vector[]): number =>
  [...vectors, ...vectors].filter(({ inputs, outputs }) => {
    const results = instance.run(tensorsOf(instance.program.inputs, inputs));
    return !sameBytes(results.map(tensorBytes), outputs);
  }).length;

/** Times a program in all ways. @throws Error when any way gives other bytes */
export const timesOf = (device: Device, program: Built, instance: GpuInstance, vector: Vector, effort: Effort): Times => {
  const inputs = tensorsOf(program.program.inputs, vector.inputs);
  const run = medianOf(effort, () => void instance.run(inputs));
  const apart = new DeviceProgram(device.driver, device.info, program);
  try {
    apart.write(vector);
    const whole = apart.graph('input', 'kernels', 'output');
    const copies = medianOf(effort, () => apart.run(whole));
    if (!apart.gave(vector)) throw new Error('runs of the measurement gave other bytes');
    return { copies, run, kernels: apart.graphMilliseconds(apart.graph('kernels'), effort.runs) };
  } finally {
    apart.close();
  }
};

/** Milliseconds of the largest kernel of the step with the most products, alone. */
export const largestKernel = (
  device: Device,
  program: Built,
  vector: Vector,
  effort: Effort,
): { readonly ms: number; readonly macs: number } => {
  const [step] = program.program.steps.toSorted((a, b) => b.macs - a.macs);
  if (step === undefined) throw new Error('the program has no step');
  const apart = new DeviceProgram(device.driver, device.info, program);
  try {
    apart.write(vector);
    apart.run(apart.graph('input', 'kernels', 'output'));
    const times = step.launches.map((launch) => {
      apart.kernelMilliseconds(launch, effort.warmUp);
      return apart.kernelMilliseconds(launch, effort.runs);
    });
    return { ms: Math.max(...times), macs: step.macs };
  } finally {
    apart.close();
  }
};

const picturesOf = (name: NetworkName, { program }: Built): StreamModel['pictures'] =>
  vectorsFor({ name, batch: 1 }).map(({ inputs, outputs }) => ({ inputs: tensorsOf(program.inputs, inputs), expected: outputs }));

/** A model of the stream that stays loaded. */
export const loadedModel = (name: NetworkName, program: Built, instance: GpuInstance): StreamModel => ({
  pictures: picturesOf(name, program),
  run: (inputs) => instance.run(inputs).map(tensorBytes),
});

/** A model whose kernels are loaded, and whose parameters are copied to the device and packed for each image. */
export const reloadedModel = (device: Device, name: NetworkName, program: Built): StreamModel & { readonly close: () => void } => {
  const apart = new DeviceProgram(device.driver, device.info, program);
  const graph = apart.graph('parameters', 'input', 'kernels', 'output');
  return {
    pictures: picturesOf(name, program),
    run: (inputs) => {
      apart.write({ inputs: inputs.map(tensorBytes), outputs: [] });
      apart.run(graph);
      return apart.results();
    },
    close: () => apart.close(),
  };
};

/** A model that is opened for each image and closed after it: kernels, memory, parameters and graph. */
export const reopenedModel = (device: Device, name: NetworkName, program: Built): StreamModel => ({
  pictures: picturesOf(name, program),
  run: (inputs) => {
    const instance = open(device, program);
    try {
      return instance.run(inputs).map(tensorBytes);
    } finally {
      instance.close();
    }
  },
});
