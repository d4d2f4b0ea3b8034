import type { Address } from '@ethereumjs/util';
import type { ModelMeta } from './meta.ts';

export interface InferenceRequest {
  readonly meta: ModelMeta;
  /** Packed inputs, exactly as long as the model's signature says. */
  readonly input: Uint8Array;
  /** For random ops: two words of the chain's choice. */
  readonly seed: readonly [number, number];
  /** It is for a call that changes nothing: this node may say that it is busy, or give it up after so long. Blocks have neither. */
  readonly call?: { readonly limitMs: number | undefined };
}

/** An inference that a transaction or a call ran and paid for. */
export interface Inference extends InferenceRequest {
  /** Address of the model. */
  readonly model: Address;
  /** Packed results. */
  readonly output: Uint8Array;
  /** Endorphin and the author's fee, in gas. */
  readonly gas: bigint;
}

/** Runs models for the CVM. Both methods reject with `DataUnavailable` when this node lacks a file: never a result of the chain. */
export interface InferenceEngine {
  /** Packed results; a string tells why the input is refused, in the same words on every node. */
  readonly infer: (request: InferenceRequest) => Promise<Uint8Array | string>;
  /** The bytes of a stored input. */
  readonly readInput: (hash: Uint8Array, size: bigint) => Promise<Uint8Array>;
}

/** This node lacks a file that others may have: the block can be neither accepted nor refused here until it is there. */
export class DataUnavailable extends Error {
  override readonly name = 'DataUnavailable';
  readonly hash: Uint8Array;
  constructor(hash: Uint8Array, what: string) {
    super(`${what} ${Array.from(hash, (b) => b.toString(16).padStart(2, '0')).join('')} is not on this node`);
    this.hash = hash;
  }
}
