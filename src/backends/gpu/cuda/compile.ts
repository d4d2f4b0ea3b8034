import type { Program } from '../../../ir/index.ts';
import { ok, type Result } from '../../../support/index.ts';
import type { CompileOptions, Executable } from '../../backend.ts';
import { type Cache, sharedCache } from '../../cpu/cache/cache.ts';
import { chooseDevice, type DeviceInfo } from '../driver/device.ts';
import { loadDriver } from '../driver/driver.ts';
import type { Platform } from '../driver/functions.ts';
import { GpuInstance, type HostOptions } from '../driver/host.ts';
import { buildModules } from '../toolchain/modules.ts';
import type { Engine } from './lower/index.ts';
import { cudaSource, type CudaSourceOptions } from './source.ts';

/** The compute capability that has wgmma; no other has. */
const HOPPER = 90;

export interface CudaOptions extends CompileOptions, HostOptions {
  /** Whose GPU; default `cuda`. */
  readonly platform?: Platform;
  readonly cache?: Cache;
  readonly source?: CudaSourceOptions;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** What the matrix products of a device are best made with. */
export const engineOf = ({ platform, capability }: Pick<DeviceInfo, 'platform' | 'capability'>): Engine =>
  platform === 'hip' ? 'dp4a' : capability === HOPPER ? 'wgmma' : 'mma';

/**
 * Compiles a program for the GPU of this machine and loads it. Errors: IR0008, BKD0002, BKD0003; GPU0001 to GPU0009, GPU0012;
 * NAT0003 without koffi.
 */
export const compileProgram = (source: Program, options: CudaOptions = {}): Result<Executable> => {
  const { cache = sharedCache(), env = process.env, platform = 'cuda' } = options;
  // the cheapest first: most machines have no GPU
  const driver = loadDriver(env, platform);
  if (!driver.ok) return driver;
  const device = chooseDevice(driver.value, env);
  if (!device.ok) return device;
  const written = cudaSource(source, options.source ?? { kernels: { engine: engineOf(device.value) } });
  if (!written.ok) return written;
  const images = buildModules(written.value, device.value, { cache, fake: driver.value.isFake, env });
  if (!images.ok) return images;
  const opened = GpuInstance.open(driver.value, device.value, written.value, images.value, options);
  if (!opened.ok) return opened;
  const instance = opened.value;
  const warnings = cache.takeWarnings();
  return ok({
    run: (inputs) => instance.run(inputs),
    profile: (inputs) => instance.profile(inputs),
    memory: { parameters: written.value.residentBytes, arena: written.value.arenaBytes },
    ...(warnings.length === 0 ? {} : { warnings }),
    close: () => instance.close(),
  });
};
