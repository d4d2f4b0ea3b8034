import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Diagnostic, renderDiagnostic } from '../support/index.ts';
import type { Io } from './io.ts';
import type { Json } from './json.ts';

/** A diagnostic as text for a terminal, with its line end. */
export type DiagnosticPrinter = (diagnostic: Diagnostic) => string;

export const diagnosticJson = (d: Diagnostic): Json => ({
  code: d.code,
  severity: d.severity,
  message: d.message,
  ...(d.where === undefined ? {} : { where: d.where }),
  ...(d.span === undefined ? {} : { span: { ...d.span } }),
  notes: [...d.notes],
});

const sourceOf = (cwd: string, file: string): string | undefined => {
  try {
    return readFileSync(resolve(cwd, file), 'utf8');
  } catch {
    return undefined; // The frame then shows the place without the line.
  }
};

/** Prints with the source line for diagnostics that have a span; each source is read once. */
export const diagnosticPrinter = (io: Io, color: boolean): DiagnosticPrinter => {
  const sources = new Map<string, string | undefined>();
  return (d) => {
    const file = d.span?.file;
    if (file !== undefined && !sources.has(file)) sources.set(file, sourceOf(io.cwd, file));
    return `${renderDiagnostic(d, { source: file === undefined ? undefined : sources.get(file), color })}\n`;
  };
};
