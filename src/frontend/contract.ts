import type { Program, TensorType } from '../ir/index.ts';
import type { Diagnostic, Result } from '../support/index.ts';

/** What happened to one layer of the user's model. */
export interface LayerReport {
  /** The user's own name. */
  readonly name: string;
  /** Type of the layer in the words of the format. */
  readonly op: string;
  readonly domain: '';
  /** Of the operator, in formats that have versions. */
  readonly version: number | undefined;
  readonly verdict: 'ok' | 'approximated' | 'unsupported';
  readonly reason?: string;
  /** Ops of the program that it became, in order; empty when it was computed at import or could not be checked. */
  readonly becomes: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

/** An input or output of a model. */
export interface ImportPort {
  readonly name: string;
  readonly type: TensorType;
}

/** What an importer tells of a model: all of it, problems included. */
export interface ImportReport {
  /** Program that wrote the file, as the file says; empty when it does not. */
  readonly producer: string;
  readonly inputs: readonly ImportPort[];
  readonly outputs: readonly ImportPort[];
  readonly nodes: readonly LayerReport[];
  /** Every problem of the model, those of layers included. Empty: `program` is the model. */
  readonly problems: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
  /** With problems, the supported part of the model. */
  readonly program: Program | undefined;
}

/** Reads files beside the model: weights, shards. Names are relative to the folder of the model and stay inside it. */
export interface FilesBeside {
  /** The bytes of a file; a failure where there is none. */
  readonly read: (name: string) => Result<Uint8Array>;
  /** Whether there is such a file. */
  readonly has: (name: string) => boolean;
  /** Names of the files in the folder, in code-unit order. */
  readonly list: () => readonly string[];
}

export interface ImportOptions {
  /** Name of the file, without its folder. */
  readonly file: string;
  readonly beside: FilesBeside;
  /** File with the weights, by --params; undefined: the importer looks for the usual name. */
  readonly params: Uint8Array | undefined;
  /** Shapes of inputs, by --shape; names that the model lacks are a problem IMP1010. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Give parameters without data random values (IMP3003) instead of refusing them (IMP1011). */
  readonly randomParams: boolean;
  /** Only layers and shapes matter: parameters without data are zeros, which takes no time, and nothing is said of them. */
  readonly structureOnly?: boolean;
}

/** One format that models are imported from. */
export interface Frontend {
  /** Short name, also in `--json`. */
  readonly name: string;
  /** The field's name of the format. */
  readonly title: string;
  /** The files a user names, for help texts. */
  readonly files: string;
  /** The table of layers (`LayerTable`), for the documentation: rows that have `refused` are not imported. */
  readonly layers: Readonly<Record<string, object>>;
  /** Whether these first bytes, at least 4 KiB where the file has them, and this file name are of the format. */
  readonly detect: (head: Uint8Array, path: string) => boolean;
  /** Examines every layer, supported or not. Bytes that are no model are one problem, without layers. */
  readonly examine: (bytes: Uint8Array, options: ImportOptions) => ImportReport | Promise<ImportReport>;
}
