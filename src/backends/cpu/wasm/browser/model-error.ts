import type { ModelError as Declared } from './api.ts';

/** What the loader throws. The codes are those of src/support/codes, which the loader does not carry. */
export type LoaderCode = 'BKD0003' | 'BKD0004' | 'BKD0020' | 'BKD0021' | 'BKD0023' | 'IR0010';

export class ModelError extends Error implements Declared {
  override readonly name = 'ModelError';
  readonly code: LoaderCode;
  readonly help: string;
  /** The message without code and remedy. */
  readonly problem: string;
  constructor(code: LoaderCode, message: string, help: string, options?: { readonly cause: unknown }) {
    super(`${code}: ${message}. ${help}`, options);
    this.code = code;
    this.help = help;
    this.problem = message;
  }
}

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
