import { type Diagnostic, exitCodeOf, fail, type Result } from '../support/index.ts';
import type { Report } from './command.ts';
import { choiceUnknown } from './diagnostics.ts';
import type { Io } from './io.ts';
import { diagnosticJson, type DiagnosticPrinter } from './show-diagnostics.ts';

/** How a command line wants its results. */
export interface Style {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly color: boolean;
}

const COLORS = ['auto', 'always', 'never'] as const;

/** Colour from the option, then NO_COLOR (any non-empty value), then whether stderr is a terminal. */
export const colorOf = (given: unknown, io: Io): Result<boolean> => {
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

export const printFailure = (io: Io, style: Style, show: DiagnosticPrinter, diagnostics: readonly Diagnostic[]): number => {
  if (style.json) io.stdout.write(`${JSON.stringify({ error: diagnostics.map(diagnosticJson) })}\n`);
  else for (const d of diagnostics) io.stderr.write(show(d));
  const first = diagnostics.find((d) => d.severity === 'error') ?? diagnostics[0];
  return first === undefined ? 70 : exitCodeOf(first.code);
};

const isSame = (a: Diagnostic, b: Diagnostic): boolean => a.code === b.code && a.message === b.message && a.where === b.where;

/** @param told - warnings that came before those of the report; what the report says again is said once */
export const printReport = (io: Io, style: Style, show: DiagnosticPrinter, report: Report, told: readonly Diagnostic[] = []): number => {
  const own = report.warnings ?? [];
  const warnings = [...told.filter((d) => !own.some((other) => isSame(d, other))), ...own];
  if (style.json) {
    io.stdout.write(
      `${JSON.stringify({ ...report.json, ...(warnings.length === 0 ? {} : { warnings: warnings.map(diagnosticJson) }) })}\n`,
    );
  } else {
    const shown = style.quiet ? warnings.filter((d) => d.severity === 'error') : warnings;
    for (const d of shown) io.stderr.write(show(d));
    io.stdout.write(report.text);
  }
  return report.exit ?? 0;
};
