import { type BatchDBOp, bytesToHex, type DB, KECCAK256_RLP_S } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';
import type { KeyValue, KeyValueChange } from '../store/kv.ts';
import { messageOf } from '../../support/index.ts';

/** Bytes of nodes that are read without the store. */
const CACHE_BYTES = 2 ** 26;
const PREFIX = 's:';
/** Hash of the trie without nodes, which nobody stores. */
const EMPTY = KECCAK256_RLP_S.slice(2);
/** Before the hash in keys of codes, so that they never meet those of nodes. */
const CODE_MARK = /^63(?=[0-9a-f]{64}$)/;

/**
 * A node of the state or a code is not in the store, is not what its hash says, or cannot be read. That is the trouble of this disk
 * and never a result: the library of tries takes a node that is missing for an account that does not exist.
 */
export class StateDamaged extends Error {
  override readonly name = 'StateDamaged';
  readonly code = 'NOD0070';
  constructor(key: string, what: string) {
    super(`the state on disk is damaged: ${key} ${what}; begin in an empty folder (--data), or bring a copy of the folder back`);
  }
}

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
    if (key === EMPTY) return undefined;
    const value = await this.read(key);
    if (value === undefined) throw new StateDamaged(key, 'is missing');
    this.remember(key, value);
    return value;
  }

  /** Whether a node is there and whole. */
  async has(hash: Uint8Array): Promise<boolean> {
    try {
      const key = bytesToHex(hash).slice(2);
      return key === EMPTY || (await this.get(key)) !== undefined;
    } catch (error) {
      if (error instanceof StateDamaged) return false;
      throw error;
    }
  }

  private async read(key: string): Promise<Uint8Array | undefined> {
    let value: Uint8Array | undefined;
    try {
      value = await this.store.get(PREFIX + key);
    } catch (error) {
      throw new StateDamaged(key, `cannot be read: ${messageOf(error)}`);
    }
    if (value !== undefined && bytesToHex(keccak_256(value)).slice(2) !== key.replace(CODE_MARK, ''))
      throw new StateDamaged(key, `has ${value.length} bytes with another hash`);
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
