import { type Block, createBlock, genTransactionsTrieRoot, type HeaderData } from '@ethereumjs/block';
import { type Common, createCustomCommon, Hardfork, Mainnet } from '@ethereumjs/common';
import type { TypedTransaction } from '@ethereumjs/tx';
import { Account, Address, bytesToHex, hexToBytes, type PrefixedHexString } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { Cvm, type UploadRules } from '../evm/cvm.ts';
import type { InferenceEngine } from '../evm/engine.ts';
import type { CvmParams } from '../evm/params.ts';
import { Queue } from '../evm/queue.ts';
import { type Executed, execute, type Ran, type Refused } from './execute.ts';

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

/** A block is not what its header says, or does not follow the head. */
export interface Disagreement {
  readonly what: 'parent' | 'state root' | 'receipts root' | 'gas used' | 'logs bloom' | 'transactions';
  readonly expected: string;
  readonly found: string;
}

export interface MinedBlock {
  readonly block: Block;
  readonly mined: readonly Mined[];
  /** Transactions that cannot stand in a block. */
  readonly refused: readonly Refused[];
}

interface Saved {
  readonly height: number;
}

/** A chain whose blocks this process makes or checks; its state is kept for every block. */
export class Chain {
  readonly cvm: Cvm;
  readonly common: Common;
  readonly options: ChainOptions;
  /** By number. */
  readonly blocks: Block[] = [];
  private readonly mined = new Map<string, Mined>();
  private readonly byHash = new Map<string, Block>();
  private readonly inBlock = new Map<string, readonly Mined[]>();
  private readonly saved: Saved[] = [];
  /** A block and a call never run at the same time: the state is one. */
  private readonly queue = new Queue();
  private offset = 0;
  private nextTimestamp: number | undefined;

  private constructor(cvm: Cvm, options: ChainOptions) {
    this.cvm = cvm;
    this.common = cvm.vm.common;
    this.options = options;
  }

  static async create(options: ChainOptions): Promise<Chain> {
    const { chainId, engine, params, hardfork = Hardfork.Cancun } = options;
    const common = createCustomCommon({ chainId, name: 'cortex-dev' }, Mainnet, { hardfork });
    const chain = new Chain(await Cvm.create({ common, engine, params }), options);
    const { stateManager: state } = chain.cvm.vm;
    for (const [address, wei] of options.balances) await state.putAccount(new Address(hexToBytes(address)), new Account(0n, wei));
    await chain.cvm.installRegistry(options.uploads);
    const header = {
      number: 0,
      stateRoot: await state.getStateRoot(),
      gasLimit: options.gasLimit,
      timestamp: options.genesisTime ?? options.now(),
      baseFeePerGas: 10n ** 9n,
    };
    chain.append(chain.blockOf(header, []), []);
    return chain;
  }

  get head(): Block {
    return this.blocks[this.blocks.length - 1] as Block;
  }

  private blockOf(header: HeaderData, transactions: readonly TypedTransaction[]): Block {
    return createBlock(
      { header, transactions: [...transactions], withdrawals: [] },
      { common: this.common, setHardfork: false, skipConsensusFormatValidation: true },
    );
  }

  private append(block: Block, ran: readonly Ran[]): void {
    this.blocks.push(block);
    this.byHash.set(bytesToHex(block.hash()), block);
    let firstLog = 0;
    const all = ran.map((r, index) => {
      const mined: Mined = { ...r, block, index, firstLog };
      firstLog += r.logs.length;
      this.mined.set(bytesToHex(r.tx.hash()), mined);
      return mined;
    });
    this.inBlock.set(bytesToHex(block.hash()), all);
  }

  blockByHash(hash: string): Block | undefined {
    return this.byHash.get(hash);
  }
  transaction(hash: string): Mined | undefined {
    return this.mined.get(hash);
  }
  transactionsOf(block: Block): readonly Mined[] {
    return this.inBlock.get(bytesToHex(block.hash())) ?? [];
  }

  /** Header of the block after the head, before its transactions ran. */
  nextHeader(): HeaderData {
    const parent = this.head.header;
    const time = this.nextTimestamp ?? this.options.now() + this.offset;
    return {
      number: parent.number + 1n,
      parentHash: parent.hash(),
      // a block is later than its parent
      timestamp: BigInt(Math.max(time, Number(parent.timestamp) + 1)),
      gasLimit: this.options.gasLimit,
      baseFeePerGas: parent.calcNextBaseFee(),
      // nobody proposes blocks of this chain against others: the seed follows from the parent
      mixHash: keccak_256(parent.hash()),
      parentBeaconBlockRoot: new Uint8Array(32),
    };
  }

