import type { Code } from './codes/index.ts';

/** A place in a text source. Lines and columns count from 1; columns and lengths count UTF-16 code units. */
export interface Span {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

export type Severity = 'error' | 'warning' | 'note';

/**
 * One problem, told in the user's terms.
 * `message` has subject, both values and units; `notes` hold the remedy; `where` names the user's own node, file or
 * byte offset when there is no text span.
 */
export interface Diagnostic {
  readonly code: Code;
  readonly severity: Severity;
  readonly message: string;
  readonly span?: Span;
  readonly where?: string;
  readonly notes: readonly string[];
}

export interface DiagnosticOptions {
  readonly span?: Span | undefined;
  readonly where?: string | undefined;
  readonly notes?: readonly string[];
  readonly severity?: Severity;
}

/** Makes a diagnostic; the constructors of each folder call this, nobody writes the literal. */
export const diagnostic = (code: Code, message: string, options: DiagnosticOptions = {}): Diagnostic => ({
  code,
  severity: options.severity ?? 'error',
  message,
  ...(options.span === undefined ? {} : { span: options.span }),
  ...(options.where === undefined ? {} : { where: options.where }),
  notes: options.notes ?? [],
});

/** The one error class: thrown at API edges when a `Result` is unwrapped, and by `invariant` for our own bugs. */
export class MrlError extends Error {
  override readonly name = 'MrlError';
  readonly code: Code;
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[], options: { readonly cause?: unknown } = {}) {
    const first = diagnostics[0] ?? diagnostic('INT0001', 'an error without a diagnostic was raised');
    super(first.where === undefined ? `${first.code}: ${first.message}` : `${first.code}: ${first.where}: ${first.message}`, options);
    this.code = first.code;
    this.diagnostics = diagnostics.length === 0 ? [first] : diagnostics;
  }
}

/** States what must hold if our own code is right. A failure is a bug of ours (exit code 70), never of the input. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new MrlError([diagnostic('INT0001', message)]);
}

/** Returns the value or throws all diagnostics as one `MrlError`. */
export function unwrap<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] },
): T {
  if (result.ok) return result.value;
  throw new MrlError(result.diagnostics);
}

/** The element at `i`; a bug of ours when out of range. */
export function at<T>(items: ArrayLike<T>, i: number): T {
  const item = items[i];
  if (item === undefined) throw new MrlError([diagnostic('INT0001', `index ${i} is outside a list of ${items.length}`)]);
  return item;
}

/** What something that was thrown says, whatever it is. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
