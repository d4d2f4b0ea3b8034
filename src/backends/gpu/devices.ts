import { type Diagnostic, ok, type Result } from '../../support/index.ts';
import type { MachineFact } from '../backend.ts';
import type { Environment } from '../programs.ts';
import { listDevices } from './driver/device.ts';
import { loadDriver, versionOf } from './driver/driver.ts';
import type { Platform } from './driver/functions.ts';
import { findHipcc } from './toolchain/hipcc.ts';
import { findNvcc } from './toolchain/nvcc.ts';
import { findNvrtc } from './toolchain/nvrtc.ts';
import { listAdapters } from './webgpu/adapters.ts';

/** A GPU, as a list of devices tells it. */
export interface GpuDevice {
  readonly index: number;
  readonly name: string;
  /** Absent where the driver does not tell, as WebGPU. */
  readonly memoryBytes?: number;
  /** Compute capability, such as 9.0; of HIP the processor with its features, such as gfx90a:sramecc+:xnack-. */
  readonly architecture: string;
  /** Multiprocessors (NVIDIA) or compute units (AMD). Absent where the driver does not tell. */
  readonly processors?: number;
}

/** What one kind of driver says. */
export interface GpuDriver {
  readonly kind: Platform | 'webgpu';
  /** The backend that runs programs on its devices. */
  readonly backend: string;
  /** Version of the driver, and the library that was asked; absent when it did not load. */
  readonly version?: string;
  readonly library?: string;
  readonly devices: readonly GpuDevice[];
  /** Why there are no devices. */
  readonly problem?: Diagnostic;
}

const ofPlatform = (platform: Platform, env: Environment): GpuDriver => {
  const kind = { kind: platform, backend: platform } as const;
  const driver = loadDriver(env, platform);
  if (!driver.ok) return { ...kind, devices: [], ...problemOf(driver.diagnostics) };
  const facts = { ...kind, version: versionOf(driver.value), library: driver.value.path };
  const devices = listDevices(driver.value);
  if (!devices.ok) return { ...facts, devices: [], ...problemOf(devices.diagnostics) };
  return {
    ...facts,
    devices: devices.value.map(({ index, name, capability, architecture, memoryBytes, processors }) => ({
      index,
      name,
      memoryBytes,
      processors,
      architecture: platform === 'cuda' ? (capability / 10).toFixed(1) : architecture,
    })),
  };
};

const problemOf = ([problem]: readonly Diagnostic[]): { readonly problem?: Diagnostic } => (problem === undefined ? {} : { problem });

const ofWebGpu = async (env: Environment): Promise<GpuDriver> => {
  const { devices, ...facts } = await listAdapters(env);
  return { kind: 'webgpu', backend: 'webgpu', ...facts, devices: devices.map((d, index) => ({ index, ...d })) };
};

/** Every GPU that a driver of this machine has. Starts no program; CUDA, HIP and WebGPU are asked. */
export const listGpus = async (env: Environment = process.env): Promise<readonly GpuDriver[]> => [
  ofPlatform('cuda', env),
  ofPlatform('hip', env),
  await ofWebGpu(env),
];

/** What a backend needs, for a report on the machine. A machine without a GPU lacks nothing. */
const examine = (platform: Platform, title: string, compiler: Result<string>, name: string): readonly MachineFact[] => {
  const { devices, version, problem } = ofPlatform(platform, process.env);
  const names = devices.map((d) => `${d.name} (${d.architecture})`).join(', ');
  const missing = compiler.ok ? undefined : compiler.diagnostics[0];
  return [
    { name: 'driver', value: version === undefined ? `none: ${problem?.message ?? 'no library'}` : `${title} ${version}` },
    { name: 'devices', value: names === '' ? 'none' : names },
    {
      name,
      value: compiler.ok ? compiler.value : `none: ${missing?.message ?? ''}`,
      // without a device there is nothing to compile for
      ...(devices.length > 0 && missing !== undefined ? { problem: { ...missing, severity: 'warning' } } : {}),
    },
  ];
};

/** nvcc, or NVRTC in its place. */
const cudaCompiler = (): Result<string> => {
  const nvcc = findNvcc();
  const nvrtc = nvcc.ok ? undefined : findNvrtc();
  return nvrtc === undefined ? nvcc : ok(`none; NVRTC ${nvrtc.version} (${nvrtc.path})`);
};

export const examineCuda = (): readonly MachineFact[] => examine('cuda', 'CUDA', cudaCompiler(), 'nvcc');
export const examineHip = (): readonly MachineFact[] => examine('hip', 'HIP', findHipcc(), 'hipcc');