  /** The block that a call sees: the next one. */
  pendingBlock(): Block {
    return this.blockOf(this.nextHeader(), []);
  }

  /**
   * Makes a block of transactions; those that cannot stand in it are left out and told.
   * @throws {DataUnavailable} nothing is changed
   */
  mine(txs: readonly TypedTransaction[]): Promise<MinedBlock> {
    return this.alone(() => this.make(txs));
  }

  private async make(txs: readonly TypedTransaction[]): Promise<MinedBlock> {
    const header = this.nextHeader();
    const done = await execute(this.cvm, this.blockOf(header, []), txs);
    this.nextTimestamp = undefined;
    const kept = done.ran.map((r) => r.tx);
    const block = this.blockOf({ ...header, ...(await this.results(done, kept)) }, kept);
    this.append(block, done.ran);
    return { block, mined: this.transactionsOf(block), refused: done.refused };
  }

  /**
   * Takes a block that another node made, when running it here gives what its header says.
   * @returns what differs; undefined: the block is the new head
   * @throws {DataUnavailable} nothing is changed
   */
  accept(block: Block): Promise<Disagreement | undefined> {
    return this.alone(() => this.check(block));
  }

  private async check(block: Block): Promise<Disagreement | undefined> {
    const parent = bytesToHex(this.head.hash());
    if (bytesToHex(block.header.parentHash) !== parent)
      return { what: 'parent', expected: parent, found: bytesToHex(block.header.parentHash) };
    const done = await execute(this.cvm, block, block.transactions);
    const { header } = block;
    const own = await this.results(
      done,
      done.ran.map((r) => r.tx),
    );
    const pairs = [
      ['transactions', header.transactionsTrie, own.transactionsTrie],
      ['gas used', header.gasUsed, own.gasUsed],
      ['receipts root', header.receiptTrie, own.receiptTrie],
      ['logs bloom', header.logsBloom, own.logsBloom],
      ['state root', header.stateRoot, own.stateRoot],
    ] as const;
    const text = (v: bigint | Uint8Array): string => (typeof v === 'bigint' ? String(v) : bytesToHex(v));
    const wrong = pairs.find(([, expected, found]) => text(expected) !== text(found));
    if (wrong !== undefined) return { what: wrong[0], expected: text(wrong[1]), found: text(wrong[2]) };
    this.append(block, done.ran);
    return undefined;
  }

  private async results(done: Executed, txs: readonly TypedTransaction[]) {
    return {
      stateRoot: done.stateRoot,
      receiptTrie: done.receiptsRoot,
      logsBloom: done.bloom,
      gasUsed: done.gasUsed,
      transactionsTrie: await genTransactionsTrieRoot([...txs]),
    };
  }

  /** Does something with the state to itself; the state is that of the head before and after. */
  private alone<T>(work: () => Promise<T>): Promise<T> {
    return this.queue.run(async () => {
      try {
        return await work();
      } finally {
        await this.cvm.vm.stateManager.setStateRoot(this.head.header.stateRoot);
      }
    });
  }

  /** Looks at the state after a block; what `work` changes is forgotten. */
  at<T>(block: Block, work: (cvm: Cvm) => Promise<T>): Promise<T> {
    return this.alone(async () => {
      await this.cvm.vm.stateManager.setStateRoot(block.header.stateRoot);
      return work(this.cvm);
    });
  }

  /** Seconds that blocks are ahead of the clock. */
  increaseTime(seconds: number): number {
    this.offset += seconds;
    return this.offset;
  }
  setNextTimestamp(seconds: number): void {
    this.nextTimestamp = seconds;
  }

  /** Remembers the head. @returns its number, for `revert` */
  snapshot(): number {
    this.saved.push({ height: this.blocks.length });
    return this.saved.length;
  }

  /** Goes back to a remembered head; it and all after it are forgotten. */
  revert(id: number): Promise<boolean> {
    return this.alone(() => Promise.resolve(this.forget(id)));
  }

  private forget(id: number): boolean {
    const found = this.saved[id - 1];
    if (found === undefined) return false;
    this.saved.length = id - 1;
    for (const block of this.blocks.splice(found.height)) {
      const hash = bytesToHex(block.hash());
      for (const m of this.inBlock.get(hash) ?? []) this.mined.delete(bytesToHex(m.tx.hash()));
      this.inBlock.delete(hash);
      this.byHash.delete(hash);
    }
    return true;
  }
}
