import { LATEST_TIME } from '../../chain/chain.ts';
import { optional, quantity, readQuantity } from '../fields.ts';
import { invalidParams, limitExceeded } from '../rpc-error.ts';
import type { Method } from './method.ts';

const MAX_MINED_AT_ONCE = 1000;

/** Methods of development chains, as Hardhat, Foundry and Ganache have them. */
export const DEVELOPMENT = {
  evm_mine: async (node) => {
    await node.mine();
    return '0x0';
  },
  hardhat_mine: async (node, [count]) => {
    const wanted = Number(optional(count, (v) => readQuantity(v, 'count')) ?? 1n);
    if (wanted > MAX_MINED_AT_ONCE) throw limitExceeded(`at most ${MAX_MINED_AT_ONCE} blocks at once`);
    for (let i = 0; i < wanted; i++) await node.mine();
    return true;
  },
  evm_setAutomine: (node, [on]) => {
    node.automine = on === true;
    return true;
  },
  evm_snapshot: (node) => quantity(node.chain.snapshot()),
  evm_revert: (node, [id]) => node.chain.revert(Number(readQuantity(id, 'snapshot'))),
  evm_increaseTime: (node, [seconds]) => {
    const more = readQuantity(seconds, 'seconds');
    const latest = BigInt(LATEST_TIME);
    const from = BigInt(Math.max(Number(node.chain.head.header.timestamp), Number(node.chain.nextHeader().timestamp)));
    if (from + more > latest) throw invalidParams(`${more} seconds lead beyond ${latest}, the latest time of a block`);
    return quantity(node.chain.increaseTime(Number(more)));
  },
  evm_setNextBlockTimestamp: (node, [seconds]) => {
    const time = readQuantity(seconds, 'timestamp');
    if (time <= node.chain.head.header.timestamp) throw invalidParams(`timestamp ${time} is not after that of the head`);
    if (time > BigInt(LATEST_TIME)) throw invalidParams(`timestamp ${time} is after ${LATEST_TIME}, the latest time of a block`);
    node.chain.setNextTimestamp(Number(time));
    return true;
  },
} as const satisfies Readonly<Record<string, Method>>;
