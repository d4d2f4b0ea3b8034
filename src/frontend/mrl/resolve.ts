import { DTYPES, isOpName, OP_NAMES } from '../../ir/index.ts';
import type { Call, Expr, FileAst, FunctionDecl, GraphicalStatement, ModelDecl, Name, Place, Statement, TypeExpr } from './ast.ts';
import { ARGUMENT_TYPES, BUILTINS, GENERATORS, isArgumentType, isBuiltin, isGenerator, LABEL } from './builtins.ts';
import { CallChecks, MAX_CANDIDATES, Suggestions } from './call-checks.ts';
import { LIMITS } from './limits.ts';
import type { Report } from './source.ts';

/** What the file declares. */
export interface Declarations {
  readonly functions: ReadonlyMap<string, FunctionDecl>;
  readonly model: ModelDecl | undefined;
}

/**
 * Checks every name of the file before anything is elaborated, so that functions nobody calls and branches nobody takes are
 * checked as well: names defined once and before use, calls of known things with known arguments, statements in their place.
 */
export class Resolver {
  private readonly report: Report;
  private readonly quietNames: boolean;
  private readonly suggest: Suggestions;
  private readonly checks: CallChecks;
  private readonly functions = new Map<string, FunctionDecl>();
  private scopes: Map<string, Place>[] = [];
  private readonly calls = new Map<string, { readonly callee: string; readonly place: Place }[]>();
  private current = '';
  private depth = 0;

  /** @param quietNames - after syntax errors unknown names are not reported: their definition may be what could not be read */
  constructor(report: Report, { quietNames }: { readonly quietNames: boolean }) {
    this.report = report;
    this.quietNames = quietNames;
    this.suggest = new Suggestions();
    this.checks = new CallChecks(report, this.suggest);
  }

  resolve(file: FileAst): Declarations {
    const models = file.items.filter((item) => item.kind === 'model');
    const functions = file.items.filter((item) => item.kind === 'fn');
    for (const decl of functions) this.declare(decl);
    for (const decl of functions) this.function(decl);
    for (const decl of models) this.model(decl);
    this.findRecursion();
    const [model, second] = models;
    if (model === undefined && !this.quietNames) {
      this.report.add('MRL2010', 'the file has no model', { start: 0, end: 1 }, ['Add: model name { input …; output …; }']);
    }
    if (second !== undefined)
      this.report.add('MRL2010', 'the file has a second model', second.name, ['Put each model into a file of its own.']);
    return { functions: this.functions, model };
  }

  private declare(decl: FunctionDecl): void {
    const { text } = decl.name;
    if (text === '') return;
    const taken = isOpName(text) ? 'an op' : isBuiltin(text) ? 'a built-in' : isGenerator(text) ? 'an initializer' : undefined;
    const other = this.functions.get(text);
    if (taken !== undefined) this.report.add('MRL2002', `${text} is the name of ${taken}`, decl.name, ['Give the function another name.']);
    else if (other !== undefined) {
      this.report.add('MRL2002', `function ${text} is defined a second time`, decl.name, [
        `It is first defined at ${this.report.source.position(other.name)}.`,
      ]);
    } else this.functions.set(text, decl);
  }

  private function(decl: FunctionDecl): void {
    this.current = decl.name.text;
    this.scopes = [new Map()];
    for (const { name, type, default: initial } of decl.parameters) {
      if (initial !== undefined) this.expr(initial);
      if (type !== undefined && type.text !== '' && !isArgumentType(type.text)) {
        this.report.add('MRL2016', `there is no argument type ${type.text}`, type, [
          ...this.suggest.near(type.text, () => ARGUMENT_TYPES),
          `Types are ${ARGUMENT_TYPES.join(', ')}.`,
        ]);
      }
      if (name.text === LABEL)
        this.report.add('MRL2002', `${LABEL} is an argument of every function`, name, ['Give the argument another name.']);
      else this.define(name);
    }
    this.statements(decl.body, 'fn');
    const last = decl.body.at(-1);
    if (last?.kind !== 'return' && !decl.body.some((s) => s.kind === 'return' || s.kind === 'broken')) {
      this.report.add('MRL2012', `function ${decl.name.text} has no return`, decl.name, ['End it with: return value;']);
    }
    for (const s of decl.body.slice(0, -1)) {
      if (s.kind === 'return')
        this.report.add('MRL2012', 'statements follow this return', s, ['return is the last statement of a function.']);
    }
  }

  private model(decl: ModelDecl): void {
    this.current = '';
    this.scopes = [new Map()];
    this.statements(decl.body, 'model');
  }

