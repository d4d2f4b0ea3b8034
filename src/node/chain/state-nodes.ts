import type { BatchDBOp, DB } from '@ethereumjs/util';
import type { KeyValue, KeyValueChange } from '../store/kv.ts';

/** Bytes of nodes that are read without the store. */
const CACHE_BYTES = 2 ** 26;
const PREFIX = 's:';

/**
 * Nodes of the state and codes of contracts, by their hash. What a block makes is held back until the chain takes the block, so that
 * it gets into the store together with the block or not at all.
 */
export class StateNodes implements DB<string, Uint8Array> {
  private readonly store: KeyValue;
  private readonly made = new Map<string, Uint8Array>();
  /** In the store, the ones used longest ago first. */
  private readonly known = new Map<string, Uint8Array>();
  private bytes = 0;

  constructor(store: KeyValue) {
    this.store = store;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const made = this.made.get(key);
    if (made !== undefined) return made;
    const known = this.known.get(key);
    if (known !== undefined) {
      this.known.delete(key);
      this.known.set(key, known);
      return known;
    }
    const value = await this.store.get(PREFIX + key);
    if (value !== undefined) this.remember(key, value);
    return value;
  }

  put(key: string, value: Uint8Array): Promise<void> {
    // a node that was read and is written again: its key is its hash
    if (!this.known.has(key)) this.made.set(key, value);
    return Promise.resolve();
  }

  /** Nothing is deleted: older states stay. */
  del(): Promise<void> {
    return Promise.resolve();
  }

  async batch(changes: BatchDBOp<string, Uint8Array>[]): Promise<void> {
    for (const change of changes) if (change.type === 'put') await this.put(change.key, change.value);
  }

  /** Changes that put what was made into the store. */
  changes(): KeyValueChange[] {
    return Array.from(this.made, ([key, value]) => ({ type: 'put', key: PREFIX + key, value }));
  }

  /** What was made is in the store now. */
  settle(): void {
    for (const [key, value] of this.made) this.remember(key, value);
    this.made.clear();
  }

  /** Gives up what was made and did not get into the store. */
  forget(): void {
    this.made.clear();
  }

  shallowCopy(): StateNodes {
    return this;
  }
  open(): Promise<void> {
    return Promise.resolve();
  }

  private remember(key: string, value: Uint8Array): void {
    if (this.known.has(key)) return;
    this.known.set(key, value);
    this.bytes += value.length;
    for (const [oldest, { length }] of this.known) {
      if (this.bytes <= CACHE_BYTES) break;
      this.known.delete(oldest);
      this.bytes -= length;
    }
  }
}
