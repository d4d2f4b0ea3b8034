import { type Diagnostic, diagnostic, MrlError, ok, type Result, silentProgress } from '../support/index.ts';
import type { Command } from './command.ts';
import { type Context, createContext } from './context.ts';
import { unknownCommand } from './diagnostics.ts';
import { commandHelp, programHelp } from './help.ts';
import type { Io } from './io.ts';
import { type CliProgress, createProgress } from './progress.ts';
import { COMMANDS } from './registry.ts';
import { quickArgs } from './quick-args.ts';
import { diagnosticPrinter } from './show-diagnostics.ts';
import { colorOf, printFailure, printReport, type Style } from './show-report.ts';
import { compilerVersion } from './version.ts';

/** Where the command stands in the words: global options may come before it. */
const commandIndex = (words: readonly string[]): number =>
  words.findIndex((word, i) => !word.startsWith('-') && words[i - 1] !== '--color');

/** What was thrown, as diagnostics: our coded errors as they are, anything else is a bug of ours. */
const diagnosticsOf = (error: unknown): readonly Diagnostic[] => {
  if (error instanceof MrlError) return error.diagnostics;
  if (error instanceof RangeError && /Array buffer allocation failed|Invalid typed array length/.test(error.message)) {
    return [
      diagnostic('CLI2005', `the machine has not enough memory for this: ${error.message}`, { notes: ['Use a smaller model or batch.'] }),
    ];
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [diagnostic('INT0001', text, { notes: ['This is a bug of cortexc: report it with the input and the command line.'] })];
};

const completion: Context['completion'] = async (shell) => (await import('./completion-scripts.ts')).completionScript(shell, COMMANDS);

const quietProgress: CliProgress = { ...silentProgress, clear: () => undefined };

/** What a faster way to run a command found before it left the command to this one. */
export interface Before {
  /** Warnings, told with those of the command. */
  readonly told?: readonly Diagnostic[];
  /** Names the build that runs: what it remembers is found again under this name. */
  readonly build?: string | undefined;
}

const parseWords = async (command: Command, words: readonly string[]): Promise<Result<Readonly<Record<string, unknown>>>> => {
  const quick = quickArgs(command, words);
  return quick === undefined ? (await import('./parse-args.ts')).parseArgs(command, words) : ok(quick);
};

const runCommand = async (command: Command, words: readonly string[], io: Io, json: boolean, before: Before): Promise<number> => {
  const parsed = await parseWords(command, words);
  const plain: Style = { json, quiet: false, color: false };
  if (!parsed.ok) return printFailure(io, plain, diagnosticPrinter(io, false), parsed.diagnostics);
  const args = parsed.value;
  const color = colorOf(args['color'], io);
  if (!color.ok) return printFailure(io, plain, diagnosticPrinter(io, false), color.diagnostics);
  const style: Style = { json: args['json'] === true, quiet: args['quiet'] === true, color: color.value };
  const show = diagnosticPrinter(io, style.color);
  let progress: CliProgress = quietProgress;
  try {
    if (!style.json && !style.quiet) progress = createProgress(io);
    const result = await command.run(args, createContext(io, progress, completion, before.build));
    progress.clear();
    return result.ok ? printReport(io, style, show, result.value, before.told) : printFailure(io, style, show, result.diagnostics);
  } catch (error) {
    progress.clear();
    return printFailure(io, style, show, diagnosticsOf(error));
  }
};

/**
 * Runs one command line. Data goes to stdout, diagnostics to stderr.
 * @returns the exit code: 0 ok · 1 findings · 2 usage · 3 input or parse · 4 unsupported op · 5 resource limit ·
 * 6 network or store · 70 internal
 */
export const runCli = async (words: readonly string[], io: Io, before: Before = {}): Promise<number> => {
  const index = commandIndex(words);
  const leading = index < 0 ? words : words.slice(0, index);
  const json = words.includes('--json');
  const names = COMMANDS.map((c) => c.name);
  if (index < 0) {
    if (leading.includes('--version')) {
      io.stdout.write(`${compilerVersion()}\n`);
      return 0;
    }
    const asked = leading.includes('--help') || leading.includes('-h');
    if (asked || leading.length === 0) {
      (asked ? io.stdout : io.stderr).write(programHelp(COMMANDS));
      return asked ? 0 : 2;
    }
  }
  const name = words[index] ?? 'help';
  const rest = [...leading, ...words.slice(index + 1)];
  const command = COMMANDS.find((c) => c.name === name);
  if (command === undefined) {
    if (name === 'help') {
      const about = COMMANDS.find((c) => c.name === rest[0]);
      io.stdout.write(about === undefined ? programHelp(COMMANDS) : commandHelp(about));
      return 0;
    }
    const style = { json, quiet: false, color: false };
    return printFailure(io, style, diagnosticPrinter(io, false), [unknownCommand(name, names)]);
  }
  const end = rest.indexOf('--');
  const options = end < 0 ? rest : rest.slice(0, end);
  if (options.includes('--help') || options.includes('-h')) {
    io.stdout.write(commandHelp(command));
    return 0;
  }
  return runCommand(command, rest, io, json, before);
};
