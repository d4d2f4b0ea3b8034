import { availableParallelism } from 'node:os';
import type { Diagnostic } from '../support/index.ts';
import { optionValue } from './diagnostics.ts';

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** Options of `cortexc node` for what runs the models and what tells of it. */
export const SERVICE_OPTIONS = {
  workers: {
    type: 'number',
    requiresArg: true,
    describe: 'Workers that run models; one fewer than there are cores if left out; 0: in the thread of the RPC',
  },
  preload: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe:
      'Models that are made ready at the start: an address, all, last (those that were ready when the node ended) or top:N (those that ran most)',
  },
  'trace-models': { type: 'string', requiresArg: true, describe: 'File that gets a line of JSON for each inference: time and model' },
  metrics: { type: 'boolean', default: true, describe: 'Figures for Prometheus at GET /metrics of the RPC' },
  log: { type: 'string', requiresArg: true, describe: 'File that the log is appended to, as JSON lines; stderr if left out' },
  'log-level': { type: 'string', choices: LEVELS, default: 'info', requiresArg: true, describe: 'What is logged, from this level on' },
} as const;

/** What the options of the service were given. */
export interface GivenService {
  readonly workers?: number | undefined;
  readonly preload?: readonly string[] | undefined;
  readonly 'trace-models'?: string | undefined;
  readonly metrics: boolean;
  readonly log?: string | undefined;
  readonly 'log-level': string;
}

export interface ServiceArgs {
  readonly workers: number;
  readonly preload: readonly string[];
  readonly traceModels: string | undefined;
  readonly metrics: boolean;
  readonly log: string | undefined;
  readonly logLevel: (typeof LEVELS)[number];
}

const MAX_WORKERS = 256;
const PRELOAD = /^(all|last|top:[1-9]\d{0,5}|0x[0-9a-fA-F]{40})$/;

export const defaultWorkers = (): number => Math.max(1, availableParallelism() - 1);

/** What is wrong with the options of the service. */
export const serviceProblems = (given: GivenService): readonly Diagnostic[] => {
  const { workers, preload = [] } = given;
  const isWhole = (n: number, least: number, most: number): boolean => Number.isSafeInteger(n) && n >= least && n <= most;
  return [
    ...(workers === undefined || isWhole(workers, 0, MAX_WORKERS)
      ? []
      : [optionValue('workers', `is ${workers} but takes a whole number from 0 to ${MAX_WORKERS}`)]),
    ...preload
      .filter((p) => !PRELOAD.test(p))
      .map((p) => optionValue('preload', `is ${JSON.stringify(p)} but takes all, last, top:N or an address`)),
  ];
};

export const serviceArgs = (given: GivenService): ServiceArgs => ({
  workers: given.workers ?? defaultWorkers(),
  preload: given.preload ?? [],
  traceModels: given['trace-models'],
  metrics: given.metrics,
  log: given.log,
  logLevel: LEVELS.find((level) => level === given['log-level']) ?? 'info',
});
