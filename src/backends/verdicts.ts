import { sha256Hex } from '../support/index.ts';
import { codeStamp } from './cpu/index.ts';
import { cacheOf, circumstancesOf, type PreparedOptions } from './prepared.ts';

/** What has passed the self-test of a backend before: on this machine, with this engine and compiler, by this code. */
export interface VerdictStore {
  /** Lines of units and digests. */
  load(): ReadonlySet<string>;
  /** Adds what passed and removes what failed. */
  update(passed: readonly string[], failed: readonly string[]): void;
}

export interface VerdictOptions extends PreparedOptions {
  /** Of a device that was asked for them (`Backend.circumstances`); else those of the backend. */
  readonly circumstances?: string | undefined;
}

/** The store of a backend in the cache; undefined when nothing of the backend is kept. A failure costs time only: what is not known is tested. */
export const verdictStore = (backend: string, options: VerdictOptions = {}): VerdictStore | undefined => {
  const circumstances = (): string | undefined => options.circumstances ?? circumstancesOf(backend, {});
  if (circumstances() === undefined) return undefined;
  const cache = cacheOf(options);
  // the compiler may be another one the next time
  const name = (): string => sha256Hex(JSON.stringify(['verdicts', backend, circumstances() ?? null, options.build ?? codeStamp()]));
  const load = (): ReadonlySet<string> => {
    const text = cache.attempt(() => cache.recall(name()));
    // the cache has checked the digest, so this is what `update` wrote
    return new Set(text === undefined ? [] : (JSON.parse(text) as readonly string[]));
  };
  return {
    load,
    update: (passed, failed) => {
      const before = load();
      const after = new Set([...before, ...passed].filter((line) => !failed.includes(line)));
      if (after.size === before.size && [...after].every((line) => before.has(line))) return;
      cache.attempt(() => cache.remember(name(), JSON.stringify([...after].sort())));
    },
  };
};
