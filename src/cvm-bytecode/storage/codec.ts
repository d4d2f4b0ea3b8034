import { DTYPE_INFO, elementCount, type StaticType } from '../../ir/index.ts';
import { ByteWriter } from '../../support/index.ts';
import { reject } from '../format.ts';
import { packedBytes } from '../pack6.ts';
import { readCodebook, writeCodebook } from './codebook.ts';
import { type ElementKind, readPlanes, writePlanes } from './planes.ts';
import { packCodes, sixBitCut, unpackCodes } from './six-bit.ts';
import { Source } from './source.ts';
import { readSparse, writeSparse } from './sparse.ts';

/** Bytes of a decoded chunk; the last of a parameter is shorter. Blocks of this size travel through IPFS as they are. */
export const CHUNK_BYTES = 1 << 20;

/** How the chunks of a parameter are stored. Of equal sizes the first wins. */
export const STORED_AS = ['plain', 'huffman', 'sparse', 'codebook'] as const;
export type StoredAs = (typeof STORED_AS)[number];

/**
 * Decoded bytes that one stored byte may stand for. Huffman alone stays below 8, a codebook below 32; sparse could go
 * beyond, and then is not chosen. So a file bounds the memory and the time that it can ask for.
 */
export const MAX_RATIO = 64;

/** Bytes that an encoded block may have above its chunk: whoever downloads one knows how much to expect. */
const MAX_GROWTH = 64;

/** The longest block that stands for a chunk of so many bytes. */
export const longestBlock = (as: StoredAs, chunk: number): number => (as === 'plain' ? chunk : chunk + MAX_GROWTH);

/** Zeros that a chunk has for one element that is not, before sparse is tried: with fewer it never wins. */
const SPARSE_FROM = 1 / 4;

/** Bytes of a decoded parameter: elements little-endian, i6 packed. */
export const storedBytes = (type: StaticType): number =>
  type.dtype === 'i6' ? packedBytes(type.shape) : elementCount(type.shape) * DTYPE_INFO[type.dtype].bytes;

export const chunkCount = (type: StaticType): number => Math.ceil(storedBytes(type) / CHUNK_BYTES);

const chunkEnd = (type: StaticType, index: number): number => Math.min((index + 1) * CHUNK_BYTES, storedBytes(type));

export const chunkBytes = (type: StaticType, index: number): number => chunkEnd(type, index) - index * CHUNK_BYTES;

const kindOf = (type: StaticType): ElementKind =>
  type.dtype === 'i6' ? { size: 1, alphabet: 64 } : { size: DTYPE_INFO[type.dtype].bytes, alphabet: 256 };

const zeroShare = (elements: Uint8Array): number => {
  let zeros = 0;
  for (const byte of elements) if (byte === 0) zeros++;
  return elements.length === 0 ? 0 : zeros / elements.length;
};

/** Writes one body; false when the elements have no such form. */
const WRITE = {
  huffman: (writer: ByteWriter, elements: Uint8Array, kind: ElementKind): boolean => {
    writePlanes(writer, elements, kind);
    return true;
  },
  sparse: (writer: ByteWriter, elements: Uint8Array, kind: ElementKind): boolean => {
    if (zeroShare(elements) < SPARSE_FROM) return false;
    writeSparse(writer, elements, kind);
    return true;
  },
  codebook: writeCodebook,
} as const satisfies Record<Exclude<StoredAs, 'plain'>, unknown>;

const READ = { huffman: readPlanes, sparse: readSparse, codebook: readCodebook } as const satisfies Record<
  Exclude<StoredAs, 'plain'>,
  unknown
>;

/**
 * One chunk in one encoding.
 * @returns undefined when it has no such form, or one that is too short (`MAX_RATIO`) or too long (`MAX_GROWTH`) to stand for it
 */
