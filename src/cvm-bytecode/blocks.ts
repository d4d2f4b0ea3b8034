import * as dagCbor from '@ipld/dag-cbor';
import { CID } from 'multiformats/cid';
import * as Digest from 'multiformats/hashes/digest';
import { type ByteSource, ByteReader, type Result, sha256, toHex, unwrap } from '../support/index.ts';
import { carHeader, frameBytes, framePrefix, readRecord, rootCount } from './car.ts';
import { attempt, reject } from './format.ts';
import { readRoot } from './parts.ts';
import { chunkBytes, chunkCount, readStorage } from './storage/index.ts';
import { verifyBytecode } from './verify.ts';

/** The name of a block of a package, for those who carry blocks: a CID of version 1 with SHA-256. */
export interface BlockName {
  readonly kind: 'record' | 'raw';
  /** SHA-256 of the bytes. */
  readonly digest: Uint8Array;
}

/** All blocks of a file in the order of the file, and what stands before the first. */
export interface PackageBlocks {
  readonly header: Uint8Array;
  readonly blocks: readonly BlockName[];
}

const RAW = 0x55;
const SHA2_256 = 0x12;
const CID_BYTES = 36;
const LEB_BYTES = 8;

const cidOf = ({ kind, digest }: BlockName): CID => CID.createV1(kind === 'raw' ? RAW : dagCbor.code, Digest.create(SHA2_256, digest));
const nameOf = (cid: CID): BlockName => ({ kind: cid.code === RAW ? 'raw' : 'record', digest: cid.multihash.digest });

/** The name in base32, as IPFS writes it. */
export const blockCid = (name: BlockName): string => cidOf(name).toString();
/** The name as bytes: `01 <codec> 12 20`, then the digest. */
export const blockCidBytes = (name: BlockName): Uint8Array => cidOf(name).bytes;

/** Reads a name in base32. @returns undefined where it is none that packages hold */
export const readBlockCid = (text: string): BlockName | undefined => {
  try {
    return readBlockCidBytes(CID.parse(text).bytes);
  } catch {
    return undefined;
  }
};

/** Reads a name of bytes. @returns undefined where it is none that packages hold */
export const readBlockCidBytes = (bytes: Uint8Array): BlockName | undefined => {
  const [version, codec, hash, length] = bytes;
  if (bytes.length !== CID_BYTES || version !== 1 || hash !== SHA2_256 || length !== 32) return undefined;
  if (codec !== RAW && codec !== dagCbor.code) return undefined;
  return { kind: codec === RAW ? 'raw' : 'record', digest: bytes.slice(4) };
};

/** What stands in a file before the bytes of a block. */
export const blockPrefix = (name: BlockName, length: number): Uint8Array => framePrefix(cidOf(name), length);

/**
 * The order of a package file from its records: nothing else is needed to put the file together from its blocks.
 * @param storage - the storage record, where the file has one. Errors: CVM2005, CVM2008, CVM2013 when they are no such records
 */
export const packageBlocks = (record: Uint8Array, storage: Uint8Array | undefined): Result<PackageBlocks> =>
  attempt('CVM2005', () => {
    const { model, bytecode, parameters } = readRoot(readRecord(record));
    const root = cidOf({ kind: 'record', digest: sha256(record) });
    if (storage === undefined) return { header: carHeader([root]), blocks: [root, model, bytecode, ...parameters.flat()].map(nameOf) };
    const stored = readStorage(storage, root);
    const second = cidOf({ kind: 'record', digest: sha256(storage) });
    const floats = stored.floatParameters;
    const blocks = [root, second, model, bytecode, ...stored.parameters.flatMap((p) => p.blocks)];
    const all = floats === undefined ? blocks : [...blocks, floats.manifest, ...floats.tensors.flatMap((p) => p.blocks)];
    return { header: carHeader([root, second]), blocks: all.map(nameOf) };
  });

/** Bytes of the plain file with this record and bytecode, known before its parameters are there. @param model - bytes of the model string. Errors as `packageBlocks` and `verifyBytecode` */
export const plainFileBytes = (record: Uint8Array, model: number, bytecode: Uint8Array): Result<number> =>
  attempt('CVM2005', () => {
    const root = cidOf({ kind: 'record', digest: sha256(record) });
    const { params } = unwrap(verifyBytecode(bytecode)).raw;
    const front = carHeader([root]).length + frameBytes(record.length) + frameBytes(model) + frameBytes(bytecode.length);
    let bytes = front;
    for (const { type } of params) for (let i = 0; i < chunkCount(type); i++) bytes += frameBytes(chunkBytes(type, i));
    return bytes;
  });

/** Where a block stands in a file. */
export interface BlockPlace {
  readonly name: BlockName;
  readonly start: number;
  readonly length: number;
}

/** Blocks of a package file and where they stand. The bytes of blocks are not read: whoever takes them out checks them. Errors: CVM2001, CVM2002 */
export const blockPlaces = (source: ByteSource): Result<readonly BlockPlace[]> =>
  attempt('CVM2002', () => {
    const uleb = (offset: number): { readonly value: number; readonly next: number } => {
      const reader = new ByteReader(source.read(offset, Math.min(LEB_BYTES, source.size - offset)));
      const value = reader.uleb();
      return { value, next: offset + reader.offset };
    };
    const header = uleb(0);
    if (rootCount(header.value) === 0) reject('CVM2001', `the header has ${header.value} bytes, which is none of a package`, 0);
    const places: BlockPlace[] = [];
    for (let offset = header.next + header.value; offset < source.size; ) {
      const { value, next } = uleb(offset);
      if (value < CID_BYTES || value > source.size - next) reject('CVM2002', `a frame of ${value} bytes stands here`, offset);
      const bytes = source.read(next, CID_BYTES).slice();
      const name = readBlockCidBytes(bytes);
      if (name === undefined) return reject('CVM2002', `the name of a block is ${toHex(bytes)}`, offset);
      places.push({ name, start: next + CID_BYTES, length: value - CID_BYTES });
      offset = next + value;
    }
    return places;
  });
