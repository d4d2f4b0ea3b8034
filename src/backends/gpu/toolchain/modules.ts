import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, invariant, MrlError, ok, type Result, sha256Hex, unwrap } from '../../../support/index.ts';
import type { Cache } from '../../cpu/cache/cache.ts';
import { readIfThere } from '../../cpu/cache/files.ts';
import { cFolder } from '../../cpu/native/sources.ts';
import type { Environment } from '../../programs.ts';
import type { GpuProgram } from '../cuda/program.ts';
import { unitHeaders } from '../cuda/sources.ts';
import type { DeviceInfo } from '../driver/device.ts';
import { kernelFolder } from '../folders.ts';
import { buildShimModule } from '../shim/index.ts';
import { type KernelCompiler, moduleName } from './compiler.ts';
import { findHipcc, hipccCompiler } from './hipcc.ts';
import { findNvcc, nvccCompiler } from './nvcc.ts';
import { findNvrtc, nvrtcCompiler } from './nvrtc.ts';

export interface BuildOptions {
  readonly cache: Cache;
  /** Build for the fake driver: with the C++ compiler and the shim. */
  readonly fake: boolean;
  readonly env?: Environment | undefined;
}

const shimCompiler = (cache: Cache): KernelCompiler => ({
  identity: ['shim'],
  compile: (units, draft) =>
    units.forEach(({ text }, i) =>
      copyFileSync(
        unwrap(buildShimModule({ text, include: [kernelFolder(), cFolder()] }, { folder: join(cache.folder, 'shim') })),
        join(draft, moduleName(i)),
      ),
    ),
});

/**
 * What compiles kernels for a device: hipcc; nvcc, or NVRTC where nvcc is missing. Error: GPU0004, which says where nvcc was looked
 * for as well.
 */
export const findCompiler = (device: DeviceInfo, env: Environment = process.env): Result<KernelCompiler> => {
  if (device.platform === 'hip') {
    const hipcc = findHipcc(env);
    return hipcc.ok ? ok(hipccCompiler(hipcc.value, device)) : hipcc;
  }
  const nvcc = findNvcc(env);
  if (nvcc.ok) return ok(nvccCompiler(nvcc.value, device));
  const nvrtc = findNvrtc(env);
  return nvrtc === undefined ? nvcc : ok(nvrtcCompiler(nvrtc, device));
};

const digestOf = (images: readonly Uint8Array[]): string => sha256Hex(...images.map((image) => sha256Hex(image)));

/**
 * The modules of a program for a device: from the cache, else compiled. Errors: GPU0003, GPU0004, GPU0005; NAT0001, NAT0002 with the
 * fake driver.
 */
export const buildModules = (
  program: GpuProgram,
  device: DeviceInfo,
  { cache, fake, env }: BuildOptions,
): Result<readonly Uint8Array[]> => {
  const compiler = fake ? ok(shimCompiler(cache)) : findCompiler(device, env);
  if (!compiler.ok) return compiler;
  const texts = [...unitHeaders(), ...program.units].flatMap(({ name, text }) => [`${name} ${text.length}\n`, text]);
  const key = sha256Hex(JSON.stringify(['gpu', ...compiler.value.identity]), ...texts);
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
      compiler.value.compile(program.units, draft);
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
