import { parentPort, workerData } from 'node:worker_threads';
import { runInputs } from './engine.ts';
import { createTarget, TARGET_NAMES } from './targets.ts';

/** Inputs [from, to) of a run. */
export interface Batch {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

interface WorkerData {
  readonly target: string;
  /** [index of the input that is decoded now, when it was started in ms]. */
  readonly shared: Float64Array;
}

/** The worker's side: decodes the batches that it is sent, tells each input before it starts. */
export const answerBatches = (): void => {
  const { target: wanted, shared } = workerData as WorkerData;
  const name = TARGET_NAMES.find((t) => t === wanted);
  if (name === undefined || parentPort === null) return;
  const target = createTarget(name);
  const port = parentPort;
  port.on('message', (batch: Batch) => {
    const started = (index: number): void => {
      shared[0] = index;
      shared[1] = Date.now();
    };
    port.postMessage(runInputs(target, { ...batch, started }));
  });
};
