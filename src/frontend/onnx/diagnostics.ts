import { type Code, type Diagnostic, diagnostic } from '../../support/index.ts';

export { caught, stop } from '../import-problems.ts';

export const notAModel = (what: string, detail: string): Diagnostic =>
  diagnostic('ONX1001', `the bytes are not an ONNX ${what}: ${detail}`, {
    notes: ['Check the file with onnx.checker, or export and copy it again.'],
  });

export const incomplete = (detail: string): Diagnostic => diagnostic('ONX1002', detail);
export const definedTwice = (name: string, where?: string): Diagnostic =>
  diagnostic('ONX1003', `the value ${name} is defined twice`, { where });
export const neverDefined = (name: string, where: string): Diagnostic =>
  diagnostic('ONX1004', `the value ${name} is read, but nothing defines it`, { where });
export const cyclic = (names: readonly string[]): Diagnostic =>
  diagnostic('ONX1005', `${names.length} nodes need their own results: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`);
export const tensorProblem = (code: 'ONX1006' | 'ONX1007' | 'ONX1008' | 'ONX1009' | 'ONX1010' | 'ONX1011' | 'ONX2003' | 'ONX2004') => {
  return (name: string, detail: string, notes: readonly string[] = []): Diagnostic =>
    diagnostic(code, `tensor ${name === '' ? '(unnamed)' : name}: ${detail}`, { notes });
};
export const overLimit = (detail: string, where?: string): Diagnostic => diagnostic('ONX1012', detail, { where });
export const malformed = (detail: string, where: string): Diagnostic => diagnostic('ONX1013', detail, { where });
export const typeUnsupported = (detail: string, where?: string): Diagnostic => diagnostic('ONX2003', detail, { where });

export interface OperatorName {
  readonly op: string;
  readonly domain: string;
  readonly version: number | undefined;
}

export const operatorText = (o: OperatorName): string =>
  `${o.domain === '' ? '' : `${o.domain}.`}${o.op} (${o.version === undefined ? 'no opset imported' : `opset ${o.version}`})`;

export const operatorUnsupported = (o: OperatorName, where: string, notes: readonly string[]): Diagnostic =>
  diagnostic('ONX2001', `operator ${operatorText(o)} is not supported`, { where, notes });

export const detailUnsupported = (o: OperatorName, where: string, detail: string, notes: readonly string[] = []): Diagnostic =>
  diagnostic('ONX2002', `${operatorText(o)}: ${detail}`, { where, notes });

export const mustBeKnown = (o: OperatorName, where: string, what: string, notes: readonly string[] = []): Diagnostic =>
  diagnostic('ONX2004', `${operatorText(o)}: ${what} must be known at import`, { where, notes });

export const warning = (code: Code, message: string, where?: string): Diagnostic =>
  diagnostic(code, message, { severity: 'warning', where });
