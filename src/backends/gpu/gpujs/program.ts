import type { DType } from '../../../ir/index.ts';

/** Extents of a kernel's result: x runs fastest. */
export type Dims = readonly [x: number, y: number, z: number];

/** A function of gpu.js: one call of it for each element of the result. */
export interface Kernel {
  /** Source text of a function whose parameters are the arrays of `reads`. */
  readonly text: string;
  readonly dims: Dims;
  /** Numbers of the arrays that it reads. */
  readonly reads: readonly number[];
  /** The array that it makes. No array is made twice. */
  readonly writes: number;
}

/** A step of the run as kernels in order. */
export interface GpuJsStep {
  readonly place: string;
  readonly op: string;
  readonly macs: number;
  readonly kernels: readonly Kernel[];
}

/** An input or output and the array that has its elements. */
export interface GpuJsPort {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly count: number;
  readonly array: number;
  /** The elements are pairs: first every v mod 2048, behind them every floor(v / 2048). */
  readonly wide: boolean;
}

/**
 * A program for gpu.js as data: the same for all modes, and the file model.json of an emitted folder. All arrays are float32 whose elements
 * are integers of at most 2^24, which float32 has exactly.
 */
export interface GpuJsProgram {
  readonly name: string;
  /** Elements of each array, by its number. */
  readonly arrays: readonly number[];
  /** Numbers of the arrays that are parameters. */
  readonly parameters: readonly number[];
  readonly steps: readonly GpuJsStep[];
  readonly inputs: readonly GpuJsPort[];
  readonly outputs: readonly GpuJsPort[];
}
