import { sourceFolder } from '../source-folder.ts';

/** Device code: the primitives and the templates over them. */
export const kernelFolder = (): string => sourceFolder('gpu/cuda/kernels/', 'cxg_prims.cuh');
/** The runner of emitted folders. */
export const runnerFolder = (): string => sourceFolder('gpu/cuda/runner/', 'cxg_main.c');
/** C++ of the shim and of the fake driver. */
export const shimFolder = (): string => sourceFolder('gpu/shim/c/', 'cxg_shim.h');
