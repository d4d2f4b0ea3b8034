import { type Diagnostic, diagnostic, exitCodeOf, fail, MrlError, type Result, silentProgress } from '../support/index.ts';
import type { Command, Report } from './command.ts';
import { type Context, createContext } from './context.ts';
import { choiceUnknown, unknownCommand } from './diagnostics.ts';
import { commandHelp, programHelp } from './help.ts';
import type { Io } from './io.ts';
import { type CliProgress, createProgress } from './progress.ts';
import { COMMANDS } from './registry.ts';
import { diagnosticJson, type DiagnosticPrinter, diagnosticPrinter } from './show-diagnostics.ts';
import { compilerVersion } from './version.ts';

/** Where the command stands in the words: global options may come before it. */
const commandIndex = (words: readonly string[]): number =>
  words.findIndex((word, i) => !word.startsWith('-') && words[i - 1] !== '--color');

interface Style {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly color: boolean;
}

const COLORS = ['auto', 'always', 'never'] as const;

/** Colour from the option, then NO_COLOR (any non-empty value), then whether stderr is a terminal. */
const colorOf = (given: unknown, io: Io): Result<boolean> => {
  const choice = given === false ? 'never' : given === true || given === '' ? 'always' : (given ?? 'auto');
  switch (choice) {
    case 'always':
      return { ok: true, value: true };
    case 'never':
      return { ok: true, value: false };
    case 'auto':
      return { ok: true, value: io.stderr.isTTY === true && (io.env['NO_COLOR'] ?? '') === '' && io.env['TERM'] !== 'dumb' };
    default:
      return fail(choiceUnknown('color', String(choice), COLORS));
  }
};

const printFailure = (io: Io, style: Style, show: DiagnosticPrinter, diagnostics: readonly Diagnostic[]): number => {
  if (style.json) io.stdout.write(`${JSON.stringify({ error: diagnostics.map(diagnosticJson) })}\n`);
  else for (const d of diagnostics) io.stderr.write(show(d));
  const first = diagnostics.find((d) => d.severity === 'error') ?? diagnostics[0];
  return first === undefined ? 70 : exitCodeOf(first.code);
};

const printReport = (io: Io, style: Style, show: DiagnosticPrinter, report: Report): number => {
  const warnings = report.warnings ?? [];
  if (style.json) {
    io.stdout.write(
      `${JSON.stringify({ ...report.json, ...(warnings.length === 0 ? {} : { warnings: warnings.map(diagnosticJson) }) })}\n`,
    );
  } else {
    const told = style.quiet ? warnings.filter((d) => d.severity === 'error') : warnings;
    for (const d of told) io.stderr.write(show(d));
    io.stdout.write(report.text);
  }
  return report.exit ?? 0;
};

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

const runCommand = async (command: Command, words: readonly string[], io: Io, json: boolean): Promise<number> => {
  const { parseArgs } = await import('./parse-args.ts');
  const parsed = await parseArgs(command, words);
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
    const result = await command.run(args, createContext(io, progress, completion));
    progress.clear();
    return result.ok ? printReport(io, style, show, result.value) : printFailure(io, style, show, result.diagnostics);
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
export const runCli = async (words: readonly string[], io: Io): Promise<number> => {
  const index = commandIndex(words);
  const before = index < 0 ? words : words.slice(0, index);
  const json = words.includes('--json');
  const names = COMMANDS.map((c) => c.name);
  if (index < 0) {
    if (before.includes('--version')) {
      io.stdout.write(`${compilerVersion()}\n`);
      return 0;
    }
    const asked = before.includes('--help') || before.includes('-h');
    if (asked || before.length === 0) {
      (asked ? io.stdout : io.stderr).write(programHelp(COMMANDS));
      return asked ? 0 : 2;
    }
  }
  const name = words[index] ?? 'help';
  const rest = [...before, ...words.slice(index + 1)];
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
  return runCommand(command, rest, io, json);
};
