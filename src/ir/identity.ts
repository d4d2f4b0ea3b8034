import { sha256Hex } from '../support/index.ts';
import { canonicalize, paramDigest } from './canonical.ts';
import { printProgram } from './printer.ts';
import type { Program } from './program.ts';

/**
 * The identity of a model: SHA-256, in hex, of its canonical text followed by one line `sha256:<digest>` for each parameter of
 * the canonical form, in order. Names, origins, metadata, dead code and the order of independent statements do not change it.
 */
export const identityHash = (program: Program): string => {
  const canonical = canonicalize(program);
  const digests = canonical.params.map((p) => `sha256:${paramDigest(p.tensor)}\n`);
  return sha256Hex(printProgram(canonical, { form: 'canonical' }), ...digests);
};
