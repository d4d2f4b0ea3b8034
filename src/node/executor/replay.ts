import { ModelCache } from './model-cache.ts';
import type { CachePolicy } from './policy.ts';

/** A request of a trace whose model's size is known. */
export interface SizedRequest {
  readonly model: string;
  readonly bytes: number;
  /** Milliseconds that making it ready takes. */
  readonly cost: number;
}

export interface Replayed {
  readonly requests: number;
  readonly hits: number;
  /** Bytes of models that were made ready. */
  readonly loadedBytes: number;
  readonly evictions: number;
}

/** What a cache of so many bytes would have done, one request after another. */
export const replay = async (trace: readonly SizedRequest[], limit: number, policy: CachePolicy): Promise<Replayed> => {
  let clock = 0;
  let loadedBytes = 0;
  const cache = new ModelCache<undefined>(limit, policy, () => undefined, () => clock); // biome-ignore format: short
  for (const { model, bytes, cost } of trace) {
    const make = (): Promise<{ readonly value: undefined; readonly bytes: number }> => {
      clock += cost;
      loadedBytes += bytes;
      return Promise.resolve({ value: undefined, bytes });
    };
    await cache.use(model, make, () => undefined);
  }
  const { hits, evictions } = cache.counts();
  return { requests: trace.length, hits, loadedBytes, evictions };
};

/** For each request the next one for the same model; infinity: there is none. */
const nextOf = (trace: readonly SizedRequest[]): readonly number[] => {
  const next = new Array<number>(trace.length).fill(Number.POSITIVE_INFINITY);
  const later = new Map<string, number>();
  for (let i = trace.length - 1; i >= 0; i--) {
    const model = trace[i]?.model ?? '';
    next[i] = later.get(model) ?? Number.POSITIVE_INFINITY;
    later.set(model, i);
  }
  return next;
};

/**
 * What one who knows the future would do (Belady 1966): gives up the largest of bytes times distance to the next request, and may leave a
 * request out of the cache. Where all are of one size it is the best that there is, else a good way to be compared with (Berger et al. 2018).
 */
export const replayOffline = (trace: readonly SizedRequest[], limit: number): Replayed => {
  const next = nextOf(trace);
  const kept = new Map<string, { readonly bytes: number; next: number }>();
  let [used, hits, loadedBytes, evictions] = [0, 0, 0, 0];
  trace.forEach(({ model, bytes }, i) => {
    const again = next[i] ?? Number.POSITIVE_INFINITY;
    const have = kept.get(model);
    if (have !== undefined) {
      hits++;
      have.next = again;
      return;
    }
    loadedBytes += bytes;
    if (bytes > limit) return;
    kept.set(model, { bytes, next: again });
    used += bytes;
    while (used > limit) {
      let worst: string | undefined;
      let most = -1;
      for (const [key, entry] of kept) {
        const weight = (entry.next - i) * entry.bytes;
        if (weight > most) [worst, most] = [key, weight];
      }
      if (worst === undefined) break;
      used -= kept.get(worst)?.bytes ?? 0;
      kept.delete(worst);
      evictions++;
    }
  });
  return { requests: trace.length, hits, loadedBytes, evictions };
};

/**
 * Hits that no cache can pass (PFOO-L; Berger, Beckmann, Harchol-Balter 2018): a hit takes the bytes of the model for as long as it is kept for
 * it, and all together have the bytes of the cache times the length of the trace; the cheapest are taken.
 */
export const hitBound = (trace: readonly SizedRequest[], limit: number): number => {
  const prices = nextOf(trace).flatMap((again, i) => {
    const bytes = trace[i]?.bytes ?? 0;
    return Number.isFinite(again) && bytes <= limit ? [(again - i) * bytes] : [];
  });
  prices.sort((a, b) => a - b);
  let left = limit * trace.length;
  return prices.filter((price) => (left -= price) >= 0).length;
};
