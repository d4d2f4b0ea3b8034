import { canonicalizeNaN, canonicalPieces, type Tensor } from '../../../ir/index.ts';
import { at, diagnostic, fail, MrlError, ok, type Result } from '../../../support/index.ts';
import type { StepTime } from '../../backend.ts';
import { blankTensor, bytesOf, misfits } from '../../cpu/port-tensors.ts';
import type { GpuPort, GpuProgram, GpuStep, Launch } from '../cuda/program.ts';
import { type Context, contextFor, leaveContext } from './context.ts';
import type { DeviceInfo } from './device.ts';
import { type Driver, type Handle, versionOf } from './driver.ts';
import { NOT_READY } from './functions.ts';

/** CU_STREAM_DEFAULT, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES; HIP's are the same. */
const [STREAM_DEFAULT, CAPTURE_LOCAL, SHARED_BYTES] = [0, 1, 8];
/** Dynamic shared memory that need not be asked for. */
const SHARED_FREELY = 48 * 1024;
const TIMEOUT_MS = 60_000;

/** Milliseconds that a run may take: what is asked for, else CORTEXC_GPU_TIMEOUT, else a minute. */
export const timeLimit = (asked: number | undefined): number => asked ?? (Number(process.env['CORTEXC_GPU_TIMEOUT'] ?? '') || TIMEOUT_MS);

export interface HostOptions {
  /** Milliseconds that a run may take. */
  readonly timeoutMs?: number;
  /** Told of each kernel before it starts; each is awaited before the next. For finding the one that does not end. */
  readonly trace?: ((place: LaunchPlace) => void) | undefined;
}

const aligned = (bytes: number): number => Math.ceil(bytes / 64) * 64;

/** A kernel's start, for people. */
export interface LaunchPlace {
  readonly kernel: string;
  /** Of the run; undefined in the initialization. */
  readonly step?: { readonly place: string; readonly op: string; readonly number: number };
}

export const describePlace = ({ kernel, step }: LaunchPlace): string =>
  step === undefined ? `kernel ${kernel} of the initialization` : `kernel ${kernel} of step ${step.number}, ${step.op} at ${step.place}`;

/** A program on a device. Not re-entrant. */
export class GpuInstance {
  readonly program: GpuProgram;
  readonly device: DeviceInfo;
  private readonly driver: Driver;
  private readonly timeoutMs: number;
  private readonly trace: HostOptions['trace'];
  private context: Context | undefined;
  private readonly modules: Handle[] = [];
  private readonly functions = new Map<string, Handle>();
  private stream: Handle = 0n;
  private graph: Handle = 0n;
  private arena: Handle = 0n;
  private params: Handle = 0n;
  /** Inputs, then outputs, each aligned to 64. */
  private pinned: Handle = 0n;
  private view: Uint8Array = new Uint8Array(0);
  /** The argument of every kernel, and the list of arguments that points to it. */
  private readonly env = new BigUint64Array(2);
  private readonly argumentList = new BigUint64Array(1);

  private constructor(driver: Driver, device: DeviceInfo, program: GpuProgram, { timeoutMs, trace }: HostOptions) {
    this.driver = driver;
    this.device = device;
    this.program = program;
    this.timeoutMs = timeLimit(timeoutMs);
    this.trace = trace;
  }

  /** Loads modules and parameters, runs the initialization and records a run. Errors: GPU0003, GPU0006, GPU0007, GPU0008. */
  static open(
    driver: Driver,
    device: DeviceInfo,
    program: GpuProgram,
    images: readonly Uint8Array[],
    options: HostOptions = {},
  ): Result<GpuInstance> {
    const instance = new GpuInstance(driver, device, program, options);
    try {
      instance.load(images);
      return ok(instance);
    } catch (error) {
      if (!(error instanceof MrlError)) throw error;
      const told = instance.withSizes(error);
      instance.close();
      return fail(...told.diagnostics);
    }
  }

