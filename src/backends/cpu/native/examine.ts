import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Diagnostic, diagnostic, type Result, sha256Hex } from '../../../support/index.ts';
import type { MachineFact } from '../../backend.ts';
import { Cache } from '../cache/cache.ts';
import { inTemporaryFolder } from '../cache/files.ts';
import { loadKoffi } from './host-koffi.ts';
import { type Compiler, compileFlags, compilerVersion, findCompiler, linkFlags, runCompiler } from './toolchain.ts';
import { hostLevels, type Level, LEVEL_NAMES, LEVELS } from './toolchain-levels.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface ExamineOptions {
  readonly env?: Environment;
  /** For tests of its absence. */
  readonly koffi?: string;
}

/** Uses one header of each library that programs need: a compiler without the system's headers is of no use. */
const PROBE = `#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
int32_t probe(void *to) {
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  memcpy(to, &lock, sizeof lock);
  return (int32_t)sqrtf(4.0f) + pthread_mutex_lock(&lock);
}
`;

/** Builds a library of a few lines as programs are built. */
const buildProbe = (compiler: Compiler, level: Level | undefined): Result<undefined> =>
  inTemporaryFolder((folder) => {
    writeFileSync(join(folder, 'probe.c'), PROBE);
    return runCompiler(compiler, [[...compileFlags(level), 'probe.c', '-o', 'probe.so', ...linkFlags()]], folder);
  });

const problemOf = (diagnostics: readonly Diagnostic[]): { readonly problem?: Diagnostic } => {
  const [problem] = diagnostics;
  return problem === undefined ? {} : { problem: { ...problem, severity: 'warning' } };
};

const firstLine = (text: string): string => text.split('\n')[0] ?? '';

const compilerFact = (compiler: Result<Compiler>): MachineFact => {
  const name = 'C compiler';
  if (!compiler.ok) return { name, value: `none: ${compiler.diagnostics[0]?.message ?? ''}`, ...problemOf(compiler.diagnostics) };
  const { path, extra } = compiler.value;
  const command = [path, ...extra].join(' ');
  const version = compilerVersion(compiler.value);
  if (!version.ok) return { name, value: `${command} does not answer`, ...problemOf(version.diagnostics) };
  const built = buildProbe(compiler.value, undefined);
  const value = `${command}: ${version.value.version}, for ${version.value.target}`;
  return built.ok ? { name, value } : { name, value: `${value}; it builds no library`, ...problemOf(built.diagnostics) };
};

/** Levels that the processor has and those of them that the compiler cannot make code for. */
const levelFact = (compiler: Result<Compiler>): MachineFact => {
  const name = 'instruction sets';
  const here = hostLevels();
  const others = LEVEL_NAMES.filter((l) => LEVELS[l].architecture === process.arch && !here.includes(l));
  const lacks = others.length === 0 ? '' : `; this processor lacks ${others.join(', ')}`;
  const value = `${here.join(', ')}${lacks}`;
  if (!compiler.ok) return { name, value };
  const refused = here.filter((l) => LEVELS[l].flags.length > 0 && !buildProbe(compiler.value, l).ok);
  if (refused.length === 0 || !buildProbe(compiler.value, undefined).ok) return { name, value };
  const message = `${compiler.value.path} does not know the instruction sets ${refused.join(', ')}, which this processor has`;
  const notes = [`Name a newer compiler in CC, or run with --isa ${here.filter((l) => !refused.includes(l)).at(-1) ?? 'portable'}.`];
  return { name, value, problem: diagnostic('NAT0002', message, { severity: 'warning', notes }) };
};

const cacheFact = (env: Environment | undefined): MachineFact => {
  const cache = new Cache(env === undefined ? {} : { env });
  const wanted = cache.folder;
  // writing a name is the smallest thing that shows whether it can be used
  cache.remember(sha256Hex('examined'), 'examined');
  const warnings = cache.takeWarnings();
  return { name: 'cache folder', value: warnings.length === 0 ? wanted : `${wanted} cannot be used`, ...problemOf(warnings) };
};

/** koffi exports its version; its type here is the part that programs use. */
const versionOf = (koffi: object): string =>
  'version' in koffi && typeof koffi.version === 'string' ? koffi.version : 'of unknown version';

const koffiFact = (name: string): MachineFact => {
  const loaded = loadKoffi(name);
  return loaded.ok
    ? { name: 'koffi', value: versionOf(loaded.value) }
    : { name: 'koffi', value: firstLine(loaded.diagnostics[0]?.message ?? 'does not load'), ...problemOf(loaded.diagnostics) };
};

/** What native programs are built, kept and called with. A compiler is tried out on a few lines, once for each instruction set. */
export const examineMachine = ({ env, koffi = 'koffi' }: ExamineOptions = {}): readonly MachineFact[] => {
  const compiler = findCompiler(env);
  return [compilerFact(compiler), levelFact(compiler), cacheFact(env), koffiFact(koffi)];
};
