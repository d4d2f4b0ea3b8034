import { createTxFromRLP } from '@ethereumjs/tx';
import { setLengthLeft, unpadBytes } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { estimateGas, readCall, runCall, signedBy } from '../calls.ts';
import { hex, isRecord, optional, quantity, readAddress, readBytes, readFixed, readQuantity } from '../fields.ts';
import { DEV_ACCOUNTS, type DevNode } from '../node.ts';
import { invalidParams, limitExceeded, rejected } from '../rpc-error.ts';
import { rlpProblem } from '../rlp-guard.ts';
import { blockView, logView, receiptView, transactionView } from '../views.ts';
import type { Method } from './method.ts';
import { messageOf } from '../../../support/index.ts';

/** Logs that one answer holds at most. */
const MAX_LOGS = 10_000;
/** Blocks that one answer looks through at most. */
const MAX_LOG_BLOCKS = 50_000n;
const GWEI = 10n ** 9n;
/** Bytes of a transaction at most: with the bytecode of a large model. */
const MAX_TX_BYTES = 2 ** 23;
/** Addresses of a filter, alternatives of a topic, percentiles of a fee history at most. */
const MAX_CHOICES = 1000;
const MAX_PERCENTILES = 100;
const choices = (given: unknown): readonly unknown[] => {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (list.length > MAX_CHOICES) throw invalidParams(`a list of ${list.length} is longer than ${MAX_CHOICES}`);
  return list;
};

const stateOf = async <T>(
  node: DevNode,
  tag: unknown,
  read: (state: DevNode['chain']['cvm']['vm']['stateManager']) => Promise<T>,
): Promise<T> => node.chain.at(await node.block(tag), (cvm) => read(cvm.vm.stateManager));

const blockAt = async (node: DevNode, tag: unknown, whole: unknown): Promise<unknown> => {
  const block = await node.block(tag);
  return blockView(block, await node.chain.transactionsOf(block), whole === true);
};

type TopicFilter = readonly (readonly string[] | undefined)[];

const readTopics = (given: unknown): TopicFilter => {
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given) || given.length > 4) throw invalidParams('topics is a list of at most 4');
  return given.map((t: unknown) => (t === null ? undefined : choices(t).map((x: unknown) => hex(readFixed(x, 32, 'topic')))));
};

const logs: Method = async (node, [filter]) => {
  if (!isRecord(filter)) throw invalidParams('a filter is an object');
  const addresses = optional(filter['address'], (v) => choices(v).map((a: unknown) => readAddress(a).toString()));
  const topics = readTopics(filter['topics']);
  const hash = filter['blockHash'];
  const first = await node.block(hash === undefined ? filter['fromBlock'] : { blockHash: hash });
  const last = hash === undefined ? await node.block(filter['toBlock']) : first;
  const count = last.header.number - first.header.number + 1n;
  if (count > MAX_LOG_BLOCKS) throw limitExceeded(`${count} blocks are more than ${MAX_LOG_BLOCKS}: ask for fewer`);
  const found: unknown[] = [];
  for (let n = Number(first.header.number); n <= Number(last.header.number); n++) {
    const block = await node.chain.block(n);
    if (block === undefined) break;
    if (block.header.gasUsed === 0n) continue;
    for (const m of await node.chain.transactionsOf(block))
      for (const [i, [address, has]] of m.logs.entries()) {
        const wanted =
          (addresses === undefined || addresses.includes(hex(address))) &&
          topics.every((t, k) => t === undefined || t.includes(hex(has[k] ?? new Uint8Array(0))));
        if (wanted) found.push(logView(m, i));
        if (found.length > MAX_LOGS) throw limitExceeded(`more than ${MAX_LOGS} logs: ask for fewer blocks`);
      }
  }
  return found;
};

const feeHistory: Method = async (node, [count, newest, percentiles]) => {
  const last = Number((await node.block(newest)).header.number);
  const wanted = Math.min(Number(readQuantity(count, 'block count')), 1024, last + 1);
  const read = await Promise.all(Array.from({ length: wanted }, (_, i) => node.chain.block(last + 1 - wanted + i)));
  const blocks = read.filter((b) => b !== undefined);
  const next = blocks[blocks.length - 1]?.header.calcNextBaseFee() ?? 0n;
  const asked = Array.isArray(percentiles) ? percentiles : [];
  if (asked.length > MAX_PERCENTILES) throw invalidParams(`${asked.length} percentiles are more than ${MAX_PERCENTILES}`);
  return {
    oldestBlock: quantity(last + 1 - wanted),
    baseFeePerGas: [...blocks.map((b) => quantity(b.header.baseFeePerGas ?? 0n)), quantity(next)],
    gasUsedRatio: blocks.map((b) => Number(b.header.gasUsed) / Number(b.header.gasLimit)),
    ...(asked.length === 0 ? {} : { reward: blocks.map(() => asked.map(() => quantity(GWEI))) }),
  };
};

