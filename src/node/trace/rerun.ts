import type { Block } from '@ethereumjs/block';
import type { EVM, EVMResult, InterpreterStep, Message } from '@ethereumjs/evm';
import { bytesToHex } from '@ethereumjs/util';
import type { RunTxResult } from '@ethereumjs/vm';
import type { Chain } from '../chain/chain.ts';
import type { Cvm } from '../evm/cvm.ts';
import { DataUnavailable, type Inference } from '../evm/engine.ts';
import { CallTooLong } from '../evm/pulse.ts';
import { messageOf } from '../../support/index.ts';

/** Milliseconds that a block may run again for, without what others took in between. */
const LIMIT_MS = 60_000;

/** What is told while a block runs again. */
export interface Watch {
  /** Before a transaction; steps are told from here on where `step` is there. */
  readonly begin?: (index: number) => void;
  readonly enter?: (message: Message) => void;
  readonly leave?: (result: EVMResult) => void;
  readonly step?: (step: InterpreterStep) => void;
  /** `message` is the frame that ran it: that of the contract with the opcode, or the call of the precompile. */
  readonly inference?: (inference: Inference, transaction: number, message: Message | undefined) => void;
}

/** What a transaction did when it ran again. */
export interface Again {
  readonly index: number;
  /** Root of the state behind it. */
  readonly stateRoot: string;
  readonly result: RunTxResult;
}

/** A block ran again up to where a transaction could not stand in it. */
export interface AgainBlock {
  readonly transactions: readonly Again[];
  readonly refused?: { readonly index: number; readonly reason: string };
}

/** Has the machine tell of its frames, and keeps the stack of them. */
const attach = (cvm: Cvm, watch: Watch, transaction: () => number, stepped: () => boolean): void => {
  const frames: Message[] = [];
  const { events } = cvm.vm.evm as EVM;
  events.on('beforeMessage', (message: Message, go?: () => void) => {
    frames.push(message);
    watch.enter?.(message);
    go?.();
  });
  events.on('afterMessage', (result: EVMResult, go?: () => void) => {
    watch.leave?.(result);
    frames.pop();
    go?.();
  });
  const { step } = watch;
  if (step !== undefined)
    events.on('step', (data: InterpreterStep, go?: () => void) => {
      if (stepped()) step(data);
      go?.();
    });
  cvm.listener = (inference) => watch.inference?.(inference, transaction(), frames[frames.length - 1]);
};

/**
 * Runs the transactions of a block again on the state of its parent; the chain stays as it is, and goes on meanwhile.
 * @param last - index of the transaction to end with, and the only one whose steps are told; all when left out
 * @throws {DataUnavailable} this node lacks a file
 * @throws {CallTooLong} it ran for a minute
 */
export const runAgain = async (chain: Chain, parent: Block, block: Block, watch: Watch = {}, last?: number): Promise<AgainBlock> => {
  const cvm = await chain.machine();
  await cvm.vm.stateManager.setStateRoot(parent.header.stateRoot);
  let current = 0;
  attach(cvm, watch, () => current, () => last === undefined || current === last); // biome-ignore format: short
  const transactions: Again[] = [];
  let gasUsed = 0n;
  for (const [index, tx] of block.transactions.entries()) {
    if (last !== undefined && index > last) break;
    current = index;
    watch.begin?.(index);
    let result: RunTxResult;
    try {
      result = await cvm.runTx({ tx, block, blockGasUsed: gasUsed }, LIMIT_MS);
    } catch (error) {
      if (error instanceof DataUnavailable || error instanceof CallTooLong) throw error;
      return { transactions, refused: { index, reason: messageOf(error) } };
    }
    gasUsed += result.totalGasSpent;
    transactions.push({ index, result, stateRoot: bytesToHex(await cvm.vm.stateManager.getStateRoot()) });
  }
  return { transactions };
};
