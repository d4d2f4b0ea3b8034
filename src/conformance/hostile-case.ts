import { type Diagnostic, ok, type Result } from '../support/index.ts';

/**
 * J of NUMERICS §8: programs and files that have to be refused, with the codes that say so. They test the shield in front
 * of a backend (verifier, proof, readers of bytecode and package), so they run once, not on each backend.
 */
export interface HostileCase {
  readonly id: string;
  /** Any of these codes is right. */
  readonly codes: readonly string[];
  readonly run: () => Result<unknown>;
}

/** Runs `read` on every variant; the first that is accepted, or refused with another code, is the result. */
export const everyOne = (variants: Iterable<Uint8Array>, codes: RegExp, read: (bytes: Uint8Array) => Result<unknown>): Result<unknown> => {
  let last: Result<unknown> = ok(undefined);
  for (const bytes of variants) {
    last = read(bytes);
    if (last.ok || !last.diagnostics.every((d: Diagnostic) => codes.test(d.code))) return last;
  }
  return last;
};

/** Every shorter file. */
export const prefixes = function* (bytes: Uint8Array): Generator<Uint8Array> {
  for (let n = 0; n < bytes.length; n++) yield bytes.subarray(0, n);
};
/** Every file that differs in one bit. */
export const bitFlips = function* (bytes: Uint8Array): Generator<Uint8Array> {
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    yield flipped;
  }
};
