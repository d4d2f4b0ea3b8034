import { createHash } from 'node:crypto';
import { type ByteSource, type Diagnostic, sourcePieces } from '../../support/index.ts';
import { tensorProblem } from './diagnostics.ts';

/** Digests by file: all tensors of a model may lie in one, and each may bring the checksum along. */
const digests = new WeakMap<ByteSource, string>();

/** SHA-1 of all bytes in hex; read once, in pieces. */
const sha1Of = (source: ByteSource): string => {
  const known = digests.get(source);
  if (known !== undefined) return known;
  const hash = createHash('sha1');
  for (const piece of sourcePieces(source)) hash.update(piece);
  const digest = hash.digest('hex');
  digests.set(source, digest);
  return digest;
};

const SHA1_HEX = /^[0-9a-f]{40}$/;

/**
 * Compares a file of external data with the checksum that a tensor brings along: "SHA1 digest of file specified in under 'location'
 * key" (onnx.proto, TensorProto.external_data), the whole file, in hexadecimal digits. A tensor without one is fine.
 */
export const checksumProblem = (
  tensor: string,
  location: string,
  source: ByteSource,
  checksum: string | undefined,
): Diagnostic | undefined => {
  if (checksum === undefined) return undefined;
  const problem = tensorProblem('ONX1008');
  const wanted = checksum.trim().toLowerCase();
  if (!SHA1_HEX.test(wanted))
    return problem(tensor, `its checksum is ${JSON.stringify(checksum.slice(0, 60))}, which is not a SHA-1 of 40 hexadecimal digits`, [
      'Write the SHA-1 of the whole file of external data, or leave the checksum out.',
    ]);
  const found = sha1Of(source);
  if (found === wanted) return undefined;
  return problem(tensor, `its checksum is ${wanted}, but the file ${location} has the SHA-1 ${found}`, [
    'The data is not that of this model, or it changed: copy both files again, or export the model anew.',
  ]);
};
