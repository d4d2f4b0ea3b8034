import { closeSync, fstatSync, openSync, readdirSync, readSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { compareCodeUnits, fail, ok, type Result, Sha256 } from '../support/index.ts';
import { externalDataRefused, fileEmpty, fileIsFolder, fileMissing, fileTooLarge, fileUnreadable, folderUseless } from './diagnostics.ts';

/** Most bytes of each kind of file. Node buffers end at 4 GiB, protobuf at 2 GiB; packages and data are read in parts. */
export const LIMITS = {
  model: 2 ** 31 - 1,
  package: 2 ** 34,
  data: 2 ** 36,
  text: 64 * 2 ** 20,
  tensor: 2 ** 31 - 1,
  picture: 256 * 2 ** 20,
  labels: 16 * 2 ** 20,
} as const;
export type FileKind = keyof typeof LIMITS;

const MOST_SUGGESTIONS = 5000;
const CHUNK = 2 ** 30;

/** The system's own name of the problem (ENOENT), else its message. By shape, not class: errors may come from another realm. */
export const reasonOf = (error: unknown): string => {
  if (typeof error !== 'object' || error === null) return String(error);
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'message' in error ? String(error.message) : 'unknown reason';
};

/** Names in a folder, sorted; none when it cannot be listed. */
const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder).slice(0, MOST_SUGGESTIONS).sort(compareCodeUnits);
  } catch {
    return [];
  }
};

export const readAll = (handle: number, start: number, size: number): Uint8Array => {
  const bytes = new Uint8Array(size);
  let offset = 0;
  while (offset < size) {
    const got = readSync(handle, bytes, offset, Math.min(CHUNK, size - offset), start + offset);
    if (got === 0) return bytes.slice(0, offset);
    offset += got;
  }
  return bytes;
};

/** Calls `use` with an open regular file that is not empty and within the limit of its kind; a missing file suggests its neighbours. */
export const withFile = <T>(cwd: string, path: string, kind: FileKind, use: (handle: number, size: number) => T): Result<T> => {
  const full = resolve(cwd, path);
  let handle: number | undefined;
  try {
    // A FIFO or device would block or never end.
    const stat = statSync(full);
    if (stat.isDirectory()) return fail(fileIsFolder(path));
    if (!stat.isFile()) return fail(fileUnreadable(path, 'it is not a regular file'));
    handle = openSync(full, 'r');
    const { size } = fstatSync(handle);
    if (size === 0) return fail(fileEmpty(path));
    if (size > LIMITS[kind]) return fail(fileTooLarge(path, size, LIMITS[kind]));
    return ok(use(handle, size));
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === 'ENOENT' || reason === 'ENOTDIR') return fail(fileMissing(path, namesIn(dirname(full))));
    return fail(fileUnreadable(path, reason));
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
};

/** Reads a whole file. Errors: CLI2001 to CLI2005. */
export const readFileLimited = (cwd: string, path: string, kind: FileKind): Result<Uint8Array> =>
  withFile(cwd, path, kind, (handle, size) => readAll(handle, 0, size));

/** A part of a file that stays in the processor's caches while it is hashed. */
const DIGEST_BYTES = 2 ** 17;

/** SHA-256 of a file, which is not held in memory. Errors: CLI2001 to CLI2005. */
export const fileDigest = (cwd: string, path: string, kind: FileKind): Result<string> =>
  withFile(cwd, path, kind, (handle) => {
    const hash = new Sha256();
    const room = new Uint8Array(DIGEST_BYTES);
    for (let got = readSync(handle, room); got > 0; got = readSync(handle, room))
      hash.update(got === room.length ? room : room.subarray(0, got));
    return hash.finish();
  });

/** The size of a file that can be read. Errors: CLI2001 to CLI2005. */
export const fileSize = (cwd: string, path: string, kind: FileKind): Result<number> => withFile(cwd, path, kind, (_, size) => size);

/** Reads a part of a file, less where the file ends. Errors: CLI2001 to CLI2005. */
export const readFilePart = (cwd: string, path: string, kind: FileKind, offset: number, length: number): Result<Uint8Array> =>
  withFile(cwd, path, kind, (handle, size) => readAll(handle, offset, Math.max(0, Math.min(length, size - offset))));

export const isFolder = (cwd: string, path: string): boolean =>
  statSync(resolve(cwd, path), { throwIfNoEntry: false })?.isDirectory() === true;

/** Paths of the files in a folder whose names end in one of `extensions`, sorted by name. Errors: CLI2001, CLI2004, CLI2009. */
export const listFolder = (cwd: string, folder: string, extensions: readonly string[]): Result<readonly string[]> => {
  try {
    const names = readdirSync(resolve(cwd, folder)).sort(compareCodeUnits);
    const fitting = names.filter((name) => extensions.some((e) => name.toLowerCase().endsWith(e)));
    return fitting.length === 0 ? fail(folderUseless(folder, extensions.join(', '))) : ok(fitting.map((name) => join(folder, name)));
  } catch (error) {
    return fail(fileUnreadable(folder, reasonOf(error)));
  }
};

/**
 * The folder of a data file that an ONNX model names, once its location is found to be a relative path inside the folder of the model, with no symbolic link
 * that leads out of it. Errors: CLI2004, CLI2008.
 */
export const folderBeside = (cwd: string, model: string, location: string): Result<string> => {
  const folder = dirname(resolve(cwd, model));
  const leaves = (root: string, target: string): boolean => {
    const path = relative(root, target);
    return path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path);
  };
  if (location === '' || location.includes('\0') || location.includes('\\') || isAbsolute(location)) {
    return fail(externalDataRefused(model, location, 'is not a relative path'));
  }
  const target = resolve(folder, location);
  if (leaves(folder, target)) return fail(externalDataRefused(model, location, 'lies outside the folder of the model'));
  try {
    if (leaves(realpathSync(folder), realpathSync(target))) {
      return fail(externalDataRefused(model, location, 'is a symbolic link that leads out of the folder of the model'));
    }
  } catch (error) {
    if (reasonOf(error) !== 'ENOENT') return fail(fileUnreadable(target, reasonOf(error)));
  }
  return ok(folder);
};
