import type { Expr, Name as NameAst, Statement, VariableRef } from './ast.ts';
import { BROKEN, ExpressionParser, NO_NAME } from './expression-parser.ts';
import { nameOf } from './literals.ts';
import * as t from './tokens.ts';

const NO_VARIABLE: VariableRef = { name: NO_NAME, indices: [], start: 0, end: 0 };

/** Statements of graphical models. Their first words are names elsewhere: the word after them tells. */
export class GraphicalParser extends ExpressionParser {
  /** False where the word is the name that an assignment begins with. */
  protected startsGraphical(): boolean {
    const { tokenType } = this.LA(2);
    return tokenType !== t.Equals && tokenType !== t.Comma;
  }

  private readonly variableRef = this.RULE(
    'variableRef',
    (): VariableRef => {
      const indices: Expr[] = [];
      const name = this.SUBRULE(this.name);
      this.OPTION(() => {
        this.CONSUME(t.OpenBracket);
        this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => indices.push(this.SUBRULE(this.expression)) });
        this.CONSUME(t.CloseBracket);
      });
      return { name, indices, ...this.span(name) };
    },
    { recoveryValueFunc: () => NO_VARIABLE },
  );

  private readonly variableRefs = this.RULE(
    'variableRefs',
    (): readonly VariableRef[] => {
      const refs: VariableRef[] = [];
      this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => refs.push(this.SUBRULE(this.variableRef)) });
      return refs;
    },
    { recoveryValueFunc: () => [] },
  );

  private readonly stateName = this.RULE(
    'stateName',
    (): NameAst =>
      this.OR<NameAst>([
        { ALT: () => nameOf(this.CONSUME(t.Name)) },
        { ALT: () => nameOf(this.CONSUME(t.WORDS.true)) },
        { ALT: () => nameOf(this.CONSUME(t.WORDS.false)) },
      ]),
    { recoveryValueFunc: () => NO_NAME },
  );

  protected readonly variableStatement = this.RULE(
    'variableStatement',
    (): Statement => {
      const states: NameAst[] = [];
      let size: Expr | undefined;
      const first = this.CONSUME(t.SOFT.variable);
      const variable = this.SUBRULE(this.variableRef);
      this.CONSUME(t.Colon);
      this.OR([
        {
          ALT: () => {
            this.CONSUME(t.OpenBrace);
            this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => states.push(this.SUBRULE(this.stateName)) });
            this.CONSUME(t.CloseBrace);
          },
        },
        {
          ALT: () => {
            size = this.SUBRULE(this.expression);
          },
        },
      ]);
      this.CONSUME(t.Semicolon);
      return { kind: 'variable', variable, domain: size === undefined ? { states } : { size }, ...this.span(first) };
    },
    { recoveryValueFunc: () => BROKEN },
  );

  protected readonly factorStatement = this.RULE(
    'factorStatement',
    (): Statement => {
      let parents: readonly VariableRef[] = [];
      let form: NameAst | undefined;
      const first = this.CONSUME(t.SOFT.factor);
      const name = this.SUBRULE(this.name);
      this.CONSUME(t.OpenParen);
      const heads = this.SUBRULE(this.variableRefs);
      this.OPTION(() => {
        this.CONSUME(t.Bar);
        parents = this.SUBRULE2(this.variableRefs);
      });
      this.CONSUME(t.CloseParen);
      this.OPTION2(() => {
        this.CONSUME(t.Colon);
        form = this.SUBRULE2(this.name);
      });
      this.CONSUME(t.Equals);
      const value = this.SUBRULE(this.expression);
      this.CONSUME(t.Semicolon);
      return { kind: 'factor', name, heads, parents, form, value, ...this.span(first) };
    },
    { recoveryValueFunc: () => BROKEN },
  );

  protected readonly evidenceStatement = this.RULE(
    'evidenceStatement',
    (): Statement => {
      const first = this.CONSUME(t.SOFT.evidence);
      const variable = this.SUBRULE(this.variableRef);
      this.CONSUME(t.Equals);
      const value = this.SUBRULE(this.expression);
      this.CONSUME(t.Semicolon);
      return { kind: 'evidence', variable, value, ...this.span(first) };
    },
    { recoveryValueFunc: () => BROKEN },
  );

  protected readonly queryStatement = this.RULE(
    'queryStatement',
    (): Statement => {
      let variables: readonly VariableRef[] = [];
      const first = this.CONSUME(t.SOFT.query);
      const name = this.SUBRULE(this.name);
      this.CONSUME(t.Equals);
      const question = this.SUBRULE2(this.name);
      this.OPTION(() => {
        variables = this.SUBRULE(this.variableRefs);
      });
      this.CONSUME(t.Semicolon);
      return { kind: 'query', name, question, variables, ...this.span(first) };
    },
    { recoveryValueFunc: () => BROKEN },
  );
}
