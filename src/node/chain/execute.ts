import type { Block } from '@ethereumjs/block';
import { createMPT } from '@ethereumjs/mpt';
import { RLP } from '@ethereumjs/rlp';
import type { TypedTransaction } from '@ethereumjs/tx';
import type { Address, PrefixedHexString } from '@ethereumjs/util';
import { encodeReceipt, type RunTxResult } from '@ethereumjs/vm';
import type { Cvm } from '../evm/cvm.ts';
import { DataUnavailable } from '../evm/engine.ts';
import { StateDamaged } from './state-nodes.ts';
import { messageOf } from '../../support/index.ts';

/** A transaction that ran. */
export interface Ran {
  readonly tx: TypedTransaction;
  readonly succeeded: boolean;
  /** Return data, of a revert as well. */
  readonly output: Uint8Array;
  readonly error: string | undefined;
  readonly gasUsed: bigint;
  readonly cumulativeGas: bigint;
  /** Wei a gas that was paid. */
  readonly gasPrice: bigint;
  readonly created: Address | undefined;
  readonly logs: readonly (readonly [address: Uint8Array, topics: readonly Uint8Array[], data: Uint8Array])[];
  readonly bloom: Uint8Array;
  /** Addresses of the models that it ran; left out where that is not known any more. */
  readonly models?: readonly PrefixedHexString[];
}

/** A transaction that cannot stand in a block: nothing was changed. */
export interface Refused {
  readonly tx: TypedTransaction;
  readonly reason: string;
  /** This node lacks a file: it may run later, and on other nodes. */
  readonly lacking?: DataUnavailable;
}

/** What the transactions of a block did. */
export interface Executed {
  readonly ran: readonly Ran[];
  readonly refused: readonly Refused[];
  readonly gasUsed: bigint;
  readonly stateRoot: Uint8Array;
  readonly receiptsRoot: Uint8Array;
  readonly bloom: Uint8Array;
}

const BLOOM_BYTES = 256;

const ranOf = (tx: TypedTransaction, r: RunTxResult, models: readonly PrefixedHexString[]): Ran => ({
  tx,
  succeeded: r.execResult.exceptionError === undefined,
  output: r.execResult.returnValue,
  error: r.execResult.exceptionError?.error,
  gasUsed: r.totalGasSpent,
  cumulativeGas: r.receipt.cumulativeBlockGasUsed,
  gasPrice: r.totalGasSpent === 0n ? 0n : r.amountSpent / r.totalGasSpent,
  created: r.createdAddress,
  logs: r.receipt.logs,
  bloom: r.receipt.bitvector,
  models,
});

/**
 * Runs transactions in order on the state of a machine.
 * @param block - with the header that the EVM shows to contracts
 * @param leaveOutLacking - whoever makes a block may leave out what needs a file that is not here; who checks one may not
 * @throws {StateDamaged}
 * @throws {DataUnavailable} the state is then somewhere within the block: the caller puts it back
 */
export const execute = async (
  cvm: Cvm,
  block: Block,
  txs: readonly TypedTransaction[],
  { leaveOutLacking = false }: { readonly leaveOutLacking?: boolean } = {},
): Promise<Executed> => {
  const ran: Ran[] = [];
  const refused: Refused[] = [];
  const receipts = await createMPT({ common: cvm.vm.common });
  const bloom = new Uint8Array(BLOOM_BYTES);
  let gasUsed = 0n;
  for (const tx of txs) {
    if (gasUsed + tx.gasLimit > block.header.gasLimit) {
      refused.push({ tx, reason: `gas limit ${tx.gasLimit} is above what the block has left, ${block.header.gasLimit - gasUsed}` });
      continue;
    }
    let result: RunTxResult;
    try {
      result = await cvm.runTx({ tx, block, blockGasUsed: gasUsed });
    } catch (error) {
      // what @ethereumjs/vm throws for a transaction that is not valid; a missing file or a damaged disk is not that
      if (error instanceof StateDamaged) throw error;
      const lacking = error instanceof DataUnavailable ? { lacking: error } : {};
      if (error instanceof DataUnavailable && !leaveOutLacking) throw error;
      refused.push({ tx, reason: messageOf(error), ...lacking });
      continue;
    }
    gasUsed += result.totalGasSpent;
    await receipts.put(RLP.encode(ran.length), encodeReceipt(result.receipt, tx.type));
    result.receipt.bitvector.forEach((b, i) => (bloom[i] = (bloom[i] ?? 0) | b));
    ran.push(ranOf(tx, result, cvm.usage.models()));
  }
  return { ran, refused, gasUsed, stateRoot: await cvm.vm.stateManager.getStateRoot(), receiptsRoot: receipts.root(), bloom };
};
