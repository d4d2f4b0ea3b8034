import type { Kernel, WebGpuPort, WebGpuProgram } from '../program.ts';
import type { Gpu, GpuAdapter, GpuBindGroup, GpuBuffer, GpuComputePipeline, GpuDevice } from './api.ts';

// Runs in browsers and in Node, so it imports nothing at run time.

/** Why a program does not run on a device. `code` is one of the codes of diagnostics. */
export class WebGpuError extends Error {
  override readonly name = 'WebGpuError';
  readonly code: 'GPU0002' | 'GPU0006' | 'GPU0007' | 'GPU0009' | 'IR0010' | 'BKD0005';
  readonly help: string;
  constructor(code: WebGpuError['code'], message: string, help: string) {
    super(message);
    this.code = code;
    this.help = help;
  }
}

/** A device that programs run on. */
export interface OpenDevice {
  readonly device: GpuDevice;
  /** Which header stands before its kernels. */
  readonly dot: 'packed' | 'plain';
  /** In the words of the adapter. */
  readonly name: string;
  /** Vendor, architecture, device and description, which names the driver where the engine tells it. */
  readonly details: readonly string[];
}

/** What an adapter says of itself; each part may be empty. */
export const describeAdapter = ({ info }: GpuAdapter): Pick<OpenDevice, 'name' | 'details'> => {
  const { vendor, architecture, device, description } = info ?? { vendor: '', architecture: '', device: '', description: '' };
  const name = [description, device, vendor, architecture].find((t) => t !== '') ?? 'unnamed adapter';
  return { name, details: [vendor, architecture, device, description] };
};

const PACKED_DOT = 'packed_4x8_integer_dot_product';

/**
 * The first adapter's device, with storage buffers as large as it has them.
 * @param dot - `plain` where the packed products are not to be used
 * @throws {WebGpuError} GPU0002 when there is none
 */
export const openDevice = async (gpu: Gpu | undefined, dot?: 'packed' | 'plain'): Promise<OpenDevice> => {
  const help =
    'Use a browser and a GPU with WebGPU; in Node a Vulkan driver is needed (VK_ICD_FILENAMES names one). Other backends give the same bytes.';
  if (gpu === undefined) throw new WebGpuError('GPU0002', 'there is no WebGPU here', help);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) throw new WebGpuError('GPU0002', 'WebGPU is here, but has no adapter', help);
  const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
  const device = await adapter.requestDevice({ requiredLimits: { maxStorageBufferBindingSize, maxBufferSize } });
  return { device, dot: dot ?? (gpu.wgslLanguageFeatures?.has(PACKED_DOT) === true ? 'packed' : 'plain'), ...describeAdapter(adapter) };
};

/** Bits of GPUBufferUsage and GPUMapMode, and of GPUShaderStage. */
const USAGE = { mapRead: 1, copySource: 4, copyTarget: 8, storage: 128 } as const;
const MAP_READ = 1;
const COMPUTE_STAGE = 4;

const REOPEN = 'Open the device and the program again, or use another backend: all give the same bytes.';

const roundUp = (n: number): number => Math.ceil(n / 4) * 4;

/** Runs what makes and uses objects of a device; its errors come afterwards. */
const checked = async <T>({ device, name }: OpenDevice, what: string, use: () => T | Promise<T>): Promise<T> => {
  device.pushErrorScope('out-of-memory');
  device.pushErrorScope('validation');
  let value: T;
  try {
    value = await use();
  } finally {
    const [wrong, full] = [await device.popErrorScope(), await device.popErrorScope()];
    // oxlint-disable-next-line no-unsafe-finally -- what the device says explains the exception
    if (full !== null) throw new WebGpuError('GPU0006', `${name} has no memory for ${what}: ${full.message}`, 'Use a smaller batch.');
    // oxlint-disable-next-line no-unsafe-finally
    if (wrong !== null) throw new WebGpuError('GPU0007', `${name} refuses ${what}: ${wrong.message}`, 'Update the browser or driver.');
  }
  return value;
};

interface Start {
  readonly pipeline: GpuComputePipeline;
  readonly group: GpuBindGroup;
  readonly workgroups: readonly [number, number];
}

/** A program on a device. */
export interface WebGpuModel {
  readonly inputs: readonly WebGpuPort[];
  readonly outputs: readonly WebGpuPort[];
  /**
   * Bytes of the inputs to bytes of the outputs, row-major and little-endian. Runs follow each other in the order of the calls.
   * @throws {WebGpuError} IR0010, GPU0007, GPU0009
   */
  run(inputs: readonly Uint8Array[]): Promise<readonly Uint8Array<ArrayBuffer>[]>;
  close(): void;
}

const startOf = async (
  { device, dot }: OpenDevice,
  program: WebGpuProgram,
  kernel: Kernel,
  buffers: readonly GpuBuffer[],
): Promise<Start> => {
  const layout = device.createBindGroupLayout({
    entries: kernel.buffers.map((n, binding) => ({
      binding,
      visibility: COMPUTE_STAGE,
      buffer: { type: n === 0 ? 'storage' : 'read-only-storage' },
    })),
  });
  const group = device.createBindGroup({
    layout,
    entries: kernel.buffers.map((n, binding) => ({ binding, resource: { buffer: buffers[n] } })),
  });
  const module = device.createShaderModule({ code: `${program.headers[dot]}${kernel.code}`, label: program.name });
  const pipeline = await device.createComputePipelineAsync({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: 'main' },
  });
  return { pipeline, group, workgroups: kernel.workgroups };
};

