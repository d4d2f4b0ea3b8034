export { emitFolder as emitCudaFolder, type TestVector } from './cuda/emit.ts';
export type { CudaSourceOptions } from './cuda/source.ts';
export { type GpuDevice, type GpuDriver, listGpus } from './devices.ts';
export { cudaBackend } from './cuda/index.ts';
