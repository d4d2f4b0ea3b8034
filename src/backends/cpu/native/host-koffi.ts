import { createRequire } from 'node:module';
import type koffi from 'koffi';
import { diagnostic, fail, ok, type Result } from '../../../support/index.ts';

/** The part of koffi that is used. */
export type Koffi = Pick<typeof koffi, 'load'>;

/** Address of an opened program. */
export type Pointer = bigint;

/** The functions that every compiled library exports (cx_runtime.h). */
export interface LibraryFunctions {
  open(
    parameters: string | null,
    level: string | null,
    threads: number,
    result: BigUint64Array,
    message: Uint8Array,
    messageBytes: number,
  ): number;
  close(instance: Pointer): void;
  describe(instance: Pointer, to: Uint8Array | null, bytes: number): number;
  writeInput(instance: Pointer, index: number, from: Uint8Array, bytes: number): number;
  readOutput(instance: Pointer, index: number, to: Uint8Array, bytes: number): number;
  run(instance: Pointer): number;
  profile(instance: Pointer, nanoseconds: BigUint64Array, count: number): number;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

let loaded: Koffi | undefined;

/**
 * koffi's binary itself: its wrapper looks for the one that fits by reading Node's executable, which takes 8 of the 10 ms that
 * loading takes. Where the guess is wrong (another C library, another layout of the package) the wrapper is asked.
 */
const loadBinary = (require: NodeJS.Require): Koffi | undefined => {
  const { platform, arch } = process;
  try {
    const binary = require(`@koromix/koffi-${platform}-${arch}/${platform}_${arch}/koffi.node`) as Koffi;
    return typeof binary.load === 'function' ? binary : undefined;
  } catch {
    return undefined;
  }
};

/** Loads koffi, once. @param name - for tests of its absence. Error: NAT0003 where it is not installed or has no binary for this system. */
export const loadKoffi = (name = 'koffi'): Result<Koffi> => {
  if (loaded !== undefined && name === 'koffi') return ok(loaded);
  try {
    // an optional dependency, and compiling is synchronous: no import
    const require = createRequire(import.meta.url);
    const koffi = (name === 'koffi' ? loadBinary(require) : undefined) ?? (require(name) as Koffi);
    loaded = koffi;
    return ok(koffi);
  } catch (error) {
    const [first] = messageOf(error).split('\n');
    return fail(
      diagnostic('NAT0003', `koffi, which calls compiled programs, does not load: ${first}`, {
        where: `${process.platform} ${process.arch}`,
        notes: ['Install it: npm install koffi. The wasm backend needs none and gives the same bytes.'],
      }),
    );
  }
};

/** Loads a shared library. Error: NAT0004. */
export const bindLibrary = (library: Koffi, path: string): Result<LibraryFunctions> => {
  try {
    const lib = library.load(path);
    return ok({
      open: lib.func('int cx_open(const char *, const char *, uint32_t, void *, void *, size_t)'),
      close: lib.func('void cx_close(void *)'),
      describe: lib.func('size_t cx_describe(void *, void *, size_t)'),
      writeInput: lib.func('int cx_write_input(void *, uint32_t, void *, uint64_t)'),
      readOutput: lib.func('int cx_read_output(void *, uint32_t, void *, uint64_t)'),
      run: lib.func('int cx_run(void *)'),
      profile: lib.func('int cx_profile(void *, void *, uint32_t)'),
    });
  } catch (error) {
    return fail(
      diagnostic('NAT0004', `the compiled program does not load: ${messageOf(error)}`, {
        where: path,
        notes: ['Where files may not be executed (mount option noexec), name another folder in CORTEXC_CACHE.'],
      }),
    );
  }
};
