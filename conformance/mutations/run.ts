/**
 * Mutation check: npm run mutations -- [--only TEXT] [--quick] [--json]. Plants one bug at a time in a copy of the sources
 * and shows which stage of the suite catches it: golden cases, op samples, conformance vectors, random programs.
 * Exit status: 0 all are caught by the golden cases, samples or vectors, 1 one survives, 2 wrong use or a mutation that no
 * longer applies.
 */
import { parseArgs } from 'node:util';
import { checkMutations, type Outcome, STAGES, SUITE, survives } from './engine.ts';
import { type Mutation, MUTATIONS, QUICK } from './mutations.ts';

const say = (text: string): void => void process.stderr.write(`${text}\n`);

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

const selectMutations = (args: readonly string[]): { readonly chosen: readonly Mutation[]; readonly json: boolean } | undefined => {
  try {
    const options = { only: { type: 'string' }, quick: { type: 'boolean' }, json: { type: 'boolean' } } as const;
    const { values } = parseArgs({ args: [...args], options });
    const chosen = MUTATIONS.filter(
      (m) => (values.quick !== true || QUICK.includes(m.name)) && (values.only === undefined || m.name.includes(values.only)),
    );
    return chosen.length === 0 ? undefined : { chosen, json: values.json === true };
  } catch {
    return undefined;
  }
};

const progressLine = ({ mutation, caught, ms }: Outcome, i: number, total: number): string =>
  `${i + 1}/${total} ${mutation.name}: ${STAGES.filter((s) => caught[s] !== null).join(', ') || 'not caught'} (${(ms / 1000).toFixed(1)} s)`;

const main = (): number => {
  const selected = selectMutations(process.argv.slice(2));
  if (selected === undefined) {
    say('usage: npm run mutations -- [--only TEXT] [--quick] [--json]');
    return 2;
  }
  const { chosen, json } = selected;
  const outcomes = checkMutations(chosen, (outcome, i) => say(progressLine(outcome, i, chosen.length)));
  if ('problems' in outcomes) {
    for (const problem of outcomes.problems) say(problem);
    return 2;
  }
  const left = outcomes.filter(survives);
  if (json) {
    const rows = outcomes.map((o) => ({ name: o.mutation.name, file: o.mutation.file, ops: o.mutation.ops, caught: o.caught, ms: o.ms }));
    process.stdout.write(`${JSON.stringify({ mutations: rows, survivors: left.map((o) => o.mutation.name) })}\n`);
  } else process.stdout.write(`${table(outcomes)}\n\n${outcomes.length} planted, ${outcomes.length - left.length} caught\n`);
  return left.length === 0 ? 0 : 1;
};

process.exitCode = main();
