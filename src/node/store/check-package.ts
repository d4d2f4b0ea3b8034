import { decodePackage } from '../../cvm-bytecode/index.ts';
import { type ByteSource, MrlError, toHex } from '../../support/index.ts';

/**
 * Reads a package to its end, a chunk of a parameter at a time.
 * @param hash - what its root has to be; undefined: whatever it is
 * @returns the hash of its root, or why it is not taken
 */
export const checkPackage = (file: ByteSource, hash?: Uint8Array): Uint8Array | string => {
  try {
    const decoded = decodePackage(file);
    if (!decoded.ok)
      return decoded.diagnostics
        .slice(0, 3)
        .map((d) => `${d.code} ${d.message}`)
        .join('; ');
    const { modelHash } = decoded.value;
    if (hash === undefined || toHex(hash) === toHex(modelHash)) return modelHash;
    return `NOD0061 the package has the root ${toHex(modelHash)} but ${toHex(hash)} was expected`;
  } catch (error) {
    if (error instanceof MrlError) return error.diagnostics.map((d) => `${d.code} ${d.message}`).join('; ');
    throw error;
  }
};
