import type { CompileOptions, Executable } from '../backend.ts';
import type { Cache } from './cache/cache.ts';

/** How a backend opens what `Executable.keep` has kept in the cache, without the modules that compile. */
export interface KeptPrograms {
  /**
   * What decides beside program and options whether something that was kept may be used: engine, processor, compiler, flags, instruction
   * set. Starts no process. Undefined where nothing can be built, so that compiling tells why.
   */
  readonly circumstances: (options: CompileOptions) => string | undefined;
  /** The executable of a handle; undefined when it is not in the cache, not as it was, or does not open. The cache has the warnings. */
  readonly open: (handle: string, options: CompileOptions, cache: Cache) => Executable | undefined;
}
