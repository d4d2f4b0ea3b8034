import type { GpuJsPort, GpuJsProgram, Kernel } from '../program.ts';
import type { Argument, DeviceArray, GpuConstructor, GpuInstance, GpuJs, GpuKernel, KernelOptions, Mode, Nested } from './api.ts';

// Runs in browsers and in Node, so it imports nothing at run time.

/** Why a program does not run. `code` is one of the codes of diagnostics. */
export class GpuJsError extends Error {
  override readonly name = 'GpuJsError';
  readonly code: 'GPU0002' | 'GPU0007' | 'IR0010' | 'BKD0005';
  readonly help: string;
  constructor(code: GpuJsError['code'], message: string, help: string) {
    super(message);
    this.code = code;
    this.help = help;
  }
}

/** A mode of gpu.js, opened. */
export interface Engine {
  readonly mode: Mode;
  readonly gpu: GpuInstance;
}

const isThere = async (GPU: GpuConstructor, mode: Mode): Promise<boolean> => {
  if (mode === 'webgpu') return (await GPU.isWebGPUAvailable?.()) ?? false;
  if (mode === 'webgl2') return GPU.isWebGL2Supported === true;
  if (mode === 'webgl') return GPU.isWebGLSupported === true;
  return mode === 'cpu' || GPU.isWebAssemblySupported === true;
};

/** @throws {GpuJsError} GPU0002 for a mode that is not there */
export const openEngine = async ({ GPU }: GpuJs, mode: Mode): Promise<Engine> => {
  const help = 'Use another mode: all give the same bytes.';
  try {
    if (await isThere(GPU, mode)) return { mode, gpu: new GPU({ mode }) };
  } catch (error) {
    throw new GpuJsError('GPU0002', `gpu.js does not open ${mode}: ${String(error)}`, help);
  }
  throw new GpuJsError('GPU0002', `gpu.js has no ${mode} here`, help);
};

/** Results of these stay on the device until they are asked for. */
const isOnDevice = (mode: Mode): boolean => mode.startsWith('webg');

const flatten = (nested: Nested, into: Float32Array, at = 0): number => {
  if (nested instanceof Float32Array) {
    into.set(nested, at);
    return at + nested.length;
  }
  return nested.reduce((next, row) => flatten(row, into, next), at);
};
const toFlat = (nested: Nested, length: number): Float32Array => {
  if (nested instanceof Float32Array && nested.length === length) return nested;
  const all = new Float32Array(length);
  flatten(nested, all);
  return all;
};

const ELEMENTS = {
  i8: Int8Array,
  u8: Uint8Array,
  bool: Uint8Array,
  i6: Int8Array,
  i16: Int16Array,
  i32: Int32Array,
  f32: Float32Array,
} as const;

const RADIX = 2048;

/** Bytes, little-endian, to floats. */
const decode = ({ dtype, count, wide }: GpuJsPort, bytes: Uint8Array): Float32Array => {
  const data = new ELEMENTS[dtype](bytes.slice().buffer, 0, count);
  if (!wide) return Float32Array.from(data);
  const floats = new Float32Array(2 * count);
  data.forEach((v, i) => {
    const hi = Math.floor(v / RADIX);
    floats[i] = v - hi * RADIX;
    floats[count + i] = hi;
  });
  return floats;
};
const encode = ({ dtype, count, wide }: GpuJsPort, floats: Float32Array): Uint8Array<ArrayBuffer> => {
  const data = new ELEMENTS[dtype](count);
  for (let i = 0; i < count; i++) data[i] = (floats[i] ?? 0) + (wide ? (floats[count + i] ?? 0) * RADIX : 0);
  return new Uint8Array(data.buffer);
};

const checkInputs = (ports: readonly GpuJsPort[], inputs: readonly Uint8Array[]): void => {
  const problems = ports.flatMap(({ name, count, dtype }, i) => {
    const [given, bytes] = [inputs[i]?.length, count * ELEMENTS[dtype].BYTES_PER_ELEMENT];
    return given === bytes ? [] : [`input ${name} takes ${bytes} bytes but ${given ?? 'nothing'} is given`];
  });
  if (inputs.length > ports.length) problems.push(`the program has ${ports.length} inputs but ${inputs.length} are given`);
  if (problems.length > 0) throw new GpuJsError('IR0010', problems.join('; '), 'Give the elements in row-major order.');
};

/** A program in a mode. */
export interface GpuJsModel {
  readonly inputs: readonly GpuJsPort[];
  readonly outputs: readonly GpuJsPort[];
  /**
   * Bytes of the inputs to bytes of the outputs, row-major and little-endian. Runs follow each other in the order of the calls.
   * @throws {GpuJsError} IR0010, GPU0007
   */
  run(inputs: readonly Uint8Array[]): Promise<readonly Uint8Array<ArrayBuffer>[]>;
  close(): void;
}

const asError = (mode: Mode, what: string, error: unknown): GpuJsError =>
  error instanceof GpuJsError
    ? error
    : new GpuJsError(
        'GPU0007',
        `gpu.js in mode ${mode} fails at ${what}: ${String(error)}`,
        'Use another mode or backend: all give the same bytes.',
      );

const optionsOf = (mode: Mode, output: readonly number[]): KernelOptions => {
  const stays = isOnDevice(mode);
  return { output, precision: 'single', tactic: 'precision', pipeline: stays, immutable: stays };
};

const release = (value: Argument | undefined): void => {
  if (value !== undefined && 'delete' in value) value.delete?.();
};

