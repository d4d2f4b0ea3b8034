import { damaged, overLimit, stop } from '../import-problems.ts';
import { isNestedTooDeep } from '../json-nesting.ts';

/** A JSON object, as parsed. */
export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
const own = (object: JsonObject, key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined);
export const field = (value: unknown, key: string): unknown => (isObject(value) ? own(value, key) : undefined);
export const textField = (value: unknown, key: string): string | undefined => {
  const found = field(value, key);
  return typeof found === 'string' ? found : undefined;
};
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Python writes numbers that JSON does not have. */
const PYTHON_NUMBERS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?Infinity|NaN/g;
const withoutPythonNumbers = (text: string): string =>
  /Infinity|NaN/.test(text)
    ? text.replace(PYTHON_NUMBERS, (m) => (m.startsWith('"') ? m : m === 'NaN' ? 'null' : m === 'Infinity' ? '1e999' : '-1e999'))
    : text;

/** @param format - the field's name of the format. @throws {MrlError} IMP1001, IMP1007 */
export const parseObject = (format: string, text: string, what: string): JsonObject => {
  if (isNestedTooDeep(text)) return stop(overLimit(`${what} is nested deeper than any model`));
  let value: unknown;
  try {
    value = JSON.parse(withoutPythonNumbers(text));
  } catch (error) {
    return stop(damaged(format, `${what} is no JSON: ${error instanceof Error ? error.message.slice(0, 120) : 'unknown cause'}`));
  }
  return isObject(value) ? value : stop(damaged(format, `${what} is no JSON object`));
};
