import { CONTROL } from './control.ts';
import type { Memory, Module } from './engine.ts';
import type { Instance } from './instance.ts';

/** What a worker is sent: the program to work on (`WORKER_SOURCE`). */
export interface WorkerTask {
  readonly module: Module;
  readonly memory: Memory;
  readonly control: number;
  readonly failed: number;
  readonly absent: number;
  readonly done: number;
}

/** A worker of the platform, running `WORKER_SOURCE`. */
export interface Worker {
  post(task: WorkerTask): void;
  /** Called when the worker ends or cannot start; at most once. */
  onLost(tell: (reason: string) => void): void;
  /** Takes it back: it has been sent away and waits for the next task. */
  release(): void;
  terminate(): void;
}

/** Gives a worker, or throws when the platform has none. */
export type StartWorker = () => Worker;

/** Rounds of looking for work or for the end of a step: about 30 microseconds, less than it takes to sleep and wake. */
const SPINS = 10_000;
/** Sleeps of a tenth of a second: what the others do takes about as long as the share of the caller, which is done by then. */
const PATIENCE = 300;

/** Whether this thread may sleep: the main thread of a page may not. */
const maySleep = (): boolean => {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return true;
  } catch {
    return false;
  }
};

/** The threads of one instance, beyond the caller's. */
export class Crew {
  private readonly instance: Instance;
  private readonly workers: Worker[] = [];
  /** Why threads are missing. */
  readonly losses: string[] = [];
  private ended = 0;

  constructor(instance: Instance, module: Module, start: StartWorker, patience = PATIENCE) {
    this.instance = instance;
    const { threads, control } = instance.info;
    if (control === undefined) return;
    instance.setControl('spins', SPINS);
    instance.setControl('patience', patience);
    instance.setControl('maySleep', maySleep() ? 1 : 0);
    const words = { failed: CONTROL.failed, absent: CONTROL.absent, done: CONTROL.done };
    for (let i = 1; i < threads; i++) {
      try {
        const worker = start();
        worker.onLost((reason) => {
          this.losses.push(reason);
          this.ended++;
        });
        worker.post({ module, memory: instance.memory, control, ...words });
        this.workers.push(worker);
      } catch (error) {
        this.losses.push(error instanceof Error ? error.message : String(error));
      }
    }
  }

  /** Threads that have come, the caller's own included. */
  get present(): number {
    return 1 + this.instance.control('joined');
  }

  /** Threads that could not start, by what they left in memory. */
  get absent(): number {
    return this.instance.control('absent');
  }

  /** Whether the instance must not be used again: a thread that may have come has ended although nobody had sent it away. */
  get broken(): boolean {
    return this.ended > this.absent && this.present > 1;
  }

  /** Sends all threads away. @param dead - they may never look again, so they are ended */
  close({ dead = false }: { readonly dead?: boolean } = {}): void {
    this.instance.setControl('closed', 1);
    this.instance.setControl('work', ((this.instance.control('work') >>> 8) + 1) << 8);
    for (const worker of this.workers.splice(0)) {
      if (dead) worker.terminate();
      else worker.release();
    }
  }
}
