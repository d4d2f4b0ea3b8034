import * as dagCbor from '@ipld/dag-cbor';
import { CID } from 'multiformats/cid';
import * as Digest from 'multiformats/hashes/digest';
import { ByteError, ByteReader, type ByteSource, ByteWriter, joinBytes, sha256 } from '../support/index.ts';
import { reject } from './format.ts';

/** Multicodec numbers. */
const RAW = 0x55;
const SHA2_256 = 0x12;

/** A piece of a package and its name. */
export interface Block {
  readonly cid: CID;
  readonly bytes: Uint8Array;
}

const cidOf = (codec: number, bytes: Uint8Array): CID => CID.createV1(codec, Digest.create(SHA2_256, sha256(bytes)));

/** The name that a raw block of these bytes has. */
export const rawCid = (bytes: Uint8Array): CID => cidOf(RAW, bytes);
export const rawBlock = (bytes: Uint8Array): Block => ({ cid: rawCid(bytes), bytes });
export const recordBlock = (value: unknown): Block => {
  const bytes = dagCbor.encode(value);
  return { cid: cidOf(dagCbor.code, bytes), bytes };
};

export const isRawCid = (cid: unknown): cid is CID =>
  cid instanceof CID && cid.version === 1 && cid.code === RAW && cid.multihash.code === SHA2_256 && cid.multihash.digest.length === 32;

/** The name of a DAG-CBOR block with SHA-256. */
export const isRecordCid = (cid: unknown): cid is CID =>
  cid instanceof CID &&
  cid.version === 1 &&
  cid.code === dagCbor.code &&
  cid.multihash.code === SHA2_256 &&
  cid.multihash.digest.length === 32;

/** `01 <codec> 12 20`, then the digest: the only CIDs that packages hold. */
const CID_BYTES = 36;

/** A frame of the file: a CID and its bytes, whose digest has been checked. */
export interface Frame {
  readonly cid: CID;
  readonly bytes: Uint8Array;
  /** Where the frame stands in the file, and where its block does. */
  readonly offset: number;
  readonly start: number;
}

export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((v, i) => v === b[i]);

/** A length as it stands before a header or frame. */
const lengthBytes = (length: number): Uint8Array => {
  const writer = new ByteWriter();
  writer.uleb(length);
  return writer.finish();
};

/** Bytes of the frame of a block of so many bytes. */
export const frameBytes = (block: number): number => lengthBytes(CID_BYTES + block).length + CID_BYTES + block;

/** The start of a CAR file, version 1. @param roots - the names of its first blocks, one or two */
export const carHeader = (roots: readonly CID[]): Uint8Array => {
  const header = headerOf(roots);
  return joinBytes([lengthBytes(header.length), header]);
};

/** What stands before the bytes of a block. */
export const framePrefix = (cid: CID, block: number): Uint8Array => joinBytes([lengthBytes(CID_BYTES + block), cid.bytes]);

const headerOf = (roots: readonly CID[]): Uint8Array => dagCbor.encode({ version: 1, roots });

/** Bytes of a header with one root and with two. */
const HEADER_BYTES = [1, 2].map((count) => headerOf(Array.from({ length: count }, () => cidOf(dagCbor.code, new Uint8Array(0)))).length);

/** How many roots the header of so many bytes has; 0 when it is none of a package. */
export const rootCount = (headerBytes: number): number => HEADER_BYTES.indexOf(headerBytes) + 1;

/** How the bytes of a block are read: not at all when there are more than `limit`; into `room` as `ByteSource.read` says. */
export interface BlockReading {
  readonly limit: number;
  readonly room?: Uint8Array | undefined;
}

/** Bytes of a LEB128 number at most. */
const LEB_BYTES = 8;

/** Reads a package's frames one by one; of bytes in memory, as views. */
export class CarReader {
  private readonly source: ByteSource;
  private offset = 0;

  constructor(source: ByteSource) {
    this.source = source;
  }

  /** The one header that fits the root, or the root and a storage record, then their frames. @param limit - bytes of either at most */
  roots(limit: number): { readonly root: Frame; readonly storage: Frame | undefined } {
    const length = this.remaining === 0 ? reject('CVM2001', 'the file is empty', 0) : this.uleb();
    const count = rootCount(length);
    if (count === 0) reject('CVM2001', `the header has ${length} bytes but that of a package has ${HEADER_BYTES.join(' or ')}`, 0);
    const header = this.bytes(length);
    const root = this.frame(dagCbor.code, 'root', { limit });
    const storage = count === 2 ? this.frame(dagCbor.code, 'storage record', { limit }) : undefined;
    const roots = storage === undefined ? [root.cid] : [root.cid, storage.cid];
    if (!equalBytes(header, headerOf(roots))) reject('CVM2001', `the header does not name the first ${count} blocks as its only roots`, 1);
    return { root, storage };
  }

  /** Bytes after the frames read so far. */
  get remaining(): number {
    return this.source.size - this.offset;
  }