  private lookup(name: string): Place | undefined {
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const place = this.scopes[i]?.get(name);
      if (place !== undefined) return place;
    }
    return undefined;
  }

  private define(name: Name): void {
    if (name.text === '') return;
    const earlier = this.lookup(name.text);
    if (earlier === undefined) this.scopes.at(-1)?.set(name.text, name);
    else {
      this.report.add('MRL2002', `${name.text} is defined a second time`, name, [
        `It is first defined at ${this.report.source.position(earlier)}.`,
        `To replace its value, leave out let: ${name.text} = …;`,
      ]);
    }
  }

  private use(name: string, place: Place): void {
    if (name === '' || this.quietNames || this.lookup(name) !== undefined) return;
    const names = (): string[] => this.scopes.toReversed().flatMap((scope) => [...scope.keys()].slice(-MAX_CANDIDATES));
    const notes = this.functions.has(name) || isOpName(name) ? [`${name} is called: ${name}(…).`] : this.suggest.near(name, names);
    this.report.add('MRL2001', `nothing is named ${name} here`, place, notes);
  }

  private scoped(define: Name | undefined, body: readonly Statement[], inside: Inside): void {
    this.scopes.push(new Map());
    if (define !== undefined) this.define(define);
    this.statements(body, inside);
    this.scopes.pop();
  }

  private statements(body: readonly Statement[], where: Inside): void {
    for (const statement of body) this.statement(statement, where);
  }

  private statement(s: Statement, where: Inside): void {
    switch (s.kind) {
      case 'input':
        if (!where.startsWith('model')) this.misplaced(s, 'input stands in the model', 'Make it an argument of the function.');
        this.type(s.type, { symbols: true });
        return this.define(s.name);
      case 'param':
        this.type(s.type, { symbols: false });
        if (s.init?.kind === 'blob') this.digest(s.init.digest);
        if (s.init?.kind === 'value') this.initializer(s.init.value);
        return this.define(s.name);
      case 'let':
        this.expr(s.value);
        return s.names.forEach((name) => this.define(name));
      case 'assign':
        this.expr(s.value);
        return s.names.forEach((name) => this.use(name.text, name));
      case 'output':
        if (!where.startsWith('model')) this.misplaced(s, 'output stands in the model', 'Return the value from the function.');
        return this.expr(s.value);
      case 'return':
        if (where !== 'fn') {
          const remedy =
            where === 'model'
              ? 'Write output name = value; in a model.'
              : 'Assign to a name defined before the block and return that name.';
          this.misplaced(
            s,
            where === 'model' ? 'return stands in a function' : 'return stands at the end of a function, outside of if and for',
            remedy,
          );
        }
        return s.values.forEach((value) => this.expr(value));
      case 'for':
        this.expr(s.from);
        if (s.to !== undefined) this.expr(s.to);
        return this.scoped(s.name, s.body, where.startsWith('model') ? 'model block' : 'fn block');
      case 'if': {
        const inside = where.startsWith('model') ? 'model block' : 'fn block';
        for (const branch of s.branches) {
          this.expr(branch.condition);
          this.scoped(undefined, branch.body, inside);
        }
        if (s.otherwise !== undefined) this.scoped(undefined, s.otherwise, inside);
        return undefined;
      }
      case 'variable':
      case 'factor':
      case 'evidence':
      case 'query':
        return this.graphical(s, where);
      case 'broken':
        return undefined;
      default:
        return s satisfies never;
    }
  }

  /** Variables are known when elaborating only, as their indices are; everything else is checked here. */
  private graphical(s: GraphicalStatement, where: Inside): void {
    if (!where.startsWith('model'))
      this.misplaced(s, `${s.kind} stands in the model`, 'Return a tensor from the function and use it there.');
    const refs = s.kind === 'factor' ? [...s.heads, ...s.parents] : s.kind === 'query' ? s.variables : [s.variable];
    for (const ref of refs) for (const index of ref.indices) this.expr(index);
    if (s.kind === 'variable' && 'size' in s.domain) this.expr(s.domain.size);
    if (s.kind === 'factor') this.expr(s.value);
    // a lone name may be that of a state
    if (s.kind === 'evidence' && s.value.kind !== 'name') this.expr(s.value);
    if (s.kind === 'query') this.define(s.name);
  }

  private misplaced(place: Place, message: string, remedy: string): void {
    this.report.add('MRL2012', message, { start: place.start, end: place.start + 6 }, [remedy]);
  }

  private digest(digest: Name): void {
    if (digest.text === '' || /^sha256:[0-9a-f]{64}$/.test(digest.text)) return;
    const digits = digest.text.length - 'sha256:'.length;
    const what = digits === 64 ? 'holds other characters than 0-9 and a-f' : `has ${digits} digits`;
    this.report.add('MRL1007', `the digest ${what} but takes 64 lower-case hexadecimal digits`, digest);
  }

  private type(type: TypeExpr, { symbols }: { readonly symbols: boolean }): void {
    const { text } = type.dtype;
    if (text !== '' && !(DTYPES as readonly string[]).includes(text) && this.lookup(text) === undefined) {
      this.report.add('MRL2016', `there is no dtype ${text}`, type.dtype, [
        ...this.suggest.near(text, () => DTYPES),
        `Dtypes are ${DTYPES.join(', ')}.`,
      ]);
    }
    for (const dim of type.dims) {
      // A lone name that nothing defines is a symbolic dimension of an input.
      if (!symbols || dim.kind !== 'name' || this.lookup(dim.name) !== undefined) this.expr(dim);
    }
  }

  private initializer(value: Expr): void {
    if (value.kind !== 'call' || !isGenerator(value.callee.text)) return this.expr(value);
    this.values(value);
    return this.checks.named(value, GENERATORS[value.callee.text].parameters, new Set());
  }

  private expr(e: Expr): void {
    if (++this.depth > LIMITS.depth) {
      this.report.add('MRL3001', `the expression is nested deeper than ${LIMITS.depth} levels`, e, ['Give its parts names with let.']);
    } else this.exprInner(e);
    this.depth--;
  }

  private exprInner(e: Expr): void {
    switch (e.kind) {
      case 'int':
        if (!Number.isSafeInteger(e.value)) this.report.add('MRL1006', 'the integer is above 2^53 - 1', e);
        return undefined;
      case 'float':
        if (e.value === Number.POSITIVE_INFINITY && this.report.source.text[e.start] !== 'i')
          this.report.add('MRL1006', 'the number is beyond float64', e, ['Infinity is written inf.']);
        return undefined;
      case 'text':
        for (const part of e.parts) if (typeof part !== 'string') this.use(part.text, part);
        return undefined;
      case 'name':
        return this.use(e.name, e);
      case 'list':
        return e.items.forEach((item) => this.expr(item));
      case 'index':
        this.expr(e.base);
        return this.expr(e.index);
      case 'unary':
        return this.expr(e.operand);
      case 'binary':
        this.expr(e.left);
        return this.expr(e.right);
      case 'call':
        return this.call(e);
      case 'bool':
      case 'dtype':
      case 'broken':
        return undefined;
      default:
        return e satisfies never;
    }
  }

  private values(call: Call): void {
    for (const { value } of call.args) this.expr(value);
  }

  private call(call: Call): void {
    const { text } = call.callee;
    this.values(call);
    const fn = this.functions.get(text);
    if (fn !== undefined) {
      const edges = this.calls.get(this.current) ?? [];
      edges.push({ callee: text, place: call.callee });
      this.calls.set(this.current, edges);
      const names = fn.parameters.map((p) => p.name.text);
      const optional = new Set(fn.parameters.filter((p) => p.default !== undefined).map((p) => p.name.text));
      return this.checks.named(call, names, optional, LABEL);
    }
    if (isOpName(text)) return this.checks.op(call, text);
    if (isBuiltin(text)) return this.checks.builtin(call, text);
    if (text === '') return undefined;
    if (isGenerator(text)) {
      this.report.add('MRL2004', `${text} is an initializer of a parameter`, call.callee, [`Write: param name: f32[…] = ${text}(…);`]);
    } else if (this.lookup(text) !== undefined) this.report.add('MRL2004', `${text} is a value, not a function`, call.callee);
    else if (!this.quietNames) {
      const known = (): string[] => [...this.functions.keys(), ...OP_NAMES, ...Object.keys(BUILTINS)];
      this.report.add('MRL2004', `there is no op or function ${text}`, call.callee, this.suggest.near(text, known));
    }
    return undefined;
  }

  /** Finds call cycles; iterative, since a file may hold a long chain of functions. */
  private findRecursion(): void {
    const state = new Map<string, 'open' | 'done'>();
    for (const start of this.functions.keys()) {
      if (state.has(start)) continue;
      const stack = [{ name: start, next: 0 }];
      state.set(start, 'open');
      for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
        const edge = this.calls.get(top.name)?.[top.next++];
        if (edge === undefined) {
          state.set(top.name, 'done');
          stack.pop();
        } else if (state.get(edge.callee) === 'open') {
          this.report.add('MRL2014', `${edge.callee} calls itself`, edge.place, ['Functions are expanded: use a for loop.']);
        } else if (!state.has(edge.callee)) {
          state.set(edge.callee, 'open');
          stack.push({ name: edge.callee, next: 0 });
        }
      }
    }
  }
}

type Inside = 'model' | 'model block' | 'fn' | 'fn block';
