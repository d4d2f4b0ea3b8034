import type { OpName, Program } from '../ir/index.ts';
import type { Diagnostic, Result } from '../support/index.ts';

/** A file of an exported model; `name` is relative to the folder, with `/` between parts. */
export interface ExportedFile {
  readonly name: string;
  readonly content: string | Uint8Array;
}

export interface Exported {
  /**
   * Among them `run.py`, with `run(inputs)`: takes NumPy arrays in the order of the program's inputs, gives a list of them in the
   * order of its outputs, and finds the other files beside itself. `check.py`, README.md and vectors/ are added by `emit`.
   */
  readonly files: readonly ExportedFile[];
  /** What is not as in the program, in the user's terms. */
  readonly warnings: readonly Diagnostic[];
}

export interface ExportOptions {
  /** How integers are written, where there is a choice: exactly, or as reals between quantizers. */
  readonly form?: 'exact' | 'qdq';
}

/** How a framework does an op: a row of its own for a primitive or a composite, by its definition, or not at all. */
export type ExportStatus = 'primitive' | 'fast' | 'composite' | 'refused';

/** One framework that programs are written for. Float programs are exported exactly, integer programs in the framework's integer form. */
export interface Exporter {
  /** Also the name of the target of `emit`. */
  readonly name: string;
  /** The field's name of the framework. */
  readonly title: string;
  /** What `pip install` needs to run `run.py`, NumPy included. */
  readonly packages: readonly string[];
  /** Paragraphs of README.md: what the files are and how they are used, in Markdown. */
  readonly about: string;
  /** Why an op cannot be written for this framework; undefined: it can. */
  readonly refusal: (op: OpName) => string | undefined;
  readonly support: (op: OpName) => ExportStatus;
  /** @returns all files, or every node that cannot be written (EXP0001, EXP0002), by the user's own names */
  readonly export: (program: Program, options?: ExportOptions) => Result<Exported>;
}
