export { type Functions, type Lowered, lowerProgram, type Step, writeFunctions } from './build.ts';
export { Context, type Emit, Slot } from './context.ts';
export type { Fn } from './fn.ts';
export { Ex, type Local, type Val } from './lift.ts';
export { PAGE_BYTES } from './layout.ts';
export { SIMD_ROWS } from './lower/index.ts';
export type { Access, FunctionBody, Kind, LaneBits, Machine, NamespaceName, Ref, VectorLoad } from './machine.ts';
export { type AnyRule, type Rows, rowsOf } from './rows.ts';
