import { availableParallelism } from 'node:os';

/** More threads than this are asked for by hand: other work on the machine wants cores, too. */
const MOST_THREADS = 8;

/** Operations below which starting threads costs more than they save: some ten milliseconds of one core. */
const WORTH_THREADS = 1e9;

/** Threads for so many operations when nobody says how many: one where it is little, else one a core, at most eight. */
export const threadsForCost = (operations: number): number =>
  operations < WORTH_THREADS ? 1 : Math.min(MOST_THREADS, availableParallelism());
