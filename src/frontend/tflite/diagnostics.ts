import { type Code, type Diagnostic, diagnostic } from '../../support/index.ts';

export { caught, stop } from '../import-problems.ts';

/** @param place - byte offset in the file */
export const damaged = (detail: string, place?: number): Diagnostic =>
  diagnostic('TFL1001', `the bytes are not a TensorFlow Lite model: ${detail}`, {
    ...(place === undefined ? {} : { where: `byte ${place}` }),
    notes: ['Copy or convert the file again.'],
  });

export const incomplete = (detail: string): Diagnostic => diagnostic('TFL1002', detail);
export const definedTwice = (name: string, where: string): Diagnostic =>
  diagnostic('TFL1003', `tensor ${name} is defined twice`, { where });
export const neverDefined = (name: string, where: string): Diagnostic =>
  diagnostic('TFL1004', `tensor ${name} is read, but nothing before defines it`, { where });
/** An index that names nothing. */
export const badIndex = (what: string, index: number, count: number, where: string): Diagnostic =>
  diagnostic('TFL1005', `${what} ${index} is named, but there are ${count}`, { where });

type TensorCode = 'TFL1006' | 'TFL1007' | 'TFL1008' | 'TFL1009' | 'TFL1010' | 'TFL1011' | 'TFL2003';
export const tensorProblem = (code: TensorCode, name: string, detail: string, notes: readonly string[] = []): Diagnostic =>
  diagnostic(code, `tensor ${name === '' ? '(unnamed)' : name}: ${detail}`, { notes });

export const overLimit = (detail: string, where?: string): Diagnostic => diagnostic('TFL1012', detail, { where });
export const malformed = (detail: string, where: string): Diagnostic => diagnostic('TFL1013', detail, { where });
export const operatorUnsupported = (op: string, reason: string, where: string): Diagnostic =>
  diagnostic('TFL2001', `operator ${op} is not supported: ${reason}`, { where });
export const detailUnsupported = (op: string, where: string, detail: string, notes: readonly string[] = []): Diagnostic =>
  diagnostic('TFL2002', `${op}: ${detail}`, { where, notes });
export const mustBeKnown = (op: string, where: string, what: string): Diagnostic =>
  diagnostic('TFL2004', `${op}: ${what} must be known at import`, {
    where,
    notes: ['Fix the sizes of the model before it is converted, so that the converter can fold what depends on them.'],
  });

export const warning = (code: Code, message: string, where?: string): Diagnostic =>
  diagnostic(code, message, { severity: 'warning', where });
