import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type ByteSource, fail, MrlError, ok, type Result, toHex } from '../support/index.ts';
import { fileUnwritable } from './diagnostics.ts';
import { FileSource, MOST_AT_ONCE } from './file-source.ts';
import { reasonOf } from './files.ts';

/** A file that is written but does not have its name yet. */
export interface Draft {
  readonly size: number;
  /** What was written. */
  source(): ByteSource;
  /** Gives it its name, in place of an older file. Error: CLI2006. */
  commit(): Result<{ readonly replaced: boolean }>;
  /** Removes it, unless it has its name. */
  discard(): void;
}

/** Bytes that are gathered before they are written. */
const GATHER_BYTES = 2 ** 20;

const writePieces = (handle: number, pieces: Iterable<Uint8Array>): void => {
  const put = (bytes: Uint8Array): void => {
    for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done, Math.min(MOST_AT_ONCE, bytes.length - done));
  };
  const gathered = new Uint8Array(GATHER_BYTES);
  let used = 0;
  for (const piece of pieces) {
    const large = piece.length > GATHER_BYTES / 2;
    // what was gathered comes before a piece that is written by itself
    if (large || used + piece.length > GATHER_BYTES) {
      put(gathered.subarray(0, used));
      used = 0;
    }
    if (large) put(piece);
    else {
      gathered.set(piece, used);
      used += piece.length;
    }
  }
  put(gathered.subarray(0, used));
};

/**
 * Writes a file piece by piece beside the place where it is to stand: an interrupted run leaves the old file untouched.
 * Error: CLI2006.
 */
export const draftFile = (cwd: string, path: string, pieces: Iterable<Uint8Array>): Result<Draft> => {
  const full = resolve(cwd, path);
  const temporary = join(dirname(full), `.${basename(full)}.${toHex(randomBytes(6))}.tmp`);
  let handle: number | undefined;
  try {
    if (statSync(full, { throwIfNoEntry: false })?.isDirectory() === true) return fail(fileUnwritable(path, 'it is a folder'));
    handle = openSync(temporary, 'wx');
    writePieces(handle, pieces);
    fsyncSync(handle);
    const { size } = fstatSync(handle);
    closeSync(handle);
    handle = undefined;
    return ok({
      size,
      source: () => new FileSource(path, openSync(temporary, 'r')),
      commit: () => {
        try {
          const replaced = statSync(full, { throwIfNoEntry: false }) !== undefined;
          renameSync(temporary, full);
          return ok({ replaced });
        } catch (error) {
          return fail(fileUnwritable(path, reasonOf(error)));
        }
      },
      discard: () => rmSync(temporary, { force: true }),
    });
  } catch (error) {
    if (handle !== undefined) closeSync(handle);
    rmSync(temporary, { force: true });
    // a parameter that can no longer be read says so itself
    if (error instanceof MrlError) throw error;
    return fail(fileUnwritable(path, reasonOf(error)));
  }
};

/**
 * Writes a file as a whole or not at all: to a temporary file beside it, then a rename. An interrupted run leaves the
 * old file untouched. Error: CLI2006.
 */
export const writeFileAtomic = (cwd: string, path: string, content: Uint8Array | string): Result<{ readonly replaced: boolean }> => {
  const draft = draftFile(cwd, path, [typeof content === 'string' ? new TextEncoder().encode(content) : content]);
  if (!draft.ok) return draft;
  const committed = draft.value.commit();
  draft.value.discard();
  return committed;
};
