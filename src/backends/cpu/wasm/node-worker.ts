import { Worker as NodeWorker } from 'node:worker_threads';
import type { Worker, WorkerTask } from './runtime/crew.ts';
import { WORKER_SOURCE } from './runtime/worker-source.ts';

/** Most workers that are kept for the next program: one takes some milliseconds to start and some megabytes. */
const MOST_KEPT = 16;

/** Workers that wait for a task; they never keep the process alive. */
const kept: WorkerThread[] = [];

class WorkerThread implements Worker {
  private readonly thread: NodeWorker;
  private tell: ((reason: string) => void) | undefined;

  constructor(source: string) {
    this.thread = new NodeWorker(source, { eval: true, execArgv: [], env: {}, stdout: true, stderr: true });
    this.thread.unref();
    this.thread.on('error', (error) => this.lose(String(error)));
    this.thread.on('exit', (code) => this.lose(`it ended with code ${code}`));
  }

  private lose(reason: string): void {
    const at = kept.indexOf(this);
    if (at >= 0) kept.splice(at, 1);
    this.tell?.(reason);
    this.tell = undefined;
  }

  post(task: WorkerTask): void {
    this.thread.postMessage(task);
  }

  onLost(tell: (reason: string) => void): void {
    this.tell = tell;
  }

  release(): void {
    this.tell = undefined;
    if (kept.length < MOST_KEPT) kept.push(this);
    else this.terminate();
  }

  terminate(): void {
    void this.thread.terminate();
  }
}

/** A worker that waits for a task, or a new one. */
export const startWorkerThread = (): Worker => kept.pop() ?? new WorkerThread(WORKER_SOURCE);

/** New workers that run another script: for tests of what happens when one fails. */
export const workerThreadsOf = (source: string) => (): Worker => new WorkerThread(source);
