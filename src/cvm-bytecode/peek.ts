import { type ByteSource, type Result, sha256 } from '../support/index.ts';
import { CarReader, readRecord } from './car.ts';
import { attempt } from './format.ts';
import { type PackageMetadata, readMetadata } from './metadata.ts';
import { readRoot } from './parts.ts';

export interface PeekedPackage {
  /** SHA-256 of the record: the model's identity. */
  readonly modelHash: Uint8Array;
  readonly metadata: PackageMetadata;
}

/**
 * What the record at the beginning of a package says of its model; nothing behind it is read or checked.
 * @param maxBytes - records above this are refused
 */
export const peekPackage = (source: ByteSource, maxBytes: number): Result<PeekedPackage> => {
  const record = attempt('CVM2002', () => {
    const { bytes } = new CarReader(source).roots(maxBytes).root;
    return { modelHash: sha256(bytes), metadata: readRoot(readRecord(bytes)).metadata };
  });
  if (!record.ok) return record;
  const metadata = readMetadata(record.value.metadata);
  return metadata.ok ? { ...metadata, value: { modelHash: record.value.modelHash, metadata: metadata.value } } : metadata;
};
