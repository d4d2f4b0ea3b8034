import { realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import { type Environment, findProgram } from '../../programs.ts';
import { HIP_EXACT_FLAGS } from '../cuda/makefile.ts';
import type { DeviceInfo } from '../driver/device.ts';
import { compileSideBySide, compilerFailed, type KernelCompiler } from './compiler.ts';

const NOTES: readonly string[] = [
  'Install hipcc (ROCm; Debian: apt-get install hipcc) or name it in HIPCC. The wasm backend needs none and gives the same bytes; `cortexc emit --target hip` writes sources for a machine that has it.',
];

/** Finds hipcc: HIPCC, PATH, ROCM_PATH, HIP_PATH, /opt/rocm. Starts no process. Error: GPU0004. */
export const findHipcc = (env: Environment = process.env): Result<string> => {
  const named = env['HIPCC'] ?? '';
  if (named !== '') {
    const path = findProgram(named, env);
    return path === undefined ? fail(diagnostic('GPU0004', `HIPCC names ${named}, which is no program here`, { notes: NOTES })) : ok(path);
  }
  const homes = [env['ROCM_PATH'], env['HIP_PATH'], '/opt/rocm'].flatMap((home) =>
    home === undefined || home === '' ? [] : [join(home, 'bin')],
  );
  const path = findProgram('hipcc', env, homes);
  return path === undefined
    ? fail(diagnostic('GPU0004', 'hipcc is not on PATH nor in ROCM_PATH, HIP_PATH, /opt/rocm', { notes: NOTES }))
    : ok(path);
};

/** gfx90a of `gfx90a:sramecc+:xnack-`: code that depends on none of the features runs with all. */
export const processorOf = ({ architecture }: Pick<DeviceInfo, 'architecture'>): string => architecture.split(':')[0] ?? architecture;

/** What clang says of a processor that it, or its libraries for devices, have never heard of. */
const UNKNOWN = /unsupported HIP gpu architecture|invalid target ID|cannot find ROCm device library|unknown target CPU/;

/** hipcc for one device. */
export const hipccCompiler = (hipcc: string, device: DeviceInfo): KernelCompiler => {
  const processor = processorOf(device);
  const flags = ['-std=c++17', '-O3', '-w', ...HIP_EXACT_FLAGS, `--offload-arch=${processor}`, '--genco', '-x', 'hip'];
  const facts = statSync(realpathSync(hipcc));
  return {
    identity: [hipcc, facts.size, facts.mtimeMs, ...flags],
    compile: (units, draft) =>
      compileSideBySide(units, draft, {
        name: 'hipcc',
        program: hipcc,
        flags,
        // where nvcc is too, hipcc takes NVIDIA's tools
        env: { HIP_PLATFORM: 'amd' },
        failed: (why, output) =>
          UNKNOWN.test(output)
            ? compilerFailed('GPU0003', `hipcc does not know ${processor} (${device.name})`, output, [
                'Install a newer ROCm, or use another backend: all give the same bytes.',
              ])
            : compilerFailed('GPU0005', why, output, [`Command: ${[hipcc, ...flags].join(' ')}`, ...NOTES]),
      }),
  };
};
