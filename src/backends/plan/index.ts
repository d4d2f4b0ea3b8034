export type { FusedRescale, Fusions } from './fuse.ts';
export { type ExecutionPlan, planProgram } from './plan.ts';
