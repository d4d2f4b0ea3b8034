import type { Caller } from './caller.ts';
import { FairQueue, type QueueLimits } from './fair-queue.ts';

/** What a method costs the node: nothing to speak of, a look at the state, work in proportion to what is asked, a change. */
export type CostClass = 'free' | 'read' | 'work' | 'change';

const FREE: ReadonlySet<string> = new Set([
  'eth_chainId', 'eth_blockNumber', 'eth_accounts', 'eth_syncing', 'eth_gasPrice', 'eth_maxPriorityFeePerGas',
  'net_version', 'net_listening', 'net_peerCount', 'web3_clientVersion', 'cortex_parameters', 'eth_subscribe', 'eth_unsubscribe',
  // these have queues of their own, by how long they run
  'eth_call', 'eth_estimateGas', 'cortex_score',
]); // biome-ignore format: a list
const WORK: ReadonlySet<string> = new Set([
  'eth_getLogs', 'eth_getFilterLogs', 'eth_getFilterChanges', 'eth_feeHistory', 'eth_getProof', 'eth_createAccessList', 'eth_getBlockReceipts',
  'cortex_models', 'cortex_leaderboard', 'cortex_traceTransaction', 'cortex_inferences', 'cortex_layerDigest', 'cortex_layerResults', 'cortex_object', 'cortex_blocks',
]); // biome-ignore format: a list
const CHANGE = /^(evm|hardhat|anvil)_|^eth_send|^cortex_(put|pin|unpin|remove)/;

export const costOf = (method: string): CostClass => {
  if (FREE.has(method)) return 'free';
  if (WORK.has(method) || method.startsWith('debug_')) return 'work';
  return CHANGE.test(method) ? 'change' : 'read';
};

const LIMITS = {
  read: { active: 32, waiting: 8192, perCaller: 128 },
  work: { active: 4, waiting: 2048, perCaller: 16 },
  change: { active: 16, waiting: 4096, perCaller: 128 },
} as const satisfies Readonly<Record<Exclude<CostClass, 'free'>, QueueLimits>>;

/** A queue for each class of methods: whoever floods one holds up none of the others. */
export class Gates {
  private readonly queues = {
    read: new FairQueue('reads', LIMITS.read),
    work: new FairQueue('searches', LIMITS.work),
    change: new FairQueue('transactions', LIMITS.change),
  } as const;

  /** Runs a method when its turn comes. @throws {RpcError} busy */
  run<T>(method: string, caller: Caller, work: () => Promise<T>): Promise<T> {
    const cost = costOf(method);
    return cost === 'free' ? work() : this.queues[cost].run(caller, work);
  }

  /** Requests that run and that wait, by class. */
  loads(): Readonly<Record<string, { readonly active: number; readonly waiting: number }>> {
    const { read, work, change } = this.queues;
    return { read: read.load, work: work.load, change: change.load };
  }
}
