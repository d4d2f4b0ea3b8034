import type { Diagnostic } from './diagnostic.ts';

/** The outcome of anything that can fail on the user's input: a value, or every problem that was found. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

export const ok = <T>(value: T): Result<T> => ({ ok: true, value });

export const fail = (...diagnostics: readonly Diagnostic[]): { readonly ok: false; readonly diagnostics: readonly Diagnostic[] } => ({
  ok: false,
  diagnostics,
});
