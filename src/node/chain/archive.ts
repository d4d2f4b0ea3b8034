import { type Block, createBlockFromRLP } from '@ethereumjs/block';
import type { Common } from '@ethereumjs/common';
import { RLP } from '@ethereumjs/rlp';
import {
  Address,
  bigIntToUnpaddedBytes,
  bytesToBigInt,
  bytesToHex,
  bytesToInt,
  hexToBytes,
  type PrefixedHexString,
} from '@ethereumjs/util';
import type { KeyValue, KeyValueChange } from '../store/kv.ts';
import type { Mined } from './options.ts';
import type { Ran } from './execute.ts';

/** A block and what its transactions did. */
export interface Archived {
  readonly block: Block;
  readonly mined: readonly Mined[];
}

/** Blocks that are read without the store. */
const CACHED_BLOCKS = 256;
/** Bytes of return data that are kept: the reason of a revert. */
const OUTPUT_BYTES = 4096;

/** Sorts as the number does. */
const numberKey = (kind: 'b' | 'r', n: number): string => `${kind}:${n.toString(16).padStart(12, '0')}`;
const HEAD = 'head';

type Item = Uint8Array | Item[];
const uint = (n: bigint | number): Uint8Array => bigIntToUnpaddedBytes(BigInt(n));
const bytes = (item: Item | undefined): Uint8Array => (item instanceof Uint8Array ? item : new Uint8Array(0));
const list = (item: Item | undefined): readonly Item[] => (Array.isArray(item) ? item : []);
const text = (item: Item | undefined): string => new TextDecoder().decode(bytes(item));

const encodeRan = (r: Ran): Item[] => [
  uint(r.succeeded ? 1 : 0),
  r.output.slice(0, OUTPUT_BYTES),
  new TextEncoder().encode(r.error ?? ''),
  uint(r.gasUsed),
  uint(r.cumulativeGas),
  uint(r.gasPrice),
  r.created?.bytes ?? new Uint8Array(0),
  r.logs.map(([address, topics, data]) => [address, [...topics], data]),
  r.bloom,
  (r.models ?? []).map((m) => hexToBytes(m)),
];

const decodeRan = (tx: Ran['tx'], item: Item): Ran => {
  const f = list(item);
  const error = text(f[2]);
  const created = bytes(f[6]);
  return {
    tx,
    succeeded: bytes(f[0]).length > 0,
    output: bytes(f[1]),
    error: error === '' ? undefined : error,
    gasUsed: bytesToBigInt(bytes(f[3])),
    cumulativeGas: bytesToBigInt(bytes(f[4])),
    gasPrice: bytesToBigInt(bytes(f[5])),
    created: created.length === 0 ? undefined : new Address(created),
    logs: list(f[7]).map((log) => {
      const [address, topics, data] = list(log);
      return [bytes(address), list(topics).map(bytes), bytes(data)] as const;
    }),
    bloom: bytes(f[8]),
    models: list(f[9]).map((m): PrefixedHexString => bytesToHex(bytes(m))),
  };
};

/** What ran, with its place in the block. */
const placed = (block: Block, ran: readonly Ran[]): readonly Mined[] => {
  let firstLog = 0;
  return ran.map((r, index) => {
    const mined: Mined = { ...r, block, index, firstLog };
    firstLog += r.logs.length;
    return mined;
  });
};

/** The blocks of a chain in a store of keys; the latest are at hand. */
export class Archive {
  private readonly store: KeyValue;
  private readonly common: Common;
  /** Those used longest ago first. */
  private readonly recent = new Map<number, Archived>();

  constructor(store: KeyValue, common: Common) {
    this.store = store;
    this.common = common;
  }

  /** Number of the head; undefined: the store has no chain. */
  async headNumber(): Promise<number | undefined> {
    const value = await this.store.get(HEAD);
    return value === undefined ? undefined : bytesToInt(value);
  }

