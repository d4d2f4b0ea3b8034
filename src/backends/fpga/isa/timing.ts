import { invariant } from '../../../support/index.ts';
import type { OpcodeName } from './opcodes.ts';

/**
 * Cycles of the processor, as the RTL has them (docs/fpga-core.md, "Processor"): those of instructions while caches hit, and what
 * misses add. All cycles are counted from the one after `start`.
 */

/** Cycles of an instruction that runs from registers and caches; a load, store or jump as said below. */
const LOAD_CYCLES = 3;
const STORE_CYCLES = 2;
/** Of a jump that is taken; 1 of one that is not. */
const TAKEN_CYCLES = 2;

const PRODUCT_CYCLES: { readonly [op in OpcodeName]?: number } = {
  mul32: 2,
  vdot16: 2,
  vmull16s: 2,
  vmulh16s: 2,
  vmul32: 3,
  mul64: 4,
  mulhu64: 4,
};

/** How a quotient or remainder reads its operands. */
const DIVISIONS: { readonly [op in OpcodeName]?: { readonly bits: 32 | 64; readonly signed: boolean } } = {
  div32s: { bits: 32, signed: true },
  div32u: { bits: 32, signed: false },
  rem32s: { bits: 32, signed: true },
  rem32u: { bits: 32, signed: false },
  div64s: { bits: 64, signed: true },
  div64u: { bits: 64, signed: false },
  rem64s: { bits: 64, signed: true },
  rem64u: { bits: 64, signed: false },
};

/** Cycles of a division by 0, and those of every other one besides its steps. */
const DIVISION_BASE_CYCLES = 3;
/** For each byte of the amount of the dividend, and at least once. */
const DIVISION_BYTE_CYCLES = 4;

/** Whether an opcode divides: its cycles depend on its operands. */
export const divides = (op: OpcodeName): boolean => DIVISIONS[op] !== undefined;

/** Cycles of a division of a by b, scalar registers of 64 bits, signed or not. */
export const divisionCycles = (op: OpcodeName, a: bigint, b: bigint): number => {
  const division = DIVISIONS[op];
  invariant(division !== undefined, `${op} divides`);
  const { bits, signed } = division;
  if (BigInt.asUintN(bits, b) === 0n) return DIVISION_BASE_CYCLES;
  const dividend = signed ? BigInt.asIntN(bits, a) : BigInt.asUintN(bits, a);
  const amount = dividend < 0n ? -dividend : dividend;
  return DIVISION_BASE_CYCLES + DIVISION_BYTE_CYCLES * Math.max(1, Math.ceil(amount.toString(16).length / 2));
};

/** Cycles of an instruction that does not divide, with all it needs in the caches; of `dflush` and `halt` without what they write; of `await` at an idle array. */
export const executionCycles = (op: OpcodeName, jumps: boolean): number => {
  if (jumps) return TAKEN_CYCLES;
  if (/^v?ld/.test(op)) return LOAD_CYCLES;
  if (/^v?st/.test(op)) return STORE_CYCLES;
  return PRODUCT_CYCLES[op] ?? 1;
};

/** The memory as the processor's ports see it, without stalls. */
export interface MemoryTiming {
  /** From the cycle in which a request is taken to its first beat; beats follow in each cycle. At least 1. */
  readonly readLatency: number;
  /** From the last beat of a write to its answer. At least 1. */
  readonly writeLatency: number;
}

/** Lines of 64 bytes. */
const LINE_BITS = 6;
const LINE_BEATS = 4;
/** Writes that dflush has on their way at a time. */
const MOST_WRITES = 4;
/** Lines that dflush looks at in a cycle, and that are emptied in one. */
const SCAN_LINES = 16;

/** Geometry of the caches: parameters of cx_proc, powers of two from 64 on. */
export interface CacheLines {
  readonly instructionLines: number;
  readonly dataLines: number;
}

export const DEFAULT_CACHES: CacheLines = { instructionLines: 256, dataLines: 256 };

/** A place in a cache that holds no line. */
const EMPTY = -1;

