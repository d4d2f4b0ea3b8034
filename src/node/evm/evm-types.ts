import type { EVMOpts } from '@ethereumjs/evm';

type Listed = NonNullable<EVMOpts['customOpcodes']>[number];
/** An opcode that is added to the EVM. */
export type CustomOpcode = Extract<Listed, { readonly opcodeName: string }>;
type ListedPrecompile = NonNullable<EVMOpts['customPrecompiles']>[number];
/** A precompile that is added to the EVM. */
export type CustomPrecompile = Extract<ListedPrecompile, { readonly function: unknown }>;

/** The frame that an opcode runs in; the package names the type only in the handlers of opcodes. */
export type RunState = Parameters<CustomOpcode['logicFunction']>[0];
