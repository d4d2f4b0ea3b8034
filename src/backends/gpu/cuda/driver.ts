import type koffi from 'koffi';
import { type Code, diagnostic, fail, MrlError, ok, type Result } from '../../../support/index.ts';
import { loadKoffi } from '../../cpu/native/host-koffi.ts';

/** Handles and addresses of the driver. */
export type Handle = bigint;

const HANDLE = 'void *';
const [BYTES, OUT, UINT, INT] = ['size_t', 'void *', 'unsigned int', 'int'];
const ADDRESS = 'uint64_t';

/**
 * The functions of a GPU driver by what they do: names in CUDA's driver API (HIP has the same functions, `hip…`), and C types of
 * their arguments. All return a status.
 */
const FUNCTIONS = {
  init: ['cuInit', UINT],
  driverVersion: ['cuDriverGetVersion', OUT],
  deviceCount: ['cuDeviceGetCount', OUT],
  deviceGet: ['cuDeviceGet', OUT, INT],
  deviceName: ['cuDeviceGetName', OUT, INT, INT],
  deviceMemory: ['cuDeviceTotalMem_v2', OUT, INT],
  deviceAttribute: ['cuDeviceGetAttribute', OUT, INT, INT],
  contextRetain: ['cuDevicePrimaryCtxRetain', OUT, INT],
  contextRelease: ['cuDevicePrimaryCtxRelease_v2', INT],
  contextReset: ['cuDevicePrimaryCtxReset_v2', INT],
  contextSet: ['cuCtxSetCurrent', HANDLE],
  moduleLoad: ['cuModuleLoadData', OUT, OUT],
  moduleUnload: ['cuModuleUnload', HANDLE],
  moduleFunction: ['cuModuleGetFunction', OUT, HANDLE, 'const char *'],
  functionSet: ['cuFuncSetAttribute', HANDLE, INT, INT],
  allocate: ['cuMemAlloc_v2', OUT, BYTES],
  release: ['cuMemFree_v2', ADDRESS],
  memoryInfo: ['cuMemGetInfo_v2', OUT, OUT],
  allocateHost: ['cuMemHostAlloc', OUT, BYTES, UINT],
  releaseHost: ['cuMemFreeHost', HANDLE],
  upload: ['cuMemcpyHtoD_v2', ADDRESS, OUT, BYTES],
  uploadLater: ['cuMemcpyHtoDAsync_v2', ADDRESS, HANDLE, BYTES, HANDLE],
  downloadLater: ['cuMemcpyDtoHAsync_v2', HANDLE, ADDRESS, BYTES, HANDLE],
  clear: ['cuMemsetD8_v2', ADDRESS, 'unsigned char', BYTES],
  streamCreate: ['cuStreamCreate', OUT, UINT],
  streamDestroy: ['cuStreamDestroy_v2', HANDLE],
  streamQuery: ['cuStreamQuery', HANDLE],
  streamWait: ['cuStreamSynchronize', HANDLE],
  captureBegin: ['cuStreamBeginCapture_v2', HANDLE, INT],
  captureEnd: ['cuStreamEndCapture', HANDLE, OUT],
  graphInstantiate: ['cuGraphInstantiateWithFlags', OUT, HANDLE, 'unsigned long long'],
  graphLaunch: ['cuGraphLaunch', HANDLE, HANDLE],
  graphDestroy: ['cuGraphDestroy', HANDLE],
  graphExecDestroy: ['cuGraphExecDestroy', HANDLE],
  eventCreate: ['cuEventCreate', OUT, UINT],
  eventRecord: ['cuEventRecord', HANDLE, HANDLE],
  eventElapsed: ['cuEventElapsedTime', OUT, HANDLE, HANDLE],
  eventDestroy: ['cuEventDestroy_v2', HANDLE],
  launch: ['cuLaunchKernel', HANDLE, UINT, UINT, UINT, UINT, UINT, UINT, UINT, HANDLE, OUT, OUT],
} as const satisfies Record<string, readonly [string, ...string[]]>;

