import { type Block, createBlock, genTransactionsTrieRoot, type HeaderData } from '@ethereumjs/block';
import { type Common, createCustomCommon, Hardfork, Mainnet } from '@ethereumjs/common';
import { createMPT } from '@ethereumjs/mpt';
import { MerkleStateManager } from '@ethereumjs/statemanager';
import type { TypedTransaction } from '@ethereumjs/tx';
import { Account, Address, bytesToHex, hexToBytes, ValueEncoding } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { Cvm } from '../evm/cvm.ts';
import { Queue } from '../evm/queue.ts';
import { type KeyValue, type KeyValueChange, memoryKeyValue } from '../store/kv.ts';
import type { ChainOptions, Mined } from './options.ts';

export type { ChainOptions, Mined } from './options.ts';
import { Archive, type Archived } from './archive.ts';
import { type Executed, execute, type Ran, type Refused } from './execute.ts';
import { describeGenesis, OtherChain } from './identity.ts';
import { StateDamaged, StateNodes } from './state-nodes.ts';

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

/** Told of what becomes of the head. It must not throw, and is not waited for. */
export interface ChainWatcher {
  readonly added: (block: Block) => void;
  /** Blocks above this height are gone. */
  readonly wentBack: (height: number) => void;
  /** A block could be neither made nor checked, for what the disk no longer has: none can be from now on. */
  readonly damaged?: (error: StateDamaged) => void;
}

const GENESIS = 'genesis';
/** Seconds since 1970 that no clock of a chain goes beyond: in the year 36812. */
export const LATEST_TIME = 2 ** 40;

/** A chain whose blocks this process makes or checks; its state is kept for every block. */
export class Chain {
  readonly cvm: Cvm;
  readonly common: Common;
  readonly options: ChainOptions;
  /** Blocks that were given up at the start because what is kept of them was not whole. */
  lost = 0;
  readonly watchers = new Set<ChainWatcher>();
  private readonly store: KeyValue;
  private readonly archive: Archive;
  private readonly nodes: StateNodes;
  /** The latest block. */
  private latest!: Block;
  private readonly saved: Saved[] = [];
  /** One block at a time: the state is one. */
  private readonly queue = new Queue();
  /** Looks at states on a machine of its own, so that they do not wait for blocks. */
  private readonly looks = new Queue();
  private looker: Promise<Cvm> | undefined;
  private offset = 0;
  private nextTimestamp: number | undefined;

  private constructor(cvm: Cvm, nodes: StateNodes, store: KeyValue, options: ChainOptions) {
    this.cvm = cvm;
    this.nodes = nodes;
    this.store = store;
    this.common = cvm.vm.common;
    this.archive = new Archive(store, this.common);
    this.options = options;
  }

  /**
   * Begins a chain, or goes on with the one in the store.
   * @throws {OtherChain} the store has a chain with other parameters
   */
  static async create(options: ChainOptions): Promise<Chain> {
    const { chainId, hardfork = Hardfork.Cancun, store = memoryKeyValue() } = options;
    const common = createCustomCommon({ chainId, name: 'cortex-dev' }, Mainnet, { hardfork });
    const nodes = new StateNodes(store);
    const chain = new Chain(await machineOn(nodes, common, options), nodes, store, options);
    const there = await store.get(GENESIS);
    if (there === undefined) await chain.begin();
    else await chain.goOn(new TextDecoder().decode(there));
    return chain;
  }

  private async begin(): Promise<void> {
    const { options } = this;
    const { stateManager: state } = this.cvm.vm;
    for (const [address, wei] of options.balances) await state.putAccount(new Address(hexToBytes(address)), new Account(0n, wei));
    await this.cvm.installRegistry(options.uploads);
    const header = {
      number: 0,
      stateRoot: await state.getStateRoot(),
      gasLimit: options.gasLimit,
      timestamp: options.genesisTime ?? options.now(),
      baseFeePerGas: 10n ** 9n,
    };
    const description = new TextEncoder().encode(JSON.stringify(describeGenesis(options)));
    await this.append(this.blockOf(header, []), [], [{ type: 'put', key: GENESIS, value: description }]);
  }

  /** Takes up the chain of the store, at the last block that is whole. */
  private async goOn(description: string): Promise<void> {
    const problem = OtherChain.compare(describeGenesis(this.options), description);
    if (problem !== undefined) throw problem;
    const top = (await this.archive.headNumber()) ?? 0;
    for (let n = top; n >= 0; n--) {
      const found = await this.archive.byNumber(n);
      if (found === undefined || !(await this.isWhole(found))) continue;
      if (n < top) await this.store.batch(await this.archive.cut(top, n), true);
      this.archive.forgetAbove(n);
      this.lost = top - n;
      this.latest = found.block;
      await this.cvm.vm.stateManager.setStateRoot(found.block.header.stateRoot);
      return;
    }
    throw new OtherChain('blocks', 'at least the genesis', 'none that is whole');
  }

  /** Whether a block follows its parent and its state is there. */
  private async isWhole({ block }: Archived): Promise<boolean> {
    const parent = block.header.number === 0n ? undefined : await this.archive.byNumber(Number(block.header.number) - 1);
    const follows =
      block.header.number === 0n || (parent !== undefined && bytesToHex(parent.block.hash()) === bytesToHex(block.header.parentHash));
    return follows && (await this.nodes.has(block.header.stateRoot));
  }

