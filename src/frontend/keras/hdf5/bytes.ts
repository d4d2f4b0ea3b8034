import { damaged, detailUnsupported, overLimit, stop } from '../../import-problems.ts';

/** An address that stands for "nowhere". HDF5 File Format Specification 3.0, section II. */
const UNDEFINED = 0xffffffffffffffffn;

/** Bytes that are read and unpacked of one file, in multiples of its size: several datasets may share bytes, deflate packs zeros. */
const PER_BYTE = 1032;
const FREE_BYTES = 2 ** 20;
const MOST_BYTES = 2 ** 33;

/** Deepest nesting of blocks: real files have B-trees of three levels. */
export const MAX_DEPTH = 16;

/** Bytes for numbers up to `limit`. */
export const widthOf = (limit: number): number => Math.floor(Math.floor(Math.log2(Math.max(1, limit))) / 8) + 1;

export const broken = (detail: string): never => stop(damaged('HDF5', detail));
export const unsupported = (detail: string): never => stop(detailUnsupported('HDF5', 'the file', detail, ['Write it again with h5py.']));

/**
 * The bytes of an HDF5 file. Every read is checked against the end; structures are visited once a walk, so that files whose
 * blocks point at each other end in a problem. Lengths and addresses have 8 bytes.
 */
export class FileBytes {
  readonly bytes: Uint8Array;
  private readonly view: DataView;
  /** Where address 0 is. */
  private readonly base: number;
  private budget: number;

  constructor(bytes: Uint8Array, base: number) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.base = base;
    this.budget = Math.min(MOST_BYTES, FREE_BYTES + PER_BYTE * bytes.length);
  }

  get size(): number {
    return this.bytes.length;
  }
  /** Counts bytes that are copied or unpacked. @throws {MrlError} IMP1007 */
  take(count: number, what: string): void {
    this.budget -= count;
    if (!(this.budget >= 0)) stop(overLimit(`${what} takes ${count} bytes, more than a file of ${this.size} bytes justifies`));
  }
  /** Place of an address. */
  at(address: number | undefined, what: string): number {
    if (address === undefined) return broken(`${what} has no address`);
    return address + this.base;
  }
  private check(at: number, count: number): void {
    if (!(at >= 0 && at + count <= this.size)) broken(`${count} bytes at ${at} are past the end of the file, ${this.size} bytes`);
  }
  u8(at: number): number {
    this.check(at, 1);
    return this.view.getUint8(at);
  }
  u16(at: number): number {
    this.check(at, 2);
    return this.view.getUint16(at, true);
  }
  u32(at: number): number {
    this.check(at, 4);
    return this.view.getUint32(at, true);
  }
  /** A length; beyond 2^53 it is past the end of any file. */
  length(at: number): number {
    this.check(at, 8);
    return Number(this.view.getBigUint64(at, true));
  }
  /** A whole number of 1 to 8 bytes. */
  uint(at: number, width: number): number {
    let value = 0;
    for (let i = width - 1; i >= 0; i--) value = value * 256 + this.u8(at + i);
    return value;
  }
  address(at: number): number | undefined {
    this.check(at, 8);
    const value = this.view.getBigUint64(at, true);
    return value === UNDEFINED ? undefined : Number(value);
  }
  part(at: number, count: number): Uint8Array {
    this.check(at, count);
    return this.bytes.subarray(at, at + count);
  }
  /** Text up to the first zero. */
  text(at: number, count: number): string {
    const bytes = this.part(at, count);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  }
  /** Where a block starts whose first four bytes are known. */
  block(address: number | undefined, signature: string): number {
    const start = this.at(address, `block ${signature}`);
    const found = this.text(start, 4);
    return found === signature ? start : broken(`at ${start} there is no block ${signature}`);
  }
}

/** Places that a walk has been to. @throws {MrlError} IMP1001 at the second visit */
export class Visits {
  private readonly seen = new Set<number>();
  add(place: number): void {
    if (this.seen.has(place)) broken(`the block at ${place} is part of itself`);
    this.seen.add(place);
  }
}
