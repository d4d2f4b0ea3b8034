import type { StateManagerInterface } from '@ethereumjs/common';
import { type Address, bytesToBigInt } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';
import type { CvmParams } from './params.ts';

/** What the registry says of a model or an input. */
export interface Registration {
  /** Bytes that are still to be uploaded. */
  readonly remaining: bigint;
  /** Block in which the upload ended; 0 before. */
  readonly ready: bigint;
  /** Block in which its author withdrew it; 0: not withdrawn. */
  readonly withdrawn: bigint;
}

/** Slot of the mapping of the registry, `mapping(address => uint256)` at slot 0, for an account. */
export const statusSlot = (account: Address): Uint8Array => {
  const key = new Uint8Array(64);
  key.set(account.bytes, 12);
  return keccak_256(key);
};

const MASK = 2n ** 64n - 1n;

/** The word that the registry keeps: remaining, ready and withdrawn in 64 bits each, the lowest first. */
export const parseStatus = (stored: Uint8Array): Registration | undefined => {
  const word = bytesToBigInt(stored);
  return word === 0n ? undefined : { remaining: word & MASK, ready: (word >> 64n) & MASK, withdrawn: (word >> 128n) & MASK };
};

export const readStatus = async (state: StateManagerInterface, params: CvmParams, account: Address): Promise<Registration | undefined> =>
  parseStatus(await state.getStorage(params.registry, statusSlot(account)));

/**
 * Why something that is registered cannot be used in a block; undefined: it can. The state depends on the chain alone, so that a
 * file that a node lacks never decides it.
 */
export const unusable = (what: 'model' | 'input', r: Registration | undefined, block: bigint, params: CvmParams): string | undefined => {
  if (r === undefined) return `${what} is not registered`;
  if (r.remaining > 0n) return `${what} is not uploaded yet: ${r.remaining} bytes remain`;
  const first = r.ready + params.matureBlocks;
  if (block < first) return `${what} is not mature: usable from block ${first}, this is block ${block}`;
  const last = r.withdrawn + params.custodyBlocks;
  return r.withdrawn > 0n && block > last ? `${what} was withdrawn in block ${r.withdrawn}` : undefined;
};
