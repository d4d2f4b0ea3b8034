import { type DeviceInfo, type Driver, type Handle, type Launch, NOT_READY } from '../../src/backends/gpu/index.ts';
import { at } from '../../src/support/index.ts';
import type { Built, Vector } from './device-folder.ts';

// What the host of the product (src/backends/gpu/cuda/host.ts) does, taken apart so that its parts can be timed: the kernels without the
// copies, one kernel alone, and the upload of the parameters.

const [STREAM_DEFAULT, CAPTURE_LOCAL, SHARED_BYTES] = [0, 1, 8];
const SHARED_FREELY = 48 * 1024;
const ALIGNMENT = 256;
const TIMEOUT_MS = 20_000;

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Parts of a run that a graph can have. */
export type Part = 'parameters' | 'input' | 'kernels' | 'output';

/** A program on a device. Everything that is copied lies in pinned memory, on the host's side. */
export class DeviceProgram {
  private readonly driver: Driver;
  private readonly built: Built;
  private readonly device: DeviceInfo;
  private readonly stream: Handle;
  private readonly modules: readonly Handle[];
  private readonly functions = new Map<string, Handle>();
  private readonly arena: Handle;
  private readonly params: Handle;
  private readonly pinned: Handle;
  private readonly view: Uint8Array;
  /** Where the ports' bytes are in pinned memory, inputs first; the parameter file comes before them. */
  private readonly places: readonly number[];
  private readonly graphs: Handle[] = [];
  private readonly env = new BigUint64Array(2);
  private readonly argumentList = new BigUint64Array(1);
  /** An error of a kernel spoils the context for all programs. */
  private lost = false;

  constructor(driver: Driver, device: DeviceInfo, built: Built) {
    const { program, images } = built;
    this.driver = driver;
    this.device = device;
    this.built = built;
    driver.call('contextSet', driver.make('contextRetain', driver.number('deviceGet', device.index)));
    this.stream = driver.make('streamCreate', STREAM_DEFAULT);
    this.modules = images.map((image) => driver.make('moduleLoad', image));
    this.arena = driver.make('allocate', program.arenaBytes);
    this.params = driver.make('allocate', Math.max(program.residentBytes, ALIGNMENT));
    let end = aligned(program.fileBytes);
    this.places = [...program.inputs, ...program.outputs].map(({ bytes }) => {
      const place = end;
      end += aligned(bytes);
      return place;
    });
    this.pinned = driver.make('allocateHost', Math.max(end, ALIGNMENT), 0);
    this.view = driver.viewOf(this.pinned, Math.max(end, ALIGNMENT));
    for (const { offset, content } of program.file) if (content instanceof Uint8Array) this.view.set(content, offset);
    driver.call('clear', this.arena, 0, program.arenaBytes);
    this.env.set([this.arena, this.params]);
    this.argumentList[0] = driver.addressOf(this.env);
    // the first start of a kernel loads it, which a capture may not do
    for (const launch of [...program.init.flat(), ...program.steps.flatMap((s) => s.launches)]) this.find(launch);
    this.enqueue('parameters');
    this.wait();
  }

  private find({ kernel, unit, sharedBytes }: Launch): Handle {
    const known = this.functions.get(kernel);
    const handle = known ?? this.driver.make('moduleFunction', at(this.modules, unit), kernel);
    this.functions.set(kernel, handle);
    if (known === undefined && sharedBytes > SHARED_FREELY) this.driver.call('functionSet', handle, SHARED_BYTES, sharedBytes);
    return handle;
  }

  private start(launch: Launch): void {
    const { grid, block, sharedBytes } = launch;
    this.driver.call('launch', this.find(launch), ...grid, block, 1, 1, sharedBytes, this.stream, this.argumentList, null);
  }

