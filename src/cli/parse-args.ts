import yargs, { type Argv, type Options } from 'yargs';
import { compareCodeUnits, type Diagnostic, fail, ok, type Result } from '../support/index.ts';
import type { Command } from './command.ts';
import { argumentMissing, argumentsTooMany, choiceUnknown, optionValue, unknownOption } from './diagnostics.ts';
import { GLOBAL_OPTIONS, usageOf } from './help.ts';

const base = (): Argv =>
  yargs().locale('en').exitProcess(false).version(false).help(false).parserConfiguration({
    'camel-case-expansion': false,
    'duplicate-arguments-array': true,
    'flatten-duplicate-arrays': true,
    'greedy-arrays': false,
    'parse-positional-numbers': false,
    'strip-aliased': true,
    'dot-notation': false,
  });

/** Every spelling of every option: name and aliases. */
const spellings = (options: Readonly<Record<string, Options>>): ReadonlyMap<string, readonly string[]> =>
  new Map(Object.entries(options).map(([name, o]) => [name, [name, ...[o.alias ?? []].flat()]]));

const valueProblem = (name: string, spec: Options, value: unknown): Diagnostic | undefined => {
  if (Array.isArray(value) && spec.array !== true && spec.type !== 'array') return optionValue(name, 'is given more than once');
  if (spec.type === 'number' && (typeof value !== 'number' || !Number.isFinite(value))) return optionValue(name, 'takes a number');
  const choices = spec.choices?.map(String);
  if (choices !== undefined && !choices.includes(String(value))) return choiceUnknown(name, String(value), choices);
  if (spec.requiresArg === true && value === '') return optionValue(name, 'takes a value');
  return undefined;
};

/** Fills positionals in order; the rest goes to the array one, if there is one. */
const takePositionals = (command: Command, words: readonly string[], problems: Diagnostic[]): Record<string, unknown> => {
  const taken: Record<string, unknown> = {};
  let next = 0;
  for (const [name, p] of Object.entries(command.positionals)) {
    if (p.array === true) {
      taken[name] = words.slice(next);
      next = words.length;
    } else if (next < words.length) {
      taken[name] = words[next++];
    } else if (p.demandOption === true) {
      problems.push(argumentMissing(name, usageOf(command)));
    }
  }
  if (next < words.length) problems.push(argumentsTooMany(words.slice(next), usageOf(command)));
  return taken;
};

/** Parses the words after the command; all problems at once. Positionals and options come under their names. */
export const parseArgs = async (command: Command, words: readonly string[]): Promise<Result<Readonly<Record<string, unknown>>>> => {
  const all: Record<string, Options> = { ...command.options, ...GLOBAL_OPTIONS };
  const problems: Diagnostic[] = [];
  const parser = base()
    .options(Object.fromEntries(Object.entries(all).map(([name, { choices: _choices, ...rest }]) => [name, rest])))
    .fail((message) => {
      const name = /^Not enough arguments following: (.*)$/.exec(message ?? '')?.[1];
      problems.push(name === undefined ? optionValue('?', message ?? 'cannot be parsed') : optionValue(name, 'takes a value'));
    });
  const argv: Record<string, unknown> = await parser.parseAsync([...words]);
  const names = spellings(all);
  const known = new Set([...names.values()].flat());
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(argv).sort(compareCodeUnits)) {
    if (name === '_' || name === '$0') continue;
    if (!known.has(name))
      problems.push(
        unknownOption(
          name,
          [...known].filter((n) => n.length > 1),
          usageOf(command),
        ),
      );
  }
  for (const [name, forms] of names) {
    const given = forms.find((form) => argv[form] !== undefined);
    const value = given === undefined ? undefined : argv[given];
    if (value === undefined) continue;
    const problem = name === 'color' ? undefined : valueProblem(name, all[name] ?? {}, value);
    if (problem === undefined) values[name] = value;
    else if (!problems.some((p) => p.message === problem.message)) problems.push(problem);
  }
  const words_ = Array.isArray(argv['_']) ? argv['_'].map(String) : [];
  Object.assign(values, takePositionals(command, words_, problems));
  return problems.length > 0 ? fail(...problems) : ok(values);
};
