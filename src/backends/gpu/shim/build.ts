import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { diagnostic, fail, ok, type Result, sha256Hex } from '../../../support/index.ts';
import { type Environment, findFirstProgram } from '../../programs.ts';
import { kernelFolder, shimFolder } from '../folders.ts';

/** Where and how things are built. */
export interface ShimOptions {
  /** Built files are kept here under a digest of all that went into them. */
  readonly folder: string;
  readonly env?: Environment;
  /** Further arguments of the compiler for kernels, for example -O0. */
  readonly flags?: readonly string[];
  /** Looks at every access to memory (c/cxg_shim_check.cpp): races are found in whatever order threads run; several times slower. */
  readonly check?: boolean;
}

/** A kernel's text and where what it includes is found besides cxg_prims.cuh. */
export interface ShimUnit {
  readonly text: string;
  readonly include: readonly string[];
}

/** The C++ compiler: CXX, else g++, clang++, c++ on PATH. Starts no process. Error: NAT0001. */
export const findCxx = (env: Environment = process.env): Result<string> => {
  const named = env['CXX'] ?? '';
  const names = named === '' ? ['g++', 'clang++', 'c++'] : [named];
  const path = findFirstProgram(names, env);
  if (path !== undefined) return ok(path);
  const message = named === '' ? 'none of g++, clang++, c++ is on PATH' : `CXX names ${named}, which is no program here`;
  return fail(
    diagnostic('NAT0001', message, { notes: ['GPU kernels run on the CPU only where a C++17 compiler is (Debian: apt-get install g++).'] }),
  );
};

const COMMON = ['-std=c++17', '-fPIC', '-fvisibility=hidden'];
/** The shim does the products of tensor cores itself: for this processor. */
const RUNTIME_FLAGS = [...COMMON, '-O3', ...(process.arch === 'x64' ? ['-march=native'] : [])];
/** Floats round as on a GPU compiled with -fmad=false; integers that overflow wrap in PTX. */
const KERNEL_FLAGS = [...COMMON, '-O2', '-ffp-contract=off', '-fwrapv', '-w', '-DCXG_SHIM'];
/** The compiler calls the shim before each access; nothing of the sanitizer is linked. */
const CHECK_FLAGS = ['-fsanitize=thread'];
const DRIVER_FLAGS = [...COMMON, '-O2'];
const LINK_FLAGS = ['-shared', ...(process.platform === 'linux' ? ['-Wl,-Bsymbolic', '-Wl,--no-undefined', '-ldl'] : [])];
const TIMEOUT_MS = 10 * 60_000;
const MESSAGE_LINES = 15;

const explain = (ran: SpawnSyncReturns<string>): string => {
  if (ran.error !== undefined) return `does not run: ${ran.error.message}`;
  const lines = ran.stderr.split('\n').filter((line) => line.trim() !== '');
  const shown = [...lines.filter((line) => line.includes('error')), ...lines].slice(0, MESSAGE_LINES);
  return [`ends with status ${ran.status ?? ran.signal}`, ...shown].join('\n');
};

/** Error: NAT0002 with the first of what the compiler says. */
const compile = (cxx: string, args: readonly string[]): Result<undefined> => {
  const ran = spawnSync(cxx, args, { encoding: 'utf8', timeout: TIMEOUT_MS, maxBuffer: 1 << 26, env: { ...process.env, LC_ALL: 'C' } });
  if (ran.error === undefined && ran.status === 0) return ok(undefined);
  return fail(diagnostic('NAT0002', `the C++ compiler ${explain(ran)}`, { notes: [`Command: ${[cxx, ...args].join(' ')}`] }));
};

const SOURCE = /\.(cpp|cuh?|hp?p?)$/;
/** Digest of the sources in these folders. */
const digestOf = (folders: readonly string[]): string =>
  sha256Hex(
    ...folders.flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => SOURCE.test(name))
        .sort()
        .flatMap((name) => [`${name}\n`, readFileSync(join(folder, name), 'utf8')]),
    ),
  );

/** Makes `<folder>/<name>` by `make`, which is given a place to write to, unless it is there; others see it whole or not at all. */
const keep = (folder: string, name: string, make: (to: string) => Result<undefined>): Result<string> => {
  const path = join(folder, name);
  if (existsSync(path)) return ok(path);
  mkdirSync(folder, { recursive: true });
  const scratch = mkdtempSync(join(folder, 'new-'));
  try {
    const made = make(join(scratch, name));
    if (!made.ok) return made;
    renameSync(join(scratch, name), path);
    return ok(path);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
};

/** The shim as one object file. */
const shimObject = (cxx: string, { folder }: ShimOptions): Result<string> => {
  const include = [kernelFolder(), shimFolder()];
  const key = sha256Hex(JSON.stringify([cxx, RUNTIME_FLAGS]), digestOf([shimFolder()]), digestOf([kernelFolder()])).slice(0, 32);
  return keep(folder, `shim-${key}.o`, (to) => {
    const sources = readdirSync(shimFolder()).filter((name) => /^cxg_shim.*\.cpp$/.test(name));
    const text = sources.sort().map((name) => `#include "${name}"\n`);
    writeFileSync(`${to}.cpp`, text.join(''));
    return compile(cxx, [...RUNTIME_FLAGS, ...include.map((i) => `-I${i}`), '-c', `${to}.cpp`, '-o', to]);
  });
};

/**
 * Compiles the text of kernels for the CPU. @returns the path of a shared object that the fake driver takes for a module.
 * Errors: NAT0001, NAT0002.
 */
export const buildShimModule = (unit: ShimUnit, options: ShimOptions): Result<string> => {
  const cxx = findCxx(options.env);
  if (!cxx.ok) return cxx;
  const object = shimObject(cxx.value, options);
  if (!object.ok) return object;
  const include = [...unit.include, kernelFolder(), shimFolder()];
  const flags = [...KERNEL_FLAGS, ...(options.check === true ? CHECK_FLAGS : []), ...(options.flags ?? [])];
  const key = sha256Hex(
    JSON.stringify([cxx.value, flags, LINK_FLAGS, object.value]),
    ...include.map((i) => digestOf([i])),
    unit.text,
  ).slice(0, 32);
  return keep(options.folder, `module-${key}.so`, (to) => {
    writeFileSync(`${to}.cu`, unit.text);
    // apart from linking, which would add the sanitizer's own library
    const compiled = compile(cxx.value, [...flags, ...include.map((i) => `-I${i}`), '-x', 'c++', '-c', `${to}.cu`, '-o', `${to}.o`]);
    return compiled.ok ? compile(cxx.value, [`${to}.o`, object.value, ...LINK_FLAGS, '-o', to]) : compiled;
  });
};

/** Builds the driver library without a GPU (c/cxg_fake.h). @returns its path, to load in place of libcuda. Errors: NAT0001, NAT0002. */
export const buildFakeDriver = (options: ShimOptions): Result<string> => {
  const cxx = findCxx(options.env);
  if (!cxx.ok) return cxx;
  const key = sha256Hex(JSON.stringify([cxx.value, DRIVER_FLAGS]), digestOf([shimFolder()])).slice(0, 32);
  return keep(options.folder, `libcuda-fake-${key}.so`, (to) => {
    const sources = readdirSync(shimFolder()).filter((name) => /^cxg_fake.*\.cpp$/.test(name));
    return compile(cxx.value, [...DRIVER_FLAGS, ...sources.map((name) => join(shimFolder(), name)), ...LINK_FLAGS, '-o', to]);
  });
};
