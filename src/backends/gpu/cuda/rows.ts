import type { OpName } from '../../../ir/index.ts';
import { type AnyRule, type Rows, rowsOf, SIMD_ROWS } from '../../cpu/simd/index.ts';
import { type KernelOptions, kernelRows } from './lower/index.ts';

/** Rows that end in kernels over the templates of kernels/, and for all else those of the SIMD machine, one thread a share. */
export const cudaRows = (options: KernelOptions = {}): Rows => rowsOf(new Map<OpName, AnyRule>([...SIMD_ROWS, ...kernelRows(options)]));
