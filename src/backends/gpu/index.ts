export { emitFolder as emitCudaFolder, type TestVector } from './cuda/emit.ts';
export { cudaBackend } from './cuda/index.ts';
