import type { ISerializedGast } from 'chevrotain';
import { BUILTINS, GENERATORS } from './builtins.ts';
import { MrlParser } from './parser.ts';

export { BINARY_OPERATORS as MRL_BINARY_OPERATORS } from './ast.ts';
export type { ParamSource, UnboundParams } from './elaborate.ts';
export { LIMITS as MRL_LIMITS } from './limits.ts';
export { type Meta, type ParsedModel, type ParseOptions, paramSourceOf, parseMrl } from './parse.ts';

/** Names of the compile-time functions. */
export const MRL_BUILTINS: readonly string[] = Object.keys(BUILTINS);
/** Names of the initializers of parameters. */
export const MRL_GENERATORS: readonly string[] = Object.keys(GENERATORS);

/** The grammar, as the parser describes itself: what grammar/ is generated from. */
export const mrlGrammar = (): readonly ISerializedGast[] => new MrlParser({ validate: true }).getSerializedGastProductions();
