import type { Block } from '@ethereumjs/block';
import type { Hardfork } from '@ethereumjs/common';
import type { PrefixedHexString } from '@ethereumjs/util';
import type { UploadRules } from '../evm/cvm.ts';
import type { InferenceEngine } from '../evm/engine.ts';
import type { CvmParams } from '../evm/params.ts';
import type { KeyValue } from '../store/kv.ts';
import type { Ran } from './execute.ts';

export interface ChainOptions {
  readonly chainId: number;
  readonly hardfork?: Hardfork;
  readonly engine: InferenceEngine;
  readonly params: CvmParams;
  readonly uploads: UploadRules;
  /** Wei of each address in the genesis. */
  readonly balances: ReadonlyMap<PrefixedHexString, bigint>;
  readonly gasLimit: bigint;
  /** Seconds since 1970 of the genesis; the present when left out. Nodes of one chain have the same. */
  readonly genesisTime?: number;
  /** Where blocks and states are kept; in memory when left out. A chain that is there goes on. */
  readonly store?: KeyValue;
  /** Seconds since 1970; the one thing that a chain takes from outside. */
  readonly now: () => number;
}

/** A transaction that stands in a block. */
export interface Mined extends Ran {
  readonly block: Block;
  readonly index: number;
  /** Number of logs in the block before those of this transaction. */
  readonly firstLog: number;
}
