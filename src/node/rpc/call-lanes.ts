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

/** A call that is done within this never waits for one that is not. */
const QUICK_MS = 20;

const isTooLong = (error: unknown): error is Error => error instanceof CallTooLong || error instanceof InferenceTooLong;

export type CallOptions = Parameters<Cvm['call']>[0];

/**
 * Where calls that change nothing run. Each begins in the quick lane, on the state of the chain; one that is not done soon is begun
 * again in the lane of long ones, on a machine of its own, so that short calls, reads and blocks go on meanwhile.
 */
export class CallLanes {
  readonly limits: CallLimits;
  private readonly chain: Chain;
  private readonly quick = new FairQueue('calls', { active: 4, waiting: 4096, perCaller: 64 });
  private readonly long = new FairQueue('long calls', { active: 1, waiting: 256, perCaller: 4 });
  private own: Promise<Cvm> | undefined;

  constructor(chain: Chain, limits: CallLimits = DEFAULT_CALL_LIMITS) {
    this.chain = chain;
    this.limits = limits;
  }

  /** Calls that run and that wait, by lane. */
  loads(): Readonly<Record<string, FairQueue['load']>> {
    return { quick: this.quick.load, long: this.long.load };
  }

  /**
   * Runs a call on the state after a block.
   * @throws {RpcError} it took longer than the limit, or too many wait
   * @throws {DataUnavailable}
   */
  run(block: Block, options: CallOptions, caller: Caller): Promise<ExecResult> {
    return this.with(block, caller, async (cvm, limitMs) => (await cvm.call(options, limitMs)).execResult);
  }

  /** The same for work that calls several times or looks at the state in between. `limitMs` holds for each call. */
  async with<T>(block: Block, caller: Caller, work: (cvm: Cvm, limitMs: number) => Promise<T>): Promise<T> {
    const { ms } = this.limits;
    try {
      return await this.quick.run(caller, () => this.chain.at(block, (cvm) => work(cvm, Math.min(QUICK_MS, ms))));
    } catch (error) {
      if (!isTooLong(error)) throw error;
    }
    try {
      return await this.long.run(caller, async () => {
        const cvm = await this.machine();
        await cvm.vm.stateManager.setStateRoot(block.header.stateRoot);
        return work(cvm, ms);
      });
    } catch (error) {
      if (isTooLong(error)) throw limitExceeded(`${error.message} (--call-ms)`);
      throw error;
    }
  }

  /** Work of the node itself in the lane of long calls. */
  alone<T>(caller: Caller, work: () => Promise<T>): Promise<T> {
    return this.long.run(caller, work);
  }

  /** A machine over the same nodes of the state, which the chain does not use. */
  private machine(): Promise<Cvm> {
    this.own ??= this.chain.machine();
    return this.own;
  }
}
