import { type SourceFile, sourceFiles, sourceFolder } from '../../source-folder.ts';

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

/** The C sources of native programs. */
export const cFolder = (): string => sourceFolder('cpu/native/c/', 'cx_runtime.h');

const isRuntime = (name: string): boolean => /^cx_(runtime|threads)/.test(name);
const isRunner = (name: string): boolean => /^cx_(main|npy)/.test(name);

let files: readonly SourceFile[] | undefined;
/** All files of the C folder in order of names; read once. */
const allFiles = (): readonly SourceFile[] => (files ??= sourceFiles(cFolder(), /^cx_\w+\.[ch]$/));

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
