/**
 * Mutation check of the FPGA core: npm run fpga-mutations -- [--only TEXT] [--quick] [--json]. Plants one bug at a time in a copy of the
 * Verilog and shows which tests of the bench of its unit find it. Needs verilator with a C++ compiler, and iverilog.
 * Exit status: 0 all are caught, 1 one survives, 2 wrong use or a mutation that no longer applies.
 */
import { runMutations } from '../mutations/command.ts';
import { checkMutations, type Outcome } from './engine.ts';
import { MUTATIONS, QUICK } from './mutations.ts';

const table = (outcomes: readonly Outcome[]): string => {
  const width = outcomes.reduce((n, o) => Math.max(n, o.mutation.name.length), 0);
  return outcomes
    .map(
      ({ mutation: { name, bench }, caught }) =>
        `${name.padEnd(width)}  ${bench.padEnd(18)}  ${caught === null ? 'SURVIVES' : caught.slice(0, 110)}`,
    )
    .join('\n');
};

const MINUTE = 60_000;

const command = {
  name: 'fpga-mutations',
  mutations: MUTATIONS,
  quick: QUICK,
  check: (chosen: Parameters<typeof checkMutations>[0], tell: (outcome: Outcome, index: number) => void) => {
    const started = Date.now();
    return checkMutations(chosen, (outcome, i) => {
      tell(outcome, i);
      const left = ((Date.now() - started) / (i + 1)) * (chosen.length - i - 1);
      process.stderr.write(`${i + 1} of ${chosen.length}, about ${Math.ceil(left / MINUTE)} min left\n`);
    });
  },
  survives: ({ caught }: Outcome) => caught === null,
  catchers: ({ caught, mutation }: Outcome) => (caught === null ? '' : `caught by ${mutation.bench}`),
  table,
  facts: ({ bench }: Outcome['mutation']) => ({ bench }),
};

process.exitCode = runMutations(command, process.argv.slice(2));
