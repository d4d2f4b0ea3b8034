import type koffi from 'koffi';
import { diagnostic, type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import type { MachineFact } from '../backend.ts';
import { loadKoffi } from '../cpu/native/host-koffi.ts';
import { listDevices, loadDriver, versionOf } from './cuda/driver.ts';
import { findNvcc } from './cuda/toolchain.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A GPU, as a list of devices tells it. */
export interface GpuDevice {
  readonly index: number;
  readonly name: string;
  readonly memoryBytes: number;
  /** Compute capability, such as 9.0; absent for HIP. */
  readonly architecture?: string;
  /** Multiprocessors; absent for HIP. */
  readonly processors?: number;
}

/** What one kind of driver says. */
export interface GpuDriver {
  readonly kind: 'cuda' | 'hip';
  /** The backend that runs programs on its devices; absent when none does. */
  readonly backend?: string;
  /** Version of the driver, and the library that was asked; absent when it did not load. */
  readonly version?: string;
  readonly library?: string;
  readonly devices: readonly GpuDevice[];
  /** Why there are no devices. */
  readonly problem?: Diagnostic;
}

const cudaDriver = (env: Environment): GpuDriver => {
  const driver = loadDriver(env);
  const kind = { kind: 'cuda', backend: 'cuda' } as const;
  if (!driver.ok) return { ...kind, devices: [], ...problemOf(driver.diagnostics) };
  const facts = { ...kind, version: versionOf(driver.value), library: driver.value.path };
  const devices = listDevices(driver.value);
  if (!devices.ok) return { ...facts, devices: [], ...problemOf(devices.diagnostics) };
  return {
    ...facts,
    devices: devices.value.map(({ index, name, capability, memoryBytes, processors }) => ({
      index,
      name,
      memoryBytes,
      processors,
      architecture: (capability / 10).toFixed(1),
    })),
  };
};

const problemOf = ([problem]: readonly Diagnostic[]): { readonly problem?: Diagnostic } => (problem === undefined ? {} : { problem });

const HIP_LIBRARIES = ['libamdhip64.so.7', 'libamdhip64.so.6', 'libamdhip64.so.5', 'libamdhip64.so'];

const noHip = (why: string): Diagnostic =>
  diagnostic('GPU0001', `the driver of HIP does not load: ${why}`, { notes: ['It comes with ROCm. No backend runs on it yet.'] });

type HipLibrary = ReturnType<typeof koffi.load>;

/** Loads AMD's library: CORTEXC_HIP_DRIVER, else the names that ROCm gives it. */
const loadHip = (env: Environment): Result<{ readonly library: HipLibrary; readonly name: string }> => {
  const loaded = loadKoffi();
  if (!loaded.ok) return loaded;
  const named = env['CORTEXC_HIP_DRIVER'] ?? '';
  let why = '';
  for (const name of named === '' ? HIP_LIBRARIES : [named]) {
    try {
      return ok({ library: loaded.value.load(name), name });
    } catch (error) {
      why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    }
  }
  return fail(noHip(why));
};

/** HIP runtime API reference, device management: all functions return a hipError_t. */
const hipDriver = (env: Environment): GpuDriver => {
  const hip = loadHip(env);
  if (!hip.ok) return { kind: 'hip', devices: [], ...problemOf(hip.diagnostics) };
  const { library, name: path } = hip.value;
  const call = (name: string, types: string, ...args: readonly unknown[]): number =>
    (library.func(`int ${name}(${types})`) as (...all: readonly unknown[]) => number)(...args);
  const number = new Int32Array(1);
  try {
    const version = call('hipDriverGetVersion', 'void *', number) === 0 ? String(number[0] ?? 0) : 'unknown';
    const status = call('hipGetDeviceCount', 'void *', number);
    const facts = { kind: 'hip', version, library: path } as const;
    if (status !== 0)
      return { ...facts, devices: [], problem: diagnostic('GPU0002', `hipGetDeviceCount gives ${status}`, { where: path }) };
    const device = (index: number): GpuDevice => {
      const text = new Uint8Array(256);
      const bytes = new BigUint64Array(1);
      call('hipDeviceGetName', 'void *, int, int', text, text.length, index);
      call('hipDeviceTotalMem', 'void *, int', bytes, index);
      return { index, name: new TextDecoder().decode(text.subarray(0, text.indexOf(0))), memoryBytes: Number(bytes[0] ?? 0n) };
    };
    return { ...facts, devices: Array.from({ length: number[0] ?? 0 }, (_, i) => device(i)) };
  } catch (error) {
    return { kind: 'hip', devices: [], problem: noHip(error instanceof Error ? error.message : String(error)) };
  }
};

/** Every GPU that a driver of this machine has. Starts no program; CUDA and HIP are asked. */
export const listGpus = (env: Environment = process.env): readonly GpuDriver[] => [cudaDriver(env), hipDriver(env)];

/** What the cuda backend needs, for a report on the machine. A machine without a GPU lacks nothing. */
export const examineCuda = (): readonly MachineFact[] => {
  const { devices, version, problem } = cudaDriver(process.env);
  const nvcc = findNvcc();
  const names = devices.map((d) => `${d.name} (${d.architecture ?? '?'})`).join(', ');
  const missing = nvcc.ok ? undefined : nvcc.diagnostics[0];
  return [
    { name: 'driver', value: version === undefined ? `none: ${problem?.message ?? 'no library'}` : `CUDA ${version}` },
    { name: 'devices', value: names === '' ? 'none' : names },
    {
      name: 'nvcc',
      value: nvcc.ok ? nvcc.value : `none: ${missing?.message ?? ''}`,
      // without a device there is nothing to compile for
      ...(devices.length > 0 && missing !== undefined ? { problem: { ...missing, severity: 'warning' } } : {}),
    },
  ];
};
