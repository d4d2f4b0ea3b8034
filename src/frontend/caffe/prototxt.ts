import { damaged, stop } from '../import-problems.ts';
import { type Fields, FieldsInTheMaking, type FieldValue } from './fields.ts';

/**
 * Protobuf's text format (protobuf.dev, Text Format Language Specification), read without a schema: forks of Caffe have fields of
 * their own, and whether a field is known is for the layer to say. Names of extensions and Any are refused.
 */

const MAX_DEPTH = 32;
/** Of a message of the net: where in the text it stands. */
export const POSITION = 'position in the text';

/** White space and comments, then one token. */
const SKIP = /(?:\s|#[^\n]*)*/y;
const TOKEN =
  /[A-Za-z_][\w.]*|[+-]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?|inf(?:inity)?\b|nan\b)|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[{}<>[\]:,;]/y;
const NUMBER = /^[+-]?(?:\d|\.\d)/;

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', "'": "'", '"': '"', '?': '?' };
const unquoted = (token: string): string =>
  token
    .slice(1, -1)
    .replace(/\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|(.))/g, (_, octal?: string, hex?: string, one?: string) =>
      octal !== undefined
        ? String.fromCharCode(Number.parseInt(octal, 8))
        : hex !== undefined
          ? String.fromCharCode(Number.parseInt(hex, 16))
          : (ESCAPES[one ?? ''] ?? one ?? ''),
    );

/** Decimal, hexadecimal, octal, or with the f of a float. */
const numberOf = (token: string): number => {
  const sign = token.startsWith('-') ? -1 : 1;
  const digits = token.replace(/^[+-]/, '');
  if (/^0[xX]/.test(digits)) return sign * Number.parseInt(digits.slice(2), 16);
  if (/^0[0-7]+$/.test(digits)) return sign * Number.parseInt(digits, 8);
  return sign * Number(digits.replace(/[fF]$/, ''));
};

const WORDS: ReadonlyMap<string, FieldValue> = new Map<string, FieldValue>([
  ['true', true],
  ['True', true],
  ['t', true],
  ['false', false],
  ['False', false],
  ['f', false],
  ['inf', Number.POSITIVE_INFINITY],
  ['infinity', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['-infinity', Number.NEGATIVE_INFINITY],
  ['nan', Number.NaN],
  ['-nan', Number.NaN],
]);

const isString = (token: string | undefined): token is string => token?.startsWith('"') === true || token?.startsWith("'") === true;

class TextReader {
  private readonly source: string;
  private at = 0;
  private token: string | undefined;
  private start = 0;

  constructor(source: string) {
    this.source = source;
    this.next();
  }

  private problem(detail: string): never {
    const line = this.source.slice(0, this.start).split('\n').length;
    return stop(damaged('Caffe', `line ${line}: ${detail}`));
  }
  private next(): void {
    SKIP.lastIndex = this.at;
    SKIP.exec(this.source);
    this.start = SKIP.lastIndex;
    if (this.start >= this.source.length) {
      this.token = undefined;
      this.at = this.start;
      return;
    }
    TOKEN.lastIndex = this.start;
    const found = TOKEN.exec(this.source);
    if (found === null) this.problem(`${JSON.stringify(this.source[this.start] ?? '')} begins no token`);
    this.token = found?.[0];
    this.at = TOKEN.lastIndex;
  }
  private take(): string {
    const { token } = this;
    if (token === undefined) return this.problem('the text ends within a message');
    this.next();
    return token;
  }
  private skip(token: string): boolean {
    if (this.token !== token) return false;
    this.next();
    return true;
  }

  private value(depth: number): FieldValue {
    if (this.skip('{')) return this.message('}', depth + 1);
    if (this.skip('<')) return this.message('>', depth + 1);
    const token = this.take();
    if (isString(token)) {
      let text = unquoted(token);
      while (isString(this.token)) text += unquoted(this.take());
      return text;
    }
    const word = WORDS.get(token);
    if (word !== undefined) return word;
    if (NUMBER.test(token)) return numberOf(token);
    return /^[A-Za-z_]/.test(token) ? token : this.problem(`${token} stands where a value is wanted`);
  }

  /** Fields up to the closing bracket, or the end of the text. */
  message(close: '}' | '>' | undefined, depth: number): Fields {
    if (depth > MAX_DEPTH) return this.problem(`messages lie more than ${MAX_DEPTH} deep`);
    const fields = new FieldsInTheMaking();
    if (depth === 1) fields.add(POSITION, this.start);
    for (;;) {
      if (close === undefined ? this.token === undefined : this.skip(close)) return fields.map;
      const name = this.take();
      if (!/^[A-Za-z_]\w*$/.test(name)) return this.problem(`${name} stands where a field is wanted`);
      if (!this.skip(':') && this.token !== '{' && this.token !== '<') return this.problem(`":" or "{" is missing behind ${name}`);
      if (this.skip('[')) {
        while (!this.skip(']')) {
          fields.add(name, this.value(depth));
          if (!this.skip(',') && this.token !== ']') return this.problem(`"," or "]" is missing in the list of ${name}`);
        }
      } else fields.add(name, this.value(depth));
      if (!this.skip(',')) this.skip(';');
    }
  }
}

/** @throws {MrlError} IMP1001 with the line */
export const parsePrototxt = (source: string): Fields => new TextReader(source).message(undefined, 0);
