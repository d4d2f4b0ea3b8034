import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type koffi from 'koffi';
import { inTemporaryFolder } from '../../cpu/cache/files.ts';
import { type Koffi, loadKoffi } from '../../cpu/native/host-koffi.ts';
import type { Environment } from '../../programs.ts';
import type { SourceFile } from '../../source-folder.ts';
import { EXACT_FLAGS } from '../cuda/makefile.ts';
import type { Unit } from '../cuda/program.ts';
import { unitHeaders } from '../cuda/sources.ts';
import type { DeviceInfo } from '../driver/device.ts';
import { compilerFailed, type KernelCompiler, moduleName } from './compiler.ts';
import { architectureOf, CUDA_NOTES, cudaHomes } from './nvcc.ts';

// NVRTC (NVIDIA's "NVRTC" manual, 13.0): the compiler of kernels as a library, for machines with a driver and no toolkit. It takes the
// same units with the same options. Headers of the system are none of its business, so that those that units include are given here.

const WHOLE = `typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
#if defined(_WIN64)
typedef long long int64_t;
typedef unsigned long long uint64_t;
typedef unsigned long long uintptr_t;
#else
typedef long int64_t;
typedef unsigned long uint64_t;
typedef unsigned long uintptr_t;
#endif
#define INT8_MIN (-128)
#define INT8_MAX 127
#define INT16_MIN (-32768)
#define INT16_MAX 32767
#define INT32_MIN (-2147483647 - 1)
#define INT32_MAX 2147483647
#define UINT8_MAX 255
#define UINT16_MAX 65535
#define UINT32_MAX 4294967295u
#define UINT64_MAX 18446744073709551615ull
#define INT64_MIN (-9223372036854775807ll - 1)
#define INT64_MAX 9223372036854775807ll
`;

/** What units include of the system, as far as they use it; functions of math.h and string.h are built in. */
const SYSTEM_HEADERS: readonly SourceFile[] = [
  { name: 'stdint.h', text: `#pragma once\n${WHOLE}` },
  { name: 'stddef.h', text: '#pragma once\n' },
  { name: 'string.h', text: '#pragma once\n' },
  {
    name: 'float.h',
    text: '#pragma once\n#define FLT_EVAL_METHOD 0\n',
  },
  { name: 'math.h', text: '#pragma once\n' },
  { name: 'cuda_runtime.h', text: '#pragma once\n' },
];

type Library = ReturnType<typeof koffi.load>;
type Call = (...args: readonly unknown[]) => number;

/** The library, bound. */
export class Nvrtc {
  readonly path: string;
  readonly version: string;
  private readonly library: Library;
  /** Loaded as long as this is. */
  readonly companions: readonly Library[];

  constructor(path: string, library: Library, companions: readonly Library[]) {
    this.path = path;
    this.library = library;
    this.companions = companions;
    const [major, minor] = [new Int32Array(1), new Int32Array(1)];
    this.call('nvrtcVersion', 'void *, void *')(major, minor);
    this.version = `${major[0]}.${minor[0]}`;
  }

  private call(name: string, types: string): Call {
    return this.library.func(`int ${name}(${types})`) as Call;
  }

  private text(status: number): string {
    return (this.library.func('const char *nvrtcGetErrorString(int)') as (status: number) => string)(status);
  }

  /** Compiles a unit to machine code of one architecture, such as `sm_90a`. @returns the module, or what the compiler says */
  compile(unit: Unit, architecture: string): Uint8Array | string {
    const headers = [...unitHeaders(), ...SYSTEM_HEADERS];
    const program = new BigUint64Array(1);
    const created = this.call('nvrtcCreateProgram', 'void *, const char *, const char *, int, const char **, const char **')(
      program,
      unit.text,
      unit.name,
      headers.length,
      headers.map((h) => h.text),
      headers.map((h) => h.name),
    );
    if (created !== 0) return this.text(created);
    const [handle] = program;
    try {
      const options = nvrtcFlags(architecture);
      const status = this.call('nvrtcCompileProgram', 'void *, int, const char **')(handle, options.length, options);
      if (status !== 0) return `${this.text(status)}\n${new TextDecoder().decode(this.get(handle, 'ProgramLog'))}`;
      return this.get(handle, 'CUBIN');
    } finally {
      this.call('nvrtcDestroyProgram', 'void *')(program);
    }
  }

  private get(handle: bigint | undefined, what: 'CUBIN' | 'ProgramLog'): Uint8Array {
    const size = new BigUint64Array(1);
    this.call(`nvrtcGet${what}Size`, 'void *, void *')(handle, size);
    const bytes = new Uint8Array(Number(size[0] ?? 0n));
    if (bytes.length > 0) this.call(`nvrtcGet${what}`, 'void *, void *')(handle, bytes);
    return bytes;
  }
}