export const encodeChunk = (type: StaticType, as: StoredAs, chunk: Uint8Array, index: number): Uint8Array | undefined => {
  if (as === 'plain') return chunk;
  const writer = new ByteWriter();
  const start = index * CHUNK_BYTES;
  let elements: Uint8Array | undefined = chunk;
  if (type.dtype === 'i6') {
    const cut = sixBitCut(type, start, start + chunk.length);
    writer.bytes(chunk.subarray(0, cut.head));
    writer.bytes(chunk.subarray(chunk.length - cut.tail));
    elements = unpackCodes(chunk, cut);
  }
  if (elements === undefined || !WRITE[as](writer, elements, kindOf(type))) return undefined;
  const fits = writer.length * MAX_RATIO >= chunk.length && writer.length <= longestBlock(as, chunk.length);
  return fits ? writer.finish() : undefined;
};

/** A parameter as it stands in a file: what was noted of the block of each chunk. */
export interface EncodedParameter<T = Uint8Array> {
  readonly encoding: StoredAs;
  readonly blocks: readonly T[];
}

/** The decoded bytes of a parameter as chunks: views. */
export const chunksOfBytes = (stored: Uint8Array): readonly Uint8Array[] =>
  Array.from({ length: Math.ceil(stored.length / CHUNK_BYTES) }, (_, i) => stored.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES));

/**
 * The encoding that takes least room, the same on every machine, of chunks that come one by one: each is encoded in every way and
 * what `note` says of the blocks is kept.
 * @param allowed - besides plain
 */
export const encodeChunks = <T>(
  type: StaticType,
  chunks: Iterable<Uint8Array>,
  allowed: readonly StoredAs[],
  note: (block: Uint8Array) => T,
): EncodedParameter<T> => {
  let open = (['plain', ...allowed.filter((as) => as !== 'plain')] as const).map((encoding) => ({ encoding, bytes: 0, blocks: [] as T[] }));
  let index = 0;
  for (const chunk of chunks) {
    open = open.filter((way) => {
      const block = encodeChunk(type, way.encoding, chunk, index);
      if (block === undefined) return false;
      way.bytes += block.length;
      way.blocks.push(note(block));
      return true;
    });
    index++;
  }
  // plain has a block for whatever there is, and stands first
  return open.reduce((best, way) => (way.bytes < best.bytes ? way : best));
};

/** The encoding that takes least room. @param stored - `storedBytes(type)` decoded bytes */
export const encodeParameter = (type: StaticType, stored: Uint8Array, allowed: readonly StoredAs[] = STORED_AS): EncodedParameter =>
  encodeChunks(type, chunksOfBytes(stored), allowed, (block) => block);

/** Where a block stands, for messages: whose it is, and its byte offset in the file. */
export interface BlockPlace {
  readonly what: string;
  readonly offset: number;
}

/**
 * Decodes one block to the chunk it stands for; plain blocks are returned as they are. Time and memory are linear in the
 * chunk, which is at most `MAX_RATIO` times the block.
 * @throws {MrlError} CVM2009 a plain block of the wrong size, CVM2012 malformed, CVM2015 too short for its chunk; call it through `attempt`
 */
export const decodeChunk = (type: StaticType, as: StoredAs, block: Uint8Array, index: number, { what, offset }: BlockPlace): Uint8Array => {
  const length = chunkBytes(type, index);
  if (as === 'plain') {
    if (block.length !== length) reject('CVM2009', `chunk ${index} has ${block.length} bytes but takes ${length}`, offset, what);
    return block;
  }
  if (block.length * MAX_RATIO < length)
    reject('CVM2015', `a block of ${block.length} bytes says it holds ${length}, more than ${MAX_RATIO} for each`, offset, what);
  if (block.length > longestBlock(as, length))
    reject('CVM2012', `a block of ${block.length} bytes for a chunk of ${length}: more than ${MAX_GROWTH} above it`, offset, what);
  return new Source(block, what, offset).readAll((source) => {
    const chunk = new Uint8Array(length);
    if (type.dtype !== 'i6') {
      READ[as](source, chunk, kindOf(type));
      return chunk;
    }
    const start = index * CHUNK_BYTES;
    const cut = sixBitCut(type, start, start + length);
    chunk.set(source.reader.bytes(cut.head));
    chunk.set(source.reader.bytes(cut.tail), length - cut.tail);
    const codes = new Uint8Array(cut.codes);
    READ[as](source, codes, kindOf(type));
    packCodes(codes, cut, chunk);
    return chunk;
  });
};
