import type { ProcessorTiming } from '../isa/timing.ts';
import { CoreFault } from './core-fault.ts';

/** Of both caches. */
export const LINE_BYTES = 64;
const MOST_LINES = 2 ** 32 / LINE_BYTES;
const REGISTERS = 64;
const VECTOR_BYTES = 16;

/** Where results for r0 go. */
const NOWHERE = REGISTERS;

/** Index of the low half of a scalar register to read. */
export const from = (register: number): number => 2 * register;
/** Index of the low half of a scalar register to write. */
export const into = (register: number): number => 2 * (register === 0 ? NOWHERE : register);

/** Registers, memory and clock of the processor. */
export class ProcessorState {
  /** Scalar registers, low half at 2 r, high half at 2 r + 1. */
  readonly s = new Int32Array(2 * (REGISTERS + 1));
  private readonly vectors = new ArrayBuffer(VECTOR_BYTES * REGISTERS);
  readonly v8 = new Int8Array(this.vectors);
  readonly vu8 = new Uint8Array(this.vectors);
  readonly v16 = new Int16Array(this.vectors);
  readonly v32 = new Int32Array(this.vectors);
  readonly memory: DataView;
  readonly bytes: Uint8Array;
  readonly clock: ProcessorTiming;
  private readonly writeWait: number;
  /** The first line of the caches that does not lie within the limit. */
  private readonly lines: number;
  /** Address of the next instruction. */
  pc = 0;
  instructions = 0;
  /** Cycles in which the array worked. */
  arrayCycles = 0;
  /** The cycle from which on the array is idle. */
  arrayIdle = 0;
  /** Steps that began, with the cycle. */
  readonly marks: { readonly step: number; readonly cycle: number }[] = [];
  halted = false;

  /** @param writeWait - see PortTiming */
  constructor(memory: Uint8Array, limit: number, clock: ProcessorTiming, writeWait: number) {
    this.writeWait = writeWait;
    this.bytes = memory;
    this.memory = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    this.clock = clock;
    this.lines = Math.floor(limit / LINE_BYTES);
  }

  /** Goes to the line of an instruction. */
  fetch(pc: number): void {
    if (pc / LINE_BYTES >= this.lines) throw new CoreFault('ADDRESS_RANGE', pc - (pc % LINE_BYTES));
    this.clock.fetch(pc);
  }

  /**
   * A load or store of the processor. Bytes of memory are those of the cache: nobody else reads them while lines are dirty. Accesses that go
   * around at 2^32 never come to data, as no memory is so large.
   */
  access(address: number, bytes: number, writes: boolean): void {
    if ((address + bytes - 1) / LINE_BYTES >= this.lines) this.refuse(address, bytes);
    const before = this.clock.writebacks;
    this.clock.access(address, bytes, writes);
    this.waitForWrites(before);
  }

  /** Writes dirty lines back and empties the data cache. */
  flush(): void {
    const before = this.clock.writebacks;
    this.clock.flush();
    this.waitForWrites(before);
  }

  private waitForWrites(before: number): void {
    const { writebacks } = this.clock;
    if (writebacks !== before) this.clock.spend((writebacks - before) * this.writeWait);
  }

  /** Of two lines the even one is asked for first. */
  private refuse(address: number, bytes: number): never {
    const first = Math.floor(address / LINE_BYTES);
    const last = Math.floor((address + bytes - 1) / LINE_BYTES);
    const [one, other] = first % 2 === 0 ? [first, last] : [last, first];
    // addresses go around at 2^32
    const line = one % MOST_LINES >= this.lines ? one : other;
    throw new CoreFault('ADDRESS_RANGE', (line % MOST_LINES) * LINE_BYTES);
  }
}

/** What an instruction does; made once for each place in the code. */
export type Action = () => void;
