import type { OpName } from '../../../ir/index.ts';
import { type AnyRule, type Rows, rowsOf, SIMD_ROWS } from '../../cpu/simd/index.ts';
import { type ExecutionPlan, fuseResiduals } from '../../plan/index.ts';
import { type KernelOptions, kernelRows, mayAdd } from './lower/index.ts';

/** Rows of a GPU, and what they want of a plan. */
export interface GpuRows extends Rows {
  /** Fuses what the kernels do in one pass. */
  readonly prepare?: (plan: ExecutionPlan) => ExecutionPlan;
}

/** Rows that end in kernels over the templates of kernels/, and for all else those of the SIMD machine, one thread a share. */
export const cudaRows = (options: KernelOptions = {}): GpuRows => ({
  ...rowsOf(new Map<OpName, AnyRule>([...SIMD_ROWS, ...kernelRows(options)])),
  prepare: (plan) => fuseResiduals(plan, mayAdd),
});
