import { canonicalBytes, checkInputs, DTYPE_INFO, type Program, type Tensor } from '../../../ir/index.ts';
import { diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import type { Gpu } from './host/api.ts';
import { findGpu } from './host/find.ts';
import { openDevice, type OpenDevice, openProgram, testDevice, WebGpuError, type WebGpuModel } from './host/runtime.ts';
import { lowerProgram } from './lower.ts';
import { selfTest } from './self-test.ts';

/** A program on a device of WebGPU, which answers only to asynchronous calls. */
export interface AsyncExecutable {
  /** The device, in the words of its adapter. */
  readonly device: string;
  /** Runs follow each other in the order of the calls. Errors: IR0010, GPU0007, GPU0009. */
  run(inputs: readonly Tensor[]): Promise<Result<readonly Tensor[]>>;
  close(): void;
}

export interface WebGpuOptions {
  /** The engine's `navigator.gpu`, or what the npm package `webgpu` creates; looked for when absent. */
  readonly gpu?: Gpu;
  /** Which form of the products of bytes; the packed one where the device has it. */
  readonly dot?: 'packed' | 'plain';
}

const toResult = async <T>(work: () => Promise<T>): Promise<Result<T>> => {
  try {
    return ok(await work());
  } catch (error) {
    if (!(error instanceof WebGpuError)) throw error;
    return fail(diagnostic(error.code, error.message, { notes: [error.help] }));
  }
};

/** Devices that have passed the self-test, by engine and form of the products. */
const opened = new WeakMap<Gpu, Map<string, OpenDevice>>();

const testedDevice = async (gpu: Gpu, dot: WebGpuOptions['dot']): Promise<OpenDevice> => {
  const all = opened.get(gpu) ?? new Map<string, OpenDevice>();
  opened.set(gpu, all);
  const known = all.get(dot ?? '');
  if (known !== undefined) return known;
  const device = await openDevice(gpu, dot);
  await testDevice(device, selfTest());
  all.set(dot ?? '', device);
  void device.device.lost.then(() => all.delete(dot ?? ''));
  return device;
};

const executableOf = (program: Program, { name }: OpenDevice, model: WebGpuModel): AsyncExecutable => ({
  device: name,
  run: (inputs) =>
    toResult(async () => {
      const checked = checkInputs(program, inputs);
      if (!checked.ok) throw new WebGpuError('IR0010', checked.diagnostics.map((d) => d.message).join('; '), 'Give a tensor of each type.');
      const results = await model.run(inputs.map(canonicalBytes));
      return model.outputs.map(({ dtype, shape }, i): Tensor => {
        const bytes = results[i] ?? new Uint8Array(0);
        return { dtype, shape, data: DTYPE_INFO[dtype].view(bytes.buffer, 0, bytes.length / DTYPE_INFO[dtype].bytes) };
      });
    }),
  close: () => model.close(),
});

/**
 * Compiles an integer program for the first device of WebGPU, after the device has given the right bytes for extreme values.
 * Errors: IR0008, BKD0002, BKD0003; GPU0001, GPU0002 without a device, GPU0006, GPU0007; BKD0005 for a device that computes wrongly.
 */
export const compileForWebGpu = async (program: Program, { gpu: given, dot }: WebGpuOptions = {}): Promise<Result<AsyncExecutable>> => {
  const lowered = lowerProgram(program);
  if (!lowered.ok) return lowered;
  const gpu = given === undefined ? await findGpu() : ok(given);
  if (!gpu.ok) return gpu;
  return toResult(async () => {
    const device = await testedDevice(gpu.value, dot);
    return executableOf(program, device, await openProgram(device, lowered.value.program, lowered.value.parameters));
  });
};
