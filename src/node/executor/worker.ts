import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Answer, Request } from './protocol.ts';

/** Where workers are: a thread starts at once and shares code; a process of its own can crash without taking the node along. */
export type Isolation = 'threads' | 'processes';

/**
 * Backends whose code cannot take the process down: WebAssembly and JavaScript. An access violation in a native library ends the process
 * whatever thread it happens in (measured: a node with a worker thread ends with SIGSEGV, one with a worker process is told of it).
 */
const SAFE_IN_THREADS: ReadonlySet<string> = new Set(['wasm', 'reference', 'gpujs']);

export const isolationFor = (backend: string): Isolation => (SAFE_IN_THREADS.has(backend) ? 'threads' : 'processes');

export interface WorkerEvents {
  readonly answered: (answer: Answer) => void;
  /** It is gone; told once. */
  readonly ended: (how: string) => void;
}

/** Something that runs worker-main.ts. */
export interface Running {
  readonly send: (request: Request) => void;
  /** Whether this process is to live as long as it does: while an answer is awaited. */
  readonly hold: (held: boolean) => void;
  /** Ends it, whatever it does. */
  readonly kill: () => void;
}

/** Heap of JavaScript of a thread, in MB: parameters pass through it when a package is read. */
const THREAD_HEAP_MB = 16_384;
/** Of what a worker writes to stderr the end is kept. */
const STDERR_CHARS = 500;

const startThread = (main: URL, { answered, ended }: WorkerEvents): Running => {
  const worker = new Worker(main, { stderr: true, stdout: true, resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MB } });
  let why = '';
  worker.on('message', (answer: Answer) => answered(answer));
  worker.on('error', (error: Error) => (why = error.message));
  worker.on('exit', (code) => ended(why === '' ? `exit code ${code}` : why));
  worker.unref();
  return {
    send: (request) => {
      // a copy that nobody else has moves without another copy
      const moved = request.kind === 'load' && 'bytes' in request.from ? [request.from.bytes.buffer as ArrayBuffer] : [];
      worker.postMessage(request, moved);
    },
    hold: (held) => (held ? worker.ref() : worker.unref()),
    kill: () => void worker.terminate(),
  };
};

const startProcess = (main: URL, { answered, ended }: WorkerEvents): Running => {
  const child: ChildProcess = spawn(process.execPath, [fileURLToPath(main)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
  let stderr = '';
  let over = false;
  const onExit = (): void => void child.kill('SIGKILL');
  const end = (how: string): void => {
    if (over) return;
    over = true;
    process.removeListener('exit', onExit);
    const last = stderr.trim().split('\n').at(-1) ?? '';
    ended(last === '' ? how : `${how} (${last})`);
  };
  process.once('exit', onExit);
  child.stderr?.on('data', (chunk: Uint8Array) => (stderr = (stderr + new TextDecoder().decode(chunk)).slice(-STDERR_CHARS)));
  child.on('message', (answer) => answered(answer as Answer));
  child.on('error', (error) => end(error.message));
  child.on('close', (status, signal) => end(signal === null ? `exit code ${status ?? 'none'}` : `signal ${signal}`));
  child.unref();
  child.channel?.unref();
  return {
    // a broken pipe shows as the end of the process
    send: (request) => void child.send(request, () => undefined),
    hold: (held) => {
      if (held) {
        child.ref();
        child.channel?.ref();
      } else {
        child.unref();
        child.channel?.unref();
      }
    },
    kill: () => void child.kill('SIGKILL'),
  };
};

export const startWorker = (isolation: Isolation, main: URL, events: WorkerEvents): Running =>
  isolation === 'threads' ? startThread(main, events) : startProcess(main, events);
