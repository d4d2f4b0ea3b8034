import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { copyFileSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { diagnostic, fail, invariant, MrlError, ok, type Result, sha256Hex, unwrap } from '../../../support/index.ts';
import type { Cache } from '../../cpu/cache/cache.ts';
import { inTemporaryFolder, readIfThere } from '../../cpu/cache/files.ts';
import { cFolder } from '../../cpu/native/sources.ts';
import { type Environment, findProgram } from '../../programs.ts';
import { kernelFolder } from '../folders.ts';
import { buildShimModule } from '../shim/index.ts';
import type { DeviceInfo } from './driver.ts';
import { EXACT_FLAGS } from './makefile.ts';
import type { GpuProgram, Unit } from './program.ts';
import { unitHeaders } from './sources.ts';

const NAME = process.platform === 'win32' ? 'nvcc.exe' : 'nvcc';
const NOTES = [
  'Install the CUDA toolkit or name nvcc in NVCC. The wasm backend needs none and gives the same bytes; `cortexc emit --target cuda` writes sources for a machine that has it.',
];

/** Finds nvcc: NVCC, PATH, CUDA_PATH, CUDA_HOME, /usr/local/cuda. Starts no process. Error: GPU0004. */
export const findNvcc = (env: Environment = process.env): Result<string> => {
  const named = env['NVCC'] ?? '';
  if (named !== '') {
    const path = findProgram(named, env);
    return path === undefined ? fail(diagnostic('GPU0004', `NVCC names ${named}, which is no program here`, { notes: NOTES })) : ok(path);
  }
  const homes = [env['CUDA_PATH'], env['CUDA_HOME'], '/usr/local/cuda'].flatMap((home) =>
    home === undefined || home === '' ? [] : [join(home, 'bin')],
  );
  const path = findProgram(NAME, env, homes);
  return path === undefined
    ? fail(diagnostic('GPU0004', 'nvcc is not on PATH nor in CUDA_PATH, CUDA_HOME, /usr/local/cuda', { notes: NOTES }))
    : ok(path);
};
/** 90a has the instructions that Hopper has alone. */
const architectureOf = ({ capability }: DeviceInfo): string => (capability === 90 ? '90a' : String(capability));

const TIMEOUT_MS = 30 * 60_000;
const MESSAGE_LINES = 12;
const moduleName = (i: number): string => `module_${i}.bin`;

const nvccFailed = (why: string, output: string, command: string): MrlError => {
  const lines = output.split('\n').filter((line) => line.trim() !== '' && !line.includes('warning'));
  return new MrlError([
    diagnostic('GPU0005', [`nvcc ${why}`, ...lines.slice(0, MESSAGE_LINES)].join('\n'), { notes: [`Command: ${command}`, ...NOTES] }),
  ]);
};

/** Compiles all units side by side in a folder. @throws {MrlError} GPU0005 */
const runNvcc = (nvcc: string, units: readonly Unit[], device: DeviceInfo, work: string, draft: string): void => {
  for (const { name, text } of [...unitHeaders(), ...units]) writeFileSync(join(work, name), text);
  const architecture = architectureOf(device);
  const flags = ['-std=c++17', '-O3', '-w', ...EXACT_FLAGS, '-gencode', `arch=compute_${architecture},code=sm_${architecture}`, '-fatbin'];
  const quoted = `'${nvcc.replaceAll("'", `'\\''`)}'`;
  // names of units are ours; as many compilers at a time as there are cores
  const list = units.map(({ name }, i) => `${name} ${moduleName(i)}`).join('\n');
  const one = `${quoted} ${flags.join(' ')} -o "$2" "$1" 2> "$1.log" || { cat "$1.log"; exit 255; }`;
  writeFileSync(join(work, 'one.sh'), one);
  const ran = spawnSync('xargs', ['-P', String(availableParallelism()), '-L', '1', 'sh', 'one.sh'], {
    cwd: work,
    input: `${list}\n`,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    maxBuffer: 1 << 26,
  });
  if (ran.error !== undefined) throw nvccFailed(`does not run: ${ran.error.message}`, '', one);
  if (ran.status !== 0) throw nvccFailed(`fails`, `${ran.stdout}${ran.stderr}`, `${nvcc} ${flags.join(' ')}`);
  units.forEach((_, i) => copyFileSync(join(work, moduleName(i)), join(draft, moduleName(i))));
};

const runShim = (units: readonly Unit[], folder: string, draft: string): void =>
  units.forEach(({ text }, i) =>
    copyFileSync(unwrap(buildShimModule({ text, include: [kernelFolder(), cFolder()] }, { folder })), join(draft, moduleName(i))),
  );

const digestOf = (images: readonly Uint8Array[]): string => sha256Hex(...images.map((image) => sha256Hex(image)));

export interface BuildOptions {
  readonly cache: Cache;
  /** Build for the fake driver: with the C++ compiler and the shim. */
  readonly fake: boolean;
  readonly env?: Environment;
}

/**
 * The modules of a program for a device: from the cache, else compiled. Errors: GPU0004, GPU0005; NAT0001, NAT0002 with the fake driver.
 */
export const buildModules = (
  program: GpuProgram,
  device: DeviceInfo,
  { cache, fake, env }: BuildOptions,
): Result<readonly Uint8Array[]> => {
  const nvcc = fake ? ok('shim') : findNvcc(env);
  if (!nvcc.ok) return nvcc;
  const facts = fake ? undefined : statSync(realpathSync(nvcc.value));
  const texts = [...unitHeaders(), ...program.units].flatMap(({ name, text }) => [`${name} ${text.length}\n`, text]);
  const key = sha256Hex(JSON.stringify(['gpu', nvcc.value, facts?.size, facts?.mtimeMs, EXACT_FLAGS, architectureOf(device)]), ...texts);
  const read = (folder: string): readonly Uint8Array[] =>
    program.units.flatMap((_, i) => {
      const image = readIfThere(join(folder, moduleName(i)));
      return image === undefined ? [] : [image];
    });
  const found = cache.find('programs', key);
  if (found !== undefined) {
    const images = read(found.folder);
    if (images.length === program.units.length && digestOf(images) === found.record) return ok(images);
    cache.drop('programs', key, 'a module does not have the digest that was recorded');
  }
  try {
    const entry = cache.make('programs', key, (draft) => {
      if (fake) runShim(program.units, join(cache.folder, 'shim'), draft);
      else inTemporaryFolder((work) => runNvcc(nvcc.value, program.units, device, work, draft));
      return digestOf(program.units.map((_, i) => readFileSync(join(draft, moduleName(i)))));
    });
    const images = read(entry.folder);
    invariant(images.length === program.units.length, 'a module that was made is there');
    return ok(images);
  } catch (error) {
    if (error instanceof MrlError) return fail(...error.diagnostics);
    throw error;
  }
};
