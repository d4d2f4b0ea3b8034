import type { IParserErrorMessageProvider, IToken, TokenType } from 'chevrotain';
import { EOF } from 'chevrotain';

/** What stands in the text, as the user wrote it. */
export const foundText = (token: IToken): string => {
  if (token.tokenType === EOF) return 'the end of the file';
  const image = token.image.length > 40 ? `${token.image.slice(0, 40)}…` : token.image;
  return `"${image}"`;
};

const labelOf = (type: TokenType): string => (type === EOF ? '"fn", "model" or "meta"' : (type.LABEL ?? type.name));

const listOf = (labels: readonly string[]): string => {
  const unique = [...new Set(labels)];
  return unique.length < 2 ? (unique[0] ?? 'nothing') : `${unique.slice(0, -1).join(', ')} or ${unique.at(-1)}`;
};

/** Where the grammar stands, in the user's words, by rule. */
const PLACES: Readonly<Record<string, string>> = {
  statement: 'a statement',
  primary: 'a value',
  item: '"fn", "model" or "meta"',
  initializer: 'a value or "blob"',
};

const firstTokens = (paths: readonly (readonly TokenType[])[]): string[] => paths.flatMap((path) => path.slice(0, 1)).map(labelOf);

/** Ends a parse that has met more errors than anyone reads: each costs an exception and a search for where to go on, about 0.3 ms. */
export class TooManyErrors extends Error {
  override readonly name = 'TooManyErrors';
}

/** Errors that the parse under way may still meet. The parser is shared, so `parseSyntax` fills this up before each parse. */
export const errorBudget = { left: 0 };

const spend = <T>(message: T): T => {
  if (--errorBudget.left < 0) throw new TooManyErrors();
  return message;
};

/** The parser's wording: what the grammar wants here, and what stands in the text. */
export const messages: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected, actual, ruleName }) => {
    const label = labelOf(expected);
    const wanted = ruleName === 'block' && label === '"}"' ? 'a statement or "}"' : label;
    return spend(`expected ${wanted} but found ${foundText(actual)}`);
  },
  buildNotAllInputParsedMessage: ({ firstRedundant }) => `expected "fn", "model" or "meta" but found ${foundText(firstRedundant)}`,
  buildNoViableAltMessage: ({ expectedPathsPerAlt, actual, ruleName }) => {
    const wanted = PLACES[ruleName] ?? listOf(firstTokens(expectedPathsPerAlt.flat()));
    const [found] = actual;
    return spend(`expected ${wanted} but found ${found === undefined ? 'the end of the file' : foundText(found)}`);
  },
  buildEarlyExitMessage: ({ expectedIterationPaths, actual }) => {
    const [found] = actual;
    const wanted = listOf(firstTokens(expectedIterationPaths));
    return spend(`expected ${wanted} but found ${found === undefined ? 'the end of the file' : foundText(found)}`);
  },
};
