import type { Tensor } from '../../../../ir/index.ts';
import { Crew, type StartWorker } from './crew.ts';
import type { Memory, Module } from './engine.ts';
import { Instance } from './instance.ts';
import type { ProgramInfo } from './program-info.ts';

export interface SessionParts {
  readonly info: ProgramInfo;
  readonly module: Module;
  /** With its image. */
  readonly memory: Memory;
  /** Another memory of this size, empty; throws when the machine does not give it. */
  readonly allocate: () => Memory;
  readonly startWorker: StartWorker;
  /** Tenths of a second that the caller's thread waits for the others to finish a step once it is done itself. */
  readonly patience?: number;
}

/** What works, but with fewer threads than asked. The codes are those of src/support/codes. */
export interface SessionWarning {
  readonly code: 'BKD0010' | 'BKD0011';
  readonly message: string;
  readonly help: string;
}

/** What a step of a run took. */
export interface SessionStep {
  readonly place: string;
  readonly op: string;
  readonly milliseconds: number;
  readonly macs: number;
}

const because = (reason: string | undefined): string => (reason === undefined ? '' : `: ${reason}`);

const threadsMissing = (wanted: number, missing: number, reason: string | undefined): SessionWarning => ({
  code: 'BKD0010',
  message: `${missing} of ${wanted} threads did not start${because(reason)}`,
  help: 'The run goes on with fewer threads; the bytes are the same.',
});

const threadLost = (reason: string | undefined): SessionWarning => ({
  code: 'BKD0011',
  message: `a thread was lost during the run${because(reason)}`,
  help: 'The run was repeated on one thread; the bytes are the same.',
});

/** Threads of sessions that nobody holds any more are sent away. */
const abandoned = new FinalizationRegistry<Crew>((crew) => crew.close());

/** How often it is looked whether threads have come. */
const LOOK_MS = 2;

/** A program in its memory, with its threads; the same in Node and in browsers. It belongs to one caller at a time. */
export class Session {
  private readonly parts: SessionParts;
  private readonly told: SessionWarning[] = [];
  private instance: Instance;
  private crew: Crew | undefined;

  constructor(parts: SessionParts) {
    this.parts = parts;
    this.instance = new Instance(parts.info, parts.module, parts.memory);
    if (parts.info.control === undefined || parts.info.threads < 2) return;
    this.crew = new Crew(this.instance, parts.module, parts.startWorker, parts.patience);
    abandoned.register(this, this.crew, this);
  }

  private accept(inputs: readonly Tensor[]): void {
    if (this.crew?.broken === true) this.goOnAlone();
    this.instance.writeInputs(inputs);
  }

  /** @param inputs - that fit the ports. @returns what no later run changes */
  run(inputs: readonly Tensor[]): readonly Tensor[] {
    this.accept(inputs);
    if (!this.instance.run()) {
      this.goOnAlone();
      this.instance.writeInputs(inputs);
      this.instance.run();
    }
    return this.instance.results(inputs);
  }

  /** The same without copies, for programs without threads: the results hold until the next run. */
  look(inputs: readonly Tensor[]): readonly Tensor[] {
    this.accept(inputs);
    this.instance.run();
    return this.instance.views(inputs);
  }

  /** One run on the caller's thread, with the time of each step. */
  profile(inputs: readonly Tensor[]): readonly SessionStep[] {
    this.accept(inputs);
    return this.parts.info.steps.map(({ place, op, macs }, i) => {
      const started = performance.now();
      this.instance.step(i);
      return { place, op, milliseconds: performance.now() - started, macs };
    });
  }

  /** Leaves the memory, in which a lost thread may still write, for a new one without threads. */
  private goOnAlone(): void {
    const { info, module, allocate } = this.parts;
    this.told.push(threadLost(this.crew?.losses[0]));
    const image = this.image();
    this.close({ dead: true });
    this.instance = new Instance(info, module, allocate());
    this.instance.image().set(image);
  }

  /** Threads that a run has now, the caller's own included. */
  get threads(): number {
    return Math.min(this.crew?.present ?? 1, this.parts.info.threads);
  }

  /** Waits until every thread has come or cannot come, at most so long: those that come later join in then. */
  async ready(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds;
    const { crew } = this;
    if (crew === undefined) return;
    const open = (): boolean => crew.present + Math.max(crew.absent, crew.losses.length) < this.parts.info.threads;
    while (open() && performance.now() < end) await new Promise((resolve) => void setTimeout(resolve, LOOK_MS));
  }

  get warnings(): readonly SessionWarning[] {
    const { crew } = this;
    const missing = crew === undefined ? 0 : Math.max(crew.absent, crew.losses.length);
    return missing === 0 ? this.told : [...this.told, threadsMissing(this.parts.info.threads, missing, crew?.losses[0])];
  }

  /** A copy of the bytes that no run changes. */
  image(): Uint8Array {
    return this.instance.image().slice();
  }

  /** Sends the threads away. @param dead - they may never look again, so they are ended */
  close(how: { readonly dead?: boolean } = {}): void {
    this.crew?.close(how);
    abandoned.unregister(this);
    this.crew = undefined;
  }
}
