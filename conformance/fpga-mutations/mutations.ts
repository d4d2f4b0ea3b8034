import { arrayMutations } from './array.ts';
import { controlMutations } from './control.ts';
import { dataflowMutations } from './dataflow.ts';
import type { Mutation } from './mutation.ts';
import { processorMutations } from './processor.ts';

/** What one gets wrong when one writes Verilog by hand. */
export const MUTATIONS: readonly Mutation[] = [...arrayMutations, ...processorMutations, ...controlMutations, ...dataflowMutations];

/** One of each kind of bench, for the tests. */
export const QUICK: readonly string[] = [
  'rescale does not round',
  'a 64-bit sum of vectors has no carry between its halves',
  'wrong bit in the polynomial of the CRC',
  'dataflow: u8 is taken as signed',
];
