import { EOF, type IRecognitionException, type IToken, Lexer } from 'chevrotain';
import { MRL_KEYWORDS, MRL_VERSION } from '../../ir/index.ts';
import { closest } from '../../support/index.ts';
import type { FileAst, Place } from './ast.ts';
import { LIMITS } from './limits.ts';
import { errorBudget, TooManyErrors } from './messages.ts';
import { MrlParser } from './parser.ts';
import type { Report } from './source.ts';
import {
  CloseBrace,
  CloseBracket,
  CloseParen,
  OpenBrace,
  OpenBracket,
  OpenName,
  OpenParen,
  OpenText,
  PlainName,
  Semicolon,
  SOFT_WORDS,
  TOKENS,
} from './tokens.ts';

/** All but the error for left-over input know the token before. */
interface ParseError extends IRecognitionException {
  readonly previousToken?: IToken;
}

interface Tools {
  readonly lexer: Lexer;
  readonly parser: MrlParser;
}

/** Building them analyses the grammar, about 20 ms, so it is done once and on first use. */
let tools: Tools | undefined;
const toolsOf = (): Tools =>
  (tools ??= {
    lexer: new Lexer([...TOKENS], { positionTracking: 'onlyOffset', ensureOptimizations: true }),
    parser: new MrlParser({ validate: false }),
  });

const placeOf = (token: IToken): Place => ({ start: token.startOffset, end: token.startOffset + token.image.length });

/** An upper bound of the number of tokens, from one pass: signs, and starts of words. */
const tokenBound = (text: string): number => {
  let count = 0;
  let inWord = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x2f && text.charCodeAt(i + 1) === 0x2f) {
      const end = text.indexOf('\n', i);
      i = end < 0 ? text.length : end;
      inWord = false;
      continue;
    }
    const isSpace = c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09;
    const isWord = (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a) || c === 0x5f;
    if (!isSpace && (!isWord || !inWord)) count++;
    inWord = isWord;
  }
  return count;
};

/** File and token limits, before any token is made. */
const fitsLimits = (text: string, report: Report): boolean => {
  if (text.length > LIMITS.fileLength) {
    report.add('MRL3005', `the file has ${text.length} characters but ${LIMITS.fileLength} is the limit`, { start: 0, end: 0 }, [
      'Move large parameters into blobs.',
    ]);
    return false;
  }
  const bound = text.length <= LIMITS.tokens ? 0 : tokenBound(text);
  if (bound > LIMITS.tokens) {
    report.add('MRL3006', `the file has about ${bound} words and signs but ${LIMITS.tokens} is the limit`, { start: 0, end: 0 }, [
      'Move large parameters into blobs.',
    ]);
    return false;
  }
  return true;
};

/**
 * The parser recurses with brackets only: their depth bounds its stack.
 * @returns the braces that nothing closes, or undefined when the nesting is too deep
 */
const checkNesting = (tokens: readonly IToken[], report: Report): readonly IToken[] | undefined => {
  const braces: IToken[] = [];
  let depth = 0;
  for (const token of tokens) {
    const type = token.tokenType;
    if (type === OpenParen || type === OpenBracket || type === OpenBrace) {
      if (type === OpenBrace) braces.push(token);
      if (++depth > LIMITS.nesting) {
        report.add('MRL3001', `brackets are nested deeper than ${LIMITS.nesting} levels`, placeOf(token), [
          'Give inner expressions a name of their own with let.',
        ]);
        return undefined;
      }
    } else if (type === CloseParen || type === CloseBracket || type === CloseBrace) {
      if (type === CloseBrace) braces.pop();
      depth = Math.max(0, depth - 1);
    }
  }
  return braces;
};

/** Closes the braces that the text leaves open, so that what stands in them is still read. */
const closeBraces = (open: readonly IToken[], tokens: IToken[], report: Report): void => {
  const [first] = open;
  if (first === undefined) return;
  report.add('MRL1004', 'the block that starts here is not closed before the end of the file', placeOf(first), ['Close it with "}".']);
  const brace = { image: '', startOffset: report.source.text.length, tokenType: CloseBrace, tokenTypeIdx: CloseBrace.tokenTypeIdx ?? 0 };
  for (let i = 0; i < open.length; i++) tokens.push({ ...first, ...brace });
};

/** Reports texts and names that their line leaves open; returns where. */
const reportOpenTokens = (tokens: readonly IToken[], report: Report): number[] => {
  const open = tokens.filter((token) => token.tokenType === OpenText || token.tokenType === OpenName);
  for (const token of open) {
    if (token.tokenType === OpenText) {
      report.add('MRL1002', 'the text has no closing " on its line', placeOf(token), ['Write \\n for a line end inside a text.']);
    } else {
      report.add('MRL1002', 'the name has no closing ` on its line', placeOf(token), ['A name in backticks stands on one line.']);
    }
  }
  return open.map((token) => token.startOffset);
};

const STATEMENT_WORDS: ReadonlySet<string> = new Set(['input', 'param', 'let', 'output', 'return', 'for', 'if', 'fn', 'model', 'meta']);
const startsStatement = (token: IToken): boolean => STATEMENT_WORDS.has(token.image) && token.tokenType !== PlainName;
const endsStatement = (token: IToken): boolean =>
  token.tokenType === Semicolon || token.tokenType === OpenBrace || token.tokenType === CloseBrace || startsStatement(token);