  /** A block by its number. Undefined: there is none, or what is kept of it cannot be read. */
  async byNumber(n: number): Promise<Archived | undefined> {
    if (!Number.isSafeInteger(n) || n < 0) return undefined;
    const have = this.recent.get(n);
    if (have !== undefined) {
      this.remember(n, have);
      return have;
    }
    const [body, results] = await Promise.all([this.store.get(numberKey('b', n)), this.store.get(numberKey('r', n))]);
    if (body === undefined || results === undefined) return undefined;
    const read = this.decode(n, body, results);
    if (read !== undefined) this.remember(n, read);
    return read;
  }

  private decode(n: number, body: Uint8Array, results: Uint8Array): Archived | undefined {
    try {
      const block = createBlockFromRLP(body, { common: this.common, setHardfork: false, skipConsensusFormatValidation: true });
      const ran = list(RLP.decode(results) as Item);
      if (Number(block.header.number) !== n || ran.length !== block.transactions.length) return undefined;
      return {
        block,
        mined: placed(
          block,
          block.transactions.map((tx, i) => decodeRan(tx, ran[i] ?? [])),
        ),
      };
    } catch {
      return undefined;
    }
  }

  async byHash(hash: string): Promise<Archived | undefined> {
    const number = await this.store.get(`h:${hash}`);
    if (number === undefined) return undefined;
    const found = await this.byNumber(bytesToInt(number));
    return found !== undefined && bytesToHex(found.block.hash()) === hash ? found : undefined;
  }

  async transaction(hash: string): Promise<Mined | undefined> {
    const place = await this.store.get(`t:${hash}`);
    if (place === undefined) return undefined;
    const [number, index] = list(RLP.decode(place) as Item);
    const found = (await this.byNumber(bytesToInt(bytes(number))))?.mined[bytesToInt(bytes(index))];
    // the place may be of a block that was given up because it could not be read, so that its transactions were not known
    return found !== undefined && bytesToHex(found.tx.hash()) === hash ? found : undefined;
  }

  /** Changes that make a block the head. */
  append(block: Block, ran: readonly Ran[]): { readonly archived: Archived; readonly changes: readonly KeyValueChange[] } {
    const n = Number(block.header.number);
    const put = (key: string, value: Uint8Array): KeyValueChange => ({ type: 'put', key, value });
    return {
      archived: { block, mined: placed(block, ran) },
      changes: [
        put(numberKey('b', n), block.serialize()),
        put(numberKey('r', n), RLP.encode(ran.map(encodeRan))),
        put(`h:${bytesToHex(block.hash())}`, uint(n)),
        ...ran.map((r, i) => put(`t:${bytesToHex(r.tx.hash())}`, RLP.encode([uint(n), uint(i)]))),
        put(HEAD, uint(n)),
      ],
    };
  }

  /** Keeps at hand what is in the store now. */
  remember(n: number, archived: Archived): void {
    this.recent.delete(n);
    this.recent.set(n, archived);
    for (const oldest of this.recent.keys()) {
      if (this.recent.size <= CACHED_BLOCKS) break;
      this.recent.delete(oldest);
    }
  }

  /** Changes that make an older block the head again; those after it are deleted. */
  async cut(from: number, head: number): Promise<readonly KeyValueChange[]> {
    const changes: KeyValueChange[] = [{ type: 'put', key: HEAD, value: uint(head) }];
    for (let n = head + 1; n <= from; n++) {
      const found = await this.byNumber(n);
      if (found !== undefined) {
        changes.push({ type: 'del', key: `h:${bytesToHex(found.block.hash())}` });
        for (const m of found.mined) changes.push({ type: 'del', key: `t:${bytesToHex(m.tx.hash())}` });
      }
      changes.push({ type: 'del', key: numberKey('b', n) }, { type: 'del', key: numberKey('r', n) });
    }
    return changes;
  }

  /** Forgets what is at hand of blocks above a number. */
  forgetAbove(head: number): void {
    for (const n of this.recent.keys()) if (n > head) this.recent.delete(n);
  }
}