  /** Says of a lack of memory how much is needed and how much there is. */
  private withSizes(error: MrlError): MrlError {
    if (!error.diagnostics.some((d) => d.code === 'GPU0006')) return error;
    const { arenaBytes, residentBytes } = this.program;
    const [free, total] = [new BigUint64Array(1), new BigUint64Array(1)];
    const known = this.driver.status('memoryInfo', free, total) === 0 ? `; ${free[0]} of ${total[0]} are free` : '';
    return new MrlError([
      diagnostic('GPU0006', `the program needs ${arenaBytes + residentBytes} bytes of device memory${known}`, {
        where: this.device.name,
        notes: [...error.diagnostics.map((d) => d.message), 'Use a smaller batch or another backend: all give the same bytes.'],
      }),
    ]);
  }

  private load(images: readonly Uint8Array[]): void {
    const { driver, program } = this;
    this.context = contextFor(driver, this.device);
    this.context.users++;
    driver.call('contextSet', this.context.handle);
    this.stream = driver.make('streamCreate', STREAM_DEFAULT);
    for (const image of images) this.modules.push(this.loadModule(image));
    for (const launch of [...program.init.flat(), ...program.steps.flatMap((s) => s.launches)]) this.find(launch);
    this.arena = driver.make('allocate', program.arenaBytes);
    this.params = driver.make('allocate', Math.max(program.residentBytes, 256));
    const bytes = [...program.inputs, ...program.outputs].reduce((n, port) => n + aligned(port.bytes), 64);
    this.pinned = driver.make('allocateHost', bytes, 0);
    this.view = driver.viewOf(this.pinned, bytes);
    driver.call('clear', this.arena, 0, program.arenaBytes);
    this.env.set([this.arena, this.params]);
    this.argumentList[0] = driver.addressOf(this.env);
    this.fill();
    this.graph = this.record();
  }

  private loadModule(image: Uint8Array): Handle {
    const out = new BigUint64Array(1);
    const status = this.driver.status('moduleLoad', out, image);
    if (status === 0) return out[0] ?? 0n;
    const { name, architecture } = this.device;
    throw this.driver.error('moduleLoad', status, [
      `The module was compiled for ${architecture} (${name}); the driver is of version ${versionOf(this.driver)}, which the compiler may be newer than.`,
    ]);
  }

  private find({ kernel, unit, sharedBytes }: Launch): void {
    let handle = this.functions.get(kernel);
    if (handle === undefined) this.functions.set(kernel, (handle = this.driver.make('moduleFunction', at(this.modules, unit), kernel)));
    if (sharedBytes > SHARED_FREELY && this.driver.has('functionSet')) this.driver.call('functionSet', handle, SHARED_BYTES, sharedBytes);
  }

  private launch({ kernel, grid, block, sharedBytes }: Launch): void {
    const handle = this.functions.get(kernel) ?? 0n;
    this.driver.call('launch', handle, ...grid, block, 1, 1, sharedBytes, this.stream, this.argumentList, null);
  }

  /** Starts kernels; with a trace one after the other. */
  private start(launches: readonly Launch[], step?: LaunchPlace['step']): void {
    for (const launch of launches) {
      const place = { kernel: launch.kernel, ...(step === undefined ? {} : { step }) };
      this.trace?.(place);
      this.launch(launch);
      if (this.trace !== undefined) this.wait(place);
    }
  }