/** Counts the cycles of a run from its start, instruction by instruction, with caches that begin empty. */
export class ProcessorTiming {
  /** The cycle in which the next instruction is decoded; after the last one, the cycles of the run. */
  cycles: number;
  instructionMisses = 0;
  dataMisses = 0;
  writebacks = 0;
  private readonly memory: MemoryTiming;
  /** Address / 64 of the lines in the caches. */
  private readonly instructions: Int32Array;
  private readonly data: Int32Array;
  private readonly dirty: Uint8Array;
  /** The cycles in which the last writes to memory are answered, the latest last. */
  private answers: number[] = Array<number>(MOST_WRITES).fill(0);

  constructor(memory: MemoryTiming, { instructionLines, dataLines }: CacheLines = DEFAULT_CACHES) {
    this.memory = memory;
    // caches empty 16 lines a cycle from the end of reset on, two cycles before the count begins
    this.cycles = Math.max(2, instructionLines / SCAN_LINES, dataLines / SCAN_LINES);
    this.instructions = new Int32Array(instructionLines).fill(EMPTY);
    this.data = new Int32Array(dataLines).fill(EMPTY);
    this.dirty = new Uint8Array(dataLines);
  }

  /** An instruction is fetched. */
  fetch(pc: number): void {
    const line = pc >>> LINE_BITS;
    const index = line % this.instructions.length;
    if (this.instructions[index] === line) return;
    this.instructions[index] = line;
    this.instructionMisses++;
    // seen, asked, beats, looked up again
    this.cycles += this.memory.readLatency + LINE_BEATS + 2;
  }

  /** A load or store, before its `executionCycles` are spent. */
  access(address: number, bytes: number, writes: boolean): void {
    const first = address >>> LINE_BITS;
    const last = (address + bytes - 1) >>> LINE_BITS;
    // the even one of two lines is looked for first
    if (first % 2 === 0) this.touch(first, writes);
    if (first !== last) this.touch(last, writes);
    if (first % 2 !== 0) this.touch(first, writes);
  }

  /** All dirty lines are written back, as dflush and halt do, before their `executionCycles` are spent. */
  flush(): void {
    // from the second cycle of the instruction on
    let now = this.cycles + 2;
    for (let group = 0; group < this.dirty.length; group += SCAN_LINES) {
      for (let i = group; i < group + SCAN_LINES; i++) {
        // found, looked up, then written
        if (this.dirty[i] !== 0) now = this.write(Math.max(now, this.answers[0] ?? 0) + 1);
      }
      now++;
    }
    this.cycles = Math.max(now - 1, this.answers.at(-1) ?? 0);
    this.data.fill(EMPTY);
    this.dirty.fill(0);
  }

  spend(cycles: number): void {
    this.cycles += cycles;
  }

  /** Waits for the array, idle from a cycle on, before the `executionCycles` of `await`. */
  waitUntil(cycle: number): void {
    this.cycles = Math.max(this.cycles, cycle - 1);
  }

  /** Has a line in the cache. */
  private touch(line: number, writes: boolean): void {
    const slot = line % this.data.length;
    if (this.data[slot] !== line) this.bring(line, slot);
    if (writes) this.dirty[slot] = 1;
  }

  private bring(line: number, slot: number): void {
    this.dataMisses++;
    // the cache has looked in the second cycle of the instruction, and looks the old line up next, once the last write is answered
    const missed = this.cycles + 2;
    const lookup = Math.max(missed, this.answers.at(-1) ?? 0) + 1;
    const asked = this.dirty[slot] === 0 ? lookup + 1 : this.write(lookup);
    this.data[slot] = line;
    this.dirty[slot] = 0;
    // asked, beats, looked up again
    this.cycles += asked + this.memory.readLatency + LINE_BEATS + 1 - missed;
  }

  /** Writes a line that is looked up in cycle `at` back; gives the cycle after its last beat. */
  private write(at: number): number {
    this.writebacks++;
    const last = at + 1 + LINE_BEATS;
    this.answers = [...this.answers.slice(1), last + this.memory.writeLatency];
    return last + 1;
  }
}
