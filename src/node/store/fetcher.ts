import { setTimeout as pauseFor } from 'node:timers/promises';
import { toHex } from '../../support/index.ts';
import { noLog, type NodeLog } from '../log/index.ts';
import { type NodeMetrics, noMetrics } from '../metrics/index.ts';
import type { ManagedStore, Transport, Wanted } from './contract.ts';
import { reasonOf } from './transfer.ts';

export interface FetcherOptions {
  readonly store: ManagedStore;
  /** In the order in which they are tried. */
  readonly transports: readonly Transport[];
  readonly log?: NodeLog;
  readonly metrics?: NodeMetrics;
  /** Packages at a time. */
  readonly parallel?: number;
  /** Rounds through all transports, after which a package is given up until it is wanted again. */
  readonly rounds?: number;
  /** Waits between two rounds. Rejects when the signal says so. */
  readonly pause?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Told when a package came. */
  readonly onFetched?: (hash: Uint8Array) => void;
}

/** `there`: it is in the store; `left out`: the policy does not want one of this size; `gone`: given up, or the fetcher was closed. */
export type FetchOutcome = 'there' | 'left out' | 'gone';

export interface Fetcher {
  /**
   * Brings a package that the chain names, unless the policy leaves it out. One that is wanted already is not wanted twice.
   * @param size - bytes of its parameters, as the chain says
   */
  readonly want: (hash: Uint8Array, size: number, hints: readonly string[]) => Promise<FetchOutcome>;
  /** Packages that are wanted and not here. */
  readonly wanted: () => number;
  readonly close: () => Promise<void>;
}

const PARALLEL = 3;
const ROUNDS = 10;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 60_000;
/** Packages that wait at most: a chain with more is fetched as these are done. */
const MAX_WANTED = 65_536;
/** Hints of a package that are kept. */
const MAX_HINTS = 64;

interface Job {
  readonly wanted: { hash: Uint8Array; size: number; hints: string[] };
  readonly outcome: Promise<FetchOutcome>;
}

/** Brings packages from wherever they are, a few at a time, and again with growing pauses. It never rejects and never spins. */
export const createFetcher = (options: FetcherOptions): Fetcher => {
  const {
    store,
    transports,
    log = noLog,
    metrics = noMetrics,
    parallel = PARALLEL,
    rounds = ROUNDS,
    onFetched = () => undefined,
  } = options;
  const { pause = (ms, signal) => pauseFor(ms, undefined, { signal, ref: false }) } = options;
  const stop = new AbortController();
  const jobs = new Map<string, Job>();
  const waiting: (() => void)[] = [];
  let running = 0;

  /** One of the few that may run at a time. */
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= parallel) await new Promise<void>((go) => waiting.push(go));
    running++;
    try {
      return await work();
    } finally {
      running--;
      waiting.shift()?.();
    }
  };

  /** @returns undefined: it is there or came; otherwise why not */
  const tryOne = async (transport: Transport, wanted: Wanted): Promise<string | undefined> => {
    const size = transport.sizeOf === undefined ? wanted.size : await transport.sizeOf(wanted, stop.signal);
    if (size === undefined) return 'no peer has it';
    if (!store.policy.fetches(size)) return `its file has ${size} bytes, more than the policy takes`;
    const draft = await store.draft(wanted.hash, size);
    if (draft === undefined || typeof draft === 'string') return draft;
    try {
      await transport.fetch({ ...wanted, size }, draft, stop.signal);
    } catch (error) {
      // what nobody sent a byte of takes no room
      const aside = draft.present().length === 0 ? draft.drop() : draft.close();
      await aside.catch(() => undefined);
      return reasonOf(error);
    }
    const refused = await draft.finish();
    metrics.count('packages', 1, { way: transport.name, outcome: refused === undefined ? 'kept' : 'refused' });
    if (refused === undefined) metrics.count('packageBytes', size, { way: transport.name });
    return refused;
  };

  const round = async (wanted: Wanted): Promise<readonly string[] | undefined> => {
    if (await store.has(wanted.hash)) return undefined;
    const reasons: string[] = [];
    for (const transport of transports) {
      if (stop.signal.aborted) return ['the node ends'];
      let reason: string | undefined;
      try {
        reason = await tryOne(transport, wanted);
      } catch (error) {
        reason = reasonOf(error);
      }
      if (reason === undefined) return undefined;
      reasons.push(`${transport.name}: ${reason}`);
    }
    return reasons;
  };

  const bring = async (wanted: Wanted): Promise<FetchOutcome> => {
    const name = toHex(wanted.hash);
    if (await store.has(wanted.hash)) return 'there';
    if (!store.policy.fetches(wanted.size)) {
      log.info({ package: name, bytes: wanted.size }, 'a package is above the size limit of this node, and is not fetched');
      return 'left out';
    }
    for (let n = 0; n < rounds && !stop.signal.aborted; n++) {
      if (n > 0)
        try {
          await pause(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (n - 1)), stop.signal);
        } catch {
          return 'gone';
        }
      const reasons = await inTurn(() => round(wanted));
      if (reasons === undefined) {
        log.info({ package: name }, 'a package came');
        onFetched(wanted.hash);
        return 'there';
      }
      log.warn({ package: name, round: n + 1, of: rounds, reason: reasons.join('; ').slice(0, 500) }, 'a package did not come');
    }
    return 'gone';
  };

  return {
    want: (hash, size, hints) => {
      const name = toHex(hash);
      const job = jobs.get(name);
      if (job !== undefined) {
        for (const hint of hints) if (job.wanted.hints.length < MAX_HINTS && !job.wanted.hints.includes(hint)) job.wanted.hints.push(hint);
        return job.outcome;
      }
      if (jobs.size >= MAX_WANTED || stop.signal.aborted) return Promise.resolve('gone');
      const wanted = { hash: hash.slice(), size, hints: hints.slice(0, MAX_HINTS) };
      const outcome = bring(wanted)
        .catch((error: unknown): FetchOutcome => {
          log.error({ package: name, reason: reasonOf(error) }, 'a package cannot be fetched');
          return 'gone';
        })
        .finally(() => jobs.delete(name));
      jobs.set(name, { wanted, outcome });
      return outcome;
    },
    wanted: () => jobs.size,
    close: async () => {
      stop.abort();
      await Promise.all([...jobs.values()].map((j) => j.outcome));
    },
  };
};
