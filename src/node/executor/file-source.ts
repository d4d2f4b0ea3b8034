import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { ByteSource } from '../../support/index.ts';

/** What tells that a file is no longer the one that was opened. */
const stampOf = (handle: number): string => {
  const { size, mtimeMs, ctimeMs, ino } = fstatSync(handle);
  return `${size} ${mtimeMs} ${ctimeMs} ${ino}`;
};

/**
 * Reads a file in parts while `use` runs.
 * @throws what opening and reading throw
 * @returns undefined when the file changed meanwhile: what was found in it is worth nothing
 */
export const withFile = async <T>(path: string, use: (file: ByteSource) => Promise<T>): Promise<T | undefined> => {
  const handle = openSync(path, 'r');
  try {
    const stamp = stampOf(handle);
    const value = await use({
      size: fstatSync(handle).size,
      inMemory: false,
      read: (offset, length, room) => {
        const into = room === undefined ? new Uint8Array(length) : room.subarray(0, length);
        let done = 0;
        while (done < into.length) {
          const got = readSync(handle, into, done, into.length - done, offset + done);
          if (got === 0) break;
          done += got;
        }
        return into.subarray(0, done);
      },
    });
    return stampOf(handle) === stamp ? value : undefined;
  } finally {
    closeSync(handle);
  }
};
