export type { FusedRescale, Fusions } from './fuse.ts';
export { macsOf, macsOfProgram } from './macs.ts';
export { type ExecutionPlan, planProgram } from './plan.ts';
