/**
 * Mutation check of GPU kernels: npm run gpu-mutations -- [--only TEXT] [--quick] [--json]. Plants one bug at a time in a copy of the
 * kernels and shows how their run on the CPU, in all orders of threads, finds it. Needs a C++ compiler and koffi, no GPU.
 * Exit status: 0 all are caught, 1 one survives, 2 wrong use or a mutation that no longer applies.
 */
import { runMutations } from '../mutations/command.ts';
import { checkMutations, type Outcome } from './engine.ts';
import { MUTATIONS, QUICK } from './mutations.ts';

const table = (outcomes: readonly Outcome[]): string => {
  const width = outcomes.reduce((n, o) => Math.max(n, o.mutation.name.length), 0);
  return outcomes.map((o) => `${o.mutation.name.padEnd(width)}  ${o.caught === null ? 'SURVIVES' : o.caught.slice(0, 110)}`).join('\n');
};

const command = {
  name: 'gpu-mutations',
  mutations: MUTATIONS,
  quick: QUICK,
  check: checkMutations,
  survives: ({ caught }: Outcome) => caught === null,
  catchers: ({ caught }: Outcome) => (caught === null ? '' : 'caught'),
  table,
  facts: () => ({}),
};

process.exitCode = runMutations(command, process.argv.slice(2));
