import type { Diagnostic } from '../support/index.ts';
import type { Io } from './io.ts';
import type { Json } from './json.ts';
import { visible } from './text.ts';

/** A diagnostic as text for a terminal, with its newline. */
export type DiagnosticPrinter = (diagnostic: Diagnostic) => string;

export const diagnosticJson = (d: Diagnostic): Json => ({
  code: d.code,
  severity: d.severity,
  message: d.message,
  ...(d.where === undefined ? {} : { where: d.where }),
  ...(d.span === undefined ? {} : { span: { ...d.span } }),
  notes: [...d.notes],
});

/** Prints with the source line for diagnostics that have a span; a file is read at most once. */
export const diagnosticPrinter = (_io: Io, color: boolean): DiagnosticPrinter => {
  const paint = (code: string, text: string): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const tint = { error: '31;1', warning: '33;1', note: '36;1' } as const;
  return (d) => {
    const place = d.span === undefined ? d.where : `${d.span.file}:${d.span.line}:${d.span.column}`;
    const head = `${paint(tint[d.severity], `${d.severity}[${d.code}]`)}: ${place === undefined ? '' : `${visible(place)}: `}${visible(d.message)}`;
    return `${[head, ...d.notes.map((n) => `  ${visible(n)}`)].join('\n')}\n`;
  };
};
