import type { DType, OpName } from '../../../../ir/index.ts';

/** An input or output and where it lies in linear memory. */
export interface Port {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** In bytes. */
  readonly address: number;
}

export interface OutputPort extends Port {
  /** The input that this output is, untouched; then it lies nowhere. */
  readonly input?: number;
}

export interface StepInfo {
  /** Where the node comes from, for people. */
  readonly place: string;
  readonly op: OpName;
  /** Multiply-accumulates; 0 for ops that speed is not told by. */
  readonly macs: number;
  readonly parallel: boolean;
}

/**
 * What runs a compiled program, beside its module: no code, and nothing that only the compiler knows. The module imports env.memory and
 * exports `run` (0: all is well), for each step `run<i>` (thread, threads) and, with threads, `work` (`CONTROL` tells how they meet).
 */
export interface ProgramInfo {
  /** Linear memory in pages of 64 KiB. */
  readonly pages: number;
  /** Whether the module imports shared memory. */
  readonly shared: boolean;
  /** Threads that a run has at most, the caller's own included. */
  readonly threads: number;
  /** Address of the control block (`CONTROL`); absent when it runs on one thread. */
  readonly control?: number;
  /** The bytes that are in memory before the first run and that no run changes: packed weights, tables. */
  readonly image: { readonly address: number; readonly bytes: number };
  readonly inputs: readonly Port[];
  readonly outputs: readonly OutputPort[];
  readonly steps: readonly StepInfo[];
}
