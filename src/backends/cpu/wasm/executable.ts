import type { Tensor } from '../../../ir/index.ts';
import { diagnostic, type Diagnostic, fail, invariant, ok, type Result, unwrap } from '../../../support/index.ts';
import type { Executable, StepTime } from '../../backend.ts';
import { PAGE_BYTES } from '../simd/index.ts';
import { Crew, type StartWorker } from './runtime/crew.ts';
import { allocateMemory, type Memory, type Module } from './runtime/engine.ts';
import { Instance } from './runtime/instance.ts';
import type { ProgramInfo } from './runtime/program-info.ts';

export interface ExecutableParts {
  readonly info: ProgramInfo;
  readonly module: Module;
  /** With its image. */
  readonly memory: Memory;
  /** @throws {MrlError} IR0010 when tensors do not fit the inputs */
  readonly check: (inputs: readonly Tensor[]) => readonly Tensor[];
  readonly warnings?: readonly Diagnostic[];
  /** Keeps the program for later processes, given the bytes that no run changes. @returns what is to be told */
  readonly keep?: (image: Uint8Array) => readonly Diagnostic[];
  readonly startWorker: StartWorker;
  /** Tenths of a second that the caller's thread waits for the others to finish a step once it is done itself. */
  readonly patience?: number;
}

const threadsMissing = (wanted: number, missing: number, reason: string | undefined): Diagnostic =>
  diagnostic('BKD0010', `${missing} of ${wanted} threads did not start${reason === undefined ? '' : `: ${reason}`}`, {
    severity: 'warning',
    notes: ['The run goes on with fewer threads; the bytes are the same.'],
  });

const threadLost = (reason: string | undefined): Diagnostic =>
  diagnostic('BKD0011', `a thread was lost during the run${reason === undefined ? '' : `: ${reason}`}`, {
    severity: 'warning',
    notes: ['The run was repeated on one thread; the bytes are the same.'],
  });

/** Threads of executables that nobody holds any more are sent away. */
const abandoned = new FinalizationRegistry<Crew>((crew) => crew.close());

/** A program in its memory, with its threads. */
class WasmExecutable {
  private readonly parts: ExecutableParts;
  private readonly told: Diagnostic[];
  private instance: Instance;
  private crew: Crew | undefined;
  private closed = false;

  constructor(parts: ExecutableParts) {
    this.parts = parts;
    this.told = [...(parts.warnings ?? [])];
    this.instance = new Instance(parts.info, parts.module, parts.memory);
    if (parts.info.control === undefined) return;
    this.crew = new Crew(this.instance, parts.module, parts.startWorker, parts.patience);
    abandoned.register(this, this.crew, this);
  }

  /** Tensors in their places. */
  private accept(inputs: readonly Tensor[]): readonly Tensor[] {
    invariant(!this.closed, 'an executable runs after it was closed');
    const given = this.parts.check(inputs);
    if (this.crew?.broken === true) this.goOnAlone();
    this.instance.writeInputs(given);
    return given;
  }

  run(inputs: readonly Tensor[]): readonly Tensor[] {
    const given = this.accept(inputs);
    if (!this.instance.run()) {
      this.goOnAlone();
      this.instance.writeInputs(given);
      this.instance.run();
    }
    return this.instance.results(given);
  }

  look(inputs: readonly Tensor[]): readonly Tensor[] {
    const given = this.accept(inputs);
    this.instance.run();
    return this.instance.views(given);
  }

  profile(inputs: readonly Tensor[]): readonly StepTime[] {
    this.accept(inputs);
    return this.parts.info.steps.map(({ place, op, macs }, i) => {
      const started = performance.now();
      this.instance.step(i);
      return { place, op, milliseconds: performance.now() - started, macs };
    });
  }

  /** Leaves the memory, in which a lost thread may still write, for a new one without threads. */
  private goOnAlone(): void {
    const { info, module } = this.parts;
    this.told.push(threadLost(this.crew?.losses[0]));
    const image = this.instance.image().slice();
    this.crew?.close({ dead: true });
    abandoned.unregister(this);
    this.crew = undefined;
    this.instance = new Instance(info, module, unwrap(memoryOf(info)));
    this.instance.image().set(image);
  }

  get warnings(): readonly Diagnostic[] {
    const { crew } = this;
    const missing = crew === undefined ? 0 : Math.max(crew.absent, crew.losses.length);
    return missing === 0 ? this.told : [...this.told, threadsMissing(this.parts.info.threads, missing, crew?.losses[0])];
  }

  keep(): void {
    this.told.push(...(this.parts.keep?.(this.instance.image().slice()) ?? []));
  }

  close(): void {
    this.closed = true;
    this.crew?.close();
    abandoned.unregister(this);
    this.crew = undefined;
  }
}

/** The memory of a program, empty. */
export const memoryOf = ({ pages, shared }: ProgramInfo): Result<Memory> => {
  const memory = allocateMemory(pages, shared);
  return memory === undefined ? fail(diagnostic('BKD0003', `this machine does not give ${pages} pages of 64 KiB`)) : ok(memory);
};

/** @throws nothing: a machine that has no workers runs on the caller's thread, with a warning */
export const createExecutable = (parts: ExecutableParts): Executable => {
  const executable = new WasmExecutable(parts);
  const { info } = parts;
  return {
    run: (inputs) => executable.run(inputs),
    // views of shared memory are not what callers expect: many functions of the platform refuse them
    ...(info.shared ? {} : { look: (inputs: readonly Tensor[]) => executable.look(inputs) }),
    profile: (inputs) => executable.profile(inputs),
    memory: { parameters: info.image.bytes, arena: info.pages * PAGE_BYTES - info.image.bytes },
    get warnings() {
      return executable.warnings;
    },
    ...(parts.keep === undefined ? {} : { keep: () => executable.keep() }),
    close: () => executable.close(),
  };
};
