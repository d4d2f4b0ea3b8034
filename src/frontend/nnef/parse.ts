import { damaged, stop } from '../import-problems.ts';

/** Values of literals: numbers, texts, truth values, and lists of them. */
export type Literal = number | string | boolean | readonly Literal[];

/** An expression of a graph: literals, names, lists (tuples are lists), and invocations; operators are invocations too. */
export type Expr =
  | { readonly kind: 'literal'; readonly value: number | string | boolean }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'list'; readonly items: readonly Expr[] }
  | {
      readonly kind: 'call';
      readonly op: string;
      readonly elem: string | undefined;
      readonly args: readonly Argument[];
      readonly line: number;
    };

export interface Argument {
  /** Of named arguments. */
  readonly name: string | undefined;
  readonly value: Expr;
}

export interface Assignment {
  readonly targets: readonly string[];
  /** The targets stand in brackets or are several: results of an operation, or the items of its one list. */
  readonly value: Expr;
  readonly line: number;
}

export interface Document {
  readonly version: string;
  readonly extensions: readonly string[];
  readonly name: string;
  readonly params: readonly string[];
  readonly results: readonly string[];
  readonly assignments: readonly Assignment[];
}

const SKIP = /(?:\s|#[^\n]*)*/y;
const TOKEN =
  /[A-Za-z_]\w*|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|->|<=|>=|==|!=|&&|\|\||[{}()[\]<>,;:=?+\-*/^!]/y;
const MAX_DEPTH = 64;

const NAME = /^[A-Za-z_]\w*$/;
const TYPES: ReadonlySet<string> = new Set(['integer', 'scalar', 'logical', 'string']);

/** Operators by how tightly they bind, and the operations they stand for. */
const BINARY: readonly Readonly<Record<string, string>>[] = [
  { '||': 'or', '&&': 'and' },
  { '<': 'lt', '>': 'gt', '<=': 'le', '>=': 'ge', '==': 'eq', '!=': 'ne' },
  { '+': 'add', '-': 'sub' },
  { '*': 'mul', '/': 'div' },
  { '^': 'pow' },
];

class GraphReader {
  private readonly source: string;
  private at = 0;
  private start = 0;
  private token: string | undefined;
  private line = 1;
  private depth = 0;

  constructor(source: string) {
    this.source = source;
    this.next();
  }
  problem(detail: string): never {
    return stop(damaged('NNEF', `line ${this.line}: ${detail}`));
  }
  private next(): void {
    SKIP.lastIndex = this.at;
    SKIP.exec(this.source);
    for (let i = this.start; i < SKIP.lastIndex; i++) if (this.source.charCodeAt(i) === 10) this.line++;
    this.start = SKIP.lastIndex;
    this.at = this.start;
    this.token = undefined;
    if (this.start >= this.source.length) return;
    TOKEN.lastIndex = this.start;
    const found = TOKEN.exec(this.source);
    if (found === null) this.problem(`${JSON.stringify(this.source[this.start] ?? '')} begins no token`);
    this.token = found?.[0];
    this.at = TOKEN.lastIndex;
  }
  private take(): string {
    const { token } = this;
    if (token === undefined) return this.problem('the text ends too soon');
    this.next();
    return token;
  }
  private skip(token: string): boolean {
    if (this.token !== token) return false;
    this.next();
    return true;
  }
  private want(token: string): void {
    if (!this.skip(token)) this.problem(`${this.token ?? 'the end'} stands where ${token} is wanted`);
  }
  private name(): string {
    const token = this.take();
    return NAME.test(token) ? token : this.problem(`${token} stands where a name is wanted`);
  }
  private names(open: string, close: string): readonly string[] {
    this.want(open);
    const out: string[] = [];
    while (!this.skip(close)) {
      out.push(this.name());
      if (!this.skip(',') && this.token !== close) this.problem(`"," or "${close}" is missing`);
    }
    return out;
  }

  document(): Document {
    this.want('version');
    const version = this.take();
    this.want(';');
    const extensions: string[] = [];
    while (this.skip('extension')) {
      let text = this.take();
      while (this.token !== undefined && this.token !== ';') text += ` ${this.take()}`;
      this.want(';');
      extensions.push(text);
    }
    if (this.token === 'fragment') this.problem('definitions of fragments are not read; write the graph in flat form');
    this.want('graph');
    const name = this.name();
    const params = this.names('(', ')');
    this.want('->');
    const results = this.names('(', ')');
    this.want('{');
    const assignments: Assignment[] = [];
    while (!this.skip('}')) assignments.push(this.assignment());
    if (this.token !== undefined) this.problem(`${this.token} stands behind the graph`);
    return { version, extensions, name, params, results, assignments };
  }

  private assignment(): Assignment {
    const { line } = this;
    const targets: string[] = [];
    if (this.token === '[') targets.push(...this.names('[', ']'));
    else if (this.token === '(') targets.push(...this.names('(', ')'));
    else
      do targets.push(this.name());
      while (this.skip(','));
    this.want('=');
    const value = this.expression(0);
    this.want(';');
    return { targets, value, line };
  }

  private nested<T>(read: () => T): T {
    if (++this.depth > MAX_DEPTH) this.problem(`expressions lie more than ${MAX_DEPTH} deep`);
    const made = read();
    this.depth--;
    return made;
  }

  private expression(level: number): Expr {
    const ops = BINARY[level];
    if (ops === undefined) return this.unary();
    let left = this.expression(level + 1);
    while (this.token !== undefined && Object.hasOwn(ops, this.token)) {
      const { line } = this;
      const op = ops[this.take()] ?? '';
      left = call(op, [left, this.expression(level + 1)], line);
    }
    if (this.token === 'if') this.problem('conditional expressions are not read; write the graph in flat form');
    return left;
  }
  private unary(): Expr {
    const { line } = this;
    const sign = this.token;
    if (sign !== '!' && sign !== '-' && sign !== '+') return this.primary();
    this.next();
    const value = this.nested(() => this.unary());
    if (value.kind === 'literal' && typeof value.value === 'number') return sign === '-' ? { kind: 'literal', value: -value.value } : value;
    // Khronos' own reader takes -x * y + z as -(x * y + z)
    if (BINARY.some((ops) => this.token !== undefined && Object.hasOwn(ops, this.token)))
      this.problem(`readers differ on what ${sign} stands before; put brackets around it`);
    return sign === '+' ? value : call(sign === '!' ? 'not' : 'neg', [value], line);
  }

  private list(close: string): readonly Expr[] {
    const items: Expr[] = [];
    while (!this.skip(close)) {
      if (this.token === 'for') this.problem('comprehensions are not read; write the graph in flat form');
      items.push(this.expression(0));
      if (!this.skip(',') && this.token !== close) this.problem(`"," or "${close}" is missing`);
    }
    return items;
  }

  private primary(): Expr {
    if (this.skip('[')) return { kind: 'list', items: this.nested(() => this.list(']')) };
    if (this.skip('(')) {
      const items = this.nested(() => this.list(')'));
      const [only] = items;
      return items.length === 1 && only !== undefined ? only : { kind: 'list', items };
    }
    const { line } = this;
    const token = this.take();
    if (token.startsWith('"') || token.startsWith("'")) return { kind: 'literal', value: token.slice(1, -1).replace(/\\(.)/g, '$1') };
    if (/^[\d.]/.test(token)) return { kind: 'literal', value: Number(token) };
    if (token === 'true' || token === 'false') return { kind: 'literal', value: token === 'true' };
    if (!NAME.test(token)) return this.problem(`${token} stands where a value is wanted`);
    let elem: string | undefined;
    if (this.token === '<' && this.isType()) {
      this.want('<');
      elem = this.name();
      this.want('>');
    }
    if (!this.skip('(')) return { kind: 'name', name: token };
    return this.nested(() => this.call(token, elem, line));
  }
  /** Whether what follows is a type in angle brackets, not a comparison. */
  private isType(): boolean {
    const found = /^<\s*([a-z]+)\s*>\s*\(/.exec(this.source.slice(this.start, this.start + 40));
    return found !== null && TYPES.has(found[1] ?? '');
  }
  private call(op: string, elem: string | undefined, line: number): Expr {
    const args: Argument[] = [];
    while (!this.skip(')')) {
      const value = this.expression(0);
      if (value.kind === 'name' && this.skip('=')) args.push({ name: value.name, value: this.expression(0) });
      else args.push({ name: undefined, value });
      if (!this.skip(',') && this.token !== ')') this.problem(`"," or ")" is missing`);
    }
    return { kind: 'call', op, elem, args, line };
  }

  /** Lines of graph.quant: `"tensor": algorithm(…);` */
  quantization(): ReadonlyMap<string, Expr> {
    const out = new Map<string, Expr>();
    while (this.token !== undefined) {
      const key = this.take();
      if (!/^["']/.test(key)) this.problem(`${key} stands where the name of a tensor in quotes is wanted`);
      this.want(':');
      out.set(key.slice(1, -1), this.expression(0));
      this.want(';');
    }
    return out;
  }
}

const call = (op: string, values: readonly Expr[], line: number): Expr => ({
  kind: 'call',
  op,
  elem: undefined,
  args: values.map((value) => ({ name: undefined, value })),
  line,
});

/** @throws {MrlError} IMP1001 with the line */
export const parseGraph = (source: string): Document => new GraphReader(source).document();
/** @throws {MrlError} IMP1001 with the line */
export const parseQuantization = (source: string): ReadonlyMap<string, Expr> => new GraphReader(source).quantization();