/** The arena, the parameters with their content, and a buffer that outputs are read from. */
const buffersOf = ({ device, name }: OpenDevice, program: WebGpuProgram, parameters: (n: number) => Uint8Array) => {
  const sizes = [program.arenaBytes, ...program.parameterBytes];
  const most = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
  const large = sizes.findIndex((s) => s > most);
  if (large >= 0)
    throw new WebGpuError(
      'GPU0006',
      `buffer ${large} of the program has ${sizes[large]} bytes, but buffers of ${name} have at most ${most}`,
      'Use a smaller batch, or another backend: all give the same bytes.',
    );
  const buffers = sizes.map((size) => device.createBuffer({ size, usage: USAGE.storage | USAGE.copySource | USAGE.copyTarget }));
  program.parameterBytes.forEach((_, n) => {
    const buffer = buffers[n + 1];
    if (buffer !== undefined) device.queue.writeBuffer(buffer, 0, parameters(n));
  });
  return buffers;
};

const checkInputs = (ports: readonly WebGpuPort[], inputs: readonly Uint8Array[]): void => {
  const problems = ports.flatMap(({ name, bytes }, i) => {
    const given = inputs[i]?.length;
    return given === bytes ? [] : [`input ${name} takes ${bytes} bytes but ${given ?? 'nothing'} is given`];
  });
  if (inputs.length > ports.length) problems.push(`the program has ${ports.length} inputs but ${inputs.length} are given`);
  if (problems.length > 0) throw new WebGpuError('IR0010', problems.join('; '), 'Give the elements in row-major order.');
};

/** Compiles the kernels, which browsers and drivers do at the same time, and loads the parameters. @throws {WebGpuError} GPU0006, GPU0007 */
export const openProgram = async (
  open: OpenDevice,
  program: WebGpuProgram,
  parameters: (n: number) => Uint8Array,
): Promise<WebGpuModel> => {
  const { device, name } = open;
  const staged = program.outputs.reduce((n, port) => n + roundUp(port.bytes), 0);
  const { buffers, staging } = await checked(open, 'the buffers of the program', () => ({
    buffers: buffersOf(open, program, parameters),
    staging: device.createBuffer({ size: Math.max(staged, 4), usage: USAGE.mapRead | USAGE.copyTarget }),
  }));
  const kernels = program.steps.flatMap((step) => step.kernels);
  const starts = await checked(open, 'a kernel', () => Promise.all(kernels.map((k) => startOf(open, program, k, buffers))));
  let gone = '';
  void device.lost.then(({ message }) => (gone = `${name} is lost: ${message}`));

  const encode = (): object => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    // each dispatch sees what those before it wrote (WebGPU, 3.4.5: usage scopes)
    for (const { pipeline, group, workgroups } of starts) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...workgroups);
    }
    pass.end();
    let to = 0;
    for (const { buffer, offset, bytes } of program.outputs) {
      const from = buffers[buffer];
      if (from !== undefined && bytes > 0) encoder.copyBufferToBuffer(from, offset, staging, to, roundUp(bytes));
      to += roundUp(bytes);
    }
    return encoder.finish();
  };
  const write = (inputs: readonly Uint8Array[]): void =>
    program.inputs.forEach(({ buffer, offset, bytes }, i) => {
      const [target, given] = [buffers[buffer], inputs[i]];
      if (target === undefined || given === undefined || bytes === 0) return;
      const whole = bytes % 4 === 0 ? given : new Uint8Array(roundUp(bytes));
      if (whole !== given) whole.set(given);
      device.queue.writeBuffer(target, offset, whole);
    });
  const runOnce = async (inputs: readonly Uint8Array[]): Promise<readonly Uint8Array<ArrayBuffer>[]> => {
    if (gone !== '') throw new WebGpuError('GPU0009', gone, REOPEN);
    try {
      await checked(open, 'a run', () => {
        write(inputs);
        device.queue.submit([encode()]);
        return staging.mapAsync(MAP_READ);
      });
    } catch (error) {
      if (error instanceof WebGpuError) throw error;
      // results cannot be read from a device that goes during the run
      gone ||= `${name} has ended a run: ${error instanceof Error ? error.message : String(error)}`;
      throw new WebGpuError('GPU0009', gone, REOPEN);
    }
    const all = staging.getMappedRange();
    let at = 0;
    const results = program.outputs.map(({ bytes }) => {
      const one = new Uint8Array(all.slice(at, at + bytes));
      at += roundUp(bytes);
      return one;
    });
    staging.unmap();
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
      for (const buffer of [...buffers, staging]) buffer.destroy();
    },
  };
};

/** A program with inputs and the bytes that have to come out. */
export interface SelfTest {
  readonly program: WebGpuProgram;
  readonly parameters: readonly Uint8Array[];
  readonly inputs: readonly Uint8Array[];
  readonly outputs: readonly Uint8Array[];
}

/**
 * Runs a program of extreme values on a device before it is first used. @throws {WebGpuError} BKD0005 when a byte differs: the device, its
 * driver or its compiler of shaders is wrong
 */
export const testDevice = async (open: OpenDevice, test: SelfTest): Promise<void> => {
  const model = await openProgram(open, test.program, (n) => test.parameters[n] ?? new Uint8Array(0));
  const results = await model.run(test.inputs);
  model.close();
  const wrong = test.outputs.flatMap((bytes, i) => {
    const at = bytes.findIndex((b, k) => b !== results[i]?.[k]);
    return at < 0 ? [] : [`output ${test.program.outputs[i]?.name ?? i} has ${results[i]?.[at]} at byte ${at}, not ${bytes[at]}`];
  });
  if (wrong.length > 0)
    throw new WebGpuError(
      'BKD0005',
      `${open.name} (${open.dot} products) fails the self-test: ${wrong.join('; ')}`,
      'Use another backend.',
    );
};
