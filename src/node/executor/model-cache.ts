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

/** Something that is being made. */
interface Making<T> {
  /** Those who wait for it: it has so many users as soon as it is there. */
  users: number;
  entry: Promise<Entry<T>>;
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
  private readonly making = new Map<string, Making<T>>();
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
    const entry = await this.hold(key, make);
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

  /** What is kept under a key, without using it. */
  peek(key: string): Made<T> | undefined {
    return this.entries.get(key);
  }

  keys(): Iterable<string> {
    return this.entries.keys();
  }

  /** Whether so many bytes more fit without giving anything up. */
  hasRoom(bytes: number): boolean {
    return this.bytes + bytes <= this.limit;
  }

  /** Gives up everything of which that is said; what is in use, as soon as it is not. */
  forget(which: (value: T) => boolean): void {
    for (const [key, { value }] of this.entries) if (which(value)) this.remove(key);
  }

  private async hold(key: string, make: () => Promise<Made<T>>): Promise<Entry<T>> {
    const have = this.entries.get(key);
    if (have !== undefined) {
      this.hits++;
      this.policy.used(key);
      have.users++;
      return have;
    }
    const underway = this.making.get(key);
    if (underway !== undefined) {
      this.hits++;
      underway.users++;
      return underway.entry;
    }
    this.misses++;
    const making: Making<T> = { users: 1, entry: this.made(key, make) };
    this.making.set(key, making);
    return making.entry;
  }

  private async made(key: string, make: () => Promise<Made<T>>): Promise<Entry<T>> {
    const started = this.now();
    // its place among those that are being made is taken first
    await Promise.resolve();
    const users = (): number => {
      const waiting = this.making.get(key)?.users ?? 1;
      this.making.delete(key);
      return waiting;
    };
    let made: Made<T>;
    try {
      made = await make();
    } catch (error) {
      users();
      throw error;
    }
    // from here on it is in use: whatever is made at the same time does not push it out before its users have it
    const entry: Entry<T> = { ...made, users: users() };
    if (made.bytes > this.limit) this.oversized++;
    else this.keep(key, entry, this.now() - started);
    return entry;
  }

  private keep(key: string, entry: Entry<T>, cost: number): void {
    this.entries.set(key, entry);
    this.bytes += entry.bytes;
    this.policy.added({ key, bytes: entry.bytes, cost });
    this.shrink();
  }

  private shrink(): void {
    const isFree = (key: string): boolean => this.entries.get(key)?.users === 0;
    while (this.bytes > this.limit) {
      const key = this.policy.victim(isFree);
      // all are in use: it is looked at again when they are done
      if (key === undefined) return;
      this.remove(key);
      this.evictions++;
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
