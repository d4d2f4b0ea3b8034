import type { Common } from '@ethereumjs/common';
import { EVMError } from '@ethereumjs/evm';
import type { Address } from '@ethereumjs/util';
import type { RunState } from './evm-types.ts';
import { OPERATIONS_PER_ENDORPHIN } from '../../ir/index.ts';

/** Prices of Istanbul (EIP-1884), before access lists. */
const ACCOUNT_BEFORE_2929 = 700n;
const SLOAD_BEFORE_2929 = 800n;
const COLD_ACCOUNT = 2600n;
const COLD_SLOT = 2100n;
const WARM = 100n;

/** Gas of an inference itself: its operations in Endorphin, rounded up, at least 1, and the author's fee. */
export const inferenceGas = (operations: bigint, fee: bigint): bigint => {
  const unit = BigInt(OPERATIONS_PER_ENDORPHIN);
  const endorphin = (operations + unit - 1n) / unit;
  return (endorphin > 0n ? endorphin : 1n) + fee;
};

/** Looking at an account: cold or warm by EIP-2929 where it is active. */
export const accountGas = (rs: RunState, common: Common, account: Address): bigint => {
  if (!common.isActivatedEIP(2929)) return ACCOUNT_BEFORE_2929;
  const { journal } = rs.interpreter;
  if (journal.isWarmedAddress(account.bytes)) return WARM;
  journal.addWarmedAddress(account.bytes);
  return COLD_ACCOUNT;
};

/** Reading a word of storage. */
export const slotGas = (rs: RunState, common: Common, account: Address, slot: Uint8Array): bigint => {
  if (!common.isActivatedEIP(2929)) return SLOAD_BEFORE_2929;
  const { journal } = rs.interpreter;
  if (journal.isWarmedStorage(account.bytes, slot)) return WARM;
  journal.addWarmedStorage(account.bytes, slot);
  return COLD_SLOT;
};

/** The same for a precompile, which knows nothing of what is warm. */
export const COLD_LOOK = COLD_ACCOUNT + COLD_SLOT;

/**
 * Expansion of memory to hold `length` bytes at `offset`, by the yellow paper's formula; @ethereumjs/evm has the same and does not
 * export it. Changes what the frame has paid for.
 * @throws {EVMError} out of gas before anything is allocated
 */
export const memoryGas = (rs: RunState, common: Common, offset: bigint, length: bigint, spent: bigint): bigint => {
  if (length === 0n) return 0n;
  const words = (offset + length + 31n) / 32n;
  if (words <= rs.memoryWordCount) return 0n;
  const cost = words * common.param('memoryGas') + (words * words) / common.param('quadCoefficientDivGas');
  const added = cost > rs.highestMemCost ? cost - rs.highestMemCost : 0n;
  if (spent + added > rs.gasLeft) throw new EVMError(EVMError.errorMessages.OUT_OF_GAS);
  rs.highestMemCost = cost > rs.highestMemCost ? cost : rs.highestMemCost;
  rs.memoryWordCount = words;
  return added;
};
