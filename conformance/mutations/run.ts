/**
 * Mutation check: npm run mutations -- [--only TEXT] [--quick] [--json]. Plants one bug at a time in a copy of the sources
 * and shows which stage of the suite catches it: golden cases, op samples, conformance vectors, random programs.
 * Exit status: 0 all are caught by the golden cases, samples or vectors, 1 one survives, 2 wrong use or a mutation that no
 * longer applies.
 */
import { runMutations } from './command.ts';
import { checkMutations, type Outcome, STAGES, SUITE, survives } from './engine.ts';
import { MUTATIONS, QUICK } from './mutations.ts';

const table = (outcomes: readonly Outcome[]): string => {
  const width = outcomes.reduce((n, o) => Math.max(n, o.mutation.name.length), 0);
  const cells = (name: string, marks: readonly string[], rest: string): string =>
    `${name.padEnd(width)}  ${marks.map((m) => m.padEnd(8)).join('')}  ${rest}`;
  const rows = outcomes.map((o) => {
    const what = [...SUITE, 'fuzz' as const].map((stage) => o.caught[stage]).find((text) => text !== null);
    const marks = STAGES.map((stage) => (o.caught[stage] === null ? '-' : 'caught'));
    return cells(o.mutation.name, marks, survives(o) ? 'SURVIVES' : (what ?? '').slice(0, 90));
  });
  return [cells('planted bug', STAGES, 'first catch'), ...rows].join('\n');
};

const command = {
  name: 'mutations',
  mutations: MUTATIONS,
  quick: QUICK,
  check: checkMutations,
  survives,
  catchers: ({ caught }: Outcome) => STAGES.filter((s) => caught[s] !== null).join(', '),
  table,
  facts: ({ ops }: Outcome['mutation']) => ({ ops }),
};

process.exitCode = runMutations(command, process.argv.slice(2));
