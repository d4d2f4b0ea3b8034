import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Hex } from '../../../support/index.ts';
import type { Cache } from '../cache/cache.ts';
import { readIfThere } from '../cache/files.ts';
import type { Level } from './toolchain-levels.ts';

/** A shared library on disk. */
export interface Library {
  readonly path: string;
  readonly key: string;
  readonly level: Level;
}

export const LIBRARY = 'program.so';

interface LibraryRecord {
  readonly sha256: string;
  readonly level: Level;
}

/** The record of a library that was written to a folder. */
export const libraryRecord = (folder: string, level: Level): string => {
  const record: LibraryRecord = { sha256: sha256Hex(readFileSync(join(folder, LIBRARY))), level };
  return JSON.stringify(record);
};

/** The library of a key, when the cache has it and its bytes have the digest that was recorded. */
export const findLibrary = (cache: Cache, key: string): Library | undefined => {
  const entry = cache.find('programs', key);
  if (entry === undefined) return undefined;
  const path = join(entry.folder, LIBRARY);
  const record = JSON.parse(entry.record) as LibraryRecord;
  const content = readIfThere(path);
  if (content !== undefined && sha256Hex(content) === record.sha256) return { path, key, level: record.level };
  cache.drop('programs', key, content === undefined ? 'the library is gone' : 'the library does not have the digest that was recorded');
  return undefined;
};
