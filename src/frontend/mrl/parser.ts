import type { Branch, Expr, FileAst, Initializer, Item, MetaEntry, Name as NameAst, Parameter, Statement } from './ast.ts';
import { BROKEN, NO_NAME, type ParserOptions } from './expression-parser.ts';
import { GraphicalParser } from './graphical-parser.ts';
import * as t from './tokens.ts';

/**
 * The grammar of `.mrl`. grammar/mrl.ebnf and the railroad diagrams are generated from it.
 * Brackets and blocks are its only recursion; their depth is checked before (`checkNesting`).
 */
export class MrlParser extends GraphicalParser {
  constructor(options: ParserOptions) {
    super(options);
    this.performSelfAnalysis();
  }

  readonly file = this.RULE(
    'file',
    (): FileAst => {
      let version: FileAst['version'];
      const items: Item[] = [];
      this.OPTION(() => {
        version = this.SUBRULE(this.version);
      });
      this.MANY(() => items.push(this.SUBRULE(this.item)));
      return { version, items };
    },
    { recoveryValueFunc: () => ({ version: undefined, items: [] }) },
  );

  private readonly version = this.RULE(
    'version',
    (): FileAst['version'] => {
      const first = this.CONSUME(t.WORDS.mrl);
      const value = this.CONSUME(t.Int);
      this.CONSUME(t.Semicolon);
      return { value: Number(value.image), ...this.span(first) };
    },
    { recoveryValueFunc: () => ({ value: Number.NaN, start: 0, end: 0 }) },
  );

  private readonly item = this.RULE(
    'item',
    (): Item =>
      this.OR<Item>([
        { ALT: () => this.SUBRULE(this.metadata) },
        { ALT: () => this.SUBRULE(this.function) },
        { ALT: () => this.SUBRULE(this.model) },
      ]),
    { recoveryValueFunc: () => BROKEN },
  );

  private readonly metadata = this.RULE(
    'metadata',
    (): Item => {
      const entries: MetaEntry[] = [];
      const first = this.CONSUME(t.WORDS.meta);
      this.CONSUME(t.OpenBrace);
      this.MANY_SEP({ SEP: t.Comma, DEF: () => entries.push(this.SUBRULE(this.entry)) });
      this.CONSUME(t.CloseBrace);
      return { kind: 'meta', entries, ...this.span(first) };
    },
    { recoveryValueFunc: () => BROKEN },
  );

  private readonly entry = this.RULE(
    'entry',
    (): MetaEntry => {
      const name = this.SUBRULE(this.name);
      this.CONSUME(t.Colon);
      return { name, value: this.SUBRULE(this.expression) };
    },
    { recoveryValueFunc: () => ({ name: NO_NAME, value: BROKEN }) },
  );

  private readonly function = this.RULE(
    'function',
    (): Item => {
      const parameters: Parameter[] = [];
      const first = this.CONSUME(t.WORDS.fn);
      const name = this.SUBRULE(this.name);
      this.CONSUME(t.OpenParen);
      this.MANY_SEP({ SEP: t.Comma, DEF: () => parameters.push(this.SUBRULE(this.parameter)) });
      this.CONSUME(t.CloseParen);
      const body = this.SUBRULE(this.block);
      return { kind: 'fn', name, parameters, body, ...this.span(first) };
    },
    { recoveryValueFunc: () => BROKEN },
  );

  private readonly parameter = this.RULE(
    'parameter',
    (): Parameter => {
      let type: NameAst | undefined;
      let initial: Expr | undefined;
      const name = this.SUBRULE(this.name);
      this.OPTION(() => {
        this.CONSUME(t.Colon);
        type = this.SUBRULE(this.typeName);
      });
      this.OPTION2(() => {
        this.CONSUME(t.Equals);
        initial = this.SUBRULE(this.expression);
      });
      return { name, type, default: initial, ...this.span(name) };
    },
    { recoveryValueFunc: () => ({ name: NO_NAME, type: undefined, default: undefined, start: 0, end: 0 }) },
  );

  private readonly model = this.RULE(
    'model',
    (): Item => {
      const first = this.CONSUME(t.WORDS.model);
      const name = this.SUBRULE(this.name);
      const body = this.SUBRULE(this.block);
      return { kind: 'model', name, body, ...this.span(first) };
    },
    { recoveryValueFunc: () => BROKEN },
  );

  private readonly block = this.RULE(
    'block',
    (): readonly Statement[] => {
      const statements: Statement[] = [];
      this.CONSUME(t.OpenBrace);
      this.MANY(() => statements.push(this.SUBRULE(this.statement)));
      this.CONSUME(t.CloseBrace);
      return statements;
    },
    { recoveryValueFunc: () => [] },
  );

  private readonly statement = this.RULE(
    'statement',
    (): Statement =>
      this.OR<Statement>({
        // one word decides, so that a misspelt one is read as the name it is; those of graphical models look one further
        MAX_LOOKAHEAD: 1,
        IGNORE_AMBIGUITIES: true,
        DEF: [
          { ALT: () => this.SUBRULE(this.inputStatement) },
          { ALT: () => this.SUBRULE(this.paramStatement) },
          { ALT: () => this.SUBRULE(this.letStatement) },
          { GATE: () => this.startsGraphical(), ALT: () => this.SUBRULE(this.variableStatement) },
          { GATE: () => this.startsGraphical(), ALT: () => this.SUBRULE(this.factorStatement) },
          { GATE: () => this.startsGraphical(), ALT: () => this.SUBRULE(this.evidenceStatement) },
          { GATE: () => this.startsGraphical(), ALT: () => this.SUBRULE(this.queryStatement) },
          { ALT: () => this.SUBRULE(this.assignStatement) },
          { ALT: () => this.SUBRULE(this.outputStatement) },
          { ALT: () => this.SUBRULE(this.returnStatement) },
          { ALT: () => this.SUBRULE(this.forStatement) },
          { ALT: () => this.SUBRULE(this.ifStatement) },
        ],
      }),
    { recoveryValueFunc: () => BROKEN },
  );

