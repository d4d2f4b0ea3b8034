import type { Block } from '@ethereumjs/block';
import type { Mined } from '../chain/chain.ts';
import { hex, quantity } from './fields.ts';

/** A log as `eth_getLogs` and receipts show it. */
export const logView = (m: Mined, i: number) => {
  const [address, topics, data] = m.logs[i] ?? [new Uint8Array(20), [], new Uint8Array(0)];
  return {
    address: hex(address),
    topics: topics.map(hex),
    data: hex(data),
    blockNumber: quantity(m.block.header.number),
    blockHash: hex(m.block.hash()),
    transactionHash: hex(m.tx.hash()),
    transactionIndex: quantity(m.index),
    logIndex: quantity(m.firstLog + i),
    removed: false,
  };
};

export const receiptView = (m: Mined) => ({
  transactionHash: hex(m.tx.hash()),
  transactionIndex: quantity(m.index),
  blockHash: hex(m.block.hash()),
  blockNumber: quantity(m.block.header.number),
  from: m.tx.getSenderAddress().toString(),
  to: m.tx.to?.toString() ?? null,
  contractAddress: m.created?.toString() ?? null,
  cumulativeGasUsed: quantity(m.cumulativeGas),
  gasUsed: quantity(m.gasUsed),
  effectiveGasPrice: quantity(m.gasPrice),
  logs: m.logs.map((_, i) => logView(m, i)),
  logsBloom: hex(m.bloom),
  status: quantity(m.succeeded ? 1 : 0),
  type: quantity(m.tx.type),
});

export const transactionView = (m: Mined) => ({
  ...m.tx.toJSON(),
  // toJSON calls what they are named on the wire `data` and `gasLimit`
  data: undefined,
  gasLimit: undefined,
  input: hex(m.tx.data),
  gas: quantity(m.tx.gasLimit),
  gasPrice: quantity(m.gasPrice),
  hash: hex(m.tx.hash()),
  from: m.tx.getSenderAddress().toString(),
  to: m.tx.to?.toString() ?? null,
  type: quantity(m.tx.type),
  blockHash: hex(m.block.hash()),
  blockNumber: quantity(m.block.header.number),
  transactionIndex: quantity(m.index),
});

export const blockView = (block: Block, transactions: readonly Mined[], whole: boolean) => {
  const { header } = block;
  return {
    number: quantity(header.number),
    hash: hex(block.hash()),
    parentHash: hex(header.parentHash),
    nonce: hex(header.nonce),
    mixHash: hex(header.mixHash),
    sha3Uncles: hex(header.uncleHash),
    logsBloom: hex(header.logsBloom),
    transactionsRoot: hex(header.transactionsTrie),
    stateRoot: hex(header.stateRoot),
    receiptsRoot: hex(header.receiptTrie),
    miner: header.coinbase.toString(),
    difficulty: quantity(header.difficulty),
    totalDifficulty: '0x0',
    extraData: hex(header.extraData),
    size: quantity(block.serialize().length),
    gasLimit: quantity(header.gasLimit),
    gasUsed: quantity(header.gasUsed),
    timestamp: quantity(header.timestamp),
    baseFeePerGas: quantity(header.baseFeePerGas ?? 0n),
    ...(header.withdrawalsRoot === undefined ? {} : { withdrawalsRoot: hex(header.withdrawalsRoot), withdrawals: [] }),
    ...(header.blobGasUsed === undefined
      ? {}
      : { blobGasUsed: quantity(header.blobGasUsed), excessBlobGas: quantity(header.excessBlobGas ?? 0n) }),
    ...(header.parentBeaconBlockRoot === undefined ? {} : { parentBeaconBlockRoot: hex(header.parentBeaconBlockRoot) }),
    uncles: [],
    transactions: transactions.map((m) => (whole ? transactionView(m) : hex(m.tx.hash()))),
  };
};