type FunctionName = keyof typeof FUNCTIONS;
type Argument = Handle | number | string | ArrayBufferView | null;

/** The status that says that work is not done yet. */
export const NOT_READY = 600;
const OUT_OF_MEMORY = 2;

/** Numbers of CUdevice_attribute. */
export const ATTRIBUTES = { processors: 16, major: 75, minor: 76 } as const;

type Library = ReturnType<typeof koffi.load>;

/** Not by class: tests have classes of their own. */
const messageOf = (error: unknown): string => (String(error).split('\n')[0] ?? '').replace(/^Error: /, '');

/** A driver library in this process. */
export class Driver {
  readonly path: string;
  /** Whether it runs kernels on the CPU: the driver of src/backends/gpu/shim. */
  readonly isFake: boolean;
  private readonly functions = new Map<FunctionName, (...args: readonly Argument[]) => number>();
  private readonly errorName: (status: number, out: BigUint64Array) => number;
  private readonly errorText: (status: number, out: BigUint64Array) => number;
  private readonly decode: (address: bigint) => string;
  readonly addressOf: (view: ArrayBufferView) => bigint;
  readonly viewOf: (address: bigint, bytes: number) => Uint8Array;

  constructor(path: string, library: Library, tools: DriverTools) {
    this.path = path;
    for (const [key, [name, ...types]] of Object.entries(FUNCTIONS))
      this.functions.set(key as FunctionName, library.func(`int ${name}(${types.join(', ')})`) as (...args: readonly Argument[]) => number);
    this.errorName = library.func('int cuGetErrorName(int, void *)');
    this.errorText = library.func('int cuGetErrorString(int, void *)');
    this.decode = (address) => tools.decode(address, 'char', -1) as string;
    this.addressOf = (view) => tools.address(view);
    this.viewOf = (address, bytes) => new Uint8Array(tools.view(address, bytes));
    this.isFake = hasFunction(library, 'cxg_fake_last_message');
  }

  /** Calls a function. @returns its status */
  status(name: FunctionName, ...args: readonly Argument[]): number {
    return this.functions.get(name)?.(...args) ?? -1;
  }

  /** `CUDA_ERROR_ILLEGAL_ADDRESS (700): an illegal memory access was encountered` */
  describe(status: number): string {
    const out = new BigUint64Array(1);
    const read = (ask: typeof this.errorName): string | undefined =>
      ask(status, out) === 0 && out[0] !== undefined && out[0] !== 0n ? this.decode(out[0]) : undefined;
    return `${read(this.errorName) ?? 'unknown error'} (${status}): ${read(this.errorText) ?? 'no text'}`;
  }

  /** @throws {MrlError} GPU0007, or GPU0006 for a lack of memory, when the status is not 0 */
  call(name: FunctionName, ...args: readonly Argument[]): void {
    const status = this.status(name, ...args);
    if (status !== 0) throw this.error(name, status);
  }

  error(name: FunctionName, status: number): MrlError {
    const code: Code = status === OUT_OF_MEMORY ? 'GPU0006' : 'GPU0007';
    return new MrlError([
      diagnostic(code, `${FUNCTIONS[name][0]} gives ${this.describe(status)}`, {
        where: this.path,
        notes: ['The wasm backend gives the same bytes.'],
      }),
    ]);
  }

  /** Calls a function whose first argument receives a handle, an address or a number of up to 8 bytes. */
  make(name: FunctionName, ...args: readonly Argument[]): bigint {
    const out = new BigUint64Array(1);
    this.call(name, out, ...args);
    return out[0] ?? 0n;
  }

  /** The same for a 32-bit number. */
  number(name: FunctionName, ...args: readonly Argument[]): number {
    const out = new Int32Array(1);
    this.call(name, out, ...args);
    return out[0] ?? 0;
  }
}

/** What is used of koffi besides loading. */
type DriverTools = Pick<typeof koffi, 'address' | 'decode' | 'view'>;

const hasFunction = (library: Library, name: string): boolean => {
  try {
    library.func(`const char *${name}()`);
    return true;
  } catch {
    return false;
  }
};

