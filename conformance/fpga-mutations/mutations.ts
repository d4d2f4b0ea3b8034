import { arrayMutations } from './array.ts';
import { controlMutations } from './control.ts';
import { dataflowMutations } from './dataflow.ts';
import type { Mutation } from './mutation.ts';
import { processorMutations } from './processor.ts';

/** What one gets wrong when one writes Verilog by hand. */
export const MUTATIONS: readonly Mutation[] = [...arrayMutations, ...processorMutations, ...controlMutations, ...dataflowMutations];

/** One that a number chooses and one that is written into its file, for the tests: each bench costs a build of its simulator. */
export const QUICK: readonly string[] = ['rescale does not round', 'dataflow: u8 is taken as signed'];
