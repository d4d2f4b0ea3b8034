/*
 * Types of loader.js. This file has types only, so that it is the declaration file of the loader as it stands.
 */

/** Element types. i6 has values from -32 to 31 in bytes; bool has 0 and 1 in bytes. */
export type DType = 'i8' | 'i6' | 'u8' | 'bool' | 'i16' | 'i32' | 'f32';

/** Elements in row-major order: Int8Array for i8 and i6, Uint8Array for u8 and bool, the array of the same name for the others. */
export type TensorData = Int8Array | Uint8Array | Int16Array | Int32Array | Float32Array;

/** An input or output of the model. */
export interface Port {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** What is given for an input: its elements, or these with their shape, which is then checked, too. */
export type Input = TensorData | Uint8ClampedArray | { readonly data: TensorData | Uint8ClampedArray; readonly shape?: readonly number[] };

/** All inputs, in the order of `Model.inputs` or by their names. */
export type Inputs = readonly Input[] | Readonly<Record<string, Input>>;

/** A result. It belongs to the caller: no later run changes it. */
export interface Output extends Port {
  readonly data: TensorData;
}

/** What works, but less well than it could: why, and what to do about it. */
export interface ModelWarning {
  /** As in `cortexc explain CODE`. */
  readonly code: string;
  readonly message: string;
  readonly help: string;
}

/** What a step of a run took. */
export interface Step {
  /** The layer's name in the model it was compiled from. */
  readonly place: string;
  readonly op: string;
  readonly milliseconds: number;
  /** Multiply-accumulates; 0 for ops that speed is not told by. */
  readonly macs: number;
}

export interface LoadOptions {
  /**
   * Threads that share a run, the caller's own included; as many as there are cores, at most 8, where the work is worth it, when absent.
   * More than one need shared memory; without, the model runs on one and says why in `warnings`. The bytes do not depend on it.
   */
  readonly threads?: number;
  /** Called as the weights arrive; both numbers in bytes. */
  readonly onProgress?: (loaded: number, total: number) => void;
  /** Whether the weights have to have the SHA-256 of model.json (the default). Pages without https cannot compute it: there, their size is checked. */
  readonly verify?: boolean;
}

/** A loaded model. It belongs to one caller at a time. */
export interface Model {
  readonly name: string;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Threads that a run has now, the caller's own included. */
  readonly threads: number;
  readonly warnings: readonly ModelWarning[];
  /**
   * Runs synchronously: a page that has to stay responsive does it in a worker of its own.
   * @returns the outputs in the order of `outputs`
   * @throws {ModelError} IR0010, with every input that does not fit
   */
  run(inputs: Inputs): readonly Output[];
  /** One run on the caller's thread alone, with the time of every step. */
  profile(inputs: Inputs): readonly Step[];
  /** Ends its threads; it cannot run afterwards. */
  close(): void;
}

/** What is thrown, always with a code (`cortexc explain CODE` tells more) and a remedy. */
export declare class ModelError extends Error {
  readonly code: string;
  readonly help: string;
}

/**
 * Loads an emitted model.
 * @param source - the folder or its model.json: a URL, an address relative to the page, or in Node a path; the loader's own folder when absent
 * @throws {ModelError} BKD0003 not enough memory, BKD0004 refused by the engine, BKD0020 cannot be fetched, BKD0021 files that do not belong together
 */
export declare const load: (source?: string | URL, options?: LoadOptions) => Promise<Model>;
