import { mkdirSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fail, ok, type Result } from '../support/index.ts';
import type { Context } from './context.ts';
import { fileUnwritable, folderInUse } from './diagnostics.ts';

/** A file of a folder that is written as a whole. */
export interface FolderFile {
  /** Relative to the folder, with slashes. */
  readonly name: string;
  readonly content: string | Uint8Array;
}

const reasonOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : String(error);

/** What is in a folder; nothing when there is none. */
const entriesOf = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (reasonOf(error) === 'ENOENT') return [];
    throw error;
  }
};

/**
 * Writes files into a new or empty folder, each as a whole; with `force` also into one that holds something: files of the same names
 * are replaced, others stay. Errors: CLI2006, CLI2015.
 */
export const writeFolder = (context: Context, folder: string, files: readonly FolderFile[], force: boolean): Result<undefined> => {
  try {
    const full = resolve(context.io.cwd, folder);
    const present = entriesOf(full);
    if (present.length > 0 && !force) return fail(folderInUse(folder, present.length));
    for (const path of new Set(files.map((f) => dirname(join(full, f.name))))) mkdirSync(path, { recursive: true });
  } catch (error) {
    return fail(fileUnwritable(folder, reasonOf(error)));
  }
  for (const { name, content } of files) {
    const written = context.write(join(folder, name), content);
    if (!written.ok) return written;
  }
  return ok(undefined);
};
