import type { DType } from '../../../ir/index.ts';

/** A shader module with one entry point, `main`. */
export interface Kernel {
  /** WGSL without the function `dot4` and the directive that it needs; a host puts one of `WebGpuProgram.headers` before it. */
  readonly code: string;
  /**
   * Numbers of the buffers that it binds, in the order of their bindings; the first is 0, the arena, the others are read-only, and one may
   * be there twice, once as vectors.
   */
  readonly buffers: readonly number[];
  /** Workgroups in x and y. */
  readonly workgroups: readonly [number, number];
}

/** A step of the run as kernels in order. */
export interface WebGpuStep {
  readonly place: string;
  readonly op: string;
  readonly macs: number;
  readonly kernels: readonly Kernel[];
}

/** Where an input or output lies. */
export interface WebGpuPort {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** 0 is the arena. An output may lie in a buffer of parameters. */
  readonly buffer: number;
  /** Bytes from the start of the buffer, a multiple of 4. */
  readonly offset: number;
  readonly bytes: number;
}

/** What a host puts before a kernel. */
export interface Headers {
  /** For devices with the language feature `packed_4x8_integer_dot_product`. */
  readonly packed: string;
  readonly plain: string;
}

/**
 * A program for WebGPU as data: kernels, when they start, and where everything is. A host makes buffer 0 (the arena, `arenaBytes`, zeroed) and
 * one buffer for each entry of `parameterBytes`, then for each run writes the inputs, runs all kernels in order, each seeing what those
 * before it wrote, and reads the outputs.
 */
export interface WebGpuProgram {
  readonly name: string;
  readonly headers: Headers;
  readonly arenaBytes: number;
  /** Bytes of the buffers 1, 2, … */
  readonly parameterBytes: readonly number[];
  readonly steps: readonly WebGpuStep[];
  readonly inputs: readonly WebGpuPort[];
  readonly outputs: readonly WebGpuPort[];
}
