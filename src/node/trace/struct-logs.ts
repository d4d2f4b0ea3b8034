import type { InterpreterStep } from '@ethereumjs/evm';
import { toHex } from '../../support/index.ts';

/** Steps of one trace at most; and words of memory and stack in all of them. */
const MAX_STEPS = 20_000;
const MAX_WORDS = 2 ** 18;

export interface StructOptions {
  readonly memory: boolean;
  readonly stack: boolean;
  /** Steps that are wanted at most; 0: as many as this node gives. */
  readonly limit: number;
}

interface StructLog {
  readonly pc: number;
  readonly op: string;
  readonly gas: number;
  readonly gasCost: number;
  readonly depth: number;
  readonly stack?: readonly string[];
  readonly memory?: readonly string[];
}

const word = (n: bigint): string => `0x${n.toString(16)}`;

const memoryWords = (memory: Uint8Array, words: number): string[] =>
  Array.from({ length: words }, (_, i) => toHex(memory.subarray(32 * i, 32 * i + 32)).padEnd(64, '0')); // biome-ignore format: short

/** Collects the steps of a transaction in the form of Geth's struct logger. Storage is left out: `stack` shows what SLOAD and SSTORE do. */
export class StructTracer {
  readonly logs: StructLog[] = [];
  /** Whether steps, or memory and stack of some, were left out. */
  truncated = false;
  private words = 0;
  private readonly options: StructOptions;
  private readonly limit: number;

  constructor(options: StructOptions) {
    this.options = options;
    this.limit = options.limit === 0 ? MAX_STEPS : Math.min(options.limit, MAX_STEPS);
  }

  step({ pc, opcode, gasLeft, depth, stack, memory, memoryWordCount }: InterpreterStep): void {
    if (this.logs.length >= this.limit) {
      this.truncated = true;
      return;
    }
    const memoryCount = this.options.memory ? Number(memoryWordCount) : 0;
    this.words += memoryCount + (this.options.stack ? stack.length : 0);
    const room = this.words <= MAX_WORDS;
    if (!room) this.truncated = true;
    this.logs.push({
      pc,
      op: opcode.name,
      gas: Number(gasLeft),
      gasCost: Number(opcode.dynamicFee ?? BigInt(opcode.fee)),
      depth: depth + 1,
      ...(room && this.options.stack ? { stack: stack.map(word) } : {}),
      ...(room && this.options.memory ? { memory: memoryWords(memory, memoryCount) } : {}),
    });
  }
}
