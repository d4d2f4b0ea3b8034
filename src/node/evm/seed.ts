import { type Address, concatBytes } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';

/** What a block gives to the seed: chosen by its proposer before the contract ran, and the same on every node. */
interface SeedBlock {
  readonly number: bigint;
  readonly timestamp: bigint;
  /** 32 bytes: prevrandao, before the merge the difficulty. */
  readonly random: Uint8Array;
}

/**
 * Seed of random ops: the first 8 bytes of keccak256(prevrandao or difficulty, number and timestamp as 8 bytes each, model,
 * contract, keccak256(inputs)). Whoever proposes the block can influence it: not for lotteries.
 */
export const seedOf = (block: SeedBlock, model: Address, contract: Address, input: Uint8Array): readonly [number, number] => {
  const times = new Uint8Array(16);
  const numbers = new DataView(times.buffer);
  numbers.setBigUint64(0, block.number);
  numbers.setBigUint64(8, block.timestamp);
  const all = concatBytes(block.random, times, model.bytes, contract.bytes, keccak_256(input));
  const view = new DataView(keccak_256(all).buffer);
  return [view.getInt32(0), view.getInt32(4)];
};
