import { decodeFields, type Instruction, INSTRUCTION_BYTES } from '../isa/encode.ts';
import type { OpcodeName } from '../isa/opcodes.ts';
import type { CoreErrorName } from '../isa/registers.ts';
import { type CacheLines, divides, divisionCycles, executionCycles, type MemoryTiming, ProcessorTiming } from '../isa/timing.ts';
import { CoreFault } from './core-fault.ts';
import { MEMORY_ACTIONS } from './processor-memory.ts';
import { equal, lessSigned, lessUnsigned, SCALAR_ACTIONS } from './processor-scalar.ts';
import { type Action, from, into, LINE_BYTES, ProcessorState } from './processor-state.ts';
import { VECTOR_ACTIONS } from './processor-vector.ts';

/** The array as the processor starts it. */
export interface ArrayUnit {
  /** Does a list of commands. @returns how long it takes, and the first error */
  run(
    address: number,
    count: number,
  ): { readonly cycles: number; readonly error?: { readonly name: CoreErrorName; readonly info: number } };
}

/** What a run of the processor came to. */
export interface ProcessorRun {
  readonly cycles: number;
  readonly instructions: number;
  readonly arrayCycles: number;
  /** Steps in the order in which they began. */
  readonly marks: readonly { readonly step: number; readonly cycle: number }[];
  readonly error?: { readonly name: CoreErrorName; readonly info: number; readonly pc: number };
}

/** Memory as the ports of the processor see it. */
export interface PortTiming extends MemoryTiming {
  /** Cycles between the one in which a write is asked for and that of its first beat, besides the least. */
  readonly writeWait?: number;
}

/** The same behind cx_axi: what it adds to the latencies of the memory on the bus. */
export const behindBus = ({ readLatency, writeLatency }: MemoryTiming): PortTiming => ({
  readLatency: readLatency + 3,
  writeLatency: writeLatency + 2,
  writeWait: 1,
});

export interface ProcessorOptions {
  readonly caches?: CacheLines;
  readonly timing?: PortTiming;
  readonly array?: ArrayUnit;
  /** Gives up with TIMEOUT after so many instructions: for programs that do not end. */
  readonly mostInstructions?: number;
  /** Counts of executed instructions by opcode are kept there. */
  readonly histogram?: Map<OpcodeName, number>;
}

/** The memory that simulations of the Verilog have, where nothing else is said. */
export const DEFAULT_PORTS = behindBus({ readLatency: 20, writeLatency: 20 });
const MOST_INSTRUCTIONS = 2 ** 40;

type Make = (state: ProcessorState, one: Instruction, pc: number, array: ArrayUnit | undefined) => Action;

/** Cycles of a jump that is taken, besides those of one that is not. */
const JUMP_CYCLES = executionCycles('jz', true) - executionCycles('jz', false);

/** A conditional jump by a comparison of a and b. */
const branch =
  (holds: (ah: number, al: number, bh: number, bl: number) => boolean): Make =>
  (state, { ra, rb, imm }) => {
    const { s } = state;
    const [a, b, target] = [from(ra), from(rb), imm >>> 0];
    return () => {
      if (!holds(s[a + 1]!, s[a]!, s[b + 1]!, s[b]!)) return;
      state.pc = target;
      state.clock.spend(JUMP_CYCLES);
    };
  };

const CONTROL_ACTIONS = {
  halt: (state) => () => {
    state.flush();
    state.halted = true;
  },
  trap:
    (_, { imm }) =>
    () => {
      throw new CoreFault('PROGRAM_TRAP', imm);
    },
  jmp:
    (state, { imm }) =>
    () => {
      state.pc = imm >>> 0;
      state.clock.spend(JUMP_CYCLES);
    },
  jr: (state, { ra }) => {
    const a = from(ra);
    return () => {
      state.pc = state.s[a]! >>> 0;
      state.clock.spend(JUMP_CYCLES);
    };
  },
  call: (state, { rd, imm }, pc) => {
    const d = into(rd);
    return () => {
      state.s[d] = pc + INSTRUCTION_BYTES;
      state.s[d + 1] = 0;
      state.pc = imm >>> 0;
      state.clock.spend(JUMP_CYCLES);
    };
  },
  jz: branch((ah, al) => al === 0 && ah === 0),
  jnz: branch((ah, al) => al !== 0 || ah !== 0),
  beq: branch(equal),
  bne: branch((...x) => !equal(...x)),
  blt: branch(lessSigned),
  bge: branch((...x) => !lessSigned(...x)),
  bltu: branch(lessUnsigned),
  bgeu: branch((...x) => !lessUnsigned(...x)),
  dflush: (state) => () => {
    state.flush();
  },
  astart: (state, { ra, rb }, _, array) => {
    const [a, b] = [from(ra), from(rb)];
    return () => {
      if (state.clock.cycles + 1 < state.arrayIdle) throw new CoreFault('ARRAY_BUSY', state.s[a]!);
      if (array === undefined) return;
      const { cycles, error } = array.run(state.s[a]! >>> 0, state.s[b]! >>> 0);
      if (error !== undefined) throw new CoreFault(error.name, error.info);
      state.arrayIdle = state.clock.cycles + 2 + cycles;
      state.arrayCycles += cycles;
    };
  },
  await: (state) => () => {
    state.clock.waitUntil(state.arrayIdle);
  },
  mark:
    (state, { imm }) =>
    () => {
      state.marks.push({ step: imm, cycle: state.clock.cycles + 1 });
    },
} as const satisfies Partial<Record<OpcodeName, Make>>;

