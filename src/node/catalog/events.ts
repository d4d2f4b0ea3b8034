import { bytesToBigInt, bytesToHex, type PrefixedHexString } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { flatHex } from './flat-hex.ts';

/** A log as a block has it. */
export type Log = readonly [address: Uint8Array, topics: readonly Uint8Array[], data: Uint8Array];

/** What the registry of models and the board of scores tell by events. */
export type CatalogEvent =
  | { readonly kind: 'registered'; readonly account: PrefixedHexString; readonly size: number; readonly isModel: boolean }
  | { readonly kind: 'uploaded'; readonly account: PrefixedHexString; readonly remaining: number }
  | { readonly kind: 'ready'; readonly account: PrefixedHexString; readonly block: number }
  | { readonly kind: 'withdrawn'; readonly account: PrefixedHexString; readonly block: number }
  | { readonly kind: 'updated'; readonly account: PrefixedHexString; readonly successor: PrefixedHexString }
  | ({ readonly kind: 'submitted' } & TestSetEntry)
  | {
      readonly kind: 'counted';
      readonly set: number;
      readonly model: PrefixedHexString;
      readonly correct: number;
      readonly counted: number;
    };

export interface TestSetEntry {
  readonly set: number;
  readonly submitter: PrefixedHexString;
  readonly images: PrefixedHexString;
  readonly labels: PrefixedHexString;
  readonly samples: number;
  /** Block in which images or labels were first registered. */
  readonly disclosed: number;
  /** Block of the commitment, or of the submission where there was none. */
  readonly committed: number;
}

/** Fields of an event, by place. */
interface Fields {
  readonly topic: (i: number) => Uint8Array;
  readonly word: (i: number) => Uint8Array;
}

/** Values of the chain that fit; the contracts keep them in 64 bits. */
const numberOf = (word: Uint8Array): number => Number(bytesToBigInt(word));
const addressOf = (word: Uint8Array): PrefixedHexString => flatHex(word.subarray(12));

const READERS: readonly (readonly [signature: string, read: (f: Fields) => CatalogEvent])[] = [
  [
    'Registered(address,address,bytes32,uint256,bool)',
    ({ topic, word }) => ({
      kind: 'registered',
      account: addressOf(topic(1)),
      size: numberOf(word(0)),
      isModel: numberOf(word(1)) === 1,
    }),
  ],
  ['Uploaded(address,uint256)', ({ topic, word }) => ({ kind: 'uploaded', account: addressOf(topic(1)), remaining: numberOf(word(0)) })],
  ['Ready(address,uint256)', ({ topic, word }) => ({ kind: 'ready', account: addressOf(topic(1)), block: numberOf(word(0)) })],
  ['Withdrawn(address,uint256)', ({ topic, word }) => ({ kind: 'withdrawn', account: addressOf(topic(1)), block: numberOf(word(0)) })],
  ['Updated(address,address)', ({ topic }) => ({ kind: 'updated', account: addressOf(topic(1)), successor: addressOf(topic(2)) })],
  [
    'Submitted(uint256,address,address,address,uint256,uint256,uint256)',
    ({ topic, word }) => ({
      kind: 'submitted',
      set: numberOf(topic(1)),
      submitter: addressOf(topic(2)),
      images: addressOf(word(0)),
      labels: addressOf(word(1)),
      samples: numberOf(word(2)),
      disclosed: numberOf(word(3)),
      committed: numberOf(word(4)),
    }),
  ],
  [
    'Counted(uint256,address,uint256,uint256)',
    ({ topic, word }) => ({
      kind: 'counted',
      set: numberOf(topic(1)),
      model: addressOf(topic(2)),
      correct: numberOf(word(0)),
      counted: numberOf(word(1)),
    }),
  ],
];

const BY_TOPIC: ReadonlyMap<string, (f: Fields) => CatalogEvent> = new Map(
  READERS.map(([signature, read]) => [bytesToHex(keccak_256(new TextEncoder().encode(signature))), read]),
);

/** @param log - of the registry or the board: the caller has looked at its address. undefined: an event that the catalog does not need */
export const readEvent = ([, topics, data]: Log): CatalogEvent | undefined => {
  const [first] = topics;
  const read = first === undefined ? undefined : BY_TOPIC.get(bytesToHex(first));
  return read?.({
    topic: (i) => topics[i] ?? new Uint8Array(32),
    word: (i) => data.subarray(32 * i, 32 * i + 32),
  });
};
