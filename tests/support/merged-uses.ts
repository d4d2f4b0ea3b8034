import { mergePrograms } from '../../src/conformance/index.ts';
import type { Program, Tensor } from '../../src/ir/index.ts';
import type { OpUse } from './op-uses.ts';

/** Many uses of ops as one program, and where the outputs of each begin: compilers of other languages take seconds to start. */
export interface MergedUses {
  readonly program: Program;
  readonly inputs: readonly Tensor[];
  /** Uses by the number of an output. */
  readonly useOf: readonly OpUse[];
}

export const mergeUses = (uses: readonly OpUse[]): MergedUses => ({
  program: mergePrograms(
    'uses',
    uses.map((use) => use.program),
  ),
  inputs: uses.flatMap((use) => use.inputs),
  useOf: uses.flatMap((use) => use.program.outputs.map(() => use)),
});