/** The number of the last kernel that reads each array. */
const lastReads = (kernels: readonly Kernel[], kept: ReadonlySet<number>): ReadonlyMap<number, readonly number[]> => {
  const last = new Map<number, number>();
  kernels.forEach(({ reads, writes }, n) => {
    for (const array of [...reads, writes]) last.set(array, n);
  });
  const ends = new Map<number, number[]>();
  for (const [array, n] of last) if (!kept.has(array)) ends.set(n, [...(ends.get(n) ?? []), array]);
  return ends;
};

/** Makes arrays of the device out of floats, where results stay there: a parameter is then copied once. */
class Copier {
  private readonly engine: Engine;
  private readonly kernels = new Map<number, GpuKernel>();
  constructor(engine: Engine) {
    this.engine = engine;
  }
  async copy(floats: Float32Array): Promise<Argument> {
    if (!isOnDevice(this.engine.mode) || floats.length === 0) return floats;
    let kernel = this.kernels.get(floats.length);
    if (kernel === undefined) {
      kernel = this.engine.gpu.createKernel('function (a) { return a[this.thread.x]; }', optionsOf(this.engine.mode, [floats.length]));
      this.kernels.set(floats.length, kernel);
    }
    return (await kernel(floats)) as DeviceArray;
  }
  close(): void {
    for (const kernel of this.kernels.values()) kernel.destroy?.();
  }
}

const toHost = async (value: Argument | undefined, length: number): Promise<Float32Array> => {
  if (value === undefined) return new Float32Array(length);
  return value instanceof Float32Array ? value : toFlat(await value.toArray(), length);
};

/**
 * Makes the kernels, which gpu.js compiles at their first call, and copies the parameters.
 * @throws {GpuJsError} GPU0007
 */
export const openProgram = async (
  engine: Engine,
  program: GpuJsProgram,
  parameters: (array: number) => Float32Array,
): Promise<GpuJsModel> => {
  const { mode, gpu } = engine;
  const kernels = program.steps.flatMap((step) => step.kernels.map((kernel) => ({ kernel, place: `${step.op} at ${step.place}` })));
  const copier = new Copier(engine);
  const constants = new Map<number, Argument>();
  for (const array of program.parameters) constants.set(array, await copier.copy(parameters(array)));
  const compiled = kernels.map(({ kernel: { text, dims } }) => {
    const output = dims[2] > 1 ? dims : dims[1] > 1 ? dims.slice(0, 2) : dims.slice(0, 1);
    return gpu.createKernel(text, optionsOf(mode, output));
  });
  const kept = new Set([...program.parameters, ...[...program.inputs, ...program.outputs].map((p) => p.array)]);
  const ends = lastReads(
    kernels.map((k) => k.kernel),
    kept,
  );

  const runKernels = async (arrays: Map<number, Argument>): Promise<void> => {
    for (const [n, { kernel, place }] of kernels.entries()) {
      const call = compiled[n];
      const args = kernel.reads.map((array) => arrays.get(array) ?? constants.get(array) ?? new Float32Array(0));
      try {
        const result = await call?.(...args);
        if (result === undefined) continue;
        const isArray = result instanceof Float32Array || Array.isArray(result);
        arrays.set(kernel.writes, isArray ? toFlat(result, program.arrays[kernel.writes] ?? 0) : (result as DeviceArray));
      } catch (error) {
        throw asError(mode, place, error);
      }
      for (const array of ends.get(n) ?? []) {
        release(arrays.get(array));
        arrays.delete(array);
      }
    }
  };
  const runOnce = async (inputs: readonly Uint8Array[]): Promise<readonly Uint8Array<ArrayBuffer>[]> => {
    const arrays = new Map<number, Argument>();
    for (const [i, port] of program.inputs.entries()) {
      const given = inputs[i];
      if (given !== undefined) arrays.set(port.array, await copier.copy(decode(port, given)));
    }
    await runKernels(arrays);
    const results: Uint8Array<ArrayBuffer>[] = [];
    for (const port of program.outputs) {
      const value = arrays.get(port.array) ?? constants.get(port.array);
      results.push(encode(port, await toHost(value, program.arrays[port.array] ?? 0)));
    }
    for (const value of arrays.values()) release(value);
    return results;
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    inputs: program.inputs,
    outputs: program.outputs,
    run: (inputs) => {
      checkInputs(program.inputs, inputs);
      const result = last.then(() => runOnce(inputs));
      last = result.catch(() => undefined);
      return result;
    },
    close: () => {
      for (const value of constants.values()) release(value);
      for (const kernel of compiled) kernel.destroy?.();
      copier.close();
    },
  };
};

/** A program with inputs and the bytes that have to come out. */
export interface SelfTest {
  readonly program: GpuJsProgram;
  readonly parameters: (array: number) => Float32Array;
  readonly inputs: readonly Uint8Array[];
  readonly outputs: readonly Uint8Array[];
}

/** Where results differ from what they have to be. */
export const differences = (program: GpuJsProgram, results: readonly Uint8Array[], expected: readonly Uint8Array[]): readonly string[] =>
  expected.flatMap((bytes, i) => {
    const at = bytes.findIndex((b, k) => b !== results[i]?.[k]);
    return at < 0 ? [] : [`output ${program.outputs[i]?.name ?? i}: byte ${at} is ${results[i]?.[at]}, not ${bytes[at]}`];
  });

/**
 * Runs a program of extreme values in a mode before it is first used. @throws {GpuJsError} BKD0005 when a byte differs: the device, its driver or
 * its compiler is wrong
 */
export const testEngine = async (engine: Engine, test: SelfTest): Promise<void> => {
  const model = await openProgram(engine, test.program, test.parameters);
  const wrong = differences(test.program, await model.run(test.inputs), test.outputs);
  model.close();
  if (wrong.length > 0)
    throw new GpuJsError(
      'BKD0005',
      `gpu.js in mode ${engine.mode} fails the self-test: ${wrong.join('; ')}`,
      'Use another mode or backend.',
    );
};