  /** The next frame, whose block must be the one named by `cid`. */
  block(cid: CID, what: string, reading: BlockReading): Frame {
    const { offset } = this;
    if (this.remaining === 0) reject('CVM2004', `${what} is missing`, offset);
    const frame = this.frame(cid.code, what, reading);
    if (!equalBytes(frame.cid.bytes, cid.bytes))
      reject('CVM2004', `${what} is ${cid.toString()} but block ${frame.cid.toString()} stands here`, offset, what);
    return frame;
  }

  finish(): void {
    const { offset, remaining } = this;
    if (remaining > 0) reject('CVM2004', `${remaining} bytes follow the last block`, offset);
  }

  private uleb(): number {
    const { offset } = this;
    const reader = new ByteReader(this.source.read(offset, Math.min(LEB_BYTES, this.remaining)));
    try {
      const value = reader.uleb();
      this.offset += reader.offset;
      return value;
    } catch (error) {
      if (error instanceof ByteError) throw new ByteError(error.message, offset + error.offset);
      throw error;
    }
  }

  private bytes(count: number, room?: Uint8Array): Uint8Array {
    const { offset, remaining } = this;
    if (count > remaining) throw new ByteError(`${count} bytes wanted but ${remaining} are left`, offset);
    this.offset += count;
    return this.source.read(offset, count, room);
  }

  private frame(codec: number, what: string, { limit, room }: BlockReading): Frame {
    const { offset } = this;
    const length = this.uleb();
    if (length > this.remaining) throw new ByteError(`count ${length} needs more than the ${this.remaining} bytes left`, offset);
    if (length < CID_BYTES) reject('CVM2002', `a frame of ${length} bytes has no room for its name`, offset, what);
    if (length - CID_BYTES > limit)
      reject('CVM2010', `${what} has ${length - CID_BYTES} bytes but at most ${limit} are taken`, offset, what);
    const name = this.bytes(CID_BYTES).slice();
    const start = this.offset;
    const bytes = this.bytes(length - CID_BYTES, room);
    if (name[0] !== 1 || name[1] !== codec || name[2] !== SHA2_256 || name[3] !== 32)
      reject('CVM2002', `the block's name is not a version 1 CID of codec 0x${codec.toString(16)} with SHA-256`, offset, what);
    const digest = sha256(bytes);
    if (!equalBytes(digest, name.subarray(4))) reject('CVM2003', `the block of ${bytes.length} bytes has another digest`, offset, what);
    return { cid: CID.createV1(codec, Digest.create(SHA2_256, digest)), bytes, offset, start };
  }
}

/** Nesting that the DAG-CBOR reader may meet; it descends by recursion. */
const MAX_DEPTH = 16;

/** Bytes of argument after a CBOR head byte; undefined for heads that DAG-CBOR does not have. */
const argumentBytes = (info: number): number | undefined => (info < 24 ? 0 : info <= 27 ? 1 << (info - 24) : undefined);

/** Walks DAG-CBOR without building anything: complete, not deeper than `MAX_DEPTH`, nothing after it. */
const scanRecord = (bytes: Uint8Array): void => {
  const reader = new ByteReader(bytes);
  const open: number[] = [1];
  while (open.length > 0) {
    const top = open.length - 1;
    if ((open[top] ?? 0) === 0) {
      open.pop();
      continue;
    }
    open[top] = (open[top] ?? 0) - 1;
    const { offset } = reader;
    const head = reader.u8();
    const width = argumentBytes(head & 31);
    if (width === undefined) return reject('CVM2005', `head byte 0x${head.toString(16)} is not DAG-CBOR`, offset);
    let argument = width === 0 ? head & 31 : 0;
    for (let i = 0; i < width; i++) argument = argument * 256 + reader.u8();
    const major = head >> 5;
    if (major === 2 || major === 3) reader.bytes(argument);
    if (major < 4 || major === 7) continue;
    if (open.length > MAX_DEPTH) reject('CVM2005', `the record nests deeper than ${MAX_DEPTH}`, offset);
    const items = major === 4 ? argument : major === 5 ? argument * 2 : 1;
    if (items > reader.remaining) reject('CVM2005', `${items} items do not fit into ${reader.remaining} bytes`, offset);
    open.push(items);
  }
  if (reader.remaining > 0) reject('CVM2005', `${reader.remaining} bytes follow the record`, reader.offset);
};

/** Decodes one canonical DAG-CBOR record: what it decodes to encodes to the same bytes. */
export const readRecord = (bytes: Uint8Array): unknown => {
  scanRecord(bytes);
  let value: unknown;
  let again: Uint8Array;
  try {
    value = dagCbor.decode<unknown>(bytes);
    again = dagCbor.encode(value);
  } catch (error) {
    return reject('CVM2005', error instanceof Error ? error.message : 'not DAG-CBOR', 0, 'root');
  }
  if (!equalBytes(bytes, again)) reject('CVM2005', 'the record is not in canonical DAG-CBOR', 0, 'root');
  return value;
};
