import { invariant } from '../../../../support/index.ts';
import { decodeInstruction } from '../../isa/encode.ts';
import { opcodeNamed } from '../../isa/opcodes.ts';
import { coreErrorOf } from '../../isa/registers.ts';
import { type CacheLines, divides, divisionCycles, executionCycles, type MemoryTiming, ProcessorTiming } from '../../isa/timing.ts';
import { accessOf, execute, type Machine } from './reference.ts';

/** How a run ended, and what the processor told on the way: as the bench prints it. */
export interface Run {
  readonly outcome: 'done' | 'error' | 'timeout';
  readonly code: number;
  readonly info: number;
  readonly pc: number;
  /** From the cycle after start to the one of the end. */
  readonly cycles: number;
  readonly retired: number;
  readonly fetches: number;
  readonly fills: number;
  readonly evictions: number;
  /** Kind, cycle, and two numbers of each start of the array and each mark. */
  readonly events: readonly (readonly [kind: 'array' | 'mark', cycle: number, a: number, b: number])[];
}

export interface ReferenceOptions {
  readonly startPc: number;
  readonly memoryTiming: MemoryTiming;
  readonly caches: CacheLines;
  /** Cycles in which the array is busy after a start. */
  readonly arrayCycles: number;
}

const MOST_INSTRUCTIONS = 200_000;
const LINE_BYTES = 64;

/** Runs a program of the image `memory`, which is changed, to its end. Registers begin as 0. */
export const runReference = (memory: Uint8Array, { startPc, memoryTiming, caches, arrayCycles }: ReferenceOptions): Run => {
  const machine: Machine = { scalars: Array<bigint>(64).fill(0n), vectors: Array<bigint>(64).fill(0n), memory };
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  const timing = new ProcessorTiming(memoryTiming, caches);
  const events: Run['events'][number][] = [];
  const scalar = (i: number): bigint => machine.scalars[i] ?? 0n;
  let pc = startPc;
  let idleFrom = 0;
  let retired = 0;
  const end = (outcome: Run['outcome'], code: number, info: number): Run => ({
    outcome,
    code,
    info: info >>> 0,
    pc,
    cycles: timing.cycles,
    retired,
    fetches: timing.instructionMisses,
    fills: timing.dataMisses,
    evictions: timing.writebacks,
    events,
  });
  const error = (name: Parameters<typeof coreErrorOf>[0], info: number): Run => {
    timing.spend(1);
    return end('error', coreErrorOf(name).code, info);
  };
  while (retired < MOST_INSTRUCTIONS) {
    if (pc % 8 !== 0) return error('BAD_PC', pc);
    if (pc + LINE_BYTES - (pc % LINE_BYTES) > memory.length) return end('error', coreErrorOf('ADDRESS_RANGE').code, pc - (pc % LINE_BYTES));
    timing.fetch(pc);
    const low = view.getUint32(pc, true);
    const opcode = decodeInstruction(low, view.getUint32(pc + 4, true));
    if (opcode === undefined) return error('ILLEGAL_INSTRUCTION', low);
    const { op, ra, rb, imm } = opcode;
    if (op === 'trap') return error('PROGRAM_TRAP', imm);
    const access = accessOf(machine, opcode);
    if (access !== undefined) {
      const first = access.address - (access.address % LINE_BYTES);
      if (first + LINE_BYTES > memory.length) return end('error', coreErrorOf('ADDRESS_RANGE').code, first);
      timing.access(access.address, access.bytes, access.writes);
    }
    if (op === 'astart') {
      if (timing.cycles + 1 < idleFrom) return error('ARRAY_BUSY', Number(BigInt.asUintN(32, scalar(ra))));
      events.push(['array', timing.cycles + 1, Number(BigInt.asUintN(32, scalar(ra))), Number(BigInt.asUintN(32, scalar(rb)))]);
      idleFrom = timing.cycles + 2 + arrayCycles;
    }
    if (op === 'await') timing.waitUntil(idleFrom);
    if (op === 'mark') events.push(['mark', timing.cycles + 1, imm >>> 0, 0]);
    if (op === 'dflush' || op === 'halt') timing.flush();
    const form = opcodeNamed(op)?.form;
    invariant(form !== undefined, `${op} has a form`);
    const [a, b] = [scalar(ra), scalar(rb)];
    const { pc: next, jumps } = execute(machine, opcode, pc, form.includes('i') && !/b/i.test(form));
    timing.spend(divides(op) ? divisionCycles(op, a, b) : executionCycles(op, jumps === true));
    retired++;
    if (op === 'halt') return end('done', 0, 0);
    pc = next;
  }
  return end('timeout', 0, 0);
};