  /** Copies parameters and runs the initialization. */
  private fill(): void {
    const { driver, program } = this;
    const put = (to: Handle, content: Tensor | Uint8Array): void => {
      let next = to;
      for (const piece of content instanceof Uint8Array ? [content] : canonicalPieces(content)) {
        if (piece.length > 0) driver.call('upload', next, piece, piece.length);
        next += BigInt(piece.length);
      }
    };
    const parts = new Map(program.file.map((part) => [part.offset, part.content]));
    for (const { offset, content } of program.file) if (offset < program.residentBytes) put(this.params + BigInt(offset), content);
    const upload = (step: number): void => {
      for (const { offset, address, before } of program.uploads) {
        const content = parts.get(offset);
        if (before === step && content !== undefined) put(this.arena + BigInt(address), content);
      }
    };
    upload(0);
    program.init.forEach((launches, step) => {
      if (step > 0) upload(step);
      this.start(launches);
      const last = launches.at(-1);
      // the next step's parameters may take the place of this one's
      this.wait(last && { kernel: last.kernel });
    });
    this.wait();
  }

  private places(): readonly (readonly [GpuPort, number])[] {
    let next = 0;
    return [...this.program.inputs, ...this.program.outputs].map((port) => {
      const place = next;
      next += aligned(port.bytes);
      return [port, place] as const;
    });
  }

  private ports(): { readonly inputs: readonly (readonly [GpuPort, number])[]; readonly outputs: readonly (readonly [GpuPort, number])[] } {
    const places = this.places();
    const count = this.program.inputs.length;
    return { inputs: places.slice(0, count), outputs: places.slice(count) };
  }

  private copyIn(): void {
    for (const [{ address, bytes }, place] of this.ports().inputs)
      if (bytes > 0) this.driver.call('uploadLater', this.arena + BigInt(address), this.pinned + BigInt(place), bytes, this.stream);
  }

  private copyOut(): void {
    for (const [{ address, bytes, passes }, place] of this.ports().outputs)
      if (bytes > 0 && passes === undefined)
        this.driver.call('downloadLater', this.pinned + BigInt(place), this.arena + BigInt(address), bytes, this.stream);
  }

  /** A run with its copies as a graph. */
  private record(): Handle {
    const { driver, stream } = this;
    driver.call('captureBegin', stream, CAPTURE_LOCAL);
    this.copyIn();
    for (const { launches } of this.program.steps) for (const launch of launches) this.launch(launch);
    this.copyOut();
    const out = new BigUint64Array(1);
    driver.call('captureEnd', stream, out);
    const captured = out[0] ?? 0n;
    const graph = driver.make('graphInstantiate', captured, 0);
    driver.call('graphDestroy', captured);
    return graph;
  }

  /** Waits for the stream, within the time allowed. @param place - the last that was started. @throws {MrlError} GPU0007, GPU0008 */
  private wait(place?: LaunchPlace): void {
    const { driver, stream } = this;
    const deadline = performance.now() + this.timeoutMs;
    for (let rounds = 0; ; rounds++) {
      const status = driver.status('streamQuery', stream);
      if (status === 0) return;
      if (status !== NOT_READY)
        this.lose(driver.error('streamQuery', status, place === undefined ? [] : [`In ${describePlace(place)}, or before.`]));
      if (performance.now() > deadline) {
        if (this.context !== undefined) this.context.late = stream;
        this.lose(lateError(this.device, this.timeoutMs, place));
      }
      // a run takes a fraction of a millisecond; what takes longer must not keep a core busy
      if (rounds > SPINS) Atomics.wait(PAUSE, 0, 0, 1);
    }
  }

  /** Marks the context as lost: its programs cannot run any more. @throws {MrlError} */
  private lose(error: MrlError): never {
    if (this.context !== undefined) this.context.lost = error.diagnostics[0]?.message ?? 'an error';
    throw error;
  }

  private check(inputs: readonly Tensor[]): void {
    const problems = misfits(this.program.inputs, inputs);
    if (problems.length > 0) throw new MrlError(problems);
    const { context } = this;
    const lost = context === undefined ? 'it was closed' : context.lost;
    if (context === undefined || lost !== undefined)
      throw new MrlError([
        diagnostic('GPU0009', `the program cannot run: ${lost}`, {
          where: this.device.name,
          notes: ['Compile it again, or use another backend.'],
        }),
      ]);
    this.driver.call('contextSet', context.handle);
  }