  private readonly inputStatement = this.RULE(
    'inputStatement',
    (): Statement => {
      const first = this.CONSUME(t.WORDS.input);
      const name = this.SUBRULE(this.name);
      this.CONSUME(t.Colon);
      const type = this.SUBRULE(this.type);
      this.CONSUME(t.Semicolon);
      return { kind: 'input', name, type, ...this.span(first) };
    },
    { recoveryValueFunc: () => BROKEN },
  );

  private readonly paramStatement = this.RULE(
    'paramStatement',
    (): Statement => {
      let init: Initializer | undefined;
      const first = this.CONSUME(t.WORDS.param);
      const name = this.SUBRULE(this.name);
      this.CONSUME(t.Colon);
      const type = this.SUBRULE(this.type);
      this.OPTION(() => {
        this.CONSUME(t.Equals);
        init = this.SUBRULE(this.initializer);
      });
      this.CONSUME(t.Semicolon);
      return { kind: 'param', name, type, init, ...this.span(first) };
    },
    { recoveryValueFunc: () => BROKEN },
  );

  private readonly initializer = this.RULE(
    'initializer',
    (): Initializer =>
      this.OR<Initializer>([
        {
          ALT: () => {
            this.CONSUME(t.WORDS.blob);
            const digest = this.CONSUME(t.Digest);
            return { kind: 'blob', digest: { text: digest.image, ...this.span(digest) } };
          },
        },
        { ALT: () => ({ kind: 'value', value: this.SUBRULE(this.expression) }) },
      ]),
    { recoveryValueFunc: (): Initializer => ({ kind: 'value', value: BROKEN }) },
  );

  private readonly letStatement = this.RULE(
    'letStatement',
    (): Statement => {
      const names: NameAst[] = [];
      const first = this.CONSUME(t.WORDS.let);
      this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => names.push(this.SUBRULE(this.name)) });
      this.CONSUME(t.Equals);
      const value = this.SUBRULE(this.expression);
      this.CONSUME(t.Semicolon);
      return { kind: 'let', names, value, ...this.span(first) };
    },
    { recoveryValueFunc: () => BROKEN },
  );

  private readonly assignStatement = this.RULE(
    'assignStatement',
    (): Statement => {
      const names: NameAst[] = [];
      this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => names.push(this.SUBRULE(this.name)) });
      this.CONSUME(t.Equals);
      const value = this.SUBRULE(this.expression);
      this.CONSUME(t.Semicolon);
      return { kind: 'assign', names, value, ...this.span(names[0] ?? NO_NAME) };
    },
    { recoveryValueFunc: () => BROKEN },
  );

  private readonly outputStatement = this.RULE(
    'outputStatement',
    (): Statement => {
      const first = this.CONSUME(t.WORDS.output);
      const name = this.SUBRULE(this.name);
      this.CONSUME(t.Equals);
      const value = this.SUBRULE(this.expression);
      this.CONSUME(t.Semicolon);
      return { kind: 'output', name, value, ...this.span(first) };
    },
    { recoveryValueFunc: () => BROKEN },
  );

  private readonly returnStatement = this.RULE(
    'returnStatement',
    (): Statement => {
      const values: Expr[] = [];
      const first = this.CONSUME(t.WORDS.return);
      this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => values.push(this.SUBRULE(this.expression)) });
      this.CONSUME(t.Semicolon);
      return { kind: 'return', values, ...this.span(first) };
    },
    { recoveryValueFunc: () => BROKEN },
  );

  private readonly forStatement = this.RULE(
    'forStatement',
    (): Statement => {
      let to: Expr | undefined;
      const first = this.CONSUME(t.WORDS.for);
      const name = this.SUBRULE(this.name);
      this.CONSUME(t.WORDS.in);
      const from = this.SUBRULE(this.expression);
      this.OPTION(() => {
        this.CONSUME(t.Range);
        to = this.SUBRULE2(this.expression);
      });
      const place = this.span(first);
      const body = this.SUBRULE(this.block);
      return { kind: 'for', name, from, to, body, ...place };
    },
    { recoveryValueFunc: () => BROKEN },
  );

  private readonly ifStatement = this.RULE(
    'ifStatement',
    (): Statement => {
      let otherwise: readonly Statement[] | undefined;
      const first = this.CONSUME(t.WORDS.if);
      const condition = this.SUBRULE(this.expression);
      const place = this.span(first);
      const branches: Branch[] = [{ condition, body: this.SUBRULE(this.block) }];
      this.MANY(() => {
        this.CONSUME(t.WORDS.else);
        this.CONSUME2(t.WORDS.if);
        const next = this.SUBRULE2(this.expression);
        branches.push({ condition: next, body: this.SUBRULE2(this.block) });
      });
      this.OPTION(() => {
        this.CONSUME2(t.WORDS.else);
        otherwise = this.SUBRULE3(this.block);
      });
      return { kind: 'if', branches, otherwise, ...place };
    },
    { recoveryValueFunc: () => BROKEN },
  );
}
