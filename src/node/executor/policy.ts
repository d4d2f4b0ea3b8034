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
  /** The key that goes next; undefined when nothing is kept. */
  victim(): string | undefined;
}

const firstOf = (keys: Iterable<string>): string | undefined => {
  for (const key of keys) return key;
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
    victim: () => firstOf(order),
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
    victim: () => firstOf(order),
  };
};

/**
 * Greedy-dual-size-frequency (Cherkasova 1998): priority = age + uses * cost / bytes, age being the priority of the last victim. Keeps
 * what is small, often used and dear to make; what was popular once grows old.
 */
export const gdsf = (): CachePolicy => {
  const entries = new Map<string, { readonly value: number; uses: number; priority: number }>();
  let age = 0;
  const least = (): string | undefined => {
    let found: string | undefined;
    let best = Number.POSITIVE_INFINITY;
    for (const [key, { priority }] of entries)
      if (priority < best) {
        best = priority;
        found = key;
      }
    return found;
  };
  return {
    name: 'gdsf',
    added: ({ key, bytes, cost }) => {
      const value = Math.max(cost, 1) / Math.max(bytes, 1);
      entries.set(key, { value, uses: 1, priority: age + value });
    },
    used: (key) => {
      const entry = entries.get(key);
      if (entry === undefined) return;
      entry.uses++;
      entry.priority = age + entry.uses * entry.value;
    },
    removed: (key) => {
      age = Math.max(age, entries.get(key)?.priority ?? age);
      entries.delete(key);
    },
    victim: least,
  };
};

export const POLICIES = { lru, fifo, gdsf } as const satisfies Readonly<Record<string, () => CachePolicy>>;
export type PolicyName = keyof typeof POLICIES;