const notesFor = (error: ParseError, message: string): string[] => {
  const wanted = /^expected (".+?"|a statement)/.exec(message)?.[1];
  const words = [error.previousToken, error.token].filter((t): t is IToken => t !== undefined && t.tokenType === PlainName);
  for (const word of words) {
    const near = closest(word.image, [...MRL_KEYWORDS, ...SOFT_WORDS]);
    if (near !== undefined && near !== word.image) return [`Did you mean "${near}" instead of "${word.image}"?`];
  }
  if (wanted === '";"') return ['A statement ends with ";".'];
  if (wanted === 'a statement') return ['A statement starts with input, param, let, output, return, for, if, or the name it replaces.'];
  if (message.startsWith('expected a name but found') && error.token.tokenType.CATEGORIES?.length) {
    return [`Put backticks around a name that is a word of the language: \`${error.token.image}\`.`];
  }
  return [];
};

/** Where to point: at the unexpected token, or behind the last one when something is missing there. */
const placeOfError = (error: ParseError, textLength: number, message: string): Place => {
  const { token, previousToken: previous } = error;
  const behind = previous === undefined || Number.isNaN(previous.startOffset) ? undefined : previous.startOffset + previous.image.length;
  if (token.tokenType === EOF) return { start: behind ?? textLength, end: (behind ?? textLength) + 1 };
  if (message.startsWith('expected ";"') && behind !== undefined && behind < token.startOffset) return { start: behind, end: behind + 1 };
  return placeOf(token);
};

/**
 * One error a statement: what recovery stumbles over in the rest of it is a consequence of the first.
 * @param lexical - offsets of problems that are reported already
 */
const reportErrors = (errors: readonly ParseError[], lexical: readonly number[], tokens: readonly IToken[], report: Report): void => {
  const textLength = report.source.text.length;
  const sorted = [
    ...lexical.map((at) => ({ error: undefined, at })),
    ...errors.map((error) => ({ error, at: Number.isNaN(error.token.startOffset) ? textLength : error.token.startOffset })),
  ].sort((a, b) => a.at - b.at);
  let next = 0;
  let settled = true;
  let afterLexical = false;
  for (const { error, at } of sorted) {
    for (let token = tokens[next]; token !== undefined && token.startOffset < at; token = tokens[++next]) settled ||= endsStatement(token);
    const message = error?.message ?? '';
    const missingEnd = message.startsWith('expected ";"');
    if (error !== undefined && (settled || (missingEnd && !afterLexical && startsStatement(error.token)))) {
      report.add(codeOf(error), message, placeOfError(error, textLength, message), notesFor(error, message));
    } else if (error !== undefined) continue;
    // A word that was not wanted here does not start a statement; one before which only ";" was missing does.
    const own = tokens[next];
    if (!missingEnd && own?.startOffset === at && startsStatement(own)) next++;
    settled = false;
    afterLexical = error === undefined;
  }
};

const codeOf = (error: ParseError): 'MRL1003' | 'MRL1004' => (error.token.tokenType === EOF ? 'MRL1004' : 'MRL1003');

const checkVersion = (file: FileAst, report: Report): void => {
  const { version } = file;
  if (version === undefined) {
    report.add('MRL1005', 'the version line is missing', { start: 0, end: 1 }, [`Start the file with: mrl ${MRL_VERSION};`]);
  } else if (version.value !== MRL_VERSION && !Number.isNaN(version.value)) {
    report.add('MRL1005', `the file is written in version ${version.value} but version ${MRL_VERSION} is read`, version, [
      'Use a compiler of that version.',
    ]);
  }
};

/** @returns undefined when there are too many errors to go on; those met so far are in `parser.errors` */
const parseFile = (parser: MrlParser): FileAst | undefined => {
  try {
    return parser.file();
  } catch (error) {
    if (error instanceof TooManyErrors) return undefined;
    throw error;
  }
};

/** Reads the text into its tree. Undefined when a limit forbids going on; otherwise problems are reported and the rest is kept. */
export const parseSyntax = (report: Report): FileAst | undefined => {
  const { text } = report.source;
  if (!fitsLimits(text, report)) return undefined;
  const { lexer, parser } = toolsOf();
  const { tokens, errors } = lexer.tokenize(text);
  for (const { offset, length } of errors) {
    const bad = text.slice(offset, offset + Math.min(length, 20));
    report.add('MRL1001', `the language has no "${bad}"`, { start: offset, end: offset + length }, [
      'Comments start with //, texts stand in "…", and names of other characters in `…`.',
    ]);
  }
  const lexical = [...errors.map((e) => e.offset), ...reportOpenTokens(tokens, report)];
  const open = checkNesting(tokens, report);
  if (open === undefined) return undefined;
  closeBraces(open, tokens, report);
  parser.input = tokens;
  errorBudget.left = LIMITS.diagnostics;
  const file = parseFile(parser);
  reportErrors(parser.errors, lexical, tokens, report);
  parser.input = [];
  if (file !== undefined && (parser.errors.length === 0 || file.version !== undefined)) checkVersion(file, report);
  return file;
};