  /** A machine of its own over the states of the chain; what it changes is seen by nobody else. */
  machine(): Promise<Cvm> {
    return machineOn(new StateNodes(this.store), this.common.copy(), this.options);
  }

  /** Ends the use of the store. */
  close(): Promise<void> {
    return this.queue.run(() => this.store.close());
  }

  get head(): Block {
    return this.latest;
  }

  private blockOf(header: HeaderData, transactions: readonly TypedTransaction[]): Block {
    return createBlock(
      { header, transactions: [...transactions], withdrawals: [] },
      { common: this.common, setHardfork: false, skipConsensusFormatValidation: true },
    );
  }

  /** Makes a block the head. It is in the store with its state when this resolves, or nothing of it is. */
  private async append(block: Block, ran: readonly Ran[], more: readonly KeyValueChange[] = []): Promise<Archived> {
    const { archived, changes } = this.archive.append(block, ran);
    await this.store.batch([...this.nodes.changes(), ...changes, ...more], true);
    this.nodes.settle();
    this.archive.remember(Number(block.header.number), archived);
    this.latest = block;
    for (const watcher of this.watchers) watcher.added(block);
    return archived;
  }

  /** The block with a number; undefined: there is none. */
  async block(number: number | bigint): Promise<Block | undefined> {
    return (await this.archive.byNumber(Number(number)))?.block;
  }
  async blockByHash(hash: string): Promise<Block | undefined> {
    return (await this.archive.byHash(hash))?.block;
  }
  transaction(hash: string): Promise<Mined | undefined> {
    return this.archive.transaction(hash);
  }
  async transactionsOf(block: Block): Promise<readonly Mined[]> {
    const found = await this.archive.byNumber(Number(block.header.number));
    return found !== undefined && bytesToHex(found.block.hash()) === bytesToHex(block.hash()) ? found.mined : [];
  }

  /** Header of the block after the head, before its transactions ran. */
  nextHeader(): HeaderData {
    const parent = this.head.header;
    const asked = this.nextTimestamp ?? this.options.now() + this.offset;
    // a clock that says nothing of use does not count; later than this, a second more would get lost
    const time = Number.isSafeInteger(asked) && asked <= LATEST_TIME ? asked : 0;
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
   * Makes a block of transactions; those that cannot stand in it, and those that need a file that is not here, are left out and told.
   * @param empty - whether a block without transactions is made; if not, the head stays and is given back
   */
  mine(txs: readonly TypedTransaction[], { empty = true }: { readonly empty?: boolean } = {}): Promise<MinedBlock> {
    return this.alone(() => this.make(txs, empty));
  }

  private async make(txs: readonly TypedTransaction[], empty: boolean): Promise<MinedBlock> {
    const header = this.nextHeader();
    const done = await execute(this.cvm, this.blockOf(header, []), txs, { leaveOutLacking: true });
    if (!empty && done.ran.length === 0) return { block: this.head, mined: [], refused: done.refused };
    this.nextTimestamp = undefined;
    const kept = done.ran.map((r) => r.tx);
    const block = this.blockOf({ ...header, ...(await this.results(done, kept)) }, kept);
    const { mined } = await this.append(block, done.ran);
    return { block, mined, refused: done.refused };
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
    await this.append(block, done.ran);
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
        try {
          return await work();
        } finally {
          this.nodes.forget();
          await this.cvm.vm.stateManager.setStateRoot(this.head.header.stateRoot);
        }
      } catch (error) {
        if (error instanceof StateDamaged) for (const watcher of this.watchers) watcher.damaged?.(error);
        throw error;
      }
    });
  }

  /** Looks at the state after a block, on a machine that makes no blocks; what `work` changes is forgotten. */
  at<T>(block: Block, work: (cvm: Cvm) => Promise<T>): Promise<T> {
    return this.looks.run(async () => {
      this.looker ??= this.machine();
      const cvm = await this.looker;
      await cvm.vm.stateManager.setStateRoot(block.header.stateRoot);
      return work(cvm);
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

  /** Remembers the head, for as long as the process runs. @returns its number, for `revert` */
  snapshot(): number {
    this.saved.push({ height: Number(this.head.header.number) });
    return this.saved.length;
  }

  /** Goes back to a remembered head; it and all after it are forgotten. */
  revert(id: number): Promise<boolean> {
    return this.alone(() => this.forget(id));
  }

  private async forget(id: number): Promise<boolean> {
    const found = this.saved[id - 1];
    if (found === undefined) return false;
    const head = await this.archive.byNumber(found.height);
    if (head === undefined) return false;
    this.saved.length = id - 1;
    await this.store.batch(await this.archive.cut(Number(this.head.header.number), found.height), true);
    this.archive.forgetAbove(found.height);
    this.latest = head.block;
    for (const watcher of this.watchers) watcher.wentBack(found.height);
    return true;
  }
}

/** A machine over nodes of states. */
const machineOn = async (nodes: StateNodes, common: Common, { engine, params }: ChainOptions): Promise<Cvm> => {
  const trie = await createMPT({ db: nodes, useKeyHashing: true, common, valueEncoding: ValueEncoding.Bytes });
  return Cvm.create({ common, engine, params, state: new MerkleStateManager({ common, trie }) });
};
