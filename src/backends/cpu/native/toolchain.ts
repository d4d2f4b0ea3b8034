import { spawnSync } from 'node:child_process';
import { realpathSync, statSync } from 'node:fs';
import { type Diagnostic, diagnostic, fail, ok, type Result, sha256Hex } from '../../../support/index.ts';
import { type Environment, findFirstProgram, findProgram } from '../../programs.ts';
import { type Level, LEVELS } from './toolchain-levels.ts';

/** A C compiler on this machine. */
export interface Compiler {
  /** Absolute path of the command. */
  readonly path: string;
  /** Arguments that CC gives besides: `CC="gcc -m64"`. */
  readonly extra: readonly string[];
  /** Digest of path, size, time of change and arguments: changes when the compiler is replaced. Costs no process. */
  readonly id: string;
}

/** What a compiler says of itself. */
export interface CompilerVersion {
  /** First line of --version. */
  readonly version: string;
  /** -dumpmachine: `x86_64-linux-gnu`. */
  readonly target: string;
}

const NAMES = ['cc', 'gcc', 'clang'];

const compilerAt = (path: string, extra: readonly string[]): Compiler => {
  const real = realpathSync.native(path);
  const { size, mtimeMs } = statSync(real);
  return { path, extra, id: sha256Hex(JSON.stringify([path, real, size, mtimeMs, extra])) };
};

const noCompiler = (message: string): Diagnostic =>
  diagnostic('NAT0001', message, {
    notes: [
      'Install a C compiler (Debian: apt-get install gcc libc6-dev) or name one in CC. The wasm backend needs none and gives the same bytes.',
    ],
  });

/** Finds the C compiler: CC, else cc, gcc, clang on PATH. Starts no process. Error: NAT0001. */
export const findCompiler = (env: Environment = process.env): Result<Compiler> => {
  const [named, ...extra] = (env['CC'] ?? '').split(/\s+/).filter((word) => word !== '');
  if (named !== undefined) {
    const path = findProgram(named, env);
    return path === undefined ? fail(noCompiler(`CC names ${named}, which is no program here`)) : ok(compilerAt(path, extra));
  }
  const path = findFirstProgram(NAMES, env);
  return path === undefined ? fail(noCompiler(`none of ${NAMES.join(', ')} is on PATH`)) : ok(compilerAt(path, []));
};

/** Flags of every file. Results are exact to the bit, so a * b + c is never contracted; sqrtf need not set errno. */
const COMMON_FLAGS = ['-std=c11', '-O2', '-fPIC', '-fvisibility=hidden', '-ffp-contract=off', '-fno-math-errno', '-w'];
/** A library stays mapped once it is loaded: its worker threads may still be in its code when a process ends. */
const LINK_FLAGS = process.platform === 'darwin' ? ['-shared', '-pthread', '-lm'] : ['-shared', '-pthread', '-Wl,-z,nodelete', '-lm'];

export const compileFlags = (machine: Level | undefined): readonly string[] => [
  ...COMMON_FLAGS,
  ...(machine === undefined ? [] : LEVELS[machine].flags),
];
export const linkFlags = (): readonly string[] => LINK_FLAGS;

const MESSAGE_LINES = 12;
const TIMEOUT_MS = 15 * 60_000;
const MAX_MESSAGE_BYTES = 1 << 24;

const commandLine = (words: readonly string[]): string =>
  words.map((w) => (/^[\w@%+=:,./-]+$/.test(w) ? w : `'${w.replaceAll("'", `'\\''`)}'`)).join(' ');

/** @param folder - where it ran; undefined when it was only asked something */
const failure = (command: string, folder: string | undefined, why: string, output: string): Diagnostic => {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const more = lines.length > MESSAGE_LINES ? [`(${lines.length - MESSAGE_LINES} more lines)`] : [];
  return diagnostic('NAT0002', [`the C compiler ${why}`, ...lines.slice(0, MESSAGE_LINES), ...more].join('\n'), {
    where: folder,
    notes: [`Command: ${command}`, 'Name another compiler in CC, or use the wasm backend: it gives the same bytes.'],
  });
};

/** Messages in English whatever the user's language, so that they can be looked up. */
const compilerEnvironment = (): NodeJS.ProcessEnv => ({ ...process.env, LC_ALL: 'C' });

/**
 * Runs the compiler once for each list of arguments, all at the same time, in `folder`. Error: NAT0002 with the compiler's
 * first lines, when any fails.
 */
export const runCompiler = (compiler: Compiler, runs: readonly (readonly string[])[], folder: string): Result<undefined> => {
  const commands = runs.map((args) => commandLine([compiler.path, ...compiler.extra, ...args]));
  const [first] = commands;
  if (first === undefined) return ok(undefined);
  // the shell waits for all: a failed one must not leave others writing into a folder that is about to go
  const script =
    commands.length === 1
      ? `exec ${first}`
      : `${commands.map((c, i) => `${c} & p${i}=$!`).join('\n')}\nr=0\n${commands.map((_, i) => `wait $p${i} || r=$?`).join('\n')}\nexit $r`;
  const ran = spawnSync('/bin/sh', ['-c', script], {
    cwd: folder,
    env: compilerEnvironment(),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    maxBuffer: MAX_MESSAGE_BYTES,
  });
  const command = commands.join('; ');
  if (ran.error !== undefined) return fail(failure(command, folder, `does not run: ${ran.error.message}`, ''));
  if (ran.status === 0) return ok(undefined);
  const why = ran.status === null ? `is ended by ${ran.signal ?? 'a signal'}` : `ends with status ${ran.status}`;
  return fail(failure(command, folder, why, `${ran.stderr}${ran.stdout}`));
};

/** Asks the compiler for its version and target: two processes. Error: NAT0002. */
export const compilerVersion = (compiler: Compiler): Result<CompilerVersion> => {
  const ask = (flag: string): Result<string> => {
    const ran = spawnSync(compiler.path, [...compiler.extra, flag], {
      env: compilerEnvironment(),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
    });
    const command = commandLine([compiler.path, ...compiler.extra, flag]);
    if (ran.error !== undefined) return fail(failure(command, undefined, `does not run: ${ran.error.message}`, ''));
    if (ran.status !== 0) return fail(failure(command, undefined, `ends with status ${ran.status ?? ran.signal}`, ran.stderr));
    return ok((ran.stdout.split('\n')[0] ?? '').trim());
  };
  const version = ask('--version');
  if (!version.ok) return version;
  const target = ask('-dumpmachine');
  return target.ok ? ok({ version: version.value, target: target.value }) : target;
};
