export type { ParamSource, UnboundParams } from './elaborate.ts';
export { LIMITS as MRL_LIMITS } from './limits.ts';
export { type Meta, type ParsedModel, type ParseOptions, paramSourceOf, parseMrl } from './parse.ts';
