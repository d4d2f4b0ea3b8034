import type { StartWorker } from '../runtime/crew.ts';
import { WORKER_SOURCE } from '../runtime/worker-source.ts';
import { openNodeWorker, type OpenWorker, type PlatformWorker, WorkerPool } from '../runtime/workers.ts';
import type { ModelWarning } from './api.ts';
import { inNode, nodeModule } from './files.ts';
import { reasonOf } from './model-error.ts';

interface WebWorker extends PlatformWorker {
  onerror: ((event: { readonly message?: string }) => void) | null;
  onmessageerror: (() => void) | null;
}
/** What a page has and Node has not. */
declare const Worker: (new (url: string) => WebWorker) | undefined;
declare const crossOriginIsolated: boolean | undefined;
declare const navigator: { readonly hardwareConcurrency?: number } | undefined;

/** More threads than this are asked for by hand: other work on the machine wants cores, too. */
const MOST_CHOSEN = 8;
/** Operations below which starting threads costs more than they save: some ten milliseconds of one core. */
const WORTH_THREADS = 1e9;

/** Threads for some work when nobody says how many: one where it is little, else one a core, at most eight. */
export const threadsForWork = async (work: number): Promise<number> => {
  if (work < WORTH_THREADS) return 1;
  const cores =
    typeof navigator === 'object' ? navigator.hardwareConcurrency : inNode() ? (await nodeModule('os')).availableParallelism() : 1;
  return Math.min(MOST_CHOSEN, cores ?? 1);
};

const HEADERS =
  'Serve the page over https (or from localhost) with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp.';

/** Why there can be no threads; undefined when there can. */
export const threadsRefused = (asked: number): ModelWarning | undefined => {
  const told = (why: string, help: string): ModelWarning => ({
    code: 'BKD0010',
    message: `${asked} threads are asked for, but ${why}: the model runs on one, with the same bytes`,
    help,
  });
  if (typeof crossOriginIsolated === 'boolean' && !crossOriginIsolated)
    return told('the page is not cross-origin isolated, so it has no SharedArrayBuffer', HEADERS);
  if (typeof SharedArrayBuffer === 'undefined')
    return told('this engine has no SharedArrayBuffer', 'Use an engine that has it, without flags that turn it off.');
  if (!inNode() && typeof Worker === 'undefined')
    return told('there are no workers here', 'Load the model in a page or a dedicated worker.');
  return undefined;
};

/** All workers run one script. */
let workerUrl: string | undefined;
const openWebWorker: OpenWorker = (source, lose) => {
  if (typeof Worker === 'undefined') throw new TypeError('there are no workers here');
  const worker = new Worker((workerUrl ??= URL.createObjectURL(new Blob([source], { type: 'text/javascript' }))));
  worker.onerror = ({ message }) => lose(message ?? 'the worker cannot start (a Content-Security-Policy has to allow worker-src blob:)');
  worker.onmessageerror = () => lose('the worker cannot take the module');
  return worker;
};

let pool: Promise<WorkerPool> | undefined;
const createPool = async (): Promise<WorkerPool> => {
  if (!inNode()) return new WorkerPool(openWebWorker, WORKER_SOURCE);
  const { Worker: Thread } = await nodeModule('worker_threads');
  return new WorkerPool(openNodeWorker(Thread), WORKER_SOURCE);
};

/** What starts workers on this platform; those of closed models are used again. */
export const workersOf = async (): Promise<StartWorker> => {
  try {
    return (await (pool ??= createPool())).start;
  } catch (error) {
    const reason = reasonOf(error);
    return () => {
      throw new TypeError(reason);
    };
  }
};
