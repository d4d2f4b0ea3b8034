import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { diagnostic, fail, MrlError, ok, type Result, sha256Hex, unwrap } from '../../../support/index.ts';
import type { Cache } from '../cache/cache.ts';
import { causeOf, inTemporaryFolder, isSystemError, readIfThere } from '../cache/files.ts';
import { findLibrary, LIBRARY, type Library, libraryRecord } from './library-entry.ts';
import type { SourceFile } from '../../source-folder.ts';
import { type Sources, sourceList } from './sources.ts';
import { type Compiler, type CompilerVersion, compileFlags, compilerVersion, findCompiler, linkFlags, runCompiler } from './toolchain.ts';
import { chooseLevel, type LevelChoice, levelMacro, type LevelOptions } from './toolchain-levels.ts';

export interface BuildOptions extends LevelOptions {
  /** Instruction set; absent: the best that this processor has. */
  readonly level?: string | undefined;
  readonly cache: Cache;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const digestOfList = (files: readonly SourceFile[]): string =>
  sha256Hex(...files.flatMap(({ name, text }) => [`${name} ${text.length}\n`, text]));

/** Version and target of the compiler, asked once and kept until the compiler changes. */
const versionOf = (compiler: Compiler, cache: Cache): Result<CompilerVersion> => {
  const name = sha256Hex('compiler', compiler.id);
  const known = cache.recall(name);
  if (known !== undefined) return ok(JSON.parse(known) as CompilerVersion);
  const asked = compilerVersion(compiler);
  if (asked.ok) cache.remember(name, JSON.stringify(asked.value));
  return asked;
};

const writeSources = (folder: string, files: readonly SourceFile[]): void => {
  for (const { name, text } of files) writeFileSync(join(folder, name), text);
};

const objectOf = (name: string): string => name.replace(/\.c$/, '.o');

const levelDefines = ({ level, machine }: LevelChoice): readonly string[] => [`-DCX_ONLY_LEVEL=${level}`, `-DCX_NEEDS_LEVEL=${machine}`];

/** Work of making a library: what is compiled, with what, for what. */
interface Job {
  readonly sources: Sources;
  readonly compiler: Compiler;
  readonly version: CompilerVersion;
  readonly choice: LevelChoice;
  readonly cache: Cache;
}

const keyOf = (job: Job, files: readonly SourceFile[], flags: readonly string[]): string => {
  const { compiler, version, choice } = job;
  return sha256Hex(JSON.stringify([compiler.id, version, choice, flags]), digestOfList(files));
};

/** Runtime and kernels of a level, compiled: all programs share them. @returns the folder of the object files */
const sharedObjects = (job: Job): string => {
  const { sources, compiler, choice, cache } = job;
  const runtimeFlags = [...compileFlags(undefined), ...levelDefines(choice)];
  const kernelFlags = [...compileFlags(choice.machine), `-D${levelMacro(choice.level)}`];
  const files = [...sources.headers, ...sources.runtime, ...sources.kernels];
  const key = keyOf(job, files, [...runtimeFlags, ...kernelFlags]);
  const objects = [...sources.runtime, ...sources.kernels].map((f) => objectOf(f.name));
  const found = cache.find('objects', key);
  if (found !== undefined) {
    if (digestOfObjects(found.folder, objects) === found.record) return found.folder;
    cache.drop('objects', key, 'an object file does not have the digest that was recorded');
  }
  return cache.make('objects', key, (draft) => {
    inTemporaryFolder((work) => {
      writeSources(work, files);
      const compile = (flags: readonly string[]) => (f: SourceFile) => [...flags, '-c', f.name, '-o', objectOf(f.name)];
      unwrap(runCompiler(compiler, [...sources.runtime.map(compile(runtimeFlags)), ...sources.kernels.map(compile(kernelFlags))], work));
      for (const name of objects) copyFileSync(join(work, name), join(draft, name));
    });
    return digestOfObjects(draft, objects) ?? '';
  }).folder;
};

const digestOfObjects = (folder: string, names: readonly string[]): string | undefined => {
  const contents = names.map((name) => readIfThere(join(folder, name)));
  return contents.some((c) => c === undefined) ? undefined : sha256Hex(...contents.flatMap((c) => (c === undefined ? [] : [sha256Hex(c)])));
};

/**
 * Compiles and links. Not in the cache: a compiler that finds its disk full says so in words only, and this is told from a
 * program that it refuses when the file is copied. @returns the record
 */
const compileInto = (job: Job, draft: string, flags: readonly string[]): string => {
  const { sources, compiler, choice } = job;
  const shared = sharedObjects(job);
  const objects = [...sources.runtime, ...sources.kernels].map((f) => join(shared, objectOf(f.name)));
  const link = [...objects, '-o', LIBRARY, ...linkFlags()];
  inTemporaryFolder((work) => {
    writeSources(work, [...sources.headers, ...sources.program]);
    const [only, ...more] = sources.program;
    if (only !== undefined && more.length === 0) {
      unwrap(runCompiler(compiler, [[...flags, only.name, ...link]], work));
    } else {
      unwrap(
        runCompiler(
          compiler,
          sources.program.map((f) => [...flags, '-c', f.name, '-o', objectOf(f.name)]),
          work,
        ),
      );
      unwrap(runCompiler(compiler, [[...sources.program.map((f) => objectOf(f.name)), ...link]], work));
    }
    copyFileSync(join(work, LIBRARY), join(draft, LIBRARY));
  });
  return libraryRecord(draft, choice.level);
};

const build = (job: Job): Library => {
  const { sources, choice, cache } = job;
  const flags = [...compileFlags(choice.machine), `-D${levelMacro(choice.level)}`];
  const key = keyOf(job, sourceList(sources), [...flags, ...linkFlags()]);
  const found = findLibrary(cache, key);
  if (found !== undefined) return found;
  const entry = cache.make('programs', key, (draft) => compileInto(job, draft, flags));
  return { path: join(entry.folder, LIBRARY), key, level: choice.level };
};

/**
 * The shared library of a program: from the cache, else compiled. Cache problems are warnings of the cache.
 * Errors: NAT0001 no compiler, NAT0002 the compiler fails, NAT0005 and NAT0006 for the level, NAT0007 nowhere to write.
 */
export const buildLibrary = (sources: Sources, options: BuildOptions): Result<Library> => {
  const choice = chooseLevel(options.level, options);
  if (!choice.ok) return choice;
  const compiler = findCompiler(options.env);
  if (!compiler.ok) return compiler;
  const version = versionOf(compiler.value, options.cache);
  if (!version.ok) return version;
  try {
    return ok(build({ sources, compiler: compiler.value, version: version.value, choice: choice.value, cache: options.cache }));
  } catch (error) {
    if (error instanceof MrlError) return fail(...error.diagnostics);
    if (!isSystemError(error)) throw error;
    const notes = ['Make room, or name a folder with room in CORTEXC_CACHE. The wasm backend needs none.'];
    return fail(diagnostic('NAT0007', `the compiled program cannot be written: ${causeOf(error)}`, { where: options.cache.folder, notes }));
  }
};
