import type { Common } from '@ethereumjs/common';
import { createTxFromRLP, type TypedTransaction } from '@ethereumjs/tx';
import { type Address, bytesToHex } from '@ethereumjs/util';
import type { KeyValue } from '../store/kv.ts';

/** Transactions that wait at most. */
const MAX_WAITING = 4096;
const PREFIX = 'w:';
const numbered = (n: number): string => PREFIX + n.toString(16).padStart(12, '0');

/** Transactions that wait for a block, in the order in which they came. With a store they outlive the process. */
export class WaitingTransactions {
  private readonly store: KeyValue | undefined;
  private readonly waiting = new Map<string, { readonly tx: TypedTransaction; readonly key: string }>();
  private next = 0;

  constructor(store?: KeyValue) {
    this.store = store;
  }

  static async open(store: KeyValue, common: Common): Promise<WaitingTransactions> {
    const pool = new WaitingTransactions(store);
    for await (const [key, bytes] of store.withPrefix(PREFIX)) {
      const tx = createTxFromRLP(bytes, { common });
      pool.waiting.set(bytesToHex(tx.hash()), { tx, key });
      pool.next = Number.parseInt(key.slice(PREFIX.length), 16) + 1;
    }
    return pool;
  }

  /** @returns why the transaction cannot wait */
  async add(tx: TypedTransaction): Promise<string | undefined> {
    const hash = bytesToHex(tx.hash());
    if (this.waiting.has(hash)) return 'the transaction waits already';
    if (this.waiting.size >= MAX_WAITING) return `${MAX_WAITING} transactions wait already`;
    const key = numbered(this.next++);
    this.waiting.set(hash, { tx, key });
    await this.store?.batch([{ type: 'put', key, value: tx.serialize() }], true);
    return undefined;
  }

  all(): readonly TypedTransaction[] {
    return Array.from(this.waiting.values(), ({ tx }) => tx);
  }

  get count(): number {
    return this.waiting.size;
  }

  /** Number of those that an account sent. */
  of(sender: Address): number {
    return this.all().filter((tx) => tx.getSenderAddress().equals(sender)).length;
  }

  /** These stand in a block, or cannot. One that was not taken out before the process ended is refused the next time: its nonce is used. */
  async done(txs: readonly TypedTransaction[]): Promise<void> {
    const keys = txs.flatMap((tx) => {
      const hash = bytesToHex(tx.hash());
      const found = this.waiting.get(hash);
      this.waiting.delete(hash);
      return found === undefined ? [] : [found.key];
    });
    if (keys.length > 0) await this.store?.batch(keys.map((key) => ({ type: 'del', key })), false); // biome-ignore format: short
  }
}
