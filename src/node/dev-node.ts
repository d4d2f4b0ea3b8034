import { Hardfork } from '@ethereumjs/common';
import type { PrefixedHexString } from '@ethereumjs/util';
import type { Backend } from '../backends/index.ts';
import { Chain } from './chain/chain.ts';
import { DEFAULT_PARAMS } from './evm/params.ts';
import { createEngine, type LocalEngine, type ObjectSource } from './executor/engine.ts';
import { type NodeLog, noLog } from './log/index.ts';
import { type NodeMetrics, noMetrics } from './metrics/index.ts';
import { POLICIES, type PolicyName } from './executor/policy.ts';
import type { CallLimits } from './rpc/call-lanes.ts';
import { DEV_ACCOUNTS, DevNode } from './rpc/node.ts';
import { Layers } from './trace/layers.ts';
import type { KeyValue } from './store/kv.ts';
import { type FolderOptions, folderObjects, memoryObjects } from './store/objects.ts';

export interface DevOptions {
  /** Ready to compile (`loadBackend`). */
  readonly backend: Backend;
  readonly version: string;
  readonly chainId?: number;
  readonly hardfork?: Hardfork;
  /** Folder of packages and inputs; in memory when left out. */
  readonly objects?: string;
  /** What that folder keeps. */
  readonly keep?: FolderOptions;
  /** Where the chain is kept; in memory when left out. */
  readonly store?: KeyValue;
  readonly cacheBytes?: number;
  readonly policy?: PolicyName;
  readonly threads?: number;
  /** Runs the models, such as a service of workers; in this thread when left out. */
  readonly engineOf?: (objects: ObjectSource) => LocalEngine;
  readonly metrics?: NodeMetrics;
  readonly log?: NodeLog;
  /** Bounds of calls that change nothing. */
  readonly calls?: CallLimits;
  /** Seconds since 1970 of the genesis: that of the node whose chain this one follows. */
  readonly genesisTime?: number;
  /** Seconds since 1970. */
  readonly now: () => number;
}

const ETHER = 10n ** 18n;
/** A model on a development chain is usable a block after its upload, which one call meters. */
const DEV_PARAMS = { ...DEFAULT_PARAMS, matureBlocks: 1n };
const DEV_UPLOADS = { quotaPerBlock: 2n ** 40n, chunkBytes: 2n ** 40n, feePerByte: 0n };

/**
 * A chain of one node for development: ten funded accounts, a block for each transaction.
 * @throws {OtherChain} the store has a chain with other parameters
 */
export const createDevNode = async (options: DevOptions): Promise<DevNode> => {
  const {
    backend,
    version,
    chainId = 1337,
    hardfork = Hardfork.Cancun,
    now,
    objects,
    cacheBytes,
    policy = 'lru',
    threads,
    genesisTime,
  } = options;
  const store =
    objects === undefined
      ? memoryObjects(options.keep?.limitBytes, options.keep?.onGone)
      : folderObjects(objects, { now, ...options.keep });
  const ownEngine = (): LocalEngine =>
    createEngine({
      source: store,
      backend,
      policy: POLICIES[policy](),
      ...(cacheBytes === undefined ? {} : { cacheBytes }),
      ...(threads === undefined ? {} : { threads }),
    });
  const engine = options.engineOf?.(store) ?? ownEngine();
  const balances = new Map<PrefixedHexString, bigint>(DEV_ACCOUNTS.map((a) => [a.address.toString(), 10_000n * ETHER]));
  const chain = await Chain.create({
    chainId,
    hardfork,
    engine,
    params: DEV_PARAMS,
    uploads: DEV_UPLOADS,
    balances,
    gasLimit: 2n ** 32n,
    ...(genesisTime === undefined ? {} : { genesisTime }),
    ...(options.store === undefined ? {} : { store: options.store }),
    now,
  });
  const node = new DevNode(chain, store, version, options.calls);
  if (options.store !== undefined) await node.keepWaiting(options.store);
  node.metrics = options.metrics ?? noMetrics;
  node.log = options.log ?? noLog;
  node.layers = new Layers(store, backend, threads);
  return node;
};
