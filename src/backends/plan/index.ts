export type { FusedRescale, Fusions } from './fuse.ts';
export { assignLayouts, type LayoutRule, type Layouts } from './layouts.ts';
export { macsOf, macsOfProgram } from './macs.ts';
export { type ExecutionPlan, planProgram } from './plan.ts';
export { fuseResiduals, RESIDUAL_OPERAND, residualOf } from './residuals.ts';
