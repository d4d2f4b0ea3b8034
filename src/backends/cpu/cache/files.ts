import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { sha256Hex } from '../../../support/index.ts';

interface SystemError {
  readonly code: string;
  readonly syscall: string;
  readonly message: string;
}

/** True for errors of the file system and the like; others are bugs and go on. Not by class: tests have classes of their own. */
export const isSystemError = (error: unknown): error is SystemError =>
  typeof error === 'object' && error !== null && 'code' in error && 'syscall' in error && 'message' in error;

/** What went wrong, with the system's code: `ENOSPC: no space left on device, write`. */
export const causeOf = (error: unknown): string => (isSystemError(error) ? error.message : String(error));

/** Text and the digest of it in the first line, so that a cut or changed file is known. */
export const seal = (body: string): string => `${sha256Hex(body)}\n${body}`;

/** The text of a sealed file; undefined when it does not have its digest. */
export const unseal = (text: string): string | undefined => {
  const end = text.indexOf('\n');
  const body = text.slice(end + 1);
  return end > 0 && text.slice(0, end) === sha256Hex(body) ? body : undefined;
};

/** Writes all bytes: a write may take fewer. */
export const writeAll = (file: number, bytes: Uint8Array): void => {
  // one call of more than 2^31 - 1 bytes is refused
  const MOST = 1 << 30;
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, Math.min(MOST, bytes.length - done));
};

/** The content, or undefined when there is no such file. */
export const readIfThere = (path: string): Uint8Array | undefined => {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
};

/** Makes one folder, or finds it there. @returns why it could not */
const makeOne = (path: string): SystemError | undefined => {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code !== 'EEXIST') return error;
  }
  return undefined;
};

/** Makes a folder and those above it. Node's own way names no cause where the file system is read-only, and does not end in /proc. */
export const makeFolder = (path: string): void => {
  const problem = makeOne(path);
  if (problem === undefined) return;
  if (problem.code !== 'ENOENT' || dirname(path) === path) throw problem;
  makeFolder(dirname(path));
  const again = makeOne(path);
  if (again !== undefined) throw again;
};

/** A new folder in `parent`, for this process alone. */
export const scratchFolder = (parent: string): string => {
  const folder = join(parent, `${process.pid}-${randomUUID()}`);
  makeFolder(folder);
  return folder;
};

/** Does work in a folder of the system's for temporary files, which goes afterwards. */
export const inTemporaryFolder = <T>(work: (folder: string) => T): T => {
  const folder = mkdtempSync(join(tmpdir(), 'cortexc-work-'));
  try {
    return work(folder);
  } finally {
    removeQuietly(folder);
  }
};

/** Removes a file or folder if it can: what is left over is cleared away another time. */
export const removeQuietly = (path: string): void => {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // someone else is at it, or the disk is read-only
  }
};

/**
 * Moves a finished folder to its final name in one step, so that other processes see all of it or nothing. When another
 * process was first, its folder stays, unless `replace` says that the one there is damaged. @returns whether ours is in place
 */
export const publish = (
  from: string,
  to: string,
  { replace, scratch }: { readonly replace: boolean; readonly scratch: string },
): boolean => {
  if (replace) {
    const away = join(scratch, `${process.pid}-${randomUUID()}`);
    try {
      renameSync(to, away);
      removeQuietly(away);
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
  }
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (!isSystemError(error) || (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST')) throw error;
    removeQuietly(from);
    return false;
  }
};
