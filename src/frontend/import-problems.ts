import { type Code, type Diagnostic, diagnostic, MrlError } from '../support/index.ts';

/** Stops the import of one layer or parameter; the driver catches it, keeps the diagnostics and goes on with the next. */
export const stop = (...problems: readonly Diagnostic[]): never => {
  throw new MrlError(problems);
};

/** Diagnostics of a caught `MrlError`; anything else, and a bug of ours, is thrown on. */
export const caught = (error: unknown): readonly Diagnostic[] => {
  if (error instanceof MrlError && error.code !== 'INT0001') return error.diagnostics;
  throw error;
};

/** @param format - the field's name of the format */
export const damaged = (format: string, detail: string, where?: string): Diagnostic =>
  diagnostic('IMP1001', `the bytes are no ${format} model: ${detail}`, { where, notes: ['Copy, download or export the file again.'] });
export const incomplete = (detail: string, where?: string): Diagnostic => diagnostic('IMP1002', detail, { where });
export const definedTwice = (name: string, where: string): Diagnostic => diagnostic('IMP1003', `${name} is defined twice`, { where });
export const neverDefined = (name: string, where: string): Diagnostic =>
  diagnostic('IMP1004', `${name} is read, but nothing before defines it`, { where });
export const parameterProblem = (name: string, detail: string, notes: readonly string[] = []): Diagnostic =>
  diagnostic('IMP1005', `parameter ${name}: ${detail}`, { notes });
export const malformed = (detail: string, where: string): Diagnostic => diagnostic('IMP1006', detail, { where });
export const overLimit = (detail: string, where?: string): Diagnostic => diagnostic('IMP1007', detail, { where });
export const shapeMissing = (name: string, detail: string): Diagnostic =>
  diagnostic('IMP1010', `input ${name}: ${detail}`, { notes: [`Give its shape: --shape ${name}=1,3,224,224.`] });
/** @param names - inputs that the model has */
export const inputUnknown = (name: string, names: readonly string[]): Diagnostic =>
  diagnostic('IMP1010', `--shape names ${name}, but the model's inputs are ${names.join(', ')}`, {
    notes: ['Leave it out. Where two models are compared, say which is meant: --shape A:NAME=… or B:NAME=….'],
  });
export const paramsMissing = (what: string, looked: string): Diagnostic =>
  diagnostic('IMP1011', `${what}; ${looked}`, {
    notes: ['Name the file with the weights: --params FILE; or measure size and cost alone: --random-params.'],
  });
export const layerUnsupported = (op: string, reason: string, where: string): Diagnostic =>
  diagnostic('IMP2001', `${op} is not supported: ${reason}`, { where });
export const detailUnsupported = (op: string, where: string, detail: string, notes: readonly string[] = []): Diagnostic =>
  diagnostic('IMP2002', `${op}: ${detail}`, { where, notes });
export const mustBeKnown = (op: string, where: string, what: string): Diagnostic =>
  diagnostic('IMP2003', `${op}: ${what} must be known at import`, { where });
export const warning = (code: Code, message: string, where?: string): Diagnostic =>
  diagnostic(code, message, { severity: 'warning', where });