  private writeInputs(inputs: readonly Tensor[]): void {
    this.ports().inputs.forEach(([, place], i) => this.view.set(bytesOf(at(inputs, i)), place));
  }

  /** @throws {MrlError} IR0010 when the tensors do not fit; GPU0007, GPU0008, GPU0009 */
  run(inputs: readonly Tensor[]): readonly Tensor[] {
    this.check(inputs);
    this.writeInputs(inputs);
    if (this.trace === undefined) {
      const status = this.driver.status('graphLaunch', this.graph, this.stream);
      if (status !== 0) this.lose(this.driver.error('graphLaunch', status));
    } else this.runTraced();
    this.wait();
    return this.ports().outputs.map(([port, place]) => {
      if (port.passes !== undefined) return at(inputs, port.passes);
      const tensor = blankTensor(port);
      bytesOf(tensor).set(this.view.subarray(place, place + port.bytes));
      if (tensor.data instanceof Float32Array) canonicalizeNaN(tensor.data);
      return tensor;
    });
  }

  private runTraced(): void {
    this.copyIn();
    this.program.steps.forEach((step, i) => this.start(step.launches, placeOf(step, i)));
    this.copyOut();
  }

  /** One run step by step. */
  profile(inputs: readonly Tensor[]): readonly StepTime[] {
    this.check(inputs);
    this.writeInputs(inputs);
    const { driver, stream } = this;
    const [before, after] = [driver.make('eventCreate', 0), driver.make('eventCreate', 0)];
    this.copyIn();
    const times = this.program.steps.map((step, i): StepTime => {
      const { place, op, macs, launches } = step;
      driver.call('eventRecord', before, stream);
      for (const launch of launches) this.launch(launch);
      driver.call('eventRecord', after, stream);
      this.wait({ kernel: launches.at(-1)?.kernel ?? '', step: placeOf(step, i) });
      const out = new Float32Array(1);
      driver.call('eventElapsed', out, before, after);
      return { place, op, macs, milliseconds: out[0] ?? 0 };
    });
    driver.call('eventDestroy', before);
    driver.call('eventDestroy', after);
    return times;
  }

  /** Gives everything back; after an error of a kernel, the device's context with it. */
  close(): void {
    const { driver, context } = this;
    if (context === undefined) return;
    this.context = undefined;
    if (context.lost === undefined) {
      driver.status('contextSet', context.handle);
      if (this.graph !== 0n) driver.status('graphExecDestroy', this.graph);
      if (this.pinned !== 0n) driver.status('releaseHost', this.pinned);
      if (this.params !== 0n) driver.status('release', this.params);
      if (this.arena !== 0n) driver.status('release', this.arena);
      for (const module of this.modules) driver.status('moduleUnload', module);
      if (this.stream !== 0n) driver.status('streamDestroy', this.stream);
    }
    this.view = new Uint8Array(0);
    leaveContext(driver, this.device, context);
  }
}

const placeOf = ({ place, op }: GpuStep, number: number): NonNullable<LaunchPlace['step']> => ({ place, op, number });

/** GPU0008 for a run, or for a kernel when it is known which. */
export const lateError = ({ name }: Pick<DeviceInfo, 'name'>, timeoutMs: number, place?: LaunchPlace): MrlError =>
  new MrlError([
    diagnostic('GPU0008', `${place === undefined ? 'a run' : describePlace(place)} takes longer than ${timeoutMs} ms`, {
      where: name,
      notes: [
        '--time-limit, or CORTEXC_GPU_TIMEOUT in milliseconds, allows more. Other backends give the same bytes.',
        ...(place === undefined ? ['--isolate ends such a run and tells which kernel it is.'] : []),
      ],
    }),
  ]);

/** Rounds of asking before a wait begins to sleep. */
const SPINS = 20_000;
const PAUSE = new Int32Array(new SharedArrayBuffer(4));
