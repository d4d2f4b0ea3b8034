import type { OpName, Program, Tensor } from '../ir/index.ts';
import type { Diagnostic, Result } from '../support/index.ts';

/** Capability classes (NUMERICS, decision digest): integers of 8 bits, products of 16 bits, strict float32. */
export type Capability = 'INT' | 'HP16' | 'F32S';

export interface CompileOptions {
  /** Threads that share a run, the caller's own included; 1 when absent. The bytes do not depend on it. */
  readonly threads?: number;
  /** Instruction set to use, one of the backend's `isas`; the best that works here when absent. */
  readonly isa?: string;
  /** Milliseconds that a run on a device may take, where the backend has a limit; a generous one when absent. */
  readonly timeoutMs?: number;
}

/** What one step of a run took. */
export interface StepTime {
  /** The node's origin or place in the program. */
  readonly place: string;
  readonly op: string;
  readonly milliseconds: number;
  /** Multiply-accumulates of a conv, dense or matmul; 0 for other ops. */
  readonly macs: number;
}

/** Bytes that an executable holds. */
export interface MemoryUse {
  readonly parameters: number;
  /** Activations, scratch and derived constants. */
  readonly arena: number;
}

/** A file of emitted source. */
export interface EmittedFile {
  /** Relative to the folder, with slashes. */
  readonly name: string;
  readonly content: string | Uint8Array;
}

/** For which device `emit` writes, where there is a choice; backends without one take none. */
export interface EmitOptions {
  /** Name of a device or board. */
  readonly device?: string;
  /** Overlay: a core for every program. Dataflow: a pipeline of its own for a small one. Processor: the core without its array. */
  readonly mode?: 'overlay' | 'dataflow' | 'processor';
  /** Of the multipliers. */
  readonly bits?: 8 | 6;
  /** Told of what works, but less well than it could. */
  readonly warn?: (warning: Diagnostic) => void;
}

/** A compiled program, ready to run any number of times. Not re-entrant. */
export interface Executable {
  /**
   * Runs synchronously. The results belong to the caller: no later run changes them. An input or parameter that is an output
   * may come back as the same tensor.
   * @throws {MrlError} IR0010 when the tensors do not fit the program's inputs
   */
  run(inputs: readonly Tensor[]): readonly Tensor[];
  /**
   * The same without copies: the results are read-only and hold until the next run, and their NaNs may have any bits. Absent where
   * it would save nothing.
   */
  readonly look?: (inputs: readonly Tensor[]) => readonly Tensor[];
  /** One run on one thread with the time of each step. */
  readonly profile?: (inputs: readonly Tensor[]) => readonly StepTime[];
  readonly memory?: MemoryUse;
  /** What works, but less well than asked: a fallback that was taken. */
  readonly warnings?: readonly Diagnostic[];
  /**
   * Keeps it in the cache of this user, for `Backend.recall`, and gives the handle that opens it again (prepared.ts); undefined when it
   * is not kept. Absent when it cannot outlive the process.
   */
  readonly keep?: () => string | undefined;
  /** Ends its threads and gives its memory back; it cannot run afterwards. Absent when there is nothing to end. */
  readonly close?: () => void;
}

/** A compiled program on a device that answers to asynchronous calls only. */
export interface AsyncExecutable {
  /**
   * Runs follow each other in the order of the calls. The results belong to the caller.
   * Rejects with an MrlError: IR0010 when the tensors do not fit the program's inputs, or what the device says.
   */
  run(inputs: readonly Tensor[]): Promise<readonly Tensor[]>;
  /** The device, in the words of its driver. */
  readonly device?: string;
  readonly memory?: MemoryUse;
  /** What works, but less well than asked: a fallback that was taken. */
  readonly warnings?: readonly Diagnostic[];
  /** Gives its memory back; it cannot run afterwards. Absent when there is nothing to end. */
  readonly close?: () => void;
}

/**
 * How a backend treats an op: `primitive` by a row of its own; `fast` by a row for a composite; `composite` through the
 * op's decomposition; `refused` with a reason.
 */
