import { canonicalizeNaN, canonicalPieces, type Tensor } from '../../../ir/index.ts';
import { at, diagnostic, fail, MrlError, ok, type Result } from '../../../support/index.ts';
import type { StepTime } from '../../backend.ts';
import { blankTensor, bytesOf, misfits } from '../../cpu/port-tensors.ts';
import { type DeviceInfo, type Driver, type Handle, NOT_READY } from './driver.ts';
import type { GpuPort, GpuProgram, Launch } from './program.ts';

/** CU_STREAM_DEFAULT, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES. */
const [STREAM_DEFAULT, CAPTURE_LOCAL, SHARED_BYTES] = [0, 1, 8];
/** Dynamic shared memory that need not be asked for. */
const SHARED_FREELY = 48 * 1024;
const TIMEOUT_MS = 60_000;

export interface HostOptions {
  /** Milliseconds that a run may take. */
  readonly timeoutMs?: number;
}

const aligned = (bytes: number): number => Math.ceil(bytes / 64) * 64;

/** A device's context in this process. */
interface Context {
  readonly handle: Handle;
  users: number;
  /** The error that spoiled it. */
  lost: string | undefined;
}

/** Contexts by driver and device: programs share one, which an error of a kernel spoils for all of them. */
const contexts = new Map<string, Context>();

/** The context for a new program; a lost one is given up first, whoever still refers to it. */
const contextFor = (driver: Driver, device: DeviceInfo): Context => {
  const key = `${driver.path} ${device.index}`;
  const known = contexts.get(key);
  if (known !== undefined && known.lost === undefined) return known;
  if (known !== undefined) driver.status('contextReset', device.index);
  const handle = driver.make('contextRetain', driver.number('deviceGet', device.index));
  const context: Context = { handle, users: 0, lost: undefined };
  contexts.set(key, context);
  return context;
};

/** One program less. */
const leave = (driver: Driver, device: DeviceInfo, context: Context): void => {
  if (--context.users > 0) return;
  const key = `${driver.path} ${device.index}`;
  if (contexts.get(key) === context) {
    contexts.delete(key);
    // what is left of a lost context goes with it
    if (context.lost !== undefined) driver.status('contextReset', device.index);
  }
  driver.status('contextRelease', device.index);
};

/** A program on a device. Not re-entrant. */
export class GpuInstance {
  readonly program: GpuProgram;
  readonly device: DeviceInfo;
  private readonly driver: Driver;
  private readonly timeoutMs: number;
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

  private constructor(driver: Driver, device: DeviceInfo, program: GpuProgram, { timeoutMs }: HostOptions) {
    this.driver = driver;
    this.device = device;
    this.program = program;
    this.timeoutMs = timeoutMs ?? (Number(process.env['CORTEXC_GPU_TIMEOUT'] ?? '') || TIMEOUT_MS);
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
      instance.start(images);
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

  private start(images: readonly Uint8Array[]): void {
    const { driver, program } = this;
    this.context = contextFor(driver, this.device);
    this.context.users++;
    driver.call('contextSet', this.context.handle);
    this.stream = driver.make('streamCreate', STREAM_DEFAULT);
    for (const image of images) this.modules.push(driver.make('moduleLoad', image));
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

  private find({ kernel, unit, sharedBytes }: Launch): void {
    let handle = this.functions.get(kernel);
    if (handle === undefined) this.functions.set(kernel, (handle = this.driver.make('moduleFunction', at(this.modules, unit), kernel)));
    if (sharedBytes > SHARED_FREELY) this.driver.call('functionSet', handle, SHARED_BYTES, sharedBytes);
  }

  private launch({ kernel, grid, block, sharedBytes }: Launch): void {
    const handle = this.functions.get(kernel) ?? 0n;
    this.driver.call('launch', handle, ...grid, block, 1, 1, sharedBytes, this.stream, this.argumentList, null);
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
      for (const launch of launches) this.launch(launch);
      // the next step's parameters may take the place of this one's
      this.wait();
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

  /** Waits for the stream, within the time allowed. @throws {MrlError} GPU0007, GPU0008 */
  private wait(): void {
    const { driver, stream } = this;
    const deadline = performance.now() + this.timeoutMs;
    for (let rounds = 0; ; rounds++) {
      const status = driver.status('streamQuery', stream);
      if (status === 0) return;
      if (status !== NOT_READY) this.lose(driver.error('streamQuery', status));
      if (performance.now() > deadline)
        this.lose(
          new MrlError([
            diagnostic('GPU0008', `a run takes longer than ${this.timeoutMs} ms`, {
              where: this.device.name,
              notes: ['CORTEXC_GPU_TIMEOUT allows more, in milliseconds. Other backends give the same bytes.'],
            }),
          ]),
        );
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
    const status = this.driver.status('graphLaunch', this.graph, this.stream);
    if (status !== 0) this.lose(this.driver.error('graphLaunch', status));
    this.wait();
    return this.ports().outputs.map(([port, place]) => {
      if (port.passes !== undefined) return at(inputs, port.passes);
      const tensor = blankTensor(port);
      bytesOf(tensor).set(this.view.subarray(place, place + port.bytes));
      if (tensor.data instanceof Float32Array) canonicalizeNaN(tensor.data);
      return tensor;
    });
  }

  /** One run step by step. */
  profile(inputs: readonly Tensor[]): readonly StepTime[] {
    this.check(inputs);
    this.writeInputs(inputs);
    const { driver, stream } = this;
    const [before, after] = [driver.make('eventCreate', 0), driver.make('eventCreate', 0)];
    this.copyIn();
    const times = this.program.steps.map(({ place, op, macs, launches }): StepTime => {
      driver.call('eventRecord', before, stream);
      for (const launch of launches) this.launch(launch);
      driver.call('eventRecord', after, stream);
      this.wait();
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
    leave(driver, this.device, context);
  }
}

/** Rounds of asking before a wait begins to sleep. */
const SPINS = 20_000;
const PAUSE = new Int32Array(new SharedArrayBuffer(4));
