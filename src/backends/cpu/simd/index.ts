export { fillMemory, type FillStep, fillSteps, type Functions, type Lowered, lowerProgram, writeFunctions } from './build.ts';
export { Context, type Emit, type KernelLaunch, Slot } from './context.ts';
export { Ex } from './lift.ts';
export { PAGE_BYTES } from './layout.ts';
export { SIMD_ROWS } from './lower/index.ts';
export type { Access, FunctionBody, Kind, LaneBits, Machine, NamespaceName, Ref, VectorLoad } from './machine.ts';
export { type AnyRule, type Rows, rowsOf } from './rows.ts';