type Environment = Readonly<Record<string, string | undefined>>;

const REMEDY = "Install NVIDIA's driver, or use another backend: wasm gives the same bytes.";

const drivers = new Map<string, Driver>();

/** Loads the driver: CORTEXC_CUDA_DRIVER, else libcuda.so.1. Errors: NAT0003 without koffi, GPU0001. */
export const loadDriver = (env: Environment = process.env): Result<Driver> => {
  const named = env['CORTEXC_CUDA_DRIVER'];
  const path = named !== undefined && named !== '' ? named : process.platform === 'win32' ? 'nvcuda.dll' : 'libcuda.so.1';
  const known = drivers.get(path);
  if (known !== undefined) return ok(known);
  const loaded = loadKoffi();
  if (!loaded.ok) return loaded;
  // the whole of koffi: what compiled programs need of it is less
  const tools = loaded.value as typeof koffi;
  try {
    const driver = new Driver(path, tools.load(path), tools);
    const status = driver.status('init', 0);
    if (status !== 0)
      return fail(
        diagnostic(status === NO_DEVICE ? 'GPU0002' : 'GPU0001', `cuInit gives ${driver.describe(status)}`, {
          where: path,
          notes: [REMEDY],
        }),
      );
    drivers.set(path, driver);
    return ok(driver);
  } catch (error) {
    return fail(diagnostic('GPU0001', `the driver of CUDA does not load: ${messageOf(error)}`, { where: path, notes: [REMEDY] }));
  }
};
const NO_DEVICE = 100;

/** What is known of a device. */
export interface DeviceInfo {
  readonly index: number;
  readonly name: string;
  /** Compute capability: 90 for 9.0. */
  readonly capability: number;
  readonly memoryBytes: number;
  readonly processors: number;
}

/** Version as people write it: 13.0. */
export const versionOf = (driver: Driver): string => {
  const version = driver.number('driverVersion');
  return `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`;
};

const deviceAt = (driver: Driver, index: number): DeviceInfo => {
  const device = driver.number('deviceGet', index);
  const name = new Uint8Array(256);
  driver.call('deviceName', name, name.length, device);
  const attribute = (number: number): number => driver.number('deviceAttribute', number, device);
  return {
    index,
    name: new TextDecoder().decode(name.subarray(0, name.indexOf(0))),
    capability: attribute(ATTRIBUTES.major) * 10 + attribute(ATTRIBUTES.minor),
    memoryBytes: Number(driver.make('deviceMemory', device)),
    processors: attribute(ATTRIBUTES.processors),
  };
};

/** All devices of a driver. Errors: GPU0007. */
export const listDevices = (driver: Driver): Result<readonly DeviceInfo[]> => {
  try {
    const count = driver.number('deviceCount');
    return ok(Array.from({ length: count }, (_, i) => deviceAt(driver, i)));
  } catch (error) {
    if (error instanceof MrlError) return fail(...error.diagnostics);
    throw error;
  }
};

const LEAST_CAPABILITY = 75;

/** The device that programs run on: CORTEXC_CUDA_DEVICE, else the first. Errors: GPU0002, GPU0003, GPU0007. */
export const chooseDevice = (driver: Driver, env: Environment = process.env): Result<DeviceInfo> => {
  const devices = listDevices(driver);
  if (!devices.ok) return devices;
  const named = env['CORTEXC_CUDA_DEVICE'] ?? '0';
  const device = devices.value.find((d) => String(d.index) === named);
  const names = devices.value.map((d) => `${d.index} (${d.name})`).join(', ');
  if (device === undefined)
    return fail(
      diagnostic('GPU0002', `there is no device ${named}; the driver has ${names === '' ? 'none' : names}`, {
        where: driver.path,
        notes: [REMEDY],
      }),
    );
  if (device.capability < LEAST_CAPABILITY)
    return fail(
      diagnostic('GPU0003', `${device.name} has compute capability ${device.capability / 10}; kernels need ${LEAST_CAPABILITY / 10}`, {
        where: driver.path,
        notes: [REMEDY],
      }),
    );
  return ok(device);
};
