export { emitFolder as emitCudaFolder, type TestVector } from './cuda/emit.ts';
export type { CudaSourceOptions } from './cuda/source.ts';
export { cudaBackend } from './cuda/index.ts';
