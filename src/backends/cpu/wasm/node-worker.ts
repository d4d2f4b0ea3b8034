import type { StartWorker } from './runtime/crew.ts';
import { WORKER_SOURCE } from './runtime/worker-source.ts';
import { openNodeWorker, type OpenWorker, WorkerPool } from './runtime/workers.ts';

/** Not imported: Node loads it in two milliseconds, which a run on one thread does not need. */
const open: OpenWorker = (source, lose) => openNodeWorker(process.getBuiltinModule('node:worker_threads').Worker)(source, lose);
const pool = new WorkerPool(open, WORKER_SOURCE);

/** A worker that waits for a task, or a new one. */
export const startWorkerThread: StartWorker = pool.start;

/** New workers that run another script: for tests of what happens when one fails. */
export const workerThreadsOf = (source: string): StartWorker => new WorkerPool(open, source, 0).start;
