import yargs, { type Argv, type Options } from 'yargs';
import { compareCodeUnits, type Diagnostic, fail, ok, type Result } from '../support/index.ts';
import type { Command } from './command.ts';
import { argumentMissing, argumentsTooMany, choiceUnknown, optionValue, unknownOption } from './diagnostics.ts';

const HELP_WIDTH = 110;

/** Options of every command. */
export const GLOBAL_OPTIONS = {
  json: { type: 'boolean', default: false, describe: 'Print one JSON object on stdout instead of text; errors are {"error": [...]}' },
  color: {
    type: 'string',
    describe: 'Colour of diagnostics: auto, always or never (--no-color). auto: on a terminal, unless NO_COLOR is set',
  },
  quiet: { type: 'boolean', alias: 'q', default: false, describe: 'No progress, no notes, no warnings on stderr; errors are always told' },
} as const satisfies Record<string, Options>;

/** `cortexc run <model> [inputs...] [options]` */
export const usageOf = (command: Command): string =>
  [
    'cortexc',
    command.name,
    ...Object.entries(command.positionals).map(([name, p]) => {
      const shown = p.array === true ? `${name}...` : name;
      return p.demandOption === true ? `<${shown}>` : `[${shown}]`;
    }),
    '[options]',
  ].join(' ');

const base = (): Argv =>
  yargs()
    .locale('en')
    .exitProcess(false)
    .version(false)
    .help(false)
    .parserConfiguration({
      'camel-case-expansion': false,
      'duplicate-arguments-array': true,
      'flatten-duplicate-arrays': true,
      'greedy-arrays': false,
      'parse-positional-numbers': false,
      'strip-aliased': true,
      'dot-notation': false,
    })
    .wrap(HELP_WIDTH);

const HELP_OPTION = { help: { type: 'boolean', alias: 'h', describe: 'Show this help' } } as const satisfies Record<string, Options>;

/** The help of the whole program. */
export const programHelp = async (commands: readonly Command[]): Promise<string> => {
  const parser = base().scriptName('cortexc').usage('cortexc <command> [options]\n\nDeterministic model compiler of the Cortex chain.');
  for (const c of commands) parser.command(c.name, c.summary, () => undefined);
  parser
    .options({ ...GLOBAL_OPTIONS, ...HELP_OPTION, version: { type: 'boolean', describe: 'Show the version' } })
    .epilogue(
      'Exit codes: 0 ok, 1 findings, 2 usage, 3 input or parse, 4 unsupported op, 5 resource limit, 6 network or store, 70 internal.\n' +
        'cortexc <command> --help tells more; cortexc explain CODE explains a diagnostic.',
    );
  return `${await parser.getHelp()}\n`;
};

const parserOf = (command: Command): Argv => {
  const positionals = Object.entries(command.positionals);
  const parser = base()
    .scriptName(`cortexc ${command.name}`)
    .usage(`${usageOf(command)}\n\n${command.doc}`)
    // Optional for yargs: a missing one is told by our own diagnostic.
    .command(
      ['$0', ...positionals.map(([name, p]) => `[${name}${p.array === true ? '..' : ''}]`)].join(' '),
      false,
      (inner) => {
        for (const [name, p] of positionals) inner.positional(name, { type: p.type, describe: p.describe });
        return inner;
      },
      () => undefined,
    )
    .options({ ...command.options, ...GLOBAL_OPTIONS, ...HELP_OPTION });
  for (const [line, what] of command.examples) parser.example(line, what);
  return parser;
};

/** The help of one command. */
export const commandHelp = async (command: Command): Promise<string> => `${await parserOf(command).getHelp()}\n`;

/** Every spelling of every option: name and aliases. */
const spellings = (options: Readonly<Record<string, Options>>): ReadonlyMap<string, readonly string[]> =>
  new Map(Object.entries(options).map(([name, o]) => [name, [name, ...[o.alias ?? []].flat()]]));

const valueProblem = (name: string, spec: Options, value: unknown): Diagnostic | undefined => {
  if (Array.isArray(value) && spec.array !== true && spec.type !== 'array') return optionValue(name, 'is given more than once');
  if (spec.type === 'number' && (typeof value !== 'number' || !Number.isFinite(value))) return optionValue(name, 'takes a number');
  const choices = spec.choices?.map(String);
  if (choices !== undefined && typeof value === 'string' && !choices.includes(value)) return choiceUnknown(name, value, choices);
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
  const all: Record<string, Options> = { ...command.options, ...GLOBAL_OPTIONS, ...HELP_OPTION };
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
