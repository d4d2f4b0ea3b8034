/** What a policy knows of something that is kept. */
export interface Kept {
  readonly key: string;
  readonly bytes: number;
  /** Milliseconds that making it again takes. */
  readonly cost: number;
}

/** Decides what is given up when room is needed. All are deterministic: the same calls give the same victims. */
export interface CachePolicy {
  readonly name: string;
  added(entry: Kept): void;
  used(key: string): void;
  removed(key: string): void;
  /** The key that goes next, of those that may; undefined when none may. It is given up then. */
  victim(may: (key: string) => boolean): string | undefined;
}

const firstOf = (keys: Iterable<string>, may: (key: string) => boolean): string | undefined => {
  for (const key of keys) if (may(key)) return key;
  return undefined;
};

/** Least recently used. */
export const lru = (): CachePolicy => {
  const order = new Set<string>();
  const last = (key: string): void => {
    order.delete(key);
    order.add(key);
  };
  return {
    name: 'lru',
    added: ({ key }) => last(key),
    used: last,
    removed: (key) => void order.delete(key),
    victim: (may) => firstOf(order, may),
  };
};

/** First in, first out. */
export const fifo = (): CachePolicy => {
  const order = new Set<string>();
  return {
    name: 'fifo',
    added: ({ key }) => void order.add(key),
    used: () => undefined,
    removed: (key) => void order.delete(key),
    victim: (may) => firstOf(order, may),
  };
};

interface Ranked {
  /** What a use is worth. */
  readonly value: number;
  uses: number;
  priority: number;
}

/**
 * Priority = age + uses * value, age being the priority of the last victim: what was popular once grows old. Of equal ones the one that
 * was used longer ago goes.
 */
const ranked = (name: string, valueOf: (entry: Kept) => number): CachePolicy => {
  const entries = new Map<string, Ranked>();
  let age = 0;
  return {
    name,
    added: (entry) => {
      const value = valueOf(entry);
      entries.set(entry.key, { value, uses: 1, priority: age + value });
    },
    used: (key) => {
      const entry = entries.get(key);
      if (entry === undefined) return;
      entry.uses++;
      entry.priority = age + entry.uses * entry.value;
      entries.delete(key);
      entries.set(key, entry);
    },
    removed: (key) => void entries.delete(key),
    victim: (may) => {
      let found: string | undefined;
      let best = Number.POSITIVE_INFINITY;
      for (const [key, { priority }] of entries)
        if (priority < best && may(key)) {
          best = priority;
          found = key;
        }
      if (found !== undefined) age = Math.max(age, best);
      return found;
    },
  };
};

/** Least frequently used, with dynamic aging (LFU-DA; Arlitt et al. 1999): all are worth the same, however large. */
export const lfu = (): CachePolicy => ranked('lfu', () => 1);

/** Greedy-dual-size-frequency (Cherkasova 1998): keeps what is small, often used and dear to make. */
export const gdsf = (): CachePolicy => ranked('gdsf', ({ bytes, cost }) => Math.max(cost, 1) / Math.max(bytes, 1));

export const POLICIES = { lru, fifo, lfu, gdsf } as const satisfies Readonly<Record<string, () => CachePolicy>>;
export type PolicyName = keyof typeof POLICIES;
export const POLICY_NAMES = Object.keys(POLICIES) as readonly PolicyName[];
