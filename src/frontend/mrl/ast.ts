/** Code-unit offsets into the text: start inclusive, end exclusive. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

export interface Name extends Place {
  readonly text: string;
}

/** Binary operators by precedence, weakest first. All associate to the left. */
export const BINARY_OPERATORS = [['||'], ['&&'], ['==', '!='], ['<', '<=', '>', '>='], ['+', '-'], ['*', '/', '%']] as const;
export type BinaryOperator = (typeof BINARY_OPERATORS)[number][number];
export type UnaryOperator = '-' | '!';

export interface Argument {
  readonly name: Name | undefined;
  readonly value: Expr;
}

export interface Call extends Place {
  readonly kind: 'call';
  readonly callee: Name;
  readonly args: readonly Argument[];
}

export type Expr =
  | (Place & { readonly kind: 'int' | 'float'; readonly value: number })
  | (Place & { readonly kind: 'bool'; readonly value: boolean })
  /** `parts` alternate between literal text and inserted names, text first. */
  | (Place & { readonly kind: 'text'; readonly parts: readonly (string | Name)[] })
  | (Place & { readonly kind: 'dtype'; readonly value: string })
  | (Place & { readonly kind: 'name'; readonly name: string })
  | (Place & { readonly kind: 'list'; readonly items: readonly Expr[] })
  | (Place & { readonly kind: 'index'; readonly base: Expr; readonly index: Expr })
  | (Place & { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly operand: Expr })
  | (Place & { readonly kind: 'binary'; readonly operator: BinaryOperator; readonly left: Expr; readonly right: Expr })
  | Call
  /** What recovery leaves behind; already reported. */
  | (Place & { readonly kind: 'broken' });

/** `f32[N, 3, 8]`. */
export interface TypeExpr extends Place {
  readonly dtype: Name;
  readonly dims: readonly Expr[];
}

export type Initializer = { readonly kind: 'blob'; readonly digest: Name } | { readonly kind: 'value'; readonly value: Expr };

/** A variable of the graphical model: `Rain`, `X[t - 1]`. */
export interface VariableRef extends Place {
  readonly name: Name;
  readonly indices: readonly Expr[];
}

/** Statements of a graphical model (docs/spec.md §9). */
export type GraphicalStatement =
  | (Place & {
      readonly kind: 'variable';
      readonly variable: VariableRef;
      /** Names of the states, or an expression that counts them. */
      readonly domain: { readonly states: readonly Name[] } | { readonly size: Expr };
    })
  | (Place & {
      readonly kind: 'factor';
      readonly name: Name;
      readonly heads: readonly VariableRef[];
      readonly parents: readonly VariableRef[];
      /** What the numbers are; undefined for probabilities. */
      readonly form: Name | undefined;
      readonly value: Expr;
    })
  | (Place & { readonly kind: 'evidence'; readonly variable: VariableRef; readonly value: Expr })
  | (Place & { readonly kind: 'query'; readonly name: Name; readonly question: Name; readonly variables: readonly VariableRef[] });

export interface Branch {
  readonly condition: Expr;
  readonly body: readonly Statement[];
}

export type Statement =
  | (Place & { readonly kind: 'input'; readonly name: Name; readonly type: TypeExpr })
  | (Place & { readonly kind: 'param'; readonly name: Name; readonly type: TypeExpr; readonly init: Initializer | undefined })
  | (Place & { readonly kind: 'let' | 'assign'; readonly names: readonly Name[]; readonly value: Expr })
  | (Place & { readonly kind: 'output'; readonly name: Name; readonly value: Expr })
  | (Place & { readonly kind: 'return'; readonly values: readonly Expr[] })
  | (Place & {
      readonly kind: 'for';
      readonly name: Name;
      readonly from: Expr;
      /** Exclusive end of a range; undefined when `from` is a list. */
      readonly to: Expr | undefined;
      readonly body: readonly Statement[];
    })
  | (Place & { readonly kind: 'if'; readonly branches: readonly Branch[]; readonly otherwise: readonly Statement[] | undefined })
  | GraphicalStatement
  | (Place & { readonly kind: 'broken' });

/** An argument of a function; without a type it is a tensor. */
export interface Parameter extends Place {
  readonly name: Name;
  readonly type: Name | undefined;
  readonly default: Expr | undefined;
}

export interface FunctionDecl extends Place {
  readonly kind: 'fn';
  readonly name: Name;
  readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[];
}

export interface ModelDecl extends Place {
  readonly kind: 'model';
  readonly name: Name;
  readonly body: readonly Statement[];
}

export interface MetaEntry {
  readonly name: Name;
  readonly value: Expr;
}

export type Item =
  | FunctionDecl
  | ModelDecl
  | (Place & { readonly kind: 'meta'; readonly entries: readonly MetaEntry[] })
  | (Place & { readonly kind: 'broken' });

export interface FileAst {
  /** Undefined when the version line is missing or broken. */
  readonly version: (Place & { readonly value: number }) | undefined;
  readonly items: readonly Item[];
}
