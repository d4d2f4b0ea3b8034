import { canonicalBytes, checkInputs, DTYPE_INFO, type Program, type Tensor } from '../../../ir/index.ts';
import { diagnostic, fail, MrlError, ok, type Result, sha256Hex } from '../../../support/index.ts';
import type { AsyncExecutable } from '../../backend.ts';
import { verdictStore } from '../../verdicts.ts';
import type { Gpu } from './host/api.ts';
import { type FoundGpu, locateGpu } from './host/find.ts';
import { openDevice, type OpenDevice, openProgram, testDevice, WebGpuError, type WebGpuModel } from './host/runtime.ts';
import { lowerProgram } from './lower.ts';
import type { WebGpuProgram } from './program.ts';
import { selfTest } from './self-test.ts';

export interface WebGpuOptions {
  /** The engine's `navigator.gpu`, or what the npm package `webgpu` creates; looked for when absent. */
  readonly gpu?: Gpu;
  /** Which form of the products of bytes; the packed one where the device has it. */
  readonly dot?: 'packed' | 'plain';
}

/** What a host throws, as what this program throws. */
const toMrlError = (error: unknown): unknown =>
  error instanceof WebGpuError ? new MrlError([diagnostic(error.code, error.message, { notes: [error.help] })], { cause: error }) : error;

const toResult = async <T>(work: () => Promise<T>): Promise<Result<T>> => {
  try {
    return ok(await work());
  } catch (error) {
    if (!(error instanceof WebGpuError)) throw error;
    return fail(diagnostic(error.code, error.message, { notes: [error.help] }));
  }
};

/** Devices that are open, by engine and form of the products. */
const opened = new WeakMap<Gpu, Map<string, Promise<OpenDevice>>>();

const deviceOf = (gpu: Gpu, dot: WebGpuOptions['dot']): Promise<OpenDevice> => {
  const all = opened.get(gpu) ?? new Map<string, Promise<OpenDevice>>();
  opened.set(gpu, all);
  const key = dot ?? '';
  const known = all.get(key);
  if (known !== undefined) return known;
  const opening = openDevice(gpu, dot);
  all.set(key, opening);
  const forget = (): void => {
    if (all.get(key) === opening) all.delete(key);
  };
  opening.then(({ device }) => device.lost.then(forget), forget);
  return opening;
};

/** Device, driver, engine and products, on which the bytes of kernels depend. */
const circumstancesOf = ({ details, dot }: OpenDevice, engine = ''): string =>
  JSON.stringify([details, dot, engine, process.versions.node, process.versions.v8]);

/** Devices that have passed the test of extreme values in this process. */
const tested = new WeakSet<object>();

/** Tests a device with extreme values, unless it has passed that before: in this process, or by the same code in an earlier one. */
const admit = async (open: OpenDevice, engine: string | undefined): Promise<void> => {
  if (tested.has(open.device)) return;
  const test = selfTest();
  const line = `extremes ${sha256Hex(JSON.stringify(test.program), ...test.outputs)}`;
  const store = verdictStore('webgpu', { circumstances: circumstancesOf(open, engine) });
  if (store?.load().has(line) !== true) {
    try {
      await testDevice(open, test);
    } catch (error) {
      store?.update([], [line]);
      throw error;
    }
    store?.update([line], []);
  }
  tested.add(open.device);
};

/** What decides on the bytes of programs here; undefined where there is no device. */
export const webGpuCircumstances = async (): Promise<string | undefined> => {
  const found = await locateGpu();
  if (!found.ok) return undefined;
  const { gpu, version } = found.value;
  const device = await toResult(() => deviceOf(gpu, undefined));
  return device.ok ? circumstancesOf(device.value, version) : undefined;
};

const executableOf = (program: Program, { name }: OpenDevice, lowered: WebGpuProgram, model: WebGpuModel): AsyncExecutable => ({
  device: name,
  memory: { parameters: lowered.parameterBytes.reduce((n, b) => n + b, 0), arena: lowered.arenaBytes },
  run: async (inputs) => {
    const checked = checkInputs(program, inputs);
    if (!checked.ok) throw new MrlError(checked.diagnostics);
    try {
      const results = await model.run(inputs.map(canonicalBytes));
      return model.outputs.map(({ dtype, shape }, i): Tensor => {
        const bytes = results[i] ?? new Uint8Array(0);
        return { dtype, shape, data: DTYPE_INFO[dtype].view(bytes.buffer, 0, bytes.length / DTYPE_INFO[dtype].bytes) };
      });
    } catch (error) {
      throw toMrlError(error);
    }
  },
  close: () => model.close(),
});

/**
 * Compiles an integer program for the first device of WebGPU, after the device has given the right bytes for extreme values. Runs reject with
 * IR0010, GPU0006, GPU0007, GPU0009.
 * Errors: IR0008, BKD0002, BKD0003; GPU0001, GPU0002 without a device, GPU0006, GPU0007; BKD0005 for a device that computes wrongly.
 */
export const compileForWebGpu = async (program: Program, { gpu: given, dot }: WebGpuOptions = {}): Promise<Result<AsyncExecutable>> => {
  const lowered = lowerProgram(program);
  if (!lowered.ok) return lowered;
  const found = given === undefined ? await locateGpu() : ok<FoundGpu>({ gpu: given });
  if (!found.ok) return found;
  const { gpu, version } = found.value;
  return toResult(async () => {
    const device = await deviceOf(gpu, dot);
    await admit(device, version);
    const { program: own, parameters } = lowered.value;
    return executableOf(program, device, own, await openProgram(device, own, parameters));
  });
};
