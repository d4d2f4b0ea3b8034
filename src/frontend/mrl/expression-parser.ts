import { EmbeddedActionsParser, type IToken, type TokenType } from 'chevrotain';
import type {
  Argument,
  BinaryOperator as BinaryOperatorText,
  Expr,
  Name as NameAst,
  Place,
  TypeExpr,
  UnaryOperator as UnaryOperatorText,
} from './ast.ts';
import { foldBinary, nameOf, textParts } from './literals.ts';
import { messages } from './messages.ts';
import * as t from './tokens.ts';

/** What recovery puts where the text could not be read. */
export const BROKEN = { kind: 'broken', start: 0, end: 0 } as const;
export const NO_NAME: NameAst = { text: '', start: 0, end: 0 };
const NO_TYPE: TypeExpr = { dtype: NO_NAME, dims: [], start: 0, end: 0 };

export interface ParserOptions {
  /** Checks the grammar itself for ambiguities: for tests, it takes time. */
  readonly validate: boolean;
}

/** Names, types and expressions. The statements stand in `MrlParser`, which completes the grammar. */
export class ExpressionParser extends EmbeddedActionsParser {
  constructor({ validate }: ParserOptions) {
    super([...t.TOKENS], { recoveryEnabled: true, maxLookahead: 2, errorMessageProvider: messages, skipValidations: !validate });
  }

  /** From the start of `first` to the end of the last token read. */
  protected span(first: IToken | Place): Place {
    const last = this.LA(0);
    const start = 'start' in first ? first.start : first.startOffset;
    return { start, end: last.startOffset + last.image.length };
  }

  protected readonly type = this.RULE(
    'type',
    (): TypeExpr => {
      const dims: Expr[] = [];
      const dtype = this.SUBRULE(this.typeName);
      this.CONSUME(t.OpenBracket);
      this.MANY_SEP({ SEP: t.Comma, DEF: () => dims.push(this.SUBRULE(this.expression)) });
      this.CONSUME(t.CloseBracket);
      return { dtype, dims, ...this.span(dtype) };
    },
    { recoveryValueFunc: () => NO_TYPE },
  );

  protected readonly typeName = this.RULE(
    'typeName',
    (): NameAst => this.OR<NameAst>([{ ALT: () => nameOf(this.CONSUME(t.Name)) }, { ALT: () => nameOf(this.CONSUME(t.DType)) }]),
    { recoveryValueFunc: () => NO_NAME },
  );

  protected readonly expression = this.RULE(
    'expression',
    (): Expr => {
      const first = this.SUBRULE(this.operand);
      let rest: { operator: BinaryOperatorText; operand: Expr }[] | undefined;
      this.MANY(() => {
        const operator = this.CONSUME(t.BinaryOperator).image as BinaryOperatorText;
        const operand = this.SUBRULE2(this.operand);
        (rest ??= []).push({ operator, operand });
      });
      return rest === undefined ? first : foldBinary(first, rest);
    },
    { recoveryValueFunc: () => BROKEN },
  );

  private readonly operand = this.RULE(
    'operand',
    (): Expr => {
      const signs: IToken[] = [];
      this.MANY(() => signs.push(this.CONSUME(t.UnaryOperator)));
      let operand = this.SUBRULE(this.primary);
      this.MANY2(() => {
        this.CONSUME(t.OpenBracket);
        const index = this.SUBRULE(this.expression);
        this.CONSUME(t.CloseBracket);
        operand = { kind: 'index', base: operand, index, ...this.span(operand) };
      });
      for (const token of signs.toReversed()) {
        operand = { kind: 'unary', operator: token.image as UnaryOperatorText, operand, start: token.startOffset, end: operand.end };
      }
      return operand;
    },
    { recoveryValueFunc: () => BROKEN },
  );

  private literal(type: TokenType, make: (token: IToken, place: Place) => Expr): { ALT: () => Expr } {
    return {
      ALT: () => {
        const token = this.CONSUME(type);
        return make(token, { start: token.startOffset, end: token.startOffset + token.image.length });
      },
    };
  }

  private readonly primary = this.RULE(
    'primary',
    (): Expr =>
      this.OR<Expr>([
        this.literal(t.Int, (token, place) => ({ kind: 'int', value: Number(token.image), ...place })),
        this.literal(t.Float, (token, place) => ({ kind: 'float', value: Number(token.image), ...place })),
        this.literal(t.WORDS.inf, (_token, place) => ({ kind: 'float', value: Number.POSITIVE_INFINITY, ...place })),
        this.literal(t.WORDS.nan, (_token, place) => ({ kind: 'float', value: Number.NaN, ...place })),
        this.literal(t.WORDS.true, (_token, place) => ({ kind: 'bool', value: true, ...place })),
        this.literal(t.WORDS.false, (_token, place) => ({ kind: 'bool', value: false, ...place })),
        this.literal(t.Text, (token, place) => ({ kind: 'text', parts: textParts(token), ...place })),
        this.literal(t.DType, (token, place) => ({ kind: 'dtype', value: token.image, ...place })),
        { ALT: () => this.SUBRULE(this.list) },
        { ALT: () => this.SUBRULE(this.group) },
        { ALT: () => this.SUBRULE(this.reference) },
      ]),
    { recoveryValueFunc: () => BROKEN },
  );

  private readonly list = this.RULE(
    'list',
    (): Expr => {
      const items: Expr[] = [];
      const first = this.CONSUME(t.OpenBracket);
      this.MANY_SEP({ SEP: t.Comma, DEF: () => items.push(this.SUBRULE(this.expression)) });
      this.CONSUME(t.CloseBracket);
      return { kind: 'list', items, ...this.span(first) };
    },
    { recoveryValueFunc: () => BROKEN },
  );

  private readonly group = this.RULE(
    'group',
    (): Expr => {
      this.CONSUME(t.OpenParen);
      const inner = this.SUBRULE(this.expression);
      this.CONSUME(t.CloseParen);
      return inner;
    },
    { recoveryValueFunc: () => BROKEN },
  );

  /** A name, or a call when parentheses follow. */
  private readonly reference = this.RULE(
    'reference',
    (): Expr => {
      let args: Argument[] | undefined;
      const name = this.SUBRULE(this.name);
      this.OPTION(() => {
        const list: Argument[] = [];
        this.CONSUME(t.OpenParen);
        this.MANY_SEP({ SEP: t.Comma, DEF: () => list.push(this.SUBRULE(this.argument)) });
        this.CONSUME(t.CloseParen);
        args = list;
      });
      return args === undefined
        ? { kind: 'name', name: name.text, start: name.start, end: name.end }
        : { kind: 'call', callee: name, args, ...this.span(name) };
    },
    { recoveryValueFunc: () => BROKEN },
  );

  private readonly argument = this.RULE(
    'argument',
    (): Argument => {
      let name: NameAst | undefined;
      this.OPTION(() => {
        name = this.SUBRULE(this.name);
        this.CONSUME(t.Colon);
      });
      return { name, value: this.SUBRULE(this.expression) };
    },
    { recoveryValueFunc: () => ({ name: undefined, value: BROKEN }) },
  );

  protected readonly name = this.RULE('name', (): NameAst => nameOf(this.CONSUME(t.Name)), { recoveryValueFunc: () => NO_NAME });
}
