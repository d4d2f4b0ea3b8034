import { realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import { type Environment, findProgram } from '../../programs.ts';
import { EXACT_FLAGS } from '../cuda/makefile.ts';
import type { DeviceInfo } from '../driver/device.ts';
import { compileSideBySide, compilerFailed, type KernelCompiler } from './compiler.ts';

const NAME = process.platform === 'win32' ? 'nvcc.exe' : 'nvcc';
export const CUDA_NOTES: readonly string[] = [
  'Install the CUDA toolkit, or name nvcc in NVCC or libnvrtc in CORTEXC_NVRTC. The wasm backend needs none and gives the same bytes; `cortexc emit --target cuda` writes sources for a machine that has nvcc.',
];

/** Where CUDA toolkits are: CUDA_PATH, CUDA_HOME, /usr/local/cuda. */
export const cudaHomes = (env: Environment): readonly string[] =>
  [env['CUDA_PATH'], env['CUDA_HOME'], '/usr/local/cuda'].flatMap((home) => (home === undefined || home === '' ? [] : [home]));

/** Finds nvcc: NVCC, PATH, CUDA_PATH, CUDA_HOME, /usr/local/cuda. Starts no process. Error: GPU0004. */
export const findNvcc = (env: Environment = process.env): Result<string> => {
  const named = env['NVCC'] ?? '';
  if (named !== '') {
    const path = findProgram(named, env);
    return path === undefined
      ? fail(diagnostic('GPU0004', `NVCC names ${named}, which is no program here`, { notes: CUDA_NOTES }))
      : ok(path);
  }
  const homes = cudaHomes(env).map((home) => join(home, 'bin'));
  const path = findProgram(NAME, env, homes);
  return path === undefined
    ? fail(diagnostic('GPU0004', 'nvcc is not on PATH nor in CUDA_PATH, CUDA_HOME, /usr/local/cuda', { notes: CUDA_NOTES }))
    : ok(path);
};

/** 90a has the instructions that Hopper has alone. */
export const architectureOf = ({ capability }: Pick<DeviceInfo, 'capability'>): string => (capability === 90 ? '90a' : String(capability));

/** nvcc for one device. */
export const nvccCompiler = (nvcc: string, device: DeviceInfo): KernelCompiler => {
  const architecture = architectureOf(device);
  const flags = ['-std=c++17', '-O3', '-w', ...EXACT_FLAGS, '-gencode', `arch=compute_${architecture},code=sm_${architecture}`, '-fatbin'];
  const facts = statSync(realpathSync(nvcc));
  return {
    identity: [nvcc, facts.size, facts.mtimeMs, ...flags],
    compile: (units, draft) =>
      compileSideBySide(units, draft, {
        name: 'nvcc',
        program: nvcc,
        flags,
        env: {},
        failed: (why, output) =>
          // what nvcc says of an architecture that it has never heard of
          /Unsupported gpu architecture/.test(output)
            ? compilerFailed(
                'GPU0003',
                `nvcc does not know compute capability ${device.capability / 10} (${device.name})`,
                output,
                CUDA_NOTES,
              )
            : compilerFailed('GPU0005', why, output, [`Command: ${[nvcc, ...flags].join(' ')}`, ...CUDA_NOTES]),
      }),
  };
};
