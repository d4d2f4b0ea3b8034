import { Worker as NodeWorker } from 'node:worker_threads';
import type { StartWorker } from './runtime/crew.ts';
import { WORKER_SOURCE } from './runtime/worker-source.ts';
import { openNodeWorker, WorkerPool } from './runtime/workers.ts';

const open = openNodeWorker(NodeWorker);
const pool = new WorkerPool(open, WORKER_SOURCE);

/** A worker that waits for a task, or a new one. */
export const startWorkerThread: StartWorker = pool.start;

/** New workers that run another script: for tests of what happens when one fails. */
export const workerThreadsOf = (source: string): StartWorker => new WorkerPool(open, source, 0).start;
