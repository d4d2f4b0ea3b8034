/**
 * Mutation check of GPU kernels: npm run gpu-mutations -- [--only TEXT] [--quick] [--json]. Plants one bug at a time in a copy of the
 * kernels and shows how their run on the CPU, in all orders of threads, finds it. Needs a C++ compiler and koffi, no GPU.
 * Exit status: 0 all are caught, 1 one survives, 2 wrong use or a mutation that no longer applies.
 */
import { parseArgs } from 'node:util';
import { checkMutations, type Outcome } from './engine.ts';
import { type Mutation, MUTATIONS, QUICK } from './mutations.ts';

const say = (text: string): void => void process.stderr.write(`${text}\n`);

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

const table = (outcomes: readonly Outcome[]): string => {
  const width = outcomes.reduce((n, o) => Math.max(n, o.mutation.name.length), 0);
  return outcomes.map((o) => `${o.mutation.name.padEnd(width)}  ${o.caught === null ? 'SURVIVES' : o.caught.slice(0, 110)}`).join('\n');
};

const main = (): number => {
  const selected = selectMutations(process.argv.slice(2));
  if (selected === undefined) {
    say('usage: npm run gpu-mutations -- [--only TEXT] [--quick] [--json]');
    return 2;
  }
  const { chosen, json } = selected;
  const outcomes = checkMutations(chosen, ({ mutation, caught, ms }, i) =>
    say(`${i + 1}/${chosen.length} ${mutation.name}: ${caught === null ? 'not caught' : 'caught'} (${(ms / 1000).toFixed(1)} s)`),
  );
  if ('problems' in outcomes) {
    for (const problem of outcomes.problems) say(problem);
    return 2;
  }
  const left = outcomes.filter((o) => o.caught === null);
  if (json) {
    const rows = outcomes.map((o) => ({ name: o.mutation.name, file: o.mutation.file, caught: o.caught, ms: o.ms }));
    process.stdout.write(`${JSON.stringify({ mutations: rows, survivors: left.map((o) => o.mutation.name) })}\n`);
  } else process.stdout.write(`${table(outcomes)}\n\n${outcomes.length} planted, ${outcomes.length - left.length} caught\n`);
  return left.length === 0 ? 0 : 1;
};

process.exitCode = main();
