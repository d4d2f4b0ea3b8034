import type { DType, Tensor } from '../../../ir/index.ts';

/** A kernel's start. */
export interface Launch {
  readonly kernel: string;
  /** The unit that has the kernel. */
  readonly unit: number;
  readonly grid: readonly [number, number, number];
  readonly block: number;
  readonly sharedBytes: number;
  /** What starts in its place on GPUs of capability 9.0, with the same results: kernels by wgmma, which traps elsewhere. */
  readonly hopper?: Launch;
}

/** A step of the run as launches in order; none where a step has nothing to do. */
export interface GpuStep {
  readonly place: string;
  readonly op: string;
  readonly macs: number;
  readonly launches: readonly Launch[];
}

/** A translation unit, compiled by itself. */
export interface Unit {
  readonly name: string;
  readonly text: string;
}

/** Bytes of the parameter file that are copied into the arena. */
export interface Upload {
  readonly offset: number;
  readonly bytes: number;
  /** Where in the arena. */
  readonly address: number;
  /** The step of the initialization before which it happens; 0 comes before everything. */
  readonly before: number;
}

/** A part of the parameter file: a parameter, or a table that the compiler made. */
export interface FilePart {
  readonly offset: number;
  readonly bytes: number;
  readonly content: Tensor | Uint8Array;
}

export interface GpuPort {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly address: number;
  readonly bytes: number;
  /** For an output that is an input, passed through untouched: the number of the input. */
  readonly passes?: number;
}

/**
 * A program for a GPU: kernels as text, when they start, and where everything is. A host allocates the arena (zeroed) and a copy of the
 * first `residentBytes` of the parameter file, copies the uploads of each step of the initialization and runs its launches, and then runs
 * all launches of all steps for each run. Every kernel takes one cx_env: the arena's address and that of the resident parameters.
 */
export interface GpuProgram {
  /** Digest of texts and tables. */
  readonly identity: string;
  readonly name: string;
  readonly units: readonly Unit[];
  readonly init: readonly (readonly Launch[])[];
  readonly steps: readonly GpuStep[];
  readonly uploads: readonly Upload[];
  readonly file: readonly FilePart[];
  readonly fileBytes: number;
  /** Bytes of the parameter file, from its start on, that kernels read where they lie. */
  readonly residentBytes: number;
  readonly arenaBytes: number;
  readonly inputs: readonly GpuPort[];
  readonly outputs: readonly GpuPort[];
}
