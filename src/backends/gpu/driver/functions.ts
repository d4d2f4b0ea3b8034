/** Makers of GPUs, by the names of their programming interfaces. */
export type Platform = 'cuda' | 'hip';

const HANDLE = 'void *';
const [BYTES, OUT, UINT, INT] = ['size_t', 'void *', 'unsigned int', 'int'];
const ADDRESS = 'uint64_t';

/** A function of a driver library: its name in each (undefined where there is none), and C types of its arguments. */
interface DriverFunction {
  readonly cuda: string;
  readonly hip: string | undefined;
  readonly types: readonly string[];
}

const both = (cuda: string, hip: string | undefined, ...types: readonly string[]): DriverFunction => ({ cuda, hip, types });

/**
 * The functions of a GPU driver by what they do: those of CUDA's driver API (CUDA driver API reference, 13.0) and of HIP's runtime
 * (HIP runtime API reference, 5.2; `hip_runtime_api.h`), which take the same arguments. All return a status, 0 for success.
 */
export const FUNCTIONS = {
  init: both('cuInit', 'hipInit', UINT),
  driverVersion: both('cuDriverGetVersion', 'hipDriverGetVersion', OUT),
  deviceCount: both('cuDeviceGetCount', 'hipGetDeviceCount', OUT),
  deviceGet: both('cuDeviceGet', 'hipDeviceGet', OUT, INT),
  deviceName: both('cuDeviceGetName', 'hipDeviceGetName', OUT, INT, INT),
  deviceMemory: both('cuDeviceTotalMem_v2', 'hipDeviceTotalMem', OUT, INT),
  deviceAttribute: both('cuDeviceGetAttribute', 'hipDeviceGetAttribute', OUT, INT, INT),
  contextRetain: both('cuDevicePrimaryCtxRetain', 'hipDevicePrimaryCtxRetain', OUT, INT),
  contextRelease: both('cuDevicePrimaryCtxRelease_v2', 'hipDevicePrimaryCtxRelease', INT),
  // hipDevicePrimaryCtxReset does nothing; Driver.resetDevice calls hipDeviceReset, which has no argument
  contextReset: both('cuDevicePrimaryCtxReset_v2', undefined, INT),
  contextSet: both('cuCtxSetCurrent', 'hipCtxSetCurrent', HANDLE),
  moduleLoad: both('cuModuleLoadData', 'hipModuleLoadData', OUT, OUT),
  moduleUnload: both('cuModuleUnload', 'hipModuleUnload', HANDLE),
  moduleFunction: both('cuModuleGetFunction', 'hipModuleGetFunction', OUT, HANDLE, 'const char *'),
  // HIP's takes functions of the host only, and 64 KiB of shared memory need not be asked for
  functionSet: both('cuFuncSetAttribute', undefined, HANDLE, INT, INT),
  allocate: both('cuMemAlloc_v2', 'hipMalloc', OUT, BYTES),
  release: both('cuMemFree_v2', 'hipFree', ADDRESS),
  memoryInfo: both('cuMemGetInfo_v2', 'hipMemGetInfo', OUT, OUT),
  allocateHost: both('cuMemHostAlloc', 'hipHostMalloc', OUT, BYTES, UINT),
  releaseHost: both('cuMemFreeHost', 'hipHostFree', HANDLE),
  upload: both('cuMemcpyHtoD_v2', 'hipMemcpyHtoD', ADDRESS, OUT, BYTES),
  uploadLater: both('cuMemcpyHtoDAsync_v2', 'hipMemcpyHtoDAsync', ADDRESS, HANDLE, BYTES, HANDLE),
  downloadLater: both('cuMemcpyDtoHAsync_v2', 'hipMemcpyDtoHAsync', HANDLE, ADDRESS, BYTES, HANDLE),
  clear: both('cuMemsetD8_v2', 'hipMemsetD8', ADDRESS, 'unsigned char', BYTES),
  streamCreate: both('cuStreamCreate', 'hipStreamCreateWithFlags', OUT, UINT),
  streamDestroy: both('cuStreamDestroy_v2', 'hipStreamDestroy', HANDLE),
  streamQuery: both('cuStreamQuery', 'hipStreamQuery', HANDLE),
  streamWait: both('cuStreamSynchronize', 'hipStreamSynchronize', HANDLE),
  captureBegin: both('cuStreamBeginCapture_v2', 'hipStreamBeginCapture', HANDLE, INT),
  captureEnd: both('cuStreamEndCapture', 'hipStreamEndCapture', HANDLE, OUT),
  graphInstantiate: both('cuGraphInstantiateWithFlags', 'hipGraphInstantiateWithFlags', OUT, HANDLE, 'unsigned long long'),
  graphLaunch: both('cuGraphLaunch', 'hipGraphLaunch', HANDLE, HANDLE),
  graphDestroy: both('cuGraphDestroy', 'hipGraphDestroy', HANDLE),
  graphExecDestroy: both('cuGraphExecDestroy', 'hipGraphExecDestroy', HANDLE),
  eventCreate: both('cuEventCreate', 'hipEventCreateWithFlags', OUT, UINT),
  eventRecord: both('cuEventRecord', 'hipEventRecord', HANDLE, HANDLE),
  eventElapsed: both('cuEventElapsedTime', 'hipEventElapsedTime', OUT, HANDLE, HANDLE),
  eventDestroy: both('cuEventDestroy_v2', 'hipEventDestroy', HANDLE),
  launch: both('cuLaunchKernel', 'hipModuleLaunchKernel', HANDLE, UINT, UINT, UINT, UINT, UINT, UINT, UINT, HANDLE, OUT, OUT),
} as const satisfies Record<string, DriverFunction>;