const sendTransaction: Method = async (node, [given], caller) => {
  const call = readCall(given);
  const account = DEV_ACCOUNTS.find((a) => call.from?.equals(a.address) === true);
  if (account === undefined) throw rejected(`this node has no key of ${call.from?.toString() ?? 'an account that is not named'}`);
  return hex(await node.submit(await signedBy(node, call, account, caller)));
};

const sendRaw: Method = async (node, [raw]) => {
  const bytes = readBytes(raw, 'transaction');
  if (bytes.length > MAX_TX_BYTES) throw invalidParams(`the transaction has ${bytes.length} bytes, the limit is ${MAX_TX_BYTES}`);
  // a typed transaction begins with the number of its type
  const problem = rlpProblem(bytes, (bytes[0] ?? 0) < 0x80 ? 1 : 0);
  if (problem !== undefined) throw invalidParams(`the transaction cannot be read: ${problem}`);
  let tx;
  try {
    tx = createTxFromRLP(bytes, { common: node.chain.common });
  } catch (error) {
    throw invalidParams(`the transaction cannot be read: ${messageOf(error)}`);
  }
  return hex(await node.submit(tx));
};

const nonceOf: Method = async (node, [address, tag]) => {
  const account = readAddress(address);
  const nonce = await stateOf(node, tag, async (s) => (await s.getAccount(account))?.nonce ?? 0n);
  return quantity(nonce + (tag === 'pending' ? BigInt(node.waitingOf(account)) : 0n));
};

const byHash =
  <T>(view: (m: Parameters<typeof receiptView>[0]) => T): Method =>
  async (node, [hash]) => {
    const found = await node.chain.transaction(hex(readFixed(hash, 32, 'hash')));
    return found === undefined ? null : view(found);
  };

/** The answer to a block that is not there is null, not an error. */
const orNull =
  (method: Method): Method =>
  async (node, params, caller) => {
    try {
      return await method(node, params, caller);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === -32001) return null;
      throw error;
    }
  };

/** Methods that every node of an Ethereum chain has. */
export const ETH = {
  eth_chainId: (node) => quantity(node.chain.options.chainId),
  eth_blockNumber: (node) => quantity(node.chain.head.header.number),
  eth_accounts: () => DEV_ACCOUNTS.map((a) => a.address.toString()),
  eth_syncing: () => false,
  eth_gasPrice: (node) => quantity(node.chain.head.header.calcNextBaseFee() + GWEI),
  eth_maxPriorityFeePerGas: () => quantity(GWEI),
  eth_feeHistory: feeHistory,
  eth_getBalance: async (node, [a, tag]) =>
    quantity(await stateOf(node, tag, async (s) => (await s.getAccount(readAddress(a)))?.balance ?? 0n)),
  eth_getTransactionCount: nonceOf,
  eth_getCode: async (node, [a, tag]) => hex(await stateOf(node, tag, (s) => s.getCode(readAddress(a)))),
  eth_getStorageAt: async (node, [a, slot, tag]) => {
    const key = setLengthLeft(unpadBytes(readBytes(evenHex(slot), 'slot')), 32);
    const account = readAddress(a);
    const value = await stateOf(node, tag, async (s) =>
      (await s.getAccount(account)) === undefined ? new Uint8Array(0) : s.getStorage(account, key),
    );
    return hex(setLengthLeft(value, 32));
  },
  eth_call: async (node, [call, tag], caller) => hex(await runCall(node, readCall(call), await node.block(tag), caller)),
  eth_estimateGas: async (node, [call, tag], caller) => quantity(await estimateGas(node, readCall(call), await node.block(tag), caller)),
  eth_sendTransaction: sendTransaction,
  eth_sendRawTransaction: sendRaw,
  eth_getTransactionByHash: byHash(transactionView),
  eth_getTransactionReceipt: byHash(receiptView),
  eth_getBlockByNumber: orNull((node, [tag, whole]) => blockAt(node, tag, whole)),
  eth_getBlockByHash: orNull((node, [hash, whole]) => blockAt(node, { blockHash: hash }, whole)),
  eth_getBlockTransactionCountByNumber: orNull(async (node, [tag]) =>
    quantity((await node.chain.transactionsOf(await node.block(tag))).length),
  ),
  eth_getLogs: logs,
  net_version: (node) => String(node.chain.options.chainId),
  net_listening: () => true,
  net_peerCount: () => '0x0',
  web3_clientVersion: (node) => `cortexc/${node.version}`,
  web3_sha3: (_, [data]) => hex(keccak_256(readBytes(data, 'data'))),
} as const satisfies Readonly<Record<string, Method>>;

/** Numbers are written without a leading zero, bytes in pairs. */
const evenHex = (value: unknown): unknown =>
  typeof value === 'string' && value.startsWith('0x') && value.length % 2 === 1 ? `0x0${value.slice(2)}` : value;
