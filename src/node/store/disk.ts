import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { type ByteSource, MrlError, diagnostic } from '../../support/index.ts';

/** A disk or a limit has no room: nothing was lost, and it goes on once there is some. */
export class StoreFull extends Error {
  override readonly name = 'StoreFull';
}

/** Writes a part of a file at an offset. @returns bytes written; tests stand a full disk in for it */
export type WriteAt = (handle: number, bytes: Uint8Array, offset: number) => number;

export const writeAt: WriteAt = (handle, bytes, offset) => writeSync(handle, bytes, 0, bytes.length, offset);

const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** What a system error of a full disk becomes; any other is thrown as it is. */
export const asStoreFull = (error: unknown, what: string): StoreFull => {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (!FULL.has(code)) throw error;
  return new StoreFull(`NOD0060 ${what}: the disk is full (${code})`, { cause: error });
};

/** Writes all bytes. @throws {StoreFull} */
export const writeAllAt = (write: WriteAt, handle: number, bytes: Uint8Array, offset: number, what: string): void => {
  try {
    for (let done = 0; done < bytes.length; ) {
      const n = write(handle, bytes.subarray(done), offset + done);
      done += n;
    }
  } catch (error) {
    throw asStoreFull(error, what);
  }
};

/** Makes names of a folder durable: a rename is there after a power cut only then. */
export const syncFolder = (folder: string): void => {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
};

/** Bytes of an open file from an offset on; fewer where it ends. */
export const readAt = (handle: number, offset: number, into: Uint8Array): Uint8Array => {
  let done = 0;
  while (done < into.length) {
    const got = readSync(handle, into, done, into.length - done, offset + done);
    if (got === 0) break;
    done += got;
  }
  return into.subarray(0, done);
};

/** Handles of sources that nobody holds any more. */
const abandoned = new FinalizationRegistry<number>((handle) => closeSync(handle));

/** A file of the store, read in parts. It stays the file it was when its name is taken away. @throws what opening throws */
export class StoredFile implements ByteSource {
  readonly size: number;
  readonly inMemory = false;
  private readonly handle: number;

  constructor(path: string, size: number) {
    this.handle = openSync(path, 'r');
    this.size = size;
    abandoned.register(this, this.handle);
  }

  read(offset: number, length: number, room?: Uint8Array): Uint8Array {
    const wanted = Math.max(0, Math.min(length, this.size - offset));
    const into = room !== undefined && room.length >= wanted ? room.subarray(0, wanted) : new Uint8Array(wanted);
    const bytes = readAt(this.handle, offset, into);
    if (bytes.length === wanted) return bytes;
    throw new MrlError([diagnostic('NOD0062', `a file of the store has ${offset + bytes.length} bytes now but had ${this.size}`)]);
  }
}