const nvrtcFlags = (architecture: string): readonly string[] => [
  '--std=c++17',
  '-w',
  ...EXACT_FLAGS.map((flag) => `-${flag}`),
  `--gpu-architecture=${architecture}`,
];

const NAMES =
  process.platform === 'win32' ? ['nvrtc64_130_0.dll', 'nvrtc64_120_0.dll'] : ['libnvrtc.so.13', 'libnvrtc.so.12', 'libnvrtc.so'];

/**
 * The library loads another one when it compiles, by name alone. Where that is beside it in a folder of its own, as in the wheel of PyPI,
 * the system's loader finds it only when it is there already. @returns them: koffi unloads what nobody refers to
 */
const loadCompanions = (loader: Koffi, path: string): readonly Library[] => {
  const folder = dirname(path);
  if (folder === '.' && !path.startsWith('./')) return [];
  const names = readdirSync(folder).filter((name) => /^libnvrtc-builtins[.]so[.]\d/.test(name));
  return names.map((name) => loader.load(join(resolve(folder), name)));
};

/** Finds and loads the library: CORTEXC_NVRTC, else by name, else in CUDA_PATH, CUDA_HOME, /usr/local/cuda; undefined where there is none. */
export const findNvrtc = (env: Environment = process.env): Nvrtc | undefined => {
  const loaded = loadKoffi();
  if (!loaded.ok) return undefined;
  const named = env['CORTEXC_NVRTC'] ?? '';
  const homes = cudaHomes(env).flatMap((home) => ['lib64', 'lib'].map((folder) => join(home, folder)));
  const paths =
    named !== '' ? [named] : NAMES.flatMap((name) => [name, ...homes.map((home) => join(home, name)).filter((path) => existsSync(path))]);
  for (const path of paths) {
    try {
      return new Nvrtc(path, loaded.value.load(path), loadCompanions(loaded.value, path));
    } catch {
      // the next name
    }
  }
  return undefined;
};

/** The program that compiles one unit in a process of its own; there is none where sources are run as they are. */
const MAIN = fileURLToPath(new URL('nvrtc-main.js', import.meta.url));

/** What a process of nvrtc-main.ts is told. */
export interface NvrtcJob {
  readonly library: string;
  readonly architecture: string;
  readonly units: readonly Unit[];
  /** Files of the modules, one for each unit. */
  readonly modules: readonly string[];
}

/** Compiles all units of a job in this process. @returns what the compiler says of the first that fails */
export const runJob = ({ architecture, units, modules }: NvrtcJob, nvrtc: Nvrtc): string | undefined => {
  for (const [i, unit] of units.entries()) {
    const made = nvrtc.compile(unit, architecture);
    if (typeof made === 'string') return `${unit.name}: ${made}`;
    writeFileSync(modules[i] ?? '', made);
  }
  return undefined;
};

/** The same, each unit in one of as many processes at a time as there are cores. */
const runJobs = (job: NvrtcJob): string | undefined =>
  inTemporaryFolder((work) => {
    const list = job.units.map((unit, i) => {
      const path = join(work, `${i}.json`);
      writeFileSync(path, JSON.stringify({ ...job, units: [unit], modules: [job.modules[i]] }));
      return `${path}\n`;
    });
    const ran = spawnSync('xargs', ['-P', String(availableParallelism()), '-n', '1', process.execPath, MAIN], {
      input: list.join(''),
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    if (ran.error !== undefined) return ran.error.message;
    return ran.status === 0 ? undefined : `${ran.stdout}${ran.stderr}`;
  });

/** NVRTC for one device. */
export const nvrtcCompiler = (nvrtc: Nvrtc, device: Pick<DeviceInfo, 'capability' | 'name'>): KernelCompiler => {
  const architecture = `sm_${architectureOf(device)}`;
  return {
    identity: ['nvrtc', nvrtc.path, nvrtc.version, ...nvrtcFlags(architecture)],
    compile: (units, draft) => {
      const job = { library: nvrtc.path, architecture, units, modules: units.map((_, i) => join(draft, moduleName(i))) };
      const problem = units.length > 1 && existsSync(MAIN) ? runJobs(job) : runJob(job, nvrtc);
      if (problem === undefined) return;
      throw problem.includes('--gpu-architecture')
        ? compilerFailed(
            'GPU0003',
            `NVRTC ${nvrtc.version} does not know compute capability ${device.capability / 10} (${device.name})`,
            problem,
            CUDA_NOTES,
          )
        : compilerFailed('GPU0005', `NVRTC ${nvrtc.version} fails`, problem, CUDA_NOTES);
    },
  };
};
