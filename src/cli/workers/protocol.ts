import type { MessagePort } from 'node:worker_threads';
import type { Program, TensorData } from '../../ir/index.ts';
import type { Observation, ObserveRequest } from '../../passes/index.ts';
import type { Diagnostic } from '../../support/index.ts';
import type { PortCodes, ScoreRequest, Scores } from '../pipeline/scores.ts';
import type { SampleSpec } from '../pipeline/sample-files.ts';

/** Words of the memory that all threads share. */
export const SHARED = {
  /** Grows with everything that happens; waited for. */
  events: 0,
  /** Place in the list of chunks of the next one that nobody has taken. */
  next: 1,
  /** Samples that are done. */
  samples: 2,
  /** 1: take no more chunks. */
  stop: 3,
  words: 4,
} as const;

/** What all threads of a pool work on. Plain data. */
export type Task =
  | { readonly kind: 'observe'; readonly program: Program; readonly request: ObserveRequest; readonly spec: SampleSpec }
  | {
      readonly kind: 'score';
      readonly program: Program;
      readonly codes: PortCodes;
      readonly request: ScoreRequest;
      readonly spec: SampleSpec;
    };

/** What a task makes of a chunk. */
export interface Results {
  readonly observe: Observation;
  readonly score: Scores;
}

export interface WorkerStart {
  readonly task: Task;
  readonly chunks: readonly number[];
  readonly shared: Int32Array;
  /** Where the thread says what it did. */
  readonly port: MessagePort;
}

/** What a thread says. */
export type Message<K extends Task['kind'] = Task['kind']> =
  | { readonly kind: 'ready' }
  | { readonly kind: 'chunk'; readonly chunk: number; readonly result: Results[K] }
  | { readonly kind: 'failed'; readonly diagnostics: readonly Diagnostic[] | undefined; readonly text: string };

const sharedCopy = <T extends TensorData>(data: T): T => {
  const memory = new SharedArrayBuffer(data.byteLength);
  new Uint8Array(memory).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const make = data.constructor as unknown as new (buffer: SharedArrayBuffer) => T;
  return new make(memory);
};

/** The program with its parameters in memory that threads share. */
export const shareParams = (program: Program): Program => ({
  ...program,
  params: program.params.map((p) => ({ ...p, tensor: { ...p.tensor, data: sharedCopy(p.tensor.data) } })),
});