export type SupportStatus = 'primitive' | 'fast' | 'composite' | 'refused';

/** What the power-on self-test of a backend found for an op. `untested`: no digest is committed. */
export interface SelfTestResult {
  readonly op: OpName;
  readonly status: 'passed' | 'failed' | 'refused' | 'untested';
  /** Why it failed or is refused. */
  readonly reason?: string;
}

/** A feature of the engine that is used only where its answers are right. */
export interface EngineProbe {
  readonly feature: string;
  readonly usable: boolean;
  /** Why it is not usable. */
  readonly reason?: string;
}

/** What one core of this machine can do with the instruction that a backend's products are made of. */
export interface Peak {
  /** Such as `i32x4.dot_i16x8_s`, in the words of the instruction set. */
  readonly instruction: string;
  /** 10^9 multiply-accumulates a second of one thread, from registers alone: nothing that reads memory can be faster. */
  readonly gmacs: number;
}

/** Something that a backend makes use of on this machine. */
export interface MachineFact {
  readonly name: string;
  /** What there is, or that there is none. */
  readonly value: string;
  /** What is missing and how to get it; without it the backend does less or takes longer, and the bytes are the same. */
  readonly problem?: Diagnostic;
}

/** The contract of every execution target: results equal the reference interpreter's, byte for byte. */
export interface Backend {
  readonly name: string;
  readonly summary: string;
  /** Compiling starts other programs and takes seconds, so it is used where it is asked for by name. */
  readonly onRequest?: true;
  readonly capabilities: readonly Capability[];
  /** Why an op is refused; undefined when it is supported. For the support matrix and `doctor`. */
  refusal(op: OpName): string | undefined;
  /** How an op is done; for the support matrix. */
  support(op: OpName): SupportStatus;
  /** Loads what `compile` needs (code generators are big). Await it once before the first `compile`; absent when nothing is needed. */
  readonly prepare?: () => Promise<void>;
  /** Compiles a verified program whose dimensions are numbers. */
  compile(program: Program, options?: CompileOptions): Result<Executable>;
  /** The same for a device that answers to asynchronous calls only; `compile` may then refuse every program. Absent where `compile` does all. */
  readonly compileAsync?: (program: Program, options?: CompileOptions) => Promise<Result<AsyncExecutable>>;
  /**
   * The same in a process of its own, which alone suffers when a device or its driver fails. Absent where programs run in this process
   * without danger.
   */
  readonly compileApart?: (program: Program, options?: CompileOptions) => Promise<Result<AsyncExecutable>>;
  /**
   * With `compileAsync`: names all that decides on its bytes here beside this code, such as device and driver, so that what a self-test
   * finds can be kept. Undefined where there is no device.
   */
  readonly circumstances?: () => Promise<string | undefined>;
  /**
   * An executable of the same program, options, compiler and machine that was kept (`Executable.keep`); undefined when there is none.
   * Needs no `prepare`, and no self-test when only those are kept that have passed it.
   */
  readonly recall?: (program: Program, options?: CompileOptions) => Executable | undefined;
  /** Instruction sets that `CompileOptions.isa` may name, worst first; absent when there is no choice. */
  readonly isas?: readonly string[];
  /** Source that a vendor can build elsewhere, complete: code, parameters, test vectors from `vectors` given as inputs. */
  readonly emit?: (program: Program, vectors: readonly (readonly Tensor[])[], options?: EmitOptions) => Result<readonly EmittedFile[]>;
  /** Measures the peak of one core for programs of an instruction set, in under a second; undefined when it cannot be measured here. */
  readonly peak?: (isa?: string) => Peak | undefined;
  /** Engine features beyond the plain path, tried out now; absent when there are none. */
  readonly probes?: () => readonly EngineProbe[];
  /** Looks for what it makes use of outside of this program, in about a second; absent when that is nothing. */
  readonly examine?: () => readonly MachineFact[];
}
