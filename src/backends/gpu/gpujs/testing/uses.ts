import { type OpUse, opUses } from '../../../../../tests/support/op-uses.ts';
import { lowerProgram } from '../lower.ts';

/** Without those that only differ in special floats, or in whether what is computed once is an input: to these kernels they are the same. */
export const supportedUses = (): readonly OpUse[] =>
  opUses().filter(({ name, program }) => /, (inputs|parameters behind the first)$/.test(name) && lowerProgram(program).ok);
