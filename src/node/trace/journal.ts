import type { Block } from '@ethereumjs/block';
import { bytesToHex, concatBytes } from '@ethereumjs/util';
import { sha256 } from '../../support/index.ts';
import type { Chain } from '../chain/chain.ts';
import type { Inference } from '../evm/engine.ts';
import { runAgain } from './rerun.ts';

/** Inferences of a block that are written down; beyond it they are only counted. An entry is about a kilobyte of text. */
export const MAX_ENTRIES = 4096;

/** An inference without its bytes. */
export interface JournalEntry {
  /** Index of the transaction in the block. */
  readonly transaction: number;
  /** Address of the model. */
  readonly model: string;
  /** Of its package. */
  readonly hash: string;
  /** The contract that asked; the sender where a transaction calls the precompile. */
  readonly caller: string | undefined;
  /** SHA-256 of the packed inputs and outputs. */
  readonly input: string;
  readonly output: string;
  readonly seed: readonly [number, number];
  readonly gas: bigint;
  readonly operations: bigint;
}

/** What a transaction did, in what others can compare. */
export interface JournalTransaction {
  readonly hash: string;
  readonly succeeded: boolean;
  readonly gasUsed: bigint;
  /** SHA-256 of its logs: address, topics and data of each. */
  readonly logs: string;
  /** Root of the state behind it. */
  readonly stateRoot: string;
}

export interface Journal {
  /** In the order in which they ran, those of frames that reverted too. */
  readonly inferences: readonly JournalEntry[];
  /** All of them. */
  readonly count: number;
  readonly transactions: readonly JournalTransaction[];
  /** Why a transaction cannot stand in the block on this node, and which. */
  readonly refused?: { readonly index: number; readonly reason: string };
}

export const digestHex = (bytes: Uint8Array): string => bytesToHex(sha256(bytes));

type Frame = { readonly caller?: { toString(): string }; readonly to?: { toString(): string } } | undefined;

/** Who asked: a precompile is a frame of its own. */
export const callerOf = (frame: Frame, inferPrecompile: string): string | undefined =>
  frame?.to?.toString() === inferPrecompile ? frame.caller?.toString() : frame?.to?.toString();

const word = (n: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, n);
  return bytes;
};

/** Runs a block again and writes down what it did. @throws {DataUnavailable} */
export const journalOf = async (chain: Chain, parent: Block, block: Block): Promise<Journal> => {
  const inferences: JournalEntry[] = [];
  let count = 0;
  const precompile = chain.options.params.inferPrecompile.toString();
  const again = await runAgain(chain, parent, block, {
    inference: ({ model, meta, input, output, seed, gas }, transaction, frame) => {
      count++;
      if (inferences.length >= MAX_ENTRIES) return;
      inferences.push({
        transaction,
        model: model.toString(),
        hash: bytesToHex(meta.hash),
        caller: callerOf(frame, precompile),
        input: digestHex(input),
        output: digestHex(output),
        seed,
        gas,
        operations: meta.operations,
      });
    },
  });
  const transactions = again.transactions.map(({ index, result, stateRoot }) => ({
    hash: bytesToHex(block.transactions[index]?.hash() ?? new Uint8Array(32)),
    succeeded: result.execResult.exceptionError === undefined,
    gasUsed: result.totalGasSpent,
    logs: digestHex(
      concatBytes(
        ...result.receipt.logs.flatMap(([address, topics, data]) => [address, word(topics.length), ...topics, word(data.length), data]),
      ),
    ),
    stateRoot,
  }));
  return { inferences, count, transactions, ...(again.refused === undefined ? {} : { refused: again.refused }) };
};

/** The n-th inference of a block with its bytes; undefined where there are fewer. @throws {DataUnavailable} */
export const inferenceAt = async (chain: Chain, parent: Block, block: Block, n: number): Promise<Inference | undefined> => {
  let count = 0;
  let found: Inference | undefined;
  await runAgain(chain, parent, block, {
    inference: (inference) => {
      // the caller's memory may be written to later
      if (count++ === n) found = { ...inference, input: inference.input.slice(), output: inference.output.slice() };
    },
  });
  return found;
};
