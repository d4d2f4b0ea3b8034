import { getMerkleStateProof, type MerkleStateManager } from '@ethereumjs/statemanager';
import { setLengthLeft, unpadBytes } from '@ethereumjs/util';
import type { Mined } from '../../chain/chain.ts';
import { quantity, readAddress, readBytes, readQuantity } from '../fields.ts';
import type { DevNode } from '../node.ts';
import { invalidParams, RpcError } from '../rpc-error.ts';
import { receiptView, transactionView } from '../views.ts';
import type { Method } from './method.ts';

/** Words of storage in one proof at most: each is a path of its own through the state. */
const MAX_SLOTS = 256;

/** The transactions of a block that a tag, a number or a hash names; undefined: there is no such block. */
const transactionsAt = async (node: DevNode, tag: unknown): Promise<readonly Mined[] | undefined> => {
  try {
    return await node.chain.transactionsOf(await node.block(tag));
  } catch (error) {
    if (error instanceof RpcError && error.code === -32001) return undefined;
    throw error;
  }
};

const byHash = (hash: unknown): { readonly blockHash: unknown } => ({ blockHash: hash });
/** A block that is named by its hash or by a number: 32 bytes are a hash. */
const either = (tag: unknown): unknown => (typeof tag === 'string' && tag.length === 66 ? byHash(tag) : tag);

const receiptsOf: Method = async (node, [tag]) => (await transactionsAt(node, either(tag)))?.map(receiptView) ?? null;

const transactionIn = async (node: DevNode, tag: unknown, index: unknown): Promise<unknown> => {
  const wanted = readQuantity(index, 'index');
  const found = (await transactionsAt(node, tag))?.[Number(wanted)];
  return found === undefined ? null : transactionView(found);
};

const countIn = async (node: DevNode, tag: unknown): Promise<unknown> => {
  const all = await transactionsAt(node, tag);
  return all === undefined ? null : quantity(all.length);
};

/** Blocks of this chain have no uncles. */
const unclesIn = async (node: DevNode, tag: unknown): Promise<unknown> =>
  (await transactionsAt(node, tag)) === undefined ? null : quantity(0);

/** Words are numbers or 32 bytes; both are written with and without leading zeros. */
const readSlot = (value: unknown): Uint8Array => {
  const even = typeof value === 'string' && value.startsWith('0x') && value.length % 2 === 1 ? `0x0${value.slice(2)}` : value;
  const bytes = unpadBytes(readBytes(even, 'slot'));
  if (bytes.length > 32) throw invalidParams(`a slot is ${bytes.length} bytes, but takes at most 32`);
  return setLengthLeft(bytes, 32);
};

/** Nodes of the state from its root to an account and to words of its storage (EIP-1186). */
const proof: Method = async (node, [address, slots, tag]) => {
  const account = readAddress(address);
  if (!Array.isArray(slots) || slots.length > MAX_SLOTS) throw invalidParams(`slots is a list of at most ${MAX_SLOTS}`);
  const keys = slots.map(readSlot);
  const block = await node.block(tag);
  return node.chain.at(block, (cvm) => getMerkleStateProof(cvm.vm.stateManager as MerkleStateManager, account, keys));
};

/** Other ways to what blocks hold, which indexers and wallets use. */
export const LOOKUPS = {
  eth_getBlockReceipts: receiptsOf,
  eth_getTransactionByBlockHashAndIndex: (node, [hash, index]) => transactionIn(node, byHash(hash), index),
  eth_getTransactionByBlockNumberAndIndex: (node, [tag, index]) => transactionIn(node, tag, index),
  eth_getBlockTransactionCountByHash: (node, [hash]) => countIn(node, byHash(hash)),
  eth_getUncleCountByBlockHash: (node, [hash]) => unclesIn(node, byHash(hash)),
  eth_getUncleCountByBlockNumber: (node, [tag]) => unclesIn(node, tag),
  eth_getProof: proof,
} as const satisfies Readonly<Record<string, Method>>;
