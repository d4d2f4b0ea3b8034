import type { Backend } from '../../backends/index.ts';
import { type ByteSource, MrlError, toHex } from '../../support/index.ts';
import { DataUnavailable, type InferenceEngine } from '../evm/engine.ts';
import { type CacheCounts, type Made, ModelCache } from './model-cache.ts';
import { type CachePolicy, lru } from './policy.ts';
import { isDamage, type ReadyModel, readyModel, runPacked, unreadable } from './ready-model.ts';

/** Where a node finds what models and inputs are made of. */
export interface ObjectSource {
  /** The package whose root has this SHA-256; undefined when this node lacks it. */
  readonly package: (hash: Uint8Array) => Promise<ByteSource | undefined>;
  /** The file of a package, where it has one: workers read it themselves. */
  readonly packagePath?: (hash: Uint8Array) => Promise<string | undefined>;
  /** The stored input with this SHA-256. */
  readonly input: (hash: Uint8Array) => Promise<Uint8Array | undefined>;
  /** Told that a package was found damaged. @returns whether it was: it is there no more then, and can be brought anew */
  readonly suspect?: (hash: Uint8Array) => Promise<boolean>;
}

export interface EngineOptions {
  readonly source: ObjectSource;
  /** Ready to compile (`loadBackend`). */
  readonly backend: Backend;
  /** Bytes of programs that are kept ready. */
  readonly cacheBytes?: number;
  readonly policy?: CachePolicy;
  readonly threads?: number;
  /** Clock in milliseconds, for policies that weigh what it takes to make a program ready. */
  readonly now?: () => number;
}

export interface LocalEngine extends InferenceEngine {
  readonly counts: () => CacheCounts;
  /** Makes a model ready before anyone asks for it. */
  readonly preload: (hash: Uint8Array) => Promise<void>;
  readonly close: () => void;
}

export const DEFAULT_CACHE_BYTES = 2 ** 31;

/** Rejects with `DataUnavailable` where a stored input is missing or has another size. */
export const readStoredInput = async (source: ObjectSource, hash: Uint8Array, size: bigint): Promise<Uint8Array> => {
  const bytes = await source.input(hash);
  if (bytes === undefined || BigInt(bytes.length) !== size) throw new DataUnavailable(hash, 'input');
  return bytes;
};

/** Runs models of a source on a backend in this thread, and keeps them ready while there is room. */
export const createEngine = (options: EngineOptions): LocalEngine => {
  const { source, backend, cacheBytes = DEFAULT_CACHE_BYTES, policy = lru(), threads = 1, now = () => 0 } = options;
  const dispose = (made: ReadyModel): void => made.executable?.close?.();
  const cache = new ModelCache<ReadyModel>(cacheBytes, policy, dispose, now);

  const ready = async (hash: Uint8Array): Promise<Made<ReadyModel>> => {
    const file = await source.package(hash);
    if (file === undefined) throw new DataUnavailable(hash, 'package');
    const value = await readyModel(file, backend, threads).catch((error: unknown) => {
      // what reading a file throws, such as one that was cut off
      if (error instanceof MrlError) return unreadable(error.message);
      throw error;
    });
    if (typeof value === 'string') {
      if (isDamage(value)) await source.suspect?.(hash);
      throw new DataUnavailable(hash, value);
    }
    return { value, bytes: value.bytes };
  };

  return {
    infer: ({ meta, input, seed }) =>
      cache.use(
        toHex(meta.hash),
        () => ready(meta.hash),
        (model) => runPacked(model, { types: meta.inputs, input, seed }),
      ),
    readInput: (hash, size) => readStoredInput(source, hash, size),
    counts: () => cache.counts(),
    preload: (hash) =>
      cache.use(
        toHex(hash),
        () => ready(hash),
        () => undefined,
      ),
    close: () => cache.forget(() => true),
  };
};
