import type { InferredOptionTypes, Options } from 'yargs';
import type { Diagnostic, ExitCode, Result } from '../support/index.ts';
import type { Context } from './context.ts';
import type { Json } from './json.ts';

/** An argument by position; optional unless `demandOption`. `array` takes the rest of the line. */
export interface Positional {
  readonly type: 'string';
  readonly describe: string;
  readonly demandOption?: boolean;
  readonly array?: boolean;
}

/** What a command found: once as text, once as data. `--json` decides which one is printed. */
export interface Report {
  /** Not 0 when the command ran and found something: 1 not formatted, 4 unsupported ops. */
  readonly exit?: 0 | ExitCode;
  readonly json: { readonly [key: string]: Json | undefined };
  readonly text: string;
  /** Told on stderr, and in the JSON as `warnings`. */
  readonly warnings?: readonly Diagnostic[];
}

/** A command of the command line: what it takes (the help, docs/cli.md and the completion derive from this) and what it does. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** A paragraph for the help and docs/cli.md. */
  readonly doc: string;
  readonly positionals: Readonly<Record<string, Positional>>;
  readonly options: Readonly<Record<string, Options>>;
  readonly examples: readonly (readonly [string, string])[];
  readonly run: (args: Readonly<Record<string, unknown>>, context: Context) => Promise<Result<Report>>;
}

type CommandArgs<P extends Record<string, Positional>, O extends Record<string, Options>> = InferredOptionTypes<P> & InferredOptionTypes<O>;

/** Declares a command; the arguments of `run` are typed by the declared positionals and options. */
export const command = <const P extends Record<string, Positional>, const O extends Record<string, Options>>(
  spec: Omit<Command, 'positionals' | 'options' | 'run'> & {
    readonly positionals: P;
    readonly options: O;
    readonly run: (args: CommandArgs<P, O>, context: Context) => Promise<Result<Report>>;
  },
): Command => ({ ...spec, run: (args, context) => spec.run(args as CommandArgs<P, O>, context) });
