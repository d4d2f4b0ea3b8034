import protobuf from 'protobufjs';
import { type BlockName, blockCidBytes, readBlockCidBytes } from '../../../cvm-bytecode/index.ts';

/** Bitswap 1.2.0, as far as it is used. Source: the specification of Bitswap at specs.ipfs.tech. */
const SCHEMA = `syntax = "proto3";
message Message {
  message Entry { bytes block = 1; int32 priority = 2; bool cancel = 3; int32 wantType = 4; bool sendDontHave = 5; }
  message Wantlist { repeated Entry entries = 1; bool full = 2; }
  message Block { bytes prefix = 1; bytes data = 2; }
  message Presence { bytes cid = 1; int32 type = 2; }
  Wantlist wantlist = 1;
  repeated Block payload = 3;
  repeated Presence blockPresences = 4;
}`;

const HAVE = 1;
const DONT_HAVE = 1;

/** Entries of a message at most; who sends more is left. Kubo's lists stay below. */
const MAX_ENTRIES = 4096;

interface Entry {
  readonly block: Uint8Array;
  readonly priority: number;
  readonly cancel: boolean;
  readonly wantType: number;
  readonly sendDontHave: boolean;
}

interface Message {
  readonly wantlist?: { readonly entries: readonly Entry[]; readonly full: boolean } | null;
  readonly payload: readonly { readonly prefix: Uint8Array; readonly data: Uint8Array }[];
  readonly blockPresences: readonly { readonly cid: Uint8Array; readonly type: number }[];
}

/** A block that a peer wants, or no longer wants. */
export interface Want {
  readonly name: BlockName;
  readonly cancel: boolean;
  /** It asks whether the block is there, and does not want it yet. */
  readonly haveOnly: boolean;
  readonly tellAbsent: boolean;
}

/** What a message says. */
export interface BitswapMessage {
  readonly wants: readonly Want[];
  /** The wants replace those of before. */
  readonly full: boolean;
  readonly blocks: readonly Uint8Array[];
  readonly absent: readonly BlockName[];
}

let type: protobuf.Type | undefined;
const messageType = (): protobuf.Type => (type ??= protobuf.parse(SCHEMA).root.lookupType('Message'));

/** Reads a message. Names that packages do not have are passed over. @returns undefined where it is none, or has more entries than peers send */
export const decodeMessage = (bytes: Uint8Array): BitswapMessage | undefined => {
  let message: Message;
  try {
    message = messageType().decode(bytes) as unknown as Message;
  } catch {
    return undefined;
  }
  const { wantlist, payload, blockPresences } = message;
  const entries = wantlist?.entries ?? [];
  if (entries.length > MAX_ENTRIES || payload.length > MAX_ENTRIES || blockPresences.length > MAX_ENTRIES) return undefined;
  return {
    wants: entries.flatMap(({ block, cancel, wantType, sendDontHave }) => {
      const name = readBlockCidBytes(block);
      return name === undefined ? [] : [{ name, cancel, haveOnly: wantType === HAVE, tellAbsent: sendDontHave }];
    }),
    full: wantlist?.full === true,
    blocks: payload.map((p) => p.data),
    absent: blockPresences.flatMap(({ cid, type: presence }) => (presence === DONT_HAVE ? (readBlockCidBytes(cid) ?? []) : [])),
  };
};

const encode = (message: object): Uint8Array => messageType().encode(messageType().create(message)).finish();

/** A message that wants blocks, or cancels wants. */
export const encodeWants = (wants: readonly { readonly name: BlockName; readonly cancel: boolean }[]): Uint8Array =>
  encode({
    wantlist: {
      entries: wants.map(({ name, cancel }) => ({ block: blockCidBytes(name), priority: 1, cancel, wantType: 0, sendDontHave: !cancel })),
      full: false,
    },
  });

/** A message with a block. The prefix is the name without its digest. */
export const encodeBlock = (name: BlockName, data: Uint8Array): Uint8Array =>
  encode({ payload: [{ prefix: blockCidBytes(name).subarray(0, 4), data }] });

/** A message that says whether a block is there. */
export const encodePresence = (name: BlockName, there: boolean): Uint8Array =>
  encode({ blockPresences: [{ cid: blockCidBytes(name), type: there ? 0 : DONT_HAVE }] });
