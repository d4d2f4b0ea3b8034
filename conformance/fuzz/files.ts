import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A file of the repository, from the sources or from dist. @param path - from the root of the repository */
export const repositoryFile = (path: string): Uint8Array | undefined => {
  for (const root of ['../../', '../../../']) {
    const found = fileURLToPath(new URL(root + path, import.meta.url));
    if (existsSync(found)) return new Uint8Array(readFileSync(found));
  }
  return undefined;
};