  private enqueue(part: Part): void {
    const { driver, stream, arena, pinned } = this;
    const { program } = this.built;
    const upload = (to: Handle, place: number, bytes: number): void => {
      if (bytes > 0) driver.call('uploadLater', to, pinned + BigInt(place), bytes, stream);
    };
    switch (part) {
      case 'parameters':
        upload(this.params, 0, program.residentBytes);
        Array.from({ length: Math.max(program.init.length, 1) }, (_, step) => {
          for (const u of program.uploads) if (u.before === step) upload(arena + BigInt(u.address), u.offset, u.bytes);
          for (const launch of program.init[step] ?? []) this.start(launch);
        });
        break;
      case 'input':
        program.inputs.forEach(({ address, bytes }, i) => upload(arena + BigInt(address), at(this.places, i), bytes));
        break;
      case 'kernels':
        for (const { launches } of program.steps) for (const launch of launches) this.start(launch);
        break;
      case 'output':
        program.outputs.forEach(({ address, bytes }, i) => {
          const place = pinned + BigInt(at(this.places, program.inputs.length + i));
          if (bytes > 0) driver.call('downloadLater', place, arena + BigInt(address), bytes, stream);
        });
    }
  }

  /** A graph of these parts, in this order. */
  graph(...parts: readonly Part[]): Handle {
    const { driver, stream } = this;
    driver.call('captureBegin', stream, CAPTURE_LOCAL);
    for (const part of parts) this.enqueue(part);
    const out = new BigUint64Array(1);
    driver.call('captureEnd', stream, out);
    const captured = out[0] ?? 0n;
    const graph = driver.make('graphInstantiate', captured, 0);
    driver.call('graphDestroy', captured);
    this.graphs.push(graph);
    return graph;
  }

  /** Writes the inputs to where a graph takes them from. */
  write({ inputs }: Vector): void {
    inputs.forEach((bytes, i) => this.view.set(bytes, at(this.places, i)));
  }

  /** Copies of what the last graph with outputs gave. */
  results(): readonly Uint8Array[] {
    const { inputs, outputs } = this.built.program;
    return outputs.map(({ bytes }, i) => {
      const place = at(this.places, inputs.length + i);
      return this.view.slice(place, place + bytes);
    });
  }

  /** Whether the last graph with outputs gave these. */
  gave({ outputs }: Vector): boolean {
    return this.results().every((bytes, i) => Buffer.compare(bytes, at(outputs, i)) === 0);
  }

  /** Starts a graph and waits for it. */
  run(graph: Handle): void {
    this.driver.call('graphLaunch', graph, this.stream);
    this.wait();
  }

  private wait(): void {
    const deadline = performance.now() + TIMEOUT_MS;
    for (;;) {
      const status = this.driver.status('streamQuery', this.stream);
      if (status === 0) return;
      this.lost = status !== NOT_READY || performance.now() > deadline;
      if (status !== NOT_READY) throw this.driver.error('streamQuery', status);
      if (this.lost) throw new Error(`a run takes longer than ${TIMEOUT_MS} ms`);
    }
  }

  /** Milliseconds of one of `count` times, one behind the other, by the device's clock. */
  private elapsed(count: number, start: () => void): number {
    const { driver, stream } = this;
    const [before, after] = [driver.make('eventCreate', 0), driver.make('eventCreate', 0)];
    driver.call('eventRecord', before, stream);
    for (let i = 0; i < count; i++) start();
    driver.call('eventRecord', after, stream);
    this.wait();
    const out = new Float32Array(1);
    driver.call('eventElapsed', out, before, after);
    driver.call('eventDestroy', before);
    driver.call('eventDestroy', after);
    return (out[0] ?? Number.NaN) / count;
  }

  graphMilliseconds(graph: Handle, count: number): number {
    return this.elapsed(count, () => this.driver.call('graphLaunch', graph, this.stream));
  }

  kernelMilliseconds(launch: Launch, count: number): number {
    return this.elapsed(count, () => this.start(launch));
  }

  close(): void {
    const { driver, device } = this;
    if (this.lost) {
      // what is left goes with the context, and the next program starts with a new one
      driver.status('contextReset', device.index);
      driver.status('contextRelease', device.index);
      return;
    }
    for (const graph of this.graphs) driver.status('graphExecDestroy', graph);
    driver.status('releaseHost', this.pinned);
    driver.status('release', this.params);
    driver.status('release', this.arena);
    for (const module of this.modules) driver.status('moduleUnload', module);
    driver.status('streamDestroy', this.stream);
    driver.status('contextRelease', device.index);
  }
}
