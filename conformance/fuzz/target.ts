import type { Result } from '../../src/support/index.ts';
import type { Rng } from './rng.ts';

/** A decoder under test. */
export interface Target {
  readonly name: string;
  /** The `index`th hostile input: a function of the generator alone. */
  input(rng: Rng): Uint8Array;
  /**
   * Decodes, and checks what an accepted input promises (canonical bytes, a valid program).
   * A broken promise is thrown as `BrokenPromise`.
   */
  decode(input: Uint8Array): Result<unknown>;
}

/** What an accepted input promises does not hold. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
}

export const promise: (condition: boolean, message: string) => asserts condition = (condition, message) => {
  if (!condition) throw new BrokenPromise(message);
};

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};
