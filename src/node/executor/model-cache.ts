import type { CachePolicy } from './policy.ts';

/** Something that is made at a price and kept while there is room. */
export interface Made<T> {
  readonly value: T;
  readonly bytes: number;
}

export interface CacheCounts {
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  /** Values above the limit, which were used once and not kept. */
  readonly oversized: number;
  readonly bytes: number;
  readonly entries: number;
}

interface Entry<T> extends Made<T> {
  /** Uses that are going on: such a value is not given up. */
  users: number;
}

/**
 * Values by key, at most so many bytes of them. One is made once however many ask for it at the same time; several are made at once.
 * What is in use is not given up, so that the limit can be passed while more is in use than fits.
 */
export class ModelCache<T> {
  private readonly limit: number;
  private readonly policy: CachePolicy;
  private readonly dispose: (value: T) => void;
  private readonly now: () => number;
  private readonly entries = new Map<string, Entry<T>>();
  private readonly making = new Map<string, Promise<Entry<T>>>();
  private bytes = 0;
  private hits = 0;
  private misses = 0;
  private evictions = 0;
  private oversized = 0;

  /** @param now - clock in milliseconds, for the policies that weigh the price */
  constructor(limit: number, policy: CachePolicy, dispose: (value: T) => void, now: () => number) {
    this.limit = limit;
    this.policy = policy;
    this.dispose = dispose;
    this.now = now;
  }

  /** Uses the value of a key, made by `make` when it is not there. */
  async use<R>(key: string, make: () => Promise<Made<T>>, work: (value: T) => R | Promise<R>): Promise<R> {
    const entry = await this.entryOf(key, make);
    entry.users++;
    try {
      return await work(entry.value);
    } finally {
      entry.users--;
      if (this.entries.get(key) === entry) this.shrink();
      else if (entry.users === 0) this.dispose(entry.value);
    }
  }

  counts(): CacheCounts {
    const { hits, misses, evictions, oversized, bytes } = this;
    return { hits, misses, evictions, oversized, bytes, entries: this.entries.size };
  }

  /** Gives up everything that is not in use. */
  clear(): void {
    for (const key of this.entries.keys()) this.remove(key);
  }

  private async entryOf(key: string, make: () => Promise<Made<T>>): Promise<Entry<T>> {
    const have = this.entries.get(key);
    if (have !== undefined) {
      this.hits++;
      this.policy.used(key);
      return have;
    }
    const underway = this.making.get(key);
    if (underway !== undefined) {
      this.hits++;
      return underway;
    }
    this.misses++;
    const started = this.now();
    const promise = make().then((made) => {
      const entry: Entry<T> = { ...made, users: 0 };
      if (made.bytes > this.limit) this.oversized++;
      else this.keep(key, entry, this.now() - started);
      return entry;
    });
    this.making.set(key, promise);
    try {
      return await promise;
    } finally {
      this.making.delete(key);
    }
  }

  private keep(key: string, entry: Entry<T>, cost: number): void {
    this.entries.set(key, entry);
    this.bytes += entry.bytes;
    this.policy.added({ key, bytes: entry.bytes, cost });
    this.shrink(key);
  }

  private shrink(newest?: string): void {
    const busy: string[] = [];
    while (this.bytes > this.limit) {
      const key = this.policy.victim();
      if (key === undefined) break;
      const entry = this.entries.get(key);
      if (entry === undefined || entry.users > 0 || key === newest) {
        // looked at again when its users are done
        this.policy.removed(key);
        busy.push(key);
        continue;
      }
      this.remove(key);
      this.evictions++;
    }
    for (const key of busy) {
      const entry = this.entries.get(key);
      if (entry !== undefined) this.policy.added({ key, bytes: entry.bytes, cost: 0 });
    }
  }

  private remove(key: string): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    this.policy.removed(key);
    this.entries.delete(key);
    this.bytes -= entry.bytes;
    if (entry.users === 0) this.dispose(entry.value);
  }
}
