import { createToken, type ITokenConfig, Lexer, type TokenType } from 'chevrotain';
import { DTYPES, MRL_KEYWORDS, MRL_NAME, type MrlKeyword } from '../../ir/index.ts';
import { BINARY_OPERATORS } from './ast.ts';

/** How a token is called in messages and in the printed grammar. */
const labelled = (label: string, config: Omit<ITokenConfig, 'label'>): TokenType => createToken({ ...config, label });
const sign = (name: string, text: string, categories: TokenType[] = []): TokenType =>
  labelled(`"${text}"`, { name, pattern: text, categories });

/** A scanner that needs no backtracking, so that a megabyte of text in one token costs one pass. */
const scanner =
  (open: string, find: (text: string, from: number) => number) =>
  (text: string, offset: number): [string] | null => {
    if (!text.startsWith(open, offset)) return null;
    const end = find(text, offset + open.length);
    return end < 0 ? null : [text.slice(offset, end)];
  };

const LINE_END = /[\n\r]/g;
const lineEnd = (text: string, from: number): number => {
  LINE_END.lastIndex = from;
  return LINE_END.exec(text)?.index ?? text.length;
};

/** End of the literal that `close` ends; -1 when the line ends first. Backslashes hide the next character. */
const closing =
  (close: string, escapes: boolean) =>
  (text: string, from: number): number => {
    for (let i = from; i < text.length; i++) {
      const c = text[i];
      if (c === close) return i + 1;
      if (c === '\n' || c === '\r') return -1;
      if (escapes && c === '\\' && text[i + 1] !== '\n' && text[i + 1] !== '\r') i++;
    }
    return -1;
  };

const scanned = (
  name: string,
  label: string,
  open: string,
  find: (text: string, from: number) => number,
  rest: Partial<ITokenConfig> = {},
) => labelled(label, { name, pattern: scanner(open, find), start_chars_hint: [open[0] ?? ''], line_breaks: false, ...rest });

const WhiteSpace = createToken({ name: 'WhiteSpace', pattern: /[ \t\r\n\ufeff]+/, group: Lexer.SKIPPED, line_breaks: true });
const Comment = scanned('Comment', 'a comment', '//', lineEnd, { group: Lexer.SKIPPED });

export const Name = labelled('a name', { name: 'Name', pattern: Lexer.NA });
export const PlainName = labelled('a name', { name: 'PlainName', pattern: MRL_NAME, categories: [Name] });
const QuotedName = scanned('QuotedName', 'a name', '`', closing('`', false), { categories: [Name] });
/** A backtick or quote whose partner is missing; reported, then read as if it were there. */
export const OpenName = scanned('OpenName', 'a name', '`', lineEnd, { categories: [Name] });

export const Text = labelled('a text', { name: 'Text', pattern: Lexer.NA });
const ClosedText = scanned('ClosedText', 'a text', '"', closing('"', true), { categories: [Text] });
export const OpenText = scanned('OpenText', 'a text', '"', lineEnd, { categories: [Text] });

export const Digest = labelled('a digest', { name: 'Digest', pattern: /sha256:[0-9A-Za-z]*/ });
export const Float = labelled('a float', { name: 'Float', pattern: /[0-9]+(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)/ });
export const Int = labelled('an integer', { name: 'Int', pattern: /[0-9]+/ });

export const DType = labelled('a dtype', { name: 'DType', pattern: Lexer.NA });
export const Keyword = labelled('a keyword', { name: 'Keyword', pattern: Lexer.NA });
const word = (text: string, category: TokenType): TokenType =>
  labelled(`"${text}"`, { name: `Word_${text}`, pattern: text, longer_alt: PlainName, categories: [category] });

const DTYPE_TOKENS: readonly TokenType[] = DTYPES.map((d) => word(d, DType));

/** The token of each keyword; longer ones first, or `inf` would be read as a name that starts with `in`. */
export const WORDS = Object.fromEntries(MRL_KEYWORDS.toSorted((a, b) => b.length - a.length).map((k) => [k, word(k, Keyword)])) as Readonly<
  Record<MrlKeyword, TokenType>
>;

/** Words that start a statement of a graphical model and are names everywhere else: programs that use them as names stay as they are. */
export const SOFT_WORDS = ['variable', 'factor', 'evidence', 'query'] as const;
export type SoftWord = (typeof SOFT_WORDS)[number];
export const SOFT = Object.fromEntries(SOFT_WORDS.map((w) => [w, word(w, Name)])) as Readonly<Record<SoftWord, TokenType>>;

export const BinaryOperator = labelled('an operator', { name: 'BinaryOperator', pattern: Lexer.NA });
export const UnaryOperator = labelled('a sign', { name: 'UnaryOperator', pattern: Lexer.NA });

const BINARY_TOKENS: readonly TokenType[] = BINARY_OPERATORS.flat()
  .toSorted((a, b) => b.length - a.length)
  .map((text) => sign(`Operator_${text}`, text, text === '-' ? [BinaryOperator, UnaryOperator] : [BinaryOperator]));

export const Not = sign('Not', '!', [UnaryOperator]);
export const Bar = sign('Bar', '|');
export const Range = sign('Range', '..');
export const Equals = sign('Equals', '=');
export const Colon = sign('Colon', ':');
export const Comma = sign('Comma', ',');
export const Semicolon = sign('Semicolon', ';');
export const OpenParen = sign('OpenParen', '(');
export const CloseParen = sign('CloseParen', ')');
export const OpenBracket = sign('OpenBracket', '[');
export const CloseBracket = sign('CloseBracket', ']');
export const OpenBrace = sign('OpenBrace', '{');
export const CloseBrace = sign('CloseBrace', '}');

/** Every token, in the order the lexer tries them. */
export const TOKENS: readonly TokenType[] = [
  WhiteSpace,
  Comment,
  Digest,
  ClosedText,
  OpenText,
  QuotedName,
  OpenName,
  ...Object.values(WORDS),
  ...DTYPE_TOKENS,
  ...Object.values(SOFT),
  PlainName,
  Float,
  Int,
  ...BINARY_TOKENS,
  Bar,
  Not,
  Range,
  Equals,
  Colon,
  Comma,
  Semicolon,
  OpenParen,
  CloseParen,
  OpenBracket,
  CloseBracket,
  OpenBrace,
  CloseBrace,
  Name,
  Text,
  DType,
  Keyword,
  BinaryOperator,
  UnaryOperator,
];
