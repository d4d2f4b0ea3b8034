import { damaged, stop } from '../import-problems.ts';

const broken = (what: string, wanted: string): never => stop(damaged('PyTorch', `${what.slice(0, 80)} is no ${wanted}`));

/** Python writes Infinity and NaN, which JSON does not have: outside of texts they become texts. */
const standard = (text: string): string =>
  text.replaceAll(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g, (token) => (token.startsWith('"') ? token : `"${token}"`));

/** @throws {MrlError} IMP1001 */
export const jsonOf = (bytes: Uint8Array): unknown => {
  const text = new TextDecoder().decode(bytes);
  for (const candidate of [() => text, () => standard(text)])
    try {
      return JSON.parse(candidate());
    } catch {
      // the second reading decides
    }
  return stop(damaged('PyTorch', 'its exported program is no JSON'));
};

/** The parts of a JSON value, checked. @throws {MrlError} IMP1001 */
export const fields = (value: unknown, what: string): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : broken(what, 'object');
export const listOf = (value: unknown, what: string): readonly unknown[] => (Array.isArray(value) ? value : broken(what, 'list'));
export const textOf = (value: unknown, what: string): string => (typeof value === 'string' ? value : broken(what, 'text'));
export const wholeOf = (value: unknown, what: string): number =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : broken(what, 'whole number');
/** Infinity and NaN come as texts. */
export const numberOf = (value: unknown, what: string): number => {
  if (typeof value === 'number') return value;
  return value === 'Infinity' || value === '-Infinity' || value === 'NaN' ? Number(value) : broken(what, 'number');
};
