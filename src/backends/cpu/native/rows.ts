import { type AnyRule, type Rows, rowsOf, SIMD_ROWS } from '../simd/index.ts';
import type { OpName } from '../../../ir/index.ts';
import type { CModule } from './c-module.ts';

/** Rows that end in kernels written in C; the others are those of the SIMD machine. */
const KERNEL_ROWS: readonly (readonly [OpName, (module: CModule) => AnyRule])[] = [];

export const nativeRows = (module: CModule): Rows =>
  rowsOf(new Map<OpName, AnyRule>([...SIMD_ROWS, ...KERNEL_ROWS.map(([op, row]) => [op, row(module)] as const)]));
