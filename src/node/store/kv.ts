/** One change of a store of keys. */
export type KeyValueChange =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

/** Values by key, in the order of the UTF-8 bytes of keys. */
export interface KeyValue {
  readonly get: (key: string) => Promise<Uint8Array | undefined>;
  /** Makes all changes or none. A durable one is on the disk when this resolves, whatever happens to the machine then. */
  readonly batch: (changes: readonly KeyValueChange[], durable: boolean) => Promise<void>;
  /** Keys with a prefix and their values, ascending. */
  readonly withPrefix: (prefix: string) => AsyncIterable<readonly [key: string, value: Uint8Array]>;
  readonly close: () => Promise<void>;
}

/** Keeps values in memory: for tests, and for chains that end with their process. */
export const memoryKeyValue = (): KeyValue => {
  const kept = new Map<string, Uint8Array>();
  return {
    get: (key) => Promise.resolve(kept.get(key)),
    batch: (changes) => {
      for (const c of changes)
        if (c.type === 'put') kept.set(c.key, c.value);
        else kept.delete(c.key);
      return Promise.resolve();
    },
    withPrefix: async function* (prefix) {
      for (const key of [...kept.keys()].filter((k) => k.startsWith(prefix)).sort()) {
        const value = kept.get(key);
        if (value !== undefined) yield [key, value];
      }
    },
    close: () => Promise.resolve(),
  };
};
