import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { invariant } from '../../../support/index.ts';

/** A C file. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
}

/** The C sources of a program by how they are compiled. All lie in one folder. */
export interface Sources {
  /** Included by the others. */
  readonly headers: readonly SourceFile[];
  /** Compiled once, for the base of the architecture: they decide what a processor can run. */
  readonly runtime: readonly SourceFile[];
  /** Compiled for each level, the same for all programs: kernels. */
  readonly kernels: readonly SourceFile[];
  /** Compiled for each level: what was generated. */
  readonly program: readonly SourceFile[];
}

/** The C folder lies beside this file; in the package, the compiled file is in dist/src and the folder in src. */
export const cFolder = (): string => {
  const names = ['./c/', '../../../../../src/backends/cpu/native/c/'].map((p) => fileURLToPath(new URL(p, import.meta.url)));
  const folder = names.find((name) => {
    try {
      return readdirSync(name).includes('cx_runtime.h');
    } catch {
      return false;
    }
  });
  invariant(folder !== undefined, 'src/backends/cpu/native/c is missing from the package');
  return folder;
};

const isRuntime = (name: string): boolean => /^cx_(runtime|threads)/.test(name);
const isRunner = (name: string): boolean => /^cx_(main|npy)/.test(name);

let files: readonly SourceFile[] | undefined;
/** All files of the C folder in order of names; read once. */
const allFiles = (): readonly SourceFile[] => {
  if (files !== undefined) return files;
  const folder = cFolder();
  const names = readdirSync(folder).filter((name) => /^cx_\w+\.[ch]$/.test(name));
  files = names.sort().map((name) => ({ name, text: readFileSync(`${folder}${name}`, 'utf8') }));
  return files;
};

/**
 * The files of a shared library, runner left out.
 * @param program - text of program.c, or several generated files
 */
export const librarySources = (program: string | readonly SourceFile[]): Sources => {
  const all = allFiles().filter((f) => !isRunner(f.name));
  const code = all.filter((f) => f.name.endsWith('.c'));
  return {
    headers: all.filter((f) => f.name.endsWith('.h')),
    runtime: code.filter((f) => isRuntime(f.name)),
    kernels: code.filter((f) => !isRuntime(f.name)),
    program: typeof program === 'string' ? [{ name: 'program.c', text: program }] : program,
  };
};

/** The runner's own files: command line and .npy. */
export const runnerSources = (): readonly SourceFile[] => allFiles().filter((f) => isRunner(f.name));

/** Every file that has a part in a library, in a fixed order: for keys. */
export const sourceList = (sources: Sources): readonly SourceFile[] => [
  ...sources.headers,
  ...sources.runtime,
  ...sources.kernels,
  ...sources.program,
];
