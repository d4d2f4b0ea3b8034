import { ByteError, ByteReader } from '../../support/index.ts';
import { reject } from '../format.ts';

/**
 * Bytes after the end of a block that the decoder may touch: 16 symbols of 15 bits beyond the end of a stream are looked
 * up before its position is checked, and four bytes are loaded at a time.
 */
const SLACK = 64;

/** An encoded block being read: a copy with room after its end, so that the inner loop needs no test for it. */
export class Source {
  readonly reader: ByteReader;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  private readonly what: string;
  private readonly base: number;

  /** @param what - whose block it is, for messages   @param base - where the block stands in the file */
  constructor(block: Uint8Array, what: string, base = 0) {
    this.bytes = new Uint8Array(block.length + SLACK);
    this.bytes.set(block);
    this.view = new DataView(this.bytes.buffer);
    this.reader = new ByteReader(this.bytes, 0, block.length);
    this.what = what;
    this.base = base;
  }

  bad(problem: string): never {
    return reject('CVM2012', problem, this.base + this.reader.offset, this.what);
  }

  /** Runs a decoder to the end of the block; byte errors get the place in the file. */
  readAll<T>(decode: (source: Source) => T): T {
    try {
      const value = decode(this);
      if (this.reader.remaining > 0) this.bad(`${this.reader.remaining} bytes are left over`);
      return value;
    } catch (error) {
      if (error instanceof ByteError) return reject('CVM2012', error.message, this.base + error.offset, this.what);
      throw error;
    }
  }

  /** Reads bits from here to a byte boundary, least significant first; the caller finishes with `closeBits`. */
  bits(): BitReader {
    return new BitReader(this);
  }
}

/** Reads single bits of a `Source`; moves its reader on. */
export class BitReader {
  private readonly source: Source;
  private pending = 0;
  private count = 0;

  constructor(source: Source) {
    this.source = source;
  }

  read(width: number): number {
    while (this.count < width) {
      this.pending |= this.source.reader.u8() << this.count;
      this.count += 8;
    }
    const value = this.pending & ((1 << width) - 1);
    this.pending >>>= width;
    this.count -= width;
    return value;
  }

  /** The rest of the last byte, which is 0. */
  close(): void {
    if (this.pending !== 0) this.source.bad('bits after the code lengths are not 0');
  }
}
