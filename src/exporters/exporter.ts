import type { OpName, Program } from '../ir/index.ts';
import type { Diagnostic, Result } from '../support/index.ts';

/** A file of an exported model; `name` is relative to the folder, with `/` between parts. */
export interface ExportedFile {
  readonly name: string;
  readonly content: string | Uint8Array;
}

export interface Exported {
  readonly files: readonly ExportedFile[];
  /** What is not as in the program, in the user's terms. */
  readonly warnings: readonly Diagnostic[];
}

/** One framework that programs are written for. Float programs are exported exactly, integer programs in the framework's integer form. */
export interface Exporter {
  /** Also the name of the target of `emit`. */
  readonly name: string;
  /** The field's name of the framework. */
  readonly title: string;
  /** Why an op cannot be written for this framework; undefined: it can. */
  readonly refusal: (op: OpName) => string | undefined;
  /** @returns all files, or every node that cannot be written (EXP…), by the user's own names */
  readonly export: (program: Program) => Result<Exported>;
}
