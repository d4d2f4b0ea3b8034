import type { Options } from 'yargs';
import type { Command } from './command.ts';

// Written out here instead of by yargs: loading yargs takes longer than everything else that `--help` does.

const WIDTH = 110;
const LEFT_MOST = 34;

/** Options of every command. */
export const GLOBAL_OPTIONS = {
  json: { type: 'boolean', default: false, describe: 'Print one JSON object on stdout instead of text; an error is {"error": [...]}' },
  color: {
    type: 'string',
    describe: 'Colour of diagnostics: auto, always or never (--no-color). auto: on a terminal, unless NO_COLOR is set',
  },
  quiet: { type: 'boolean', alias: 'q', default: false, describe: 'No progress, notes or warnings on stderr; errors are always told' },
  help: { type: 'boolean', alias: 'h', default: false, describe: 'Show the help of the command' },
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

const wrap = (text: string, width: number): readonly string[] => {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else {
        line = line === '' ? word : `${line} ${word}`;
      }
    }
    lines.push(line);
  }
  return lines;
};

/** Two columns; a wide left cell has its text below. */
const rows = (entries: readonly (readonly [string, string])[]): string => {
  const left = Math.min(LEFT_MOST, Math.max(...entries.map(([name]) => name.length))) + 4;
  return entries
    .map(([name, text]) => {
      const [first = '', ...rest] = wrap(text, WIDTH - left);
      const indent = ' '.repeat(left);
      const head = name.length + 4 > left ? `  ${name}\n${indent}${first}` : `  ${name}`.padEnd(left) + first;
      return `${[head, ...rest.map((l) => indent + l)].join('\n')}\n`;
    })
    .join('');
};

const section = (title: string, body: string): string => (body === '' ? '' : `\n${title}:\n${body}`);

/** `-o, --output FILE` */
export const optionHead = (name: string, o: Options): string => {
  const forms = [name, ...[o.alias ?? []].flat()].sort((a, b) => a.length - b.length).map((n) => (n.length === 1 ? `-${n}` : `--${n}`));
  const value = o.type === 'boolean' ? '' : o.type === 'number' ? ' N' : ' VALUE';
  return forms.join(', ') + value;
};

/** What an option does, with its choices and default. */
export const optionText = (o: Options): string => {
  const choices = o.choices === undefined ? '' : ` (${o.choices.map(String).join(', ')})`;
  const fallback = o.default === undefined || o.default === false ? '' : ` [default: ${String(o.default)}]`;
  return `${o.describe ?? ''}${choices}${fallback}`;
};

const optionRows = (options: Readonly<Record<string, Options>>): string =>
  Object.keys(options).length === 0 ? '' : rows(Object.entries(options).map(([name, o]) => [optionHead(name, o), optionText(o)]));

/** The help of the whole program. */
export const programHelp = (commands: readonly Command[]): string =>
  [
    'cortexc: deterministic model compiler of the Cortex chain\n\nUsage: cortexc <command> [options]\n',
    section('Commands', rows(commands.map((c) => [c.name, c.summary]))),
    section('Options of every command', optionRows(GLOBAL_OPTIONS) + rows([['--version', 'Show the version']])),
    '\nExit codes: 0 ok, 1 findings, 2 usage, 3 input or parse, 4 unsupported op, 5 resource limit,\n',
    '6 network or store, 70 internal. `cortexc explain CODE` explains a diagnostic.\n',
  ].join('');

/** The help of one command. */
export const commandHelp = (command: Command): string =>
  [
    `Usage: ${usageOf(command)}\n\n${wrap(command.doc, WIDTH).join('\n')}\n`,
    section(
      'Arguments',
      Object.keys(command.positionals).length === 0 ? '' : rows(Object.entries(command.positionals).map(([n, p]) => [n, p.describe])),
    ),
    section('Options', optionRows(command.options)),
    section('Options of every command', optionRows(GLOBAL_OPTIONS)),
    section('Examples', command.examples.map(([line, what]) => `  ${line}\n      ${what}\n`).join('')),
  ].join('');
