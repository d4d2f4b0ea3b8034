import { machineText } from '../../machine.ts';
import { findParameters } from '../cache/parameters.ts';
import type { KeptPrograms } from '../kept.ts';
import { executableOf } from './executable.ts';
import { openLibrary } from './host.ts';
import { findLibrary } from './library-entry.ts';
import { findCompiler } from './toolchain.ts';
import { isEmulating } from './toolchain-levels.ts';

/** Cache keys of the files that a program is made of. */
interface KeptFiles {
  readonly library: string;
  /** Null when the program has no parameters. */
  readonly parameters: string | null;
}

export const handleOf = (library: string, parameters: string | undefined): string => {
  const files: KeptFiles = { library, parameters: parameters ?? null };
  return JSON.stringify(files);
};

/**
 * Opens programs that an earlier process compiled, without decoding, lowering or compiling anything. Costs: a digest of the library, a
 * stat of the parameter file, loading both.
 */
export const nativeKept: KeptPrograms = {
  // flags and the choice of an instruction set follow from code, processor and these; the library looks at the processor itself once more
  circumstances: ({ isa }) => {
    const compiler = findCompiler();
    return compiler.ok ? JSON.stringify([machineText(), isa ?? null, isEmulating(), compiler.value.id]) : undefined;
  },
  open: (handle, { threads = 1 }, cache) => {
    const { library: key, parameters: parametersKey } = JSON.parse(handle) as KeptFiles;
    const library = findLibrary(cache, key);
    if (library === undefined) return undefined;
    const parameters = parametersKey === null ? undefined : findParameters(cache, parametersKey);
    if (parametersKey !== null && parameters === undefined) return undefined;
    const opened = openLibrary(library.path, parameters?.path, { threads, level: library.level });
    return opened.ok ? executableOf(opened.value, handle) : undefined;
  },
};
