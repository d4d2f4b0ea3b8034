import { parseArgs } from 'node:util';
import type { Bug, Outcome, Unchecked } from './plant.ts';

/** A command line that plants bugs: `npm run NAME -- [--only TEXT] [--quick] [--json]`. */
export interface MutationCommand<M extends Bug, C> {
  /** The script of package.json. */
  readonly name: string;
  readonly mutations: readonly M[];
  /** Names of those that `--quick` plants. */
  readonly quick: readonly string[];
  readonly check: (chosen: readonly M[], tell: (outcome: Outcome<M, C>, index: number) => void) => readonly Outcome<M, C>[] | Unchecked;
  readonly survives: (outcome: Outcome<M, C>) => boolean;
  /** What caught it, for the line of progress; '' for nothing. */
  readonly catchers: (outcome: Outcome<M, C>) => string;
  readonly table: (outcomes: readonly Outcome<M, C>[]) => string;
  /** What its row of JSON has besides name, file, caught and ms. */
  readonly facts: (mutation: M) => object;
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const select = <M extends Bug, C>(
  { mutations, quick }: MutationCommand<M, C>,
  args: readonly string[],
): { readonly chosen: readonly M[]; readonly json: boolean } | undefined => {
  try {
    const options = { only: { type: 'string' }, quick: { type: 'boolean' }, json: { type: 'boolean' } } as const;
    const { values } = parseArgs({ args: [...args], options });
    const chosen = mutations.filter(
      (m) => (values.quick !== true || quick.includes(m.name)) && (values.only === undefined || m.name.includes(values.only)),
    );
    return chosen.length === 0 ? undefined : { chosen, json: values.json === true };
  } catch {
    return undefined;
  }
};

/** @returns the exit status: 0 all are caught, 1 one survives, 2 wrong use or a mutation that no longer applies */
export const runMutations = <M extends Bug, C>(command: MutationCommand<M, C>, args: readonly string[]): number => {
  const selected = select(command, args);
  if (selected === undefined) {
    say(`usage: npm run ${command.name} -- [--only TEXT] [--quick] [--json]`);
    return 2;
  }
  const { chosen, json } = selected;
  const outcomes = command.check(chosen, (outcome, i) => {
    const caught = command.catchers(outcome) || 'not caught';
    say(`${i + 1}/${chosen.length} ${outcome.mutation.name}: ${caught} (${(outcome.ms / 1000).toFixed(1)} s)`);
  });
  if ('problems' in outcomes) {
    for (const problem of outcomes.problems) say(problem);
    return 2;
  }
  const left = outcomes.filter(command.survives);
  if (json) {
    const rows = outcomes.map(({ mutation, caught, ms }) => ({
      name: mutation.name,
      file: mutation.file,
      ...command.facts(mutation),
      caught,
      ms,
    }));
    process.stdout.write(`${JSON.stringify({ mutations: rows, survivors: left.map((o) => o.mutation.name) })}\n`);
  } else process.stdout.write(`${command.table(outcomes)}\n\n${outcomes.length} planted, ${outcomes.length - left.length} caught\n`);
  return left.length === 0 ? 0 : 1;
};
