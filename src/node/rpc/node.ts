import type { Block } from '@ethereumjs/block';
import type { TypedTransaction } from '@ethereumjs/tx';
import { type Address, createAddressFromPrivateKey, hexToBytes, type PrefixedHexString } from '@ethereumjs/util';
import { Catalog } from '../catalog/catalog.ts';
import { Names } from '../catalog/names.ts';
import { chainSource } from '../catalog/source.ts';
import type { Chain, Mined } from '../chain/chain.ts';
import type { KeyValue } from '../store/kv.ts';
import { WaitingTransactions } from '../chain/waiting.ts';
import type { Layers } from '../trace/layers.ts';
import { type NodeLog, noLog } from '../log/index.ts';
import { noMetrics, type NodeMetrics } from '../metrics/index.ts';
import type { ManagedStore } from '../store/objects.ts';
import { type AdminGate, adminGate } from './admin.ts';
import type { Sharing } from '../store/sharing.ts';
import { type CallLimits, CallLanes } from './call-lanes.ts';
import { invalidParams, notFound, rejected } from './rpc-error.ts';
import { hex, readFixed, readQuantity } from './fields.ts';
import { refusalText } from './refusals.ts';

/**
 * Keys of the accounts that development chains fund: those of the mnemonic `test test test test test test test test test test test junk`
 * at m/44'/60'/0'/0/i, which Hardhat and Foundry use too. Everyone knows them.
 */
const DEV_KEYS: readonly PrefixedHexString[] = [
  '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
  '0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6',
  '0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a',
  '0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba',
  '0x92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e',
  '0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356',
  '0xdbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97',
  '0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6',
];

export interface DevAccount {
  readonly address: Address;
  readonly key: Uint8Array;
}

export const DEV_ACCOUNTS: readonly DevAccount[] = DEV_KEYS.map((text) => {
  const key = hexToBytes(text);
  return { address: createAddressFromPrivateKey(key), key };
});

/** A node of a development chain: what the methods of its RPC work with. */
export class DevNode {
  readonly chain: Chain;
  readonly objects: ManagedStore;
  readonly version: string;
  /** The models of the chain, and what their packages say of them. */
  readonly catalog: Catalog;
  readonly names: Names;
  /** Where calls that change nothing run. */
  readonly calls: CallLanes;
  /** The inside of models on the backend of this node. */
  layers: Layers | undefined;
  /** Where transactions go when another node makes the blocks. */
  forward: ((tx: TypedTransaction) => Promise<Uint8Array>) | undefined;
  /** Offers packages of this node to others, where there are ways to do so. */
  sharing: Sharing | undefined;
  /** Who may remove and pin packages. */
  admin: AdminGate = adminGate({ loopback: true });
  /** For people who watch the node. */
  metrics: NodeMetrics = noMetrics;
  log: NodeLog = noLog;
  /** A block for each transaction, at once. */
  automine = true;
  private pool = new WaitingTransactions();

  constructor(chain: Chain, objects: ManagedStore, version: string, limits?: CallLimits) {
    this.chain = chain;
    this.objects = objects;
    this.version = version;
    this.catalog = new Catalog(chainSource(chain));
    this.names = new Names(objects);
    this.calls = new CallLanes(chain, limits);
  }

  /** Takes a transaction. @returns its hash; rejects with the reason when it cannot run */
  async submit(tx: TypedTransaction): Promise<Uint8Array> {
    if (!tx.isSigned()) throw rejected('the transaction has no signature');
    if (this.forward !== undefined) return this.forward(tx);
    if (!this.automine) {
      const refused = await this.pool.add(tx);
      if (refused !== undefined) throw rejected(refused);
      return tx.hash();
    }
    const { refused } = await this.timed(() => this.chain.mine([tx], { empty: false }));
    const [first] = refused;
    if (first !== undefined) throw first.lacking ?? rejected(refusalText(first.reason));
    return tx.hash();
  }

  /** Makes a block of what waits. What needs a file that is not here, and what its sender sent after it, waits on. */
  async mine(): Promise<readonly Mined[]> {
    if (this.forward !== undefined) throw rejected('this node follows another, which makes the blocks');
    const txs = this.pool.all();
    const { mined, refused } = await this.timed(() => this.chain.mine(txs));
    const stuck = new Set(refused.flatMap((r) => (r.lacking === undefined ? [] : [r.tx.getSenderAddress().toString()])));
    const left = new Set(refused.filter((r) => stuck.has(r.tx.getSenderAddress().toString())).map((r) => r.tx));
    await this.pool.done(txs.filter((tx) => !left.has(tx)));
    return mined;
  }

  /** Keeps what waits in a store from now on, and takes up what waited there. */
  async keepWaiting(store: KeyValue): Promise<void> {
    this.pool = await WaitingTransactions.open(store, this.chain.common);
  }

  /** Does something with blocks, and tells how long it took where it succeeds. */
  async timed<T>(work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    const result = await work();
    this.metrics.time('block', (performance.now() - started) / 1000);
    return result;
  }

  /** Transactions that wait for a block. */
  get waiting(): number {
    return this.pool.count;
  }

  waitingOf(address: Address): number {
    return this.pool.of(address);
  }

  /** The block that a tag, a number or a hash names. */
  async block(tag: unknown): Promise<Block> {
    const { chain } = this;
    const { head } = chain;
    if (tag === undefined || tag === null || tag === 'latest' || tag === 'pending' || tag === 'safe' || tag === 'finalized') return head;
    if (tag === 'earliest') return (await chain.block(0)) ?? head;
    if (typeof tag === 'object' && 'blockHash' in tag)
      return (await chain.blockByHash(hex(readFixed(tag.blockHash, 32, 'blockHash')))) ?? missing('block');
    if (typeof tag === 'object' && 'blockNumber' in tag) return this.block(tag.blockNumber);
    if (typeof tag !== 'string') throw invalidParams('a block is named by a tag, a number or a hash');
    return (await chain.block(readQuantity(tag, 'block'))) ?? missing(`block ${tag}`);
  }
}

const missing = (what: string): never => {
  throw notFound(what);
};
