import type { CID } from 'multiformats/cid';
import { canonicalBytes, canonicalPieces, type StaticType, StoredTensor, type Tensor } from '../ir/index.ts';
import { type Block, carHeader, frameBytes, framePrefix, rawCid, recordBlock } from './car.ts';
import type { FloatManifest } from './float-parameters.ts';
import { pack6 } from './pack6.ts';
import { invariant } from '../support/index.ts';
import {
  CHUNK_BYTES,
  chunkBytes,
  chunksOfBytes,
  encodeChunk,
  encodeChunks,
  STORED_AS,
  storageFields,
  type StoredAs,
  type StoredParameter,
} from './storage/index.ts';

/** A file that is made piece by piece: never more of it is in memory than the largest parameter. */
export interface PackageFile {
  readonly size: number;
  /** The bytes in order; the same each time. A piece may be written over when the next one is asked for. */
  pieces(): Iterable<Uint8Array>;
}

/** Joins pieces to chunks of `CHUNK_BYTES`; the last may be shorter. A chunk may be written over when the next one is asked for. */
function* toChunks(pieces: Iterable<Uint8Array>): Iterable<Uint8Array> {
  const chunk = new Uint8Array(CHUNK_BYTES);
  let used = 0;
  for (const piece of pieces) {
    for (let start = 0; start < piece.length; ) {
      if (used === 0 && piece.length - start >= CHUNK_BYTES) {
        yield piece.subarray(start, start + CHUNK_BYTES);
        start += CHUNK_BYTES;
        continue;
      }
      const part = piece.subarray(start, start + CHUNK_BYTES - used);
      chunk.set(part, used);
      used += part.length;
      start += part.length;
      if (used < CHUNK_BYTES) continue;
      yield chunk;
      used = 0;
    }
  }
  if (used > 0) yield chunk.subarray(0, used);
}

/** The decoded bytes of a parameter as chunks: elements little-endian, i6 packed. */
const decodedChunks = (tensor: Tensor): (() => Iterable<Uint8Array>) => {
  if (tensor.dtype === 'i6' && tensor instanceof StoredTensor) return () => chunksOfBytes(pack6(tensor.data, tensor.shape));
  if (tensor instanceof StoredTensor) return () => toChunks(canonicalPieces(tensor));
  const stored = tensor.dtype === 'i6' ? pack6(tensor.data, tensor.shape) : canonicalBytes(tensor);
  return () => chunksOfBytes(stored);
};

/** A parameter about to be written. */
export interface LaidParameter {
  readonly type: StaticType;
  /** Names of its chunks. */
  readonly names: readonly CID[];
  readonly inMemory: boolean;
  readonly chunks: () => Iterable<Uint8Array>;
}

export const layParameter = (tensor: Tensor): LaidParameter => {
  const chunks = decodedChunks(tensor);
  return {
    type: { dtype: tensor.dtype, shape: tensor.shape },
    names: Array.from(chunks(), rawCid),
    inMemory: !(tensor instanceof StoredTensor),
    chunks,
  };
};

/** What a file holds before it is laid out. */
export interface Contents {
  readonly root: Block;
  readonly model: Block;
  readonly code: Block;
  readonly parameters: readonly LaidParameter[];
  readonly floats: FloatManifest | undefined;
}

/** Blocks that stand one after another: their names and lengths, and how to make them. */
interface Run {
  readonly names: readonly CID[];
  readonly lengths: readonly number[];
  readonly blocks: () => Iterable<Uint8Array>;
}

const runOf = (blocks: readonly Block[]): Run => ({
  names: blocks.map((b) => b.cid),
  lengths: blocks.map((b) => b.bytes.length),
  blocks: () => blocks.map((b) => b.bytes),
});

const carFile = (roots: readonly CID[], runs: readonly Run[]): PackageFile => {
  const header = carHeader(roots);
  return {
    size: runs.reduce((n, run) => run.lengths.reduce((m, length) => m + frameBytes(length), n), header.length),
    *pieces() {
      yield header;
      for (const { names, blocks } of runs) {
        let next = 0;
        for (const block of blocks()) {
          const name = names[next++];
          if (name !== undefined) yield framePrefix(name, block.length);
          yield block;
        }
      }
    },
  };
};

const plainRun = ({ type, names, chunks }: LaidParameter): Run => ({
  names,
  lengths: names.map((_, i) => chunkBytes(type, i)),
  blocks: chunks,
});

interface StoredRun extends Run {
  readonly record: StoredParameter;
}

/** Blocks of a parameter in memory are kept; those of one in a file are encoded twice, to name and to write them. */
const storedRun = ({ type, inMemory, chunks }: Omit<LaidParameter, 'names'>, allowed: readonly StoredAs[]): StoredRun => {
  const { encoding, blocks: noted } = encodeChunks(type, chunks(), allowed, (bytes) => ({
    cid: rawCid(bytes),
    length: bytes.length,
    bytes: inMemory ? bytes : undefined,
  }));
  const names = noted.map((b) => b.cid);
  return {
    record: { encoding, blocks: names },
    names,
    lengths: noted.map((b) => b.length),
    blocks: function* blocks() {
      if (inMemory) {
        for (const { bytes } of noted) if (bytes !== undefined) yield bytes;
        return;
      }
      let index = 0;
      for (const chunk of chunks()) {
        const block = encodeChunk(type, encoding, chunk, index++);
        invariant(block !== undefined, `a chunk of ${chunk.length} bytes is not encoded as it was before`);
        yield block;
      }
    },
  };
};

/** A file with a storage record. @param form - of the parameters; float parameters are compressed always */
const storedFile = ({ root, model, code, parameters, floats }: Contents, form: 'plain' | 'compressed'): PackageFile => {
  const own = parameters.map((p) => storedRun(p, form === 'plain' ? ['plain'] : STORED_AS));
  const kept =
    floats?.tensors.map((t) => storedRun({ type: t.type, inMemory: true, chunks: () => chunksOfBytes(t.stored) }, STORED_AS)) ?? [];
  const record = recordBlock(
    storageFields({
      package: root.cid,
      parameters: own.map((p) => p.record),
      ...(floats === undefined ? {} : { floatParameters: { manifest: floats.block.cid, tensors: kept.map((p) => p.record) } }),
    }),
  );
  const manifest = floats === undefined ? [] : [runOf([floats.block])];
  return carFile([root.cid, record.cid], [runOf([root, record, model, code]), ...own, ...manifest, ...kept]);
};

/** Lays out a file: plain without a storage record, when there is nothing for one to say. */
export const layOut = (contents: Contents, form: 'plain' | 'compressed'): PackageFile => {
  const { root, model, code, parameters, floats } = contents;
  if (form === 'compressed' || floats !== undefined) return storedFile(contents, form);
  return carFile([root.cid], [runOf([root, model, code]), ...parameters.map(plainRun)]);
};
