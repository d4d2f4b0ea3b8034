import { EVMError, type PrecompileInput } from '@ethereumjs/evm';
import type { VM } from '@ethereumjs/vm';
import { bytesToBigInt } from '@ethereumjs/util';
import type { CustomOpcode, RunState } from './evm-types.ts';

/** Milliseconds for which the EVM holds the event loop before others have their turn. */
const SLICE_MS = 5;
/** A call that passed by less often has done little, whatever the clock says: the machine was busy with something else. */
const LEAST_BEATS = 2000;
/** Times the limit after which it ends all the same: it waits for inferences. */
const PATIENCE = 8;

/** A call took longer than whoever asked for it may: never the fate of a transaction. */
export class CallTooLong extends Error {
  override readonly name = 'CallTooLong';
}

/** What a call that changes nothing may take. */
export interface CallBound {
  /** Milliseconds of its own running, without what others took in between. */
  readonly ms: number;
  /** Whether nobody waits for it any more. */
  readonly gone?: () => boolean;
}

/**
 * Lets others run while the EVM does, and ends calls that take too long. A clock decides nothing of the chain: a transaction is never
 * ended here, and a call that is ended has no result.
 */
export class Pulse {
  private bound: CallBound | undefined;
  private beats = 0;
  private active = 0;
  private since = 0;
  private over = false;
  private reason = '';

  /** @param bound - undefined: a transaction, or a call that may take as long as it does */
  start(bound: CallBound | undefined): void {
    this.bound = bound;
    this.beats = 0;
    this.active = 0;
    this.since = performance.now();
    this.over = false;
  }

  /** @throws {CallTooLong} when it was ended */
  finish(): void {
    const { over, reason } = this;
    this.start(undefined);
    if (over) throw new CallTooLong(reason);
  }

  get bounded(): boolean {
    return this.bound !== undefined;
  }
  get ended(): boolean {
    return this.over;
  }

  private excess({ ms, gone }: CallBound): string | undefined {
    if (gone?.() === true) return 'nobody waits for the call any more';
    const over = this.active > ms && (this.beats >= LEAST_BEATS || this.active > PATIENCE * ms);
    return over ? `the call ran for ${Math.ceil(this.active)} ms, the limit is ${ms} ms` : undefined;
  }

  end(reason: string): void {
    this.over = true;
    this.reason = reason;
  }

  /**
   * To be called where a program cannot do much without passing by.
   * @returns what to wait for, if others are to have their turn
   * @throws {EVMError} the call is over: each of its frames ends here
   */
  beat(): Promise<void> | undefined {
    if (this.over) throw new EVMError(EVMError.errorMessages.OUT_OF_GAS);
    this.beats++;
    const slice = performance.now() - this.since;
    if (slice < SLICE_MS) return undefined;
    this.active += slice;
    const reason = this.bound === undefined ? undefined : this.excess(this.bound);
    if (reason !== undefined) {
      this.end(reason);
      throw new EVMError(EVMError.errorMessages.OUT_OF_GAS);
    }
    return new Promise((go) =>
      setImmediate(() => {
        this.since = performance.now();
        go();
      }),
    );
  }
}

/** JUMPDEST, which every loop passes: as it is in any EVM. */
export const jumpdest = (pulse: Pulse): CustomOpcode => ({
  opcode: 0x5b,
  opcodeName: 'JUMPDEST',
  baseFee: 1,
  logicFunction: (() => pulse.beat()) as CustomOpcode['logicFunction'],
});

type GasHandler = (...args: readonly unknown[]) => unknown;
interface Entry {
  gasHandler?: GasHandler | undefined;
}

/** Milliseconds of built-in precompiles that a single call of can hold the event loop for seconds; measured, single-threaded, rounded up. */
const PRECOMPILE_MS: ReadonlyMap<number, (data: Uint8Array) => number> = new Map([
  [0x05, (data) => modexpMs(data)],
  [0x08, (data) => 15 + (11 * data.length) / 192],
  [0x09, (data) => Number(bytesToBigInt(data.slice(0, 4))) / 2000],
  // BLS12-381, from prague on: sums of products, pairings
  [0x0c, (data) => (10 * data.length) / 160],
  [0x0e, (data) => (25 * data.length) / 288],
  [0x0f, (data) => (25 * data.length) / 384],
]);
/** Longest single run of a precompile in a call that has a limit. */
const PRECOMPILE_LIMIT_MS = 250;

const KECCAK256 = 0x20;
/** Bytes that a call with a limit hashes at once: 8 ms, which nothing interrupts. */
const HASH_LIMIT = 2n ** 19n;

/** As EIP-2565 reckons the work: 30 ms for a million gas. */
const modexpMs = (data: Uint8Array): number => {
  const length = (i: number): number => Number(bytesToBigInt(data.slice(32 * i, 32 * i + 32)) % 2n ** 40n);
  const words = Math.ceil(Math.max(length(0), length(2)) / 8);
  return ((words * words * 8 * Math.max(length(1), 1)) / 3) * 30e-6;
};

/**
 * Has a machine pass by before every instruction whose price depends on its operands, which all heavy ones are, and before the
 * built-in precompiles. Prices and results stay what they are.
 */
export const attachPulse = (vm: VM, pulse: Pulse): void => {
  const { _opcodeMap: entries = [] } = vm.evm as unknown as { readonly _opcodeMap?: readonly Entry[] };
  const hash = entries[KECCAK256];
  for (const entry of new Set(entries)) {
    const { gasHandler } = entry;
    if (gasHandler === undefined) continue;
    entry.gasHandler = (...args) => {
      if (entry === hash && pulse.bounded) {
        const [, length = 0n] = (args[0] as RunState).stack.peek(2);
        if (length > HASH_LIMIT) pulse.end(`the call hashes ${length} bytes at once, the limit is ${HASH_LIMIT}`);
      }
      const wait = pulse.beat();
      return wait === undefined ? gasHandler(...args) : wait.then(() => gasHandler(...args));
    };
  }
  const { precompiles } = vm.evm;
  for (const [number, ms] of PRECOMPILE_MS) {
    const key = number.toString(16).padStart(40, '0');
    const run = precompiles.get(key);
    if (run === undefined) continue;
    precompiles.set(key, (input: PrecompileInput) => {
      const takes = pulse.bounded ? ms(input.data) : 0;
      if (takes <= PRECOMPILE_LIMIT_MS) return run(input);
      pulse.end(
        `precompile 0x${number.toString(16)} would take about ${Math.ceil(takes)} ms at once, the limit is ${PRECOMPILE_LIMIT_MS} ms`,
      );
      const exceptionError = new EVMError(EVMError.errorMessages.OUT_OF_GAS);
      return { returnValue: new Uint8Array(0), executionGasUsed: input.gasLimit, exceptionError };
    });
  }
};
