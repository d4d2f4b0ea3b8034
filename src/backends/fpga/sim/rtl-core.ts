import { at } from '../../../support/index.ts';
import { KEPT_STEPS, type Register, type RegisterField, type RegisterName, registerOf } from '../isa/registers.ts';
import type { Simulator } from './process.ts';

/** How the memory behaves: latencies in cycles, chances of a stall a cycle in 256. */
export interface Traffic {
  readonly seed?: number;
  readonly readLatency?: number;
  readonly writeLatency?: number;
  readonly stallAddress?: number;
  readonly stallRead?: number;
  readonly stallWrite?: number;
  readonly stallAnswer?: number;
  readonly stallRegisters?: number;
}

/** What the memory refuses, in bytes from BASE, and channels that never answer. */
export interface Faults {
  readonly read?: readonly [from: number, bytes: number];
  readonly write?: readonly [from: number, bytes: number];
  readonly dead?: readonly ('address' | 'read' | 'write' | 'answer')[];
}

/** An answer of AXI4-Lite: 0 OKAY, 2 SLVERR. */
export type Response = number;

/** Values of the counters after a run. */
export interface Counters {
  readonly cycles: number;
  readonly arrayCycles: number;
  readonly instructions: number;
  readonly readBeats: number;
  readonly writeBeats: number;
}

const ALL_BYTES = 15;
const LOW = 2 ** 32;

const words = (values: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);

/** Value of a register with one field set. */
export const fieldBits = (register: RegisterName, field: string, value = 1): number => {
  const found: RegisterField | undefined = (registerOf(register) as Register).fields?.find((f) => f.name === field);
  return found === undefined ? 0 : value * 2 ** found.low;
};

/** A core in a simulator with a memory of its own. */
export class RtlCore {
  private readonly simulator: Simulator;
  private readonly instance: number;

  /**
   * @param bytes - of memory
   * @param base - its address, below 2^53
   */
  constructor(simulator: Simulator, bytes: number, base = 0) {
    this.simulator = simulator;
    const answer = simulator.ask('OPEN', 0, [bytes, base % LOW, Math.floor(base / LOW)]);
    this.instance = at(answer.results, 0);
  }

  writeMemory(offset: number, bytes: Uint8Array): void {
    this.simulator.ask('WRITE_MEMORY', this.instance, [offset], bytes);
  }

  readMemory(offset: number, bytes: number): Uint8Array {
    return this.simulator.ask('READ_MEMORY', this.instance, [offset, bytes]).payload;
  }

  write(register: RegisterName, value: number): Response {
    return this.writeAt(registerOf(register).offset, value);
  }

  /** @param strobes - a bit for each byte that is written */
  writeAt(offset: number, value: number, strobes = ALL_BYTES): Response {
    return at(this.simulator.ask('WRITE_REGISTER', this.instance, [offset, value, strobes]).results, 0);
  }

  read(register: RegisterName): number {
    return this.readAt(registerOf(register).offset).value;
  }

  readAt(offset: number): { readonly value: number; readonly response: Response } {
    const { results } = this.simulator.ask('READ_REGISTER', this.instance, [offset]);
    return { value: at(results, 0), response: at(results, 1) };
  }

  /** Until the core is not busy, or for so many cycles. @returns STATUS */
  wait(cycles: number): number {
    return at(this.simulator.ask('WAIT', this.instance, [cycles % LOW, Math.floor(cycles / LOW)]).results, 0);
  }

  /** @returns whether irq is high afterwards */
  tick(cycles: number): boolean {
    return this.simulator.ask('TICK', this.instance, [cycles]).results[0] === 1;
  }

  setTraffic({ seed = 1, readLatency = 20, writeLatency = 20, ...stalls }: Traffic): void {
    const { stallAddress = 0, stallRead = 0, stallWrite = 0, stallAnswer = 0, stallRegisters = 0 } = stalls;
    const values = [seed, readLatency, writeLatency, stallAddress, stallRead, stallWrite, stallAnswer, stallRegisters];
    this.simulator.ask('TRAFFIC', this.instance, [], words(values));
  }

  setFaults({ read = [0, 0], write = [0, 0], dead = [] }: Faults): void {
    const channels = (['address', 'read', 'write', 'answer'] as const).map((c) => Number(dead.includes(c)));
    this.simulator.ask('FAULTS', this.instance, [], words([...read, ...write, ...channels]));
  }

  /** Raises `rst` for some cycles. The memory stays. */
  reset(): void {
    this.simulator.ask('RESET', this.instance);
  }

  private counter(name: 'CYCLES' | 'ARRAY_CYCLES' | 'INSTRUCTIONS' | 'READ_BEATS' | 'WRITE_BEATS'): number {
    return this.read(`${name}_LO`) + LOW * this.read(`${name}_HI`);
  }

  counters(): Counters {
    return {
      cycles: this.counter('CYCLES'),
      arrayCycles: this.counter('ARRAY_CYCLES'),
      instructions: this.counter('INSTRUCTIONS'),
      readBeats: this.counter('READ_BEATS'),
      writeBeats: this.counter('WRITE_BEATS'),
    };
  }

  /** Cycles at which the first so many steps of the last run began. */
  steps(count: number): readonly number[] {
    const { payload } = this.simulator.ask('STEPS', this.instance, [Math.min(count, KEPT_STEPS)]);
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    return Array.from({ length: payload.byteLength / 8 }, (_, i) => Number(view.getBigUint64(8 * i, true)));
  }

  /** Bursts on the bus so far, and whether nothing is on it. */
  busCounts(): { readonly reads: number; readonly writes: number; readonly mostOpenReads: number; readonly quiet: boolean } {
    const [reads = 0, writes = 0, mostOpenReads = 0, quiet = 0] = this.simulator.ask('BUS_COUNTS', this.instance).results;
    return { reads, writes, mostOpenReads, quiet: quiet === 1 };
  }

  /** Of the simulator, since it was started; undefined where the system does not tell. */
  processorSeconds(): number | undefined {
    return this.simulator.processorSeconds();
  }

  close(): void {
    if (!this.simulator.isClosed) this.simulator.ask('CLOSE', this.instance);
  }
}
