import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { diagnostic, fail, invariant, ok, type Result, Sha256, sha256Hex } from '../../../support/index.ts';
import type { Cache } from './cache.ts';
import { causeOf, isSystemError, writeAll } from './files.ts';

/** A parameter to be written to a file. */
export interface ParameterBytes {
  /** Digest of its content and type: names the file together with the others. */
  readonly digest: string;
  /** Where it starts in the file, behind the one before. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** The bytes in order, `sizeBytes` in all; asked for only when there is no such file yet. */
  chunks(): Iterable<Uint8Array>;
}

/** A parameter file in the cache. */
export interface ParameterFile {
  readonly path: string;
  readonly key: string;
}

const FILE = 'parameters.bin';

interface FileRecord {
  readonly sizeBytes: number;
  /** Of the whole file. */
  readonly sha256: string;
  /** Time of the last change in nanoseconds since 1970: a file that was changed in place has another. */
  readonly changed: string;
}

const factsOf = (path: string): { readonly sizeBytes: number; readonly changed: string } | undefined => {
  try {
    const { size, mtimeNs } = statSync(path, { bigint: true });
    return { sizeBytes: Number(size), changed: String(mtimeNs) };
  } catch {
    return undefined;
  }
};

const CHUNK_BYTES = 1 << 22;

/** SHA-256 of a file of any size. */
const digestOf = (path: string): string => {
  const hash = new Sha256();
  const buffer = new Uint8Array(CHUNK_BYTES);
  const file = openSync(path, 'r');
  try {
    for (let n = readSync(file, buffer); n > 0; n = readSync(file, buffer)) hash.update(buffer.subarray(0, n));
  } finally {
    closeSync(file);
  }
  return hash.finish();
};

/** What is wrong with the file. Costs a stat; a file whose time of change differs is read through, once. */
const problemOf = (path: string, record: FileRecord): string | undefined => {
  const facts = factsOf(path);
  if (facts === undefined) return 'the file is gone';
  if (facts.sizeBytes !== record.sizeBytes) return `the file has ${facts.sizeBytes} bytes, ${record.sizeBytes} were written`;
  if (facts.changed === record.changed) return undefined;
  return digestOf(path) === record.sha256 ? undefined : 'the content does not have the digest that was recorded';
};

/** Writes the parameters at their offsets, zeros between and up to `sizeBytes`. @returns the digest of the file */
export const writeParameters = (path: string, params: readonly ParameterBytes[], sizeBytes: number): string => {
  const hash = new Sha256();
  const file = openSync(path, 'wx', 0o600);
  let at = 0;
  const put = (bytes: Uint8Array): void => {
    writeAll(file, bytes);
    hash.update(bytes);
    at += bytes.length;
  };
  const skipTo = (offset: number): void => {
    invariant(offset >= at, `parameters of a file overlap at byte ${offset}`);
    if (offset > at) put(new Uint8Array(offset - at));
  };
  try {
    for (const param of params) {
      skipTo(param.offset);
      for (const chunk of param.chunks()) put(chunk);
      invariant(at === param.offset + param.sizeBytes, `a parameter of ${param.sizeBytes} bytes gives ${at - param.offset}`);
    }
    skipTo(sizeBytes);
  } finally {
    closeSync(file);
  }
  return hash.finish();
};

const keyOf = (params: readonly ParameterBytes[], sizeBytes: number): string =>
  sha256Hex(`parameters ${sizeBytes}\n`, ...params.map((p) => `${p.digest} ${p.offset} ${p.sizeBytes}\n`));

/** The parameter file of a key, when the cache has it and it is as it was written. */
export const findParameters = (cache: Cache, key: string): ParameterFile | undefined => {
  const entry = cache.find('parameters', key);
  if (entry === undefined) return undefined;
  const path = join(entry.folder, FILE);
  const why = problemOf(path, JSON.parse(entry.record) as FileRecord);
  if (why === undefined) return { path, key };
  cache.drop('parameters', key, why);
  return undefined;
};

/**
 * The file with these parameters, in order of their offsets: the one in the cache, else a new one. Writing costs time in
 * the order of its bytes once, finding it a stat. Error: NAT0007 when it can be written nowhere.
 */
export const storeParameters = (cache: Cache, params: readonly ParameterBytes[], sizeBytes: number): Result<ParameterFile> => {
  const key = keyOf(params, sizeBytes);
  const found = findParameters(cache, key);
  if (found !== undefined) return ok(found);
  try {
    const { folder } = cache.make('parameters', key, (draft) => {
      const path = join(draft, FILE);
      const sha256 = writeParameters(path, params, sizeBytes);
      return JSON.stringify({ sha256, ...factsOf(path) });
    });
    return ok({ path: join(folder, FILE), key });
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const notes = ['Make room, or name a folder with room in CORTEXC_CACHE.'];
    const message = `${sizeBytes} bytes of parameters cannot be written: ${causeOf(error)}`;
    return fail(diagnostic('NAT0007', message, { where: cache.folder, notes }));
  }
};
