import type { IToken } from 'chevrotain';
import { BINARY_OPERATORS, type BinaryOperator, type Expr, type Name } from './ast.ts';

/** The name a token writes, backticks taken off. */
export const nameOf = (token: IToken): Name => {
  const { image, startOffset: start } = token;
  const text = image.startsWith('`') ? image.slice(1, image.endsWith('`') && image.length > 1 ? -1 : undefined) : image;
  return { text, start, end: start + image.length };
};

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** A text literal's pieces: literal text, inserted name, literal text, … A brace that does not hold a name stays as it is. */
export const textParts = (token: IToken): (string | Name)[] => {
  const { image, startOffset } = token;
  const end = image.endsWith('"') && image.length > 1 ? image.length - 1 : image.length;
  const parts: (string | Name)[] = [];
  let text = '';
  for (let i = 1; i < end; i++) {
    const c = image[i] ?? '';
    if (c === '\\' && i + 1 < end) {
      const escaped = image[++i] ?? '';
      text += ESCAPES[escaped] ?? escaped;
    } else if (c === '{') {
      const close = image.indexOf('}', i);
      const inner = close < 0 || close - i > 256 ? '' : image.slice(i + 1, close).trim();
      if (/^[A-Za-z_][A-Za-z0-9_.]*$/.test(inner)) {
        parts.push(text, { text: inner, start: startOffset + i + 1, end: startOffset + close });
        text = '';
        i = close;
      } else text += c;
    } else text += c;
  }
  parts.push(text);
  return parts;
};

const PRECEDENCE: ReadonlyMap<string, number> = new Map(BINARY_OPERATORS.flatMap((level, i) => level.map((o) => [o, i] as const)));

/** Builds the tree of a flat row of operators by precedence; equal ones associate to the left. */
export const foldBinary = (first: Expr, rest: readonly { readonly operator: BinaryOperator; readonly operand: Expr }[]): Expr => {
  const operands: Expr[] = [first];
  const operators: BinaryOperator[] = [];
  const reduce = (): void => {
    const operator = operators.pop();
    const right = operands.pop();
    const left = operands.pop();
    if (operator === undefined || left === undefined || right === undefined) return;
    operands.push({ kind: 'binary', operator, left, right, start: left.start, end: right.end });
  };
  const strength = (operator: BinaryOperator | undefined): number => (operator === undefined ? -1 : (PRECEDENCE.get(operator) ?? -1));
  for (const { operator, operand } of rest) {
    while (operators.length > 0 && strength(operators.at(-1)) >= strength(operator)) reduce();
    operators.push(operator);
    operands.push(operand);
  }
  while (operators.length > 0) reduce();
  return operands[0] ?? first;
};
