import { closeSync, fdatasyncSync, ftruncateSync, fstatSync, openSync } from 'node:fs';
import { sha256 } from '../../support/index.ts';
import { readAt, type WriteAt, writeAllAt } from './disk.ts';
import { addRange, type Range } from './ranges.ts';

/** Two numbers of 64 bits and the first 8 bytes of their SHA-256 with the number of the record: a torn or stale record is seen. */
const RECORD_BYTES = 24;
/** More records than this are never read: a journal is laid down anew before. */
const MAX_RECORDS = 2 ** 16;

const recordOf = ([from, to]: Range, index: number): Uint8Array => {
  const bytes = new Uint8Array(RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(from), true);
  view.setBigUint64(8, BigInt(to), true);
  bytes.set(sha256(String(index), bytes.subarray(0, 16)).subarray(0, 8), 16);
  return bytes;
};

/**
 * Which ranges of a draft are on the disk. The first record is [0, size). A record is written after the bytes that it tells of are durable, so
 * that whatever is read was there, whenever the process or the machine ended.
 */
export class Journal {
  private readonly handle: number;
  private readonly write: WriteAt;
  private count = 0;
  /** Ranges on the disk. */
  ranges: readonly Range[] = [];

  /** @param size - of the whole; a journal of another size is begun anew */
  constructor(path: string, size: number, write: WriteAt) {
    this.handle = openSync(path, 'a+');
    closeSync(this.handle);
    this.handle = openSync(path, 'r+');
    this.write = write;
    const there = Math.min(MAX_RECORDS, Math.floor(fstatSync(this.handle).size / RECORD_BYTES));
    const bytes = readAt(this.handle, 0, new Uint8Array(there * RECORD_BYTES));
    const view = new DataView(bytes.buffer);
    let whole = 0;
    for (; whole < bytes.length / RECORD_BYTES; whole++) {
      const range = [
        Number(view.getBigUint64(whole * RECORD_BYTES, true)),
        Number(view.getBigUint64(whole * RECORD_BYTES + 8, true)),
      ] as const;
      const expected = recordOf(range, whole);
      if (expected.some((b, i) => b !== bytes[whole * RECORD_BYTES + i])) break;
      if (whole === 0 && (range[0] !== 0 || range[1] !== size)) break;
      if (range[1] > size) break;
      if (whole > 0) this.ranges = addRange(this.ranges, ...range);
    }
    this.count = whole;
    // what follows a torn record would be taken for part of the journal later
    ftruncateSync(this.handle, whole * RECORD_BYTES);
    if (whole === 0) this.put([0, size]);
  }

  private put(range: Range): void {
    writeAllAt(this.write, this.handle, recordOf(range, this.count), this.count * RECORD_BYTES, 'journal of a draft');
    this.count++;
  }

  /** Tells of ranges that are durable. @throws {StoreFull} */
  add(ranges: readonly Range[]): void {
    for (const range of ranges) {
      if (this.count >= MAX_RECORDS) return;
      this.put(range);
      this.ranges = addRange(this.ranges, ...range);
    }
    fdatasyncSync(this.handle);
  }

  close(): void {
    closeSync(this.handle);
  }
}

/** Size of the whole that a journal tells of; undefined: it tells of none. */
export const journalSize = (path: string): number | undefined => {
  try {
    const handle = openSync(path, 'r');
    try {
      const bytes = readAt(handle, 0, new Uint8Array(RECORD_BYTES));
      if (bytes.length < RECORD_BYTES) return undefined;
      return Number(new DataView(bytes.buffer).getBigUint64(8, true));
    } finally {
      closeSync(handle);
    }
  } catch {
    return undefined;
  }
};
