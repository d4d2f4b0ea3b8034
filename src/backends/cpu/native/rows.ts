import { type AnyRule, type Rows, rowsOf, SIMD_ROWS } from '../simd/index.ts';
import type { OpName } from '../../../ir/index.ts';
import type { CModule } from './c-module.ts';
import { kernelRows } from './lower/index.ts';

/** Rows that end in kernels written in C, and for all else those of the SIMD machine. */
export const nativeRows = (module: CModule): Rows => rowsOf(new Map<OpName, AnyRule>([...SIMD_ROWS, ...kernelRows(module)]));
