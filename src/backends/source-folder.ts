import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { invariant } from '../support/index.ts';

/** A file of sources in C and the like, by its name without folders. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
}

/**
 * A folder of sources that are not TypeScript. It lies below this one; in the package, this file is in dist/src and the folder in src.
 * @param name - relative to src/backends, with a slash at the end
 * @param has - a file of it
 */
export const sourceFolder = (name: string, has: string): string => {
  const paths = [`./${name}`, `../../../src/backends/${name}`].map((p) => fileURLToPath(new URL(p, import.meta.url)));
  const folder = paths.find((path) => existsSync(join(path, has)));
  invariant(folder !== undefined, `src/backends/${name} is missing from the package`);
  return folder;
};

/** Files of a folder whose names match, in order of names. */
export const sourceFiles = (folder: string, pattern: RegExp): readonly SourceFile[] =>
  readdirSync(folder)
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
