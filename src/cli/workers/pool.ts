import { existsSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { bytesInMemory, type Program, programCost, valueBytes } from '../../ir/index.ts';
import { type Message, type Results, SHARED, shareParams, type Task, type WorkerStart } from './protocol.ts';

/** How many threads work, at most, and from when on. */
export interface Threads {
  /** 0: as many as there are cores. */
  readonly most: number;
  /** Runs even small work on threads: for tests. */
  readonly always?: boolean;
  /** The compiled worker; beside this file when absent. */
  readonly worker?: URL;
}

/** Operations below which one thread is done before others have loaded their kernels: about ten seconds. */
const WORTHWHILE = 8e10;
/** Share of the free memory that threads may take. */
const MEMORY_SHARE = 0.6;
const paramBytes = (program: Program): number => program.params.reduce((n, p) => n + bytesInMemory(p.tensor), 0);

/** What a thread may hold, in bytes: its engine, weights packed for its kernels and on their way there, every watched value and the counts. */
const threadBytes = (program: Program): number => 64e6 + 2 * paramBytes(program) + 2 * valueBytes(program);

const workerOf = ({ worker = new URL('worker.js', import.meta.url) }: Threads): string | undefined => {
  const path = fileURLToPath(worker);
  return existsSync(path) ? path : undefined;
};

/** How many threads some work is worth; less than 2: none. The result never depends on it. */
export const threadsFor = (
  program: Program,
  { samples, chunks, heldBytes }: { readonly samples: number; readonly chunks: number; readonly heldBytes: number },
  threads: Threads,
): number => {
  if (workerOf(threads) === undefined) return 0;
  if (threads.always === true) return Math.min(Math.max(1, threads.most), chunks);
  if (programCost(program) * samples < WORTHWHILE) return 0;
  const cores = threads.most === 0 ? availableParallelism() : threads.most;
  const affordable = Math.floor((MEMORY_SHARE * freemem()) / (threadBytes(program) + heldBytes));
  return Math.min(cores, chunks, affordable);
};

/** Nothing heard for this long, and for this many times the longest silence before, means that no thread lives. */
const LEAST_SILENCE_MS = 120_000;
const SILENCES = 20;
const WAIT_MS = 100;

export interface PoolOptions<K extends Task['kind']> {
  readonly threads: Threads;
  readonly count: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly take: (chunk: number, result: Results[K]) => void;
  /** Called now and then with the samples that are done. */
  readonly progress: (samples: number) => void;
  /** Does a little of other work; false when there is none. */
  readonly meanwhile: () => boolean;
}

/** A pool that works while this thread looks on. */
class Pool<K extends Task['kind']> {
  private readonly shared = new Int32Array(new SharedArrayBuffer(4 * SHARED.words));
  private readonly ports: readonly MessagePort[];
  private readonly workers: readonly Worker[];
  private readonly options: PoolOptions<K>;
  private left: number;
  private failed = false;

  constructor(task: Extract<Task, { kind: K }>, chunks: readonly number[], path: string, options: PoolOptions<K>) {
    this.options = options;
    this.left = chunks.length;
    const shared: Task = { ...task, program: shareParams(task.program) };
    const channels = Array.from({ length: options.count }, () => new MessageChannel());
    this.ports = channels.map((c) => c.port1);
    this.workers = channels.map(({ port2 }) => {
      const start: WorkerStart = { task: shared, chunks, shared: this.shared, port: port2 };
      const worker = new Worker(path, { workerData: start, transferList: [port2], stdout: true, stderr: true });
      // its failures are told by message; an event would come when all is over
      worker.on('error', () => undefined);
      worker.unref();
      return worker;
    });
  }

  /** Takes what has been said; false when nothing was. */
  private listen(): boolean {
    let heard = false;
    for (const port of this.ports) {
      for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port)) {
        heard = true;
        const message = (got as { readonly message: Message<K> }).message;
        if (message.kind === 'failed') this.failed = true;
        if (message.kind !== 'chunk') continue;
        this.left--;
        this.options.take(message.chunk, message.result);
      }
    }
    return heard;
  }

  /** Until all chunks are in, or a thread has failed or all are silent. */
  run(): void {
    const { now, progress, meanwhile } = this.options;
    let [last, longest, samples] = [now(), 0, 0];
    while (this.left > 0 && !this.failed) {
      const events = Atomics.load(this.shared, SHARED.events);
      const heard = this.listen();
      const done = Atomics.load(this.shared, SHARED.samples);
      if (heard || done !== samples) {
        const time = now();
        longest = Math.max(longest, time - last);
        last = time;
        samples = done;
        progress(samples);
      }
      if (this.left === 0 || this.failed || meanwhile()) continue;
      Atomics.wait(this.shared, SHARED.events, events, WAIT_MS);
      if (now() - last > Math.max(LEAST_SILENCE_MS, SILENCES * longest)) return;
    }
  }

  close(): void {
    Atomics.store(this.shared, SHARED.stop, 1);
    for (const port of this.ports) port.close();
    for (const worker of this.workers) void worker.terminate();
  }
}

/**
 * Runs chunks on threads while this thread waits, so that callers stay synchronous. Chunks that no thread has done when it
 * returns (a thread failed, or the machine does not let threads live) are left to the caller, who meets the same failure.
 */
export const runPool = <K extends Task['kind']>(
  task: Extract<Task, { kind: K }>,
  chunks: readonly number[],
  options: PoolOptions<K>,
): void => {
  const path = workerOf(options.threads);
  if (path === undefined || chunks.length === 0) return;
  const pool = new Pool<K>(task, chunks, path, options);
  try {
    pool.run();
  } finally {
    pool.close();
  }
};
