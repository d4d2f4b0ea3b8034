import { elementCount, type StaticType, type TensorStore } from '../ir/index.ts';
import { type ByteSource, invariant } from '../support/index.ts';
import { unpack6 } from './pack6.ts';
import { decodeChunk, type StoredAs, storedBytes } from './storage/index.ts';

/** Where a block stands in the file. */
export interface BlockPlace {
  readonly start: number;
  readonly length: number;
}

/** A parameter of a package that stays in its file: its blocks were checked, and are decoded again whenever they are asked for. */
export interface PackagedBlocks {
  readonly source: ByteSource;
  readonly type: StaticType;
  readonly encoding: StoredAs;
  /** One for each chunk. */
  readonly blocks: readonly BlockPlace[];
  readonly what: string;
}

export class PackagedParameter implements TensorStore {
  private readonly parameter: PackagedBlocks;

  constructor(parameter: PackagedBlocks) {
    this.parameter = parameter;
  }

  *pieces(): Iterable<Uint8Array> {
    const { type } = this.parameter;
    if (type.dtype !== 'i6') {
      yield* this.chunks();
      return;
    }
    // rows of packed values end anywhere in a chunk
    const packed = new Uint8Array(storedBytes(type));
    let offset = 0;
    for (const chunk of this.chunks()) {
      packed.set(chunk, offset);
      offset += chunk.length;
    }
    const unpacked = unpack6(packed, type.shape);
    invariant(unpacked.ok && unpacked.data.length === elementCount(type.shape), `${this.parameter.what} changed after it was checked`);
    yield new Uint8Array(unpacked.data.buffer);
  }

  private *chunks(): Iterable<Uint8Array> {
    const { source, type, encoding, blocks, what } = this.parameter;
    const room = new Uint8Array(blocks.reduce((most, { length }) => Math.max(most, length), 0));
    for (const [i, { start, length }] of blocks.entries()) {
      yield decodeChunk(type, encoding, source.read(start, length, room), i, { what, offset: start });
    }
  }
}