export type FunctionName = keyof typeof FUNCTIONS;

/** Statuses that both have: no memory left, no device, none of that number, work is not done yet. */
export const [OUT_OF_MEMORY, NO_DEVICE, INVALID_DEVICE, NOT_READY] = [2, 100, 101, 600];

/** What differs between the platforms besides names. */
export interface PlatformFacts {
  /** For people. */
  readonly driver: string;
  /** Names a library of the driver, and the device that programs run on, in the environment. */
  readonly libraryVariable: string;
  readonly deviceVariable: string;
  readonly libraries: readonly string[];
  /** Numbers of the attributes of a device. */
  readonly attributes: { readonly processors: number; readonly major: number; readonly minor: number };
  readonly remedy: string;
  /** The oldest version of the driver that has all functions; as the driver tells versions. */
  readonly leastVersion: number;
  readonly versionText: (version: number) => string;
}

const OTHER = 'or use another backend: wasm gives the same bytes.';

export const PLATFORMS: Readonly<Record<Platform, PlatformFacts>> = {
  cuda: {
    driver: 'the driver of CUDA',
    libraryVariable: 'CORTEXC_CUDA_DRIVER',
    deviceVariable: 'CORTEXC_CUDA_DEVICE',
    libraries: process.platform === 'win32' ? ['nvcuda.dll'] : ['libcuda.so.1'],
    // CUdevice_attribute
    attributes: { processors: 16, major: 75, minor: 76 },
    remedy: `Install NVIDIA's driver, ${OTHER}`,
    leastVersion: 12_000,
    versionText: (version) => `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`,
  },
  hip: {
    driver: 'the driver of HIP',
    libraryVariable: 'CORTEXC_HIP_DRIVER',
    deviceVariable: 'CORTEXC_HIP_DEVICE',
    libraries:
      process.platform === 'win32'
        ? ['amdhip64_7.dll', 'amdhip64_6.dll', 'amdhip64.dll']
        : ['libamdhip64.so.7', 'libamdhip64.so.6', 'libamdhip64.so.5', 'libamdhip64.so'],
    // hipDeviceAttribute_t since ROCm 5
    attributes: { processors: 63, major: 23, minor: 61 },
    remedy: `Install ROCm, ${OTHER}`,
    leastVersion: 50_200_000,
    // HIP_VERSION: major 10^7, minor 10^5, patch
    versionText: (version) => `${Math.floor(version / 1e7)}.${Math.floor((version % 1e7) / 1e5)}`,
  },
};