const ACTIONS: Readonly<Record<OpcodeName, Make>> = { ...SCALAR_ACTIONS, ...MEMORY_ACTIONS, ...VECTOR_ACTIONS, ...CONTROL_ACTIONS };

const wide = (s: Int32Array, a: number): bigint => (BigInt(s[a + 1]!) << 32n) | BigInt(s[a]! >>> 0);

/** The operands of a division decide how long it takes. */
const timed = (action: Action, { s, clock }: ProcessorState, { op, ra, rb }: Instruction): Action => {
  if (!divides(op)) return action;
  const [a, b] = [from(ra), from(rb)];
  return () => {
    clock.spend(divisionCycles(op, wide(s, a), wide(s, b)));
    action();
  };
};

/** An instruction in place. */
interface Placed {
  readonly action: Action;
  readonly cycles: number;
  readonly op: OpcodeName;
}

/** The instructions that it runs most of the time; it reads others from memory each time. */
export interface CodeRange {
  readonly start: number;
  readonly bytes: number;
}

/**
 * The processor, exactly: what instructions do, the errors that stop it, and how many cycles that takes with both caches.
 * @see docs/fpga-core.md
 */
export class Processor {
  private readonly memory: Uint8Array;
  private readonly limit: number;
  private readonly code: CodeRange;
  private readonly options: ProcessorOptions;

  /** @param memory - as it lies behind BASE; @param limit - bytes of it that the program uses */
  constructor(memory: Uint8Array, limit: number, code: CodeRange, options: ProcessorOptions = {}) {
    this.memory = memory;
    this.limit = limit;
    this.code = code;
    this.options = options;
  }

  private place(state: ProcessorState, pc: number): Placed {
    const low = state.memory.getUint32(pc, true);
    const one = decodeFields(low, state.memory.getUint32(pc + 4, true));
    if (one === undefined) throw new CoreFault('ILLEGAL_INSTRUCTION', low);
    const action = ACTIONS[one.op](state, one, pc, this.options.array);
    return { action: timed(action, state, one), cycles: divides(one.op) ? 0 : executionCycles(one.op, false), op: one.op };
  }

  /** Runs from `pc` to `halt`, with empty caches. */
  run(pc: number): ProcessorRun {
    const { caches, timing = DEFAULT_PORTS, mostInstructions = MOST_INSTRUCTIONS, histogram } = this.options;
    const clock = new ProcessorTiming(timing, caches);
    const state = new ProcessorState(this.memory, this.limit, clock, timing.writeWait ?? 0);
    state.pc = pc;
    let at = pc;
    let line = -1;
    const result = (): ProcessorRun => ({
      cycles: clock.cycles,
      instructions: state.instructions,
      arrayCycles: state.arrayCycles,
      marks: state.marks,
    });
    const { start, bytes } = this.code;
    const placed = new Array<Placed | undefined>(Math.floor(bytes / INSTRUCTION_BYTES)).fill(undefined);
    try {
      while (!state.halted) {
        at = state.pc;
        if (at % INSTRUCTION_BYTES !== 0) throw new CoreFault('BAD_PC', at);
        const next = Math.floor(at / LINE_BYTES);
        if (next !== line) {
          state.fetch(at);
          line = next;
        }
        const index = (at - start) / INSTRUCTION_BYTES;
        let one = placed[index];
        if (one === undefined) {
          one = this.place(state, at);
          if (index >= 0 && index < placed.length) placed[index] = one;
        }
        state.pc = at + INSTRUCTION_BYTES;
        one.action();
        clock.spend(one.cycles);
        state.instructions += 1;
        if (histogram !== undefined) histogram.set(one.op, (histogram.get(one.op) ?? 0) + 1);
        if (state.instructions > mostInstructions) throw new CoreFault('TIMEOUT', state.marks.at(-1)?.step ?? 0);
      }
    } catch (error) {
      if (!(error instanceof CoreFault)) throw error;
      return { ...result(), error: { name: error.error, info: error.info, pc: at } };
    }
    return result();
  }
}
