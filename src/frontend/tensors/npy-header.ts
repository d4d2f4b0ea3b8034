/** What a .npy header says: element type as written (`<f4`), element order, shape. */
export interface NpyHeader {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

/** The header, or that it describes records with fields, or the end of the sentence "the header ...". */
export type ParsedNpyHeader =
  | { readonly kind: 'header'; readonly header: NpyHeader }
  | { readonly kind: 'records' }
  | { readonly kind: 'malformed'; readonly problem: string };

const malformed = (problem: string): ParsedNpyHeader => ({ kind: 'malformed', problem });

type Token = { readonly kind: 'string' | 'integer' | 'word' | 'mark'; readonly text: string };
type Value = string | boolean | readonly number[];

// A Python literal: quoted text, integer (with Python 2's L), word, punctuation.
const TOKEN = /[ \t\r\n]*(?:'([^'\\]*)'|"([^"\\]*)"|(\d+)[lL]?|([A-Za-z]+)|([{}()[\]:,]))/y;

/** @returns the tokens, or the offset of the first character that starts none */
const tokenize = (text: string): readonly Token[] | number => {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) return start;
    const [, single, double, integer, word, mark] = match;
    if (integer !== undefined) tokens.push({ kind: 'integer', text: integer });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if (mark !== undefined) tokens.push({ kind: 'mark', text: mark });
    else tokens.push({ kind: 'string', text: single ?? double ?? '' });
  }
  return tokens;
};

/** Walks the tokens of one dictionary; `undefined` from a reader means that the tokens do not fit. */
class Cursor {
  private position = 0;
  private readonly tokens: readonly Token[];
  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  get done(): boolean {
    return this.position === this.tokens.length;
  }

  /** Takes the next token if it is this punctuation mark. */
  skip(mark: string): boolean {
    const token = this.tokens[this.position];
    if (token?.kind !== 'mark' || token.text !== mark) return false;
    this.position++;
    return true;
  }

  take(kind: Token['kind']): string | undefined {
    const token = this.tokens[this.position];
    if (token?.kind !== kind) return undefined;
    this.position++;
    return token.text;
  }

  /** `()`, `(3,)`, `(3, 4)`, `(3, 4,)`; `(3)` is an integer in Python and no shape. */
  private tuple(): readonly number[] | undefined {
    if (!this.skip('(')) return undefined;
    const items: number[] = [];
    for (;;) {
      if (this.skip(')')) return items;
      const digits = this.take('integer');
      if (digits === undefined) return undefined;
      items.push(Number(digits));
      if (this.skip(',')) continue;
      return items.length > 1 && this.skip(')') ? items : undefined;
    }
  }

  value(): Value | undefined {
    const text = this.take('string');
    if (text !== undefined) return text;
    const word = this.take('word');
    if (word !== undefined) return word === 'True' ? true : word === 'False' ? false : undefined;
    return this.tuple();
  }
}

/** Reads the dictionary that numpy.lib.format writes, its keys in any order. */
export const parseNpyHeader = (text: string): ParsedNpyHeader => {
  const tokens = tokenize(text);
  if (typeof tokens === 'number') return malformed(`is not a Python dictionary from its character ${tokens} on`);
  const cursor = new Cursor(tokens);
  const entries = new Map<string, Value>();
  if (!cursor.skip('{')) return malformed('does not start with "{"');
  while (!cursor.skip('}')) {
    const key = cursor.take('string');
    if (key === undefined || !cursor.skip(':')) return malformed(`is not a Python dictionary after ${entries.size} entries`);
    if (entries.has(key)) return malformed(`has the key '${key.slice(0, 40)}' twice`);
    const value = cursor.value();
    if (value === undefined && key === 'descr' && cursor.skip('[')) return { kind: 'records' };
    if (value === undefined) return malformed(`has no readable value for the key '${key.slice(0, 40)}'`);
    entries.set(key, value);
    if (!cursor.skip(',')) {
      if (cursor.skip('}')) break;
      return malformed(`is not a Python dictionary after ${entries.size} entries`);
    }
  }
  if (!cursor.done) return malformed('has text after its dictionary');
  const descr = entries.get('descr');
  const fortranOrder = entries.get('fortran_order');
  const shape = entries.get('shape');
  if (typeof descr !== 'string') return malformed("has no text under 'descr'");
  if (typeof fortranOrder !== 'boolean') return malformed("has neither True nor False under 'fortran_order'");
  if (typeof shape !== 'object') return malformed("has no tuple under 'shape'");
  if (entries.size !== 3) return malformed(`has ${entries.size} keys instead of 'descr', 'fortran_order' and 'shape'`);
  return { kind: 'header', header: { descr, fortranOrder, shape } };
};

// numpy leaves room so that the first axis can grow in place: its number is padded to this many characters.
const GROWTH_CHARACTERS = 21;
const ALIGNMENT_BYTES = 64;
const PREFIX_BYTES = 10;

/** The header text of version 1.0 for C order, byte for byte what numpy 1.23 and later write. */
export const formatNpyHeader = (descr: string, shape: readonly number[]): string => {
  const [first] = shape;
  const tuple = shape.length === 1 ? `(${first},)` : `(${shape.join(', ')})`;
  const growth = first === undefined ? 0 : GROWTH_CHARACTERS - String(first).length;
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }${' '.repeat(growth)}`;
  const used = PREFIX_BYTES + text.length + 1;
  return `${text}${' '.repeat((ALIGNMENT_BYTES - (used % ALIGNMENT_BYTES)) % ALIGNMENT_BYTES)}\n`;
};
