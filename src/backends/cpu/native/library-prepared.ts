import type { Cache } from '../cache/cache.ts';
import { type NativeProgram, openLibrary } from './host.ts';
import { preparedName, type PreparedNameOptions, recallPrepared } from './library.ts';

export interface OpenPreparedOptions extends PreparedNameOptions {
  readonly cache: Cache;
  readonly threads: number;
}

/** A program that was compiled by an earlier process, and what was noted with it. */
export interface OpenedPrepared {
  readonly program: NativeProgram;
  readonly note: string;
}

/**
 * Opens a program that an earlier process compiled and remembered, without decoding, lowering or compiling anything, and
 * without loading the modules that do. Costs: a digest of the library, a stat of the parameter file, loading both. Undefined
 * when it is not in the cache, not as it was, or does not open: then it is to be compiled, which tells what is wrong.
 */
export const openPrepared = (options: OpenPreparedOptions): OpenedPrepared | undefined => {
  const name = preparedName(options);
  const found = name === undefined ? undefined : recallPrepared(options.cache, name);
  if (found === undefined) return undefined;
  const { library, parameters, note } = found;
  const opened = openLibrary(library.path, parameters?.path, { threads: options.threads, level: library.level });
  return opened.ok ? { program: opened.value, note } : undefined;
};
