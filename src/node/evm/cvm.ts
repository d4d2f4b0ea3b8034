import type { Common } from '@ethereumjs/common';
import { MerkleStateManager } from '@ethereumjs/statemanager';
import { Account, Address, bigIntToBytes, bytesToHex, hexToBytes, type PrefixedHexString, setLengthLeft } from '@ethereumjs/util';
import { createVM, runTx, type RunTxOpts, type RunTxResult, type VM } from '@ethereumjs/vm';
import { REGISTRY_CODE } from '../contracts/registry.ts';
import { SCORES_CODE } from '../contracts/scores.ts';
import type { DataUnavailable, Inference, InferenceEngine, InferenceRequest } from './engine.ts';
import { type CvmContext, cvmOpcodes } from './opcodes.ts';
import { type CvmParams, DEFAULT_PARAMS } from './params.ts';
import { cvmPrecompiles } from './precompile.ts';
import { attachPulse, type CallBound, jumpdest, Pulse } from './pulse.ts';
import { Queue } from './queue.ts';
import { UsageCount } from './usage.ts';

/** What the registry of a chain meters uploads with. */
export interface UploadRules {
  /** Bytes that every block adds to the quota. */
  readonly quotaPerBlock: bigint;
  /** Most bytes that one call meters. */
  readonly chunkBytes: bigint;
  /** Wei a byte at registration. */
  readonly feePerByte: bigint;
}

/** Those of the main net of the Cortex chain (params/protocol_params.go), which takes no fee for storage. */
export const CORTEX_UPLOADS: UploadRules = { quotaPerBlock: 65_536n, chunkBytes: 524_288n, feePerByte: 0n };

export interface CvmOptions {
  readonly common: Common;
  readonly engine: InferenceEngine;
  readonly params?: CvmParams;
  readonly state?: MerkleStateManager;
}

/** Word of storage at a numbered slot. */
const slot = (n: number): Uint8Array => setLengthLeft(Uint8Array.of(n), 32);

/**
 * An EVM with INFER and INFERARRAY, and the same as a precompile. One transaction runs at a time: calls wait for each other
 * (@ethereumjs/vm is not re-entrant).
 */
export class Cvm {
  readonly vm: VM;
  readonly params: CvmParams;
  private missing: DataUnavailable | undefined;
  /** Told of each inference when it was paid for, also in frames that revert; for traces. Nothing of it is kept here. */
  listener: ((inference: Inference) => void) | undefined;
  /** Gas of authors' fees in the transaction or call that ran last, by address, in the order of the first use. */
  private readonly fees = new Map<PrefixedHexString, bigint>();
  /** Uses of models by the transaction or call that ran last. */
  readonly usage = new UsageCount();
  private readonly pulse: Pulse;
  private readonly queue = new Queue();
  /** Of the call that runs; undefined while a transaction does. */
  private calling: InferenceRequest['call'];

  private constructor(vm: VM, params: CvmParams, pulse: Pulse) {
    this.vm = vm;
    this.params = params;
    this.pulse = pulse;
  }

  static async create({ common, engine, params = DEFAULT_PARAMS, state }: CvmOptions): Promise<Cvm> {
    // opcodes are made before the machine that they tell of missing files
    const late: { cvm?: Cvm } = {};
    const pulse = new Pulse();
    const context: CvmContext = {
      params,
      pulse,
      engine: {
        // one thing at a time runs on a machine, so that what it runs for is known
        infer: (request) => engine.infer(late.cvm?.calling === undefined ? request : { ...request, call: late.cvm.calling }),
        readInput: (hash, size) => engine.readInput(hash, size),
      },
      unavailable: (error) => {
        if (late.cvm !== undefined) late.cvm.missing ??= error;
      },
      inferred: (inference) => {
        late.cvm?.note(inference);
      },
    };
    const vm = await createVM({
      common,
      stateManager: state ?? new MerkleStateManager({ common }),
      evmOpts: { customOpcodes: [...cvmOpcodes(context), jumpdest(pulse)], customPrecompiles: cvmPrecompiles(context) },
    });
    attachPulse(vm, pulse);
    const cvm = new Cvm(vm, params, pulse);
    late.cvm = cvm;
    return cvm;
  }

