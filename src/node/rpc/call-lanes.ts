import type { Block } from '@ethereumjs/block';
import type { ExecResult } from '@ethereumjs/evm';
import type { Chain } from '../chain/chain.ts';
import type { Cvm } from '../evm/cvm.ts';
import { CallTooLong } from '../evm/pulse.ts';
import { InferenceTooLong } from '../executor/outcomes.ts';
import type { Caller } from './caller.ts';
import { FairQueue } from './fair-queue.ts';
import { limitExceeded } from './rpc-error.ts';

export interface CallLimits {
  /** Gas of one call at most; what a call leaves out or asks above becomes this. */
  readonly gas: bigint;
  /** Milliseconds of running of one call at most. */
  readonly ms: number;
}

/** Enough for an inference of 2.6 trillion operations, and for the longest registration. */
export const DEFAULT_CALL_LIMITS: CallLimits = { gas: 2n ** 27n, ms: 5_000 };

/** Milliseconds of the first lanes; the last has the limit of the node. */
const QUICK_MS = 20;
const MIDDLE_MS = 250;
/** Short calls side by side: one that takes its time to end, deep in frames, does not hold up the others. */
const QUICK_MACHINES = 3;

const isTooLong = (error: unknown): error is Error => error instanceof CallTooLong || error instanceof InferenceTooLong;

export type CallOptions = Parameters<Cvm['call']>[0];

/** Calls up to a length, and the machine that they run on. */
interface Lane {
  readonly ms: number;
  readonly queue: FairQueue;
  readonly run: <T>(block: Block, work: (cvm: Cvm) => Promise<T>) => Promise<T>;
}

/**
 * Where calls that change nothing run. Each begins in the quick lane; one that is not done soon is begun again in the next. Each lane
 * has machines of its own, so that what is short never waits for what is long, and blocks go on meanwhile. The lanes
 * run side by side, a slice of some milliseconds each.
 */
export class CallLanes {
  readonly limits: CallLimits;
  private readonly chain: Chain;
  private readonly lanes: readonly Lane[];
  private readonly last: FairQueue;

  constructor(chain: Chain, limits: CallLimits = DEFAULT_CALL_LIMITS) {
    this.chain = chain;
    this.limits = limits;
    this.last = new FairQueue('long calls', { active: 1, waiting: 256, perCaller: 4 });
    const quick = new FairQueue('calls', { active: QUICK_MACHINES, waiting: 4096, perCaller: 64 });
    const middle = new FairQueue('calls', { active: 1, waiting: 1024, perCaller: 16 });
    const lanes: readonly Lane[] = [
      { ms: QUICK_MS, queue: quick, run: this.apart(QUICK_MACHINES) },
      { ms: MIDDLE_MS, queue: middle, run: this.apart(1) },
      { ms: limits.ms, queue: this.last, run: this.apart(1) },
    ];
    this.lanes = lanes.filter(({ ms }, i) => ms < limits.ms || i === lanes.length - 1);
  }

  /** Calls that run and that wait, by lane. */
  loads(): readonly FairQueue['load'][] {
    return this.lanes.map(({ queue }) => queue.load);
  }

  /**
   * Runs a call on the state after a block.
   * @throws {RpcError} it took longer than the limit, or too many wait
   * @throws {DataUnavailable}
   */
  async run(block: Block, options: CallOptions, caller: Caller): Promise<ExecResult> {
    let reason = '';
    for (const { ms, queue, run } of this.lanes) {
      const bound = { ms, gone: () => caller.gone() };
      try {
        return await queue.run(caller, () => run(block, async (cvm) => (await cvm.call(options, bound)).execResult));
      } catch (error) {
        if (!isTooLong(error)) throw error;
        reason = error.message;
        if (caller.gone()) break;
      }
    }
    throw limitExceeded(`${reason} (--call-ms)`);
  }

  /** Work of the node itself in the lane of long calls. */
  alone<T>(caller: Caller, work: () => Promise<T>): Promise<T> {
    return this.last.run(caller, work);
  }

  /** Machines over the states of the chain, which the chain does not use; each is made when it is needed. */
  private apart(count: number): Lane['run'] {
    const free: (Promise<Cvm> | undefined)[] = Array.from({ length: count }, () => undefined);
    return async (block, work) => {
      // no more run at a time than there are machines
      const machine = free.pop() ?? this.chain.machine();
      try {
        const cvm = await machine;
        await cvm.vm.stateManager.setStateRoot(block.header.stateRoot);
        return await work(cvm);
      } finally {
        free.push(machine);
      }
    };
  }
}
