import type { StateManagerInterface } from '@ethereumjs/common';
import { Address, bigIntToBytes, bytesToBigInt, hexToBytes, type PrefixedHexString } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';
import type { CvmParams } from './params.ts';

/** How much a model was used. */
export interface Usage {
  /** Inferences that transactions paid for. */
  readonly runs: bigint;
  /** Gas of the author's fees in them. */
  readonly fees: bigint;
}

/** Slot of `usage` in ModelRegistry.sol. */
const USAGE_SLOT = 8;
const RUNS_MASK = 2n ** 64n - 1n;
const FEES_MASK = 2n ** 128n - 1n;

/** Slot of the word of a model in the storage of the registry. */
const usageSlot = (model: Address): Uint8Array => {
  const key = new Uint8Array(64);
  key.set(model.bytes, 12);
  key[63] = USAGE_SLOT;
  return keccak_256(key);
};

export const readUsage = async (state: StateManagerInterface, { registry }: CvmParams, model: Address): Promise<Usage> => {
  const word = bytesToBigInt(await state.getStorage(registry, usageSlot(model)));
  return { runs: word & RUNS_MASK, fees: (word >> 64n) & FEES_MASK };
};

/** Uses of models in one transaction, by address. */
export class UsageCount {
  private readonly counts = new Map<PrefixedHexString, Usage>();

  add(model: Address, fee: bigint): void {
    const key = model.toString();
    const { runs, fees } = this.counts.get(key) ?? { runs: 0n, fees: 0n };
    this.counts.set(key, { runs: runs + 1n, fees: fees + fee });
  }

  clear(): void {
    this.counts.clear();
  }

  /** Addresses of the models, in the order of their first use. */
  models(): readonly PrefixedHexString[] {
    return [...this.counts.keys()];
  }

  /** Adds the counts to the words of the registry. What the state becomes does not depend on the order. */
  async write(state: StateManagerInterface, params: CvmParams): Promise<void> {
    for (const [key, { runs, fees }] of this.counts) {
      const model = new Address(hexToBytes(key));
      const before = await readUsage(state, params, model);
      const word = ((before.runs + runs) & RUNS_MASK) | (((before.fees + fees) & FEES_MASK) << 64n);
      await state.putStorage(params.registry, usageSlot(model), bigIntToBytes(word));
    }
  }
}