  /** Puts the registry into the state: part of the genesis of a chain. */
  async installRegistry(rules: UploadRules): Promise<void> {
    const { stateManager: state } = this.vm;
    const { registry, verifyPrecompile, inferPrecompile, scorePrecompile, scores } = this.params;
    await state.putAccount(registry, new Account(1n, 0n));
    await state.putCode(registry, hexToBytes(REGISTRY_CODE as `0x${string}`));
    await state.putAccount(scores, new Account(1n, 0n));
    await state.putCode(scores, hexToBytes(SCORES_CODE as `0x${string}`));
    const words = [
      [3, rules.quotaPerBlock],
      [4, rules.chunkBytes],
      [5, rules.feePerByte],
      [7, this.params.maxModelBytes],
    ] as const;
    for (const [n, value] of words) if (value > 0n) await state.putStorage(registry, slot(n), bigIntToBytes(value));
    // Solidity asks whether an address has code before it calls it
    for (const address of [verifyPrecompile, inferPrecompile, scorePrecompile]) {
      await state.putAccount(address, new Account(1n, 0n));
      await state.putCode(address, Uint8Array.of(0xfe));
    }
  }

  /**
   * Runs a transaction, and gives the authors of models their part of what the block's proposer earned.
   * @param limitMs - of its own running, for traces alone: a transaction of a block has no limit but its gas
   * @throws {DataUnavailable} this node lacks a file: the state is as before
   * @throws {CallTooLong} it was ended at the limit: the state is as before
   */
  runTx(options: RunTxOpts, limitMs?: number): Promise<RunTxResult> {
    return this.queue.run(async () => {
      const { stateManager: state } = this.vm;
      this.missing = undefined;
      this.fees.clear();
      this.usage.clear();
      await state.checkpoint();
      try {
        // the inferences of a block have no clock; those of a trace do
        this.calling = limitMs === undefined ? undefined : { limitMs };
        this.pulse.start(limitMs === undefined ? undefined : { ms: limitMs });
        const result = await runTx(this.vm, options);
        this.pulse.finish();
        // only now: what ran without the file ran into an error that is none of the chain
        this.refuseMissing();
        if (result.execResult.exceptionError === undefined) await this.payAuthors(options, result);
        await this.usage.write(state, this.params);
        await state.commit();
        return result;
      } catch (error) {
        await state.revert();
        throw error;
      }
    });
  }

  /**
   * Runs a call that changes nothing.
   * @param bound - what it may take; no bound when left out
   * @throws {DataUnavailable}
   * @throws {CallTooLong} it was ended at the limit
   */
  call(options: Parameters<VM['evm']['runCall']>[0], bound?: CallBound): ReturnType<VM['evm']['runCall']> {
    return this.queue.run(async () => {
      const { stateManager: state } = this.vm;
      this.missing = undefined;
      this.fees.clear();
      this.usage.clear();
      await state.checkpoint();
      try {
        // what an earlier call made warm is cold again, as at the beginning of a transaction
        this.vm.evm.journal.cleanJournal();
        state.originalStorageCache.clear();
        this.calling = { limitMs: bound?.ms };
        this.pulse.start(bound);
        const result = await this.vm.evm.runCall(options);
        this.pulse.finish();
        this.refuseMissing();
        return result;
      } finally {
        await state.revert();
      }
    });
  }

  private note(inference: Inference): void {
    const { author, fee } = inference.meta;
    // a loop of inferences leaves one number for each author
    const key = bytesToHex(author);
    if (fee > 0n) this.fees.set(key, (this.fees.get(key) ?? 0n) + fee);
    this.usage.add(inference.model, fee);
    this.listener?.(inference);
  }

  private refuseMissing(): void {
    if (this.missing !== undefined) throw this.missing;
  }

  private async payAuthors({ block }: RunTxOpts, { amountSpent, totalGasSpent }: RunTxResult): Promise<void> {
    const proposer = block?.header.coinbase;
    if (proposer === undefined || totalGasSpent === 0n) return;
    const { stateManager: state } = this.vm;
    const baseFee = block?.header.baseFeePerGas ?? 0n;
    const tip = amountSpent / totalGasSpent - baseFee;
    for (const [author, fee] of this.fees) {
      const from = (await state.getAccount(proposer)) ?? new Account();
      const due = fee * tip;
      if (due <= 0n || from.balance < due) continue;
      from.balance -= due;
      await state.putAccount(proposer, from);
      const address = new Address(hexToBytes(author));
      const to = (await state.getAccount(address)) ?? new Account();
      to.balance += due;
      await state.putAccount(address, to);
    }
  }
}
