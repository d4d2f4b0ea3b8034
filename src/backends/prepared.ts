import { type Diagnostic, sha256Hex } from '../support/index.ts';
import type { CompileOptions, Executable } from './backend.ts';
import { type Cache, codeStamp, type KeptPrograms, nativeKept, sharedCache, wasmKept } from './cpu/index.ts';

const KEPT: ReadonlyMap<string, KeptPrograms> = new Map([
  ['wasm', wasmKept],
  ['native', nativeKept],
]);

/**
 * What decides on a backend, beside program and options, whether what was kept or tested may be used: engine, processor, compiler.
 * Undefined where nothing is kept, or nothing can be built.
 */
export const circumstancesOf = (backend: string, options: CompileOptions): string | undefined => KEPT.get(backend)?.circumstances(options);

export interface PreparedOptions {
  /** For tests: another cache than that of this process. */
  readonly cache?: Cache;
  /** Names the code that made the program and what is noted of the package, where a build knows it; else the files of the code are looked at. */
  readonly build?: string | undefined;
}

/** The program of a package as a command line asks for it. */
export interface PreparedRequest extends CompileOptions {
  /** SHA-256 of the package. */
  readonly identity: string;
  readonly backend: string;
}

export const cacheOf = ({ cache }: PreparedOptions): Cache => cache ?? sharedCache();

const packageName = (identity: string, { build = codeStamp() }: PreparedOptions): string => sha256Hex(`package ${identity} ${build}`);

/** Undefined where nothing can be kept, or nothing can be built. */
const programName = (request: PreparedRequest, options: PreparedOptions): string | undefined => {
  const { identity, backend, isa, threads = 1 } = request;
  const circumstances = circumstancesOf(backend, request);
  if (circumstances === undefined) return undefined;
  return sha256Hex(JSON.stringify(['program', packageName(identity, options), backend, isa ?? null, threads, circumstances]));
};

/** What was noted of a package; undefined when nothing was, by this build. */
export const recallPackage = (identity: string, options: PreparedOptions = {}): string | undefined => {
  const cache = cacheOf(options);
  return cache.attempt(() => cache.recall(packageName(identity, options)));
};

/** Notes what a later process needs to know of a package that was decoded, verified and proven. A failure only costs time later. */
export const rememberPackage = (identity: string, note: string, options: PreparedOptions = {}): void => {
  const cache = cacheOf(options);
  cache.attempt(() => cache.remember(packageName(identity, options), note));
};

/**
 * Opens a program that an earlier process compiled, without decoding, proving, compiling or testing anything: only what has passed all
 * that is remembered. Undefined when there is none, or when it is not as it was, of which `preparedWarnings` tells.
 */
export const openPrepared = (request: PreparedRequest, options: PreparedOptions = {}): Executable | undefined => {
  const cache = cacheOf(options);
  const name = programName(request, options);
  if (name === undefined) return undefined;
  return cache.attempt(() => {
    const handle = cache.recall(name);
    return handle === undefined ? undefined : KEPT.get(request.backend)?.open(handle, request, cache);
  });
};

/** Remembers a program by what was asked for. @param handle - of `Executable.keep` */
export const rememberPrepared = (request: PreparedRequest, handle: string, options: PreparedOptions = {}): void => {
  const cache = cacheOf(options);
  const name = programName(request, options);
  if (name !== undefined) cache.attempt(() => cache.remember(name, handle));
};

/** What went wrong with the cache since the last call. */
export const preparedWarnings = (options: PreparedOptions = {}): readonly Diagnostic[] => cacheOf(options).takeWarnings();
