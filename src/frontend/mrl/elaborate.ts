import {
  DTYPE_INFO,
  DTYPES,
  type DType,
  elementCount,
  formatType,
  isStaticType,
  paramDigest,
  retypedTensor,
  StoredTensor,
  type ProgramBuilder,
  type StaticType,
  type Tensor,
  type TensorType,
} from '../../ir/index.ts';
import type { Call, Expr, FunctionDecl, ModelDecl, Name, Parameter, Place, Statement, TypeExpr } from './ast.ts';
import { isArgumentType, isGenerator, LABEL } from './builtins.ts';
import { convertArgument } from './arguments.ts';
import { GraphicalEvaluator } from './graphical.ts';
import { filledTensor, inlineTensor, type Made, placeholderTensor, randomTensor } from './initializers.ts';
import { LIMITS } from './limits.ts';
import { type Frame, LimitReached } from './machine.ts';
import type { Declarations } from './resolve.ts';
import type { Report } from './source.ts';
import { describeValue, int, POISON, type Value } from './values.ts';

/** Where parameters that are not written in the text come from. */
export interface ParamSource {
  /** @param digest - 64 hexadecimal digits, as `paramDigest` gives */
  byDigest?(digest: string): Tensor | undefined;
  /** @param name - the full name, such as `layer1.0.conv1.weight` */
  byName?(name: string): Tensor | undefined;
}

/** What becomes of a parameter that has no data: a diagnostic, zeros that take no memory until written, or made-up data. */
export type UnboundParams = 'error' | 'zeros' | 'random';

export interface ElaborateOptions {
  readonly params: ParamSource;
  readonly unboundParams: UnboundParams;
}

/** Storage dtypes that files know, by the dtype that the program declares. */
const STORED_AS: Partial<Readonly<Record<DType, DType>>> = { i6: 'i8', bool: 'u8' };

/** Statements: runs the model, expanding functions, loops and branches into the builder. */
export class Elaborator extends GraphicalEvaluator {
  private readonly functions: Declarations['functions'];
  private readonly options: ElaborateOptions;
  private readonly outputs = new Set<string>();
  private readonly active = new Set<FunctionDecl>();

  constructor(report: Report, builder: ProgramBuilder, functions: Declarations['functions'], options: ElaborateOptions) {
    super(report, builder);
    this.functions = functions;
    this.options = options;
  }

  run(model: ModelDecl): void {
    try {
      this.statements(model.body);
    } catch (error) {
      if (!(error instanceof LimitReached)) throw error;
    }
  }

  private statements(body: readonly Statement[]): void {
    for (const statement of body) this.statement(statement);
  }

  /** A block of its own names. */
  private block(body: readonly Statement[], place: Place, name?: Name, value?: Value): void {
    this.enter(place);
    this.frame.scopes.push(new Map());
    if (name !== undefined && value !== undefined) this.define(name.text, value);
    this.statements(body);
    this.frame.scopes.pop();
    this.leave();
  }

  private statement(s: Statement): void {
    this.step(s);
    switch (s.kind) {
      case 'input':
        return this.input(s);
      case 'param':
        return this.define(s.name.text, this.param(s));
      case 'let':
      case 'assign':
        return this.bind(s);
      case 'output':
        return this.output(s);
      case 'for':
        return this.loop(s);
      case 'if':
        return this.branch(s);
      case 'variable':
      case 'factor':
      case 'evidence':
      case 'query':
        return this.graphical(s);
      case 'return':
      case 'broken':
        return undefined;
      default:
        return s satisfies never;
    }
  }

  private input(s: Extract<Statement, { kind: 'input' }>): void {
    const type = this.type(s.type, { symbols: true });
    const name = this.fullName(s.name.text);
    if (!this.claim(this.ports, name, 'input or parameter', s.name) || type === undefined) return this.define(s.name.text, POISON);
    this.countValues(1, s);
    return this.define(s.name.text, { kind: 'tensor', id: this.builder.input(name, type) });
  }

  private output(s: Extract<Statement, { kind: 'output' }>): void {
    const value = this.evaluate(s.value, s.name.text);
    if (!this.claim(this.outputs, s.name.text, 'output', s.name) || value.kind === 'poison') return;
    if (value.kind === 'tensor') this.builder.output(s.name.text, value.id);
    else {
      const notes = value.kind === 'list' ? ['Give each value an output of its own.'] : [];
      this.problem('MRL2003', `output ${s.name.text} is a tensor but this is ${describeValue(value)}`, s.value, notes);
    }
  }

  /** True when the name is still free. */
  private claim(names: Set<string>, name: string, what: string, place: Place): boolean {
    if (!names.has(name)) {
      names.add(name);
      return true;
    }
    this.problem('MRL2002', `${what} ${name} is made a second time`, place, [
      `Give the calls that make it different labels: f(x, ${LABEL}: "…").`,
    ]);
    return false;
  }

  private bind(s: Extract<Statement, { kind: 'let' | 'assign' }>): void {
    const [first] = s.names;
    const value = this.evaluate(s.value, first?.text);
    const values = this.spread(value, s);
    s.names.forEach((name, i) => {
      const item = values[i] ?? POISON;
      if (s.kind === 'let') this.define(name.text, item);
      else this.frame.scopes.findLast((scope) => scope.has(name.text))?.set(name.text, item);
    });
  }

  private spread(value: Value, s: Extract<Statement, { kind: 'let' | 'assign' }>): readonly Value[] {
    if (s.names.length === 1) return [value];
    if (value.kind === 'poison') return [];
    if (value.kind === 'list' && value.items.length === s.names.length) return value.items;
    const has = value.kind === 'list' ? `${value.items.length} values` : describeValue(value);
    this.problem('MRL2013', `${s.names.length} names stand left of = but ${has} right of it`, s.value);
    return [];
  }

  private loop(s: Extract<Statement, { kind: 'for' }>): void {
    const from = this.evaluate(s.from);
    const to = s.to === undefined ? undefined : this.evaluate(s.to);
    if (from.kind === 'poison' || to?.kind === 'poison') return;
    if (to === undefined && from.kind === 'list') return from.items.forEach((item, i) => this.iterate(s, i, item));
    if (from.kind === 'int' && to?.kind === 'int') {
      for (let i = from.value; i < to.value; i++) this.iterate(s, i, int(i));
      return undefined;
    }
    const wrong = from.kind === 'int' && to !== undefined ? to : from;
    const message = `for runs over a list or integers from..to but has ${describeValue(wrong)}`;
    this.problem(wrong.kind === 'symbol' ? 'MRL2011' : 'MRL2003', message, s, ['Write: for i in 0..3 { … }']);
    return undefined;
  }

  private iterate(s: Extract<Statement, { kind: 'for' }>, position: number, value: Value): void {
    this.step(s, 5);
    this.frame.loop.push(position);
    this.block(s.body, s, s.name, value);
    this.frame.loop.pop();
  }

  private branch(s: Extract<Statement, { kind: 'if' }>): void {
    for (const { condition, body } of s.branches) {
      const value = this.evaluate(condition);
      if (value.kind === 'poison') return;
      if (value.kind !== 'bool') {
        this.problem(value.kind === 'symbol' ? 'MRL2011' : 'MRL2003', `if takes a bool but has ${describeValue(value)}`, condition);
        return;
      }
      if (value.value) return this.block(body, s);
    }
    if (s.otherwise !== undefined) this.block(s.otherwise, s);
  }

  private type(type: TypeExpr, { symbols }: { readonly symbols: boolean }): TensorType | undefined {
    const named = this.lookup(type.dtype.text);
    const dtype = DTYPES.find((d) => d === type.dtype.text) ?? (named?.kind === 'dtype' ? named.value : undefined);
    if (dtype === undefined && named !== undefined && named.kind !== 'poison') {
      this.problem('MRL2003', `${type.dtype.text} is ${describeValue(named)}, not a dtype`, type.dtype);
    }
    const shape = type.dims.map((dim) => this.dimension(dim, symbols));
    const known = shape.filter((d) => d !== undefined);
    if (dtype === undefined || known.length < shape.length) return undefined;
    const whole: TensorType = { dtype, shape: known };
    return this.fitsMemory(whole, type) ? whole : undefined;
  }

  private dimension(dim: Expr, symbols: boolean): number | string | undefined {
    if (symbols && dim.kind === 'name' && dim.name !== '' && this.lookup(dim.name) === undefined) return dim.name;
    const value = this.evaluate(dim);
    if (value.kind === 'int' && value.value >= 0) return value.value;
    if (value.kind === 'symbol' && symbols) return value.name;
    if (value.kind === 'symbol') this.problem('MRL2011', `a parameter has fixed sizes but ${value.name} is symbolic`, dim);
    else if (value.kind !== 'poison')
      this.problem('MRL2003', `a dimension is an integer from 0 on but this is ${describeValue(value)}`, dim);
    return undefined;
  }

  private param(s: Extract<Statement, { kind: 'param' }>): Value {
    const type = this.type(s.type, { symbols: false });
    const name = this.fullName(s.name.text);
    if (!this.claim(this.ports, name, 'input or parameter', s.name) || type === undefined || !isStaticType(type)) return POISON;
    const made = this.paramData(s, type, name);
    if (made === undefined) return POISON;
    if (!('tensor' in made)) return this.problem(made.code, `parameter ${name}: ${made.message}`, s.name, made.notes);
    this.countValues(1, s);
    const id = this.builder.param(name, made.tensor);
    if (type.dtype === 'f32') this.floats.set(id, made.tensor);
    return { kind: 'tensor', id };
  }

  /** Undefined when the problem is reported already. */
  private paramData(s: Extract<Statement, { kind: 'param' }>, type: StaticType, name: string): Made | undefined {
    if (s.init === undefined) return this.namedData(type, name);
    if (s.init.kind === 'blob') return this.blobData(type, s.init.digest.text);
    const { value: expr } = s.init;
    if (expr.kind === 'call' && isGenerator(expr.callee.text)) return this.generatedData(type, expr);
    const value = this.evaluate(expr);
    if (value.kind === 'list') this.step(expr, value.items.length);
    return value.kind === 'poison' ? undefined : inlineTensor(type, value);
  }

  private generatedData(type: StaticType, call: Call): Made | undefined {
    const names = call.callee.text === 'fill' ? ['value'] : ['seed', 'lo', 'hi'];
    const values = names.map((name, i) => {
      const arg = call.args.find((a) => a.name?.text === name) ?? (call.args[i]?.name === undefined ? call.args[i] : undefined);
      return arg === undefined ? POISON : this.evaluate(arg.value);
    });
    const [first = POISON, lo = POISON, hi = POISON] = values;
    if (values.some((v) => v.kind === 'poison')) return undefined;
    return this.generate(type, () => (call.callee.text === 'fill' ? filledTensor(type, first) : randomTensor(type, first, lo, hi)));
  }

  private generate(type: StaticType, make: () => Made): Made {
    return this.reserve(elementCount(type.shape) * DTYPE_INFO[type.dtype].bytes)
      ? make()
      : { code: 'MRL3007', message: `generated parameters take more than ${LIMITS.generatedBytes} bytes together` };
  }

  private blobData(type: StaticType, text: string): Made | undefined {
    const digest = text.slice('sha256:'.length);
    if (!/^[0-9a-f]{64}$/.test(digest)) return undefined;
    const tensor = this.options.params.byDigest?.(digest);
    if (tensor === undefined) {
      return {
        code: 'MRL2008',
        message: `no data has the digest sha256:${digest}`,
        notes: ['Give the parameter file that belongs to this model.'],
      };
    }
    const problem = typeProblem(type, tensor);
    if (problem !== undefined) return { code: 'MRL2009', message: problem };
    const declared = retypedTensor(tensor, type);
    const found = paramDigest(declared);
    return found === digest
      ? { tensor: declared }
      : {
          code: 'MRL2009',
          message: `the data has digest sha256:${found} but sha256:${digest} is wanted`,
          notes: ['The parameter file was altered.'],
        };
  }

  private namedData(type: StaticType, name: string): Made {
    const tensor = this.options.params.byName?.(name);
    if (tensor !== undefined) {
      const problem = typeProblem(type, tensor);
      return problem === undefined ? { tensor: retypedTensor(tensor, type) } : { code: 'MRL2009', message: problem };
    }
    if (this.options.unboundParams === 'error') {
      return {
        code: 'MRL2008',
        message: `no data is named ${name}`,
        notes: ['Give a parameter file that has it, or write an initializer: = fill(0.5).'],
      };
    }
    return this.generate(type, () => (this.options.unboundParams === 'zeros' ? filledTensor(type, int(0)) : placeholderTensor(type, name)));
  }

  /** What a call adds goes below its label: given, or the name it is bound to with the indices of loops, made unique. */
  private labelOf(call: Call, hint: string | undefined): string | undefined {
    const given = call.args.find((a) => a.name?.text === LABEL);
    if (given === undefined) return this.labels.unique(this.fullName(hint ?? call.callee.text));
    const value = this.evaluate(given.value);
    if (value.kind === 'text') return `${this.frame.path}${value.value}`;
    if (value.kind !== 'poison') this.problem('MRL2003', `${LABEL} is a text but this is ${describeValue(value)}`, given.value);
    return undefined;
  }

  protected callFunction(call: Call, hint: string | undefined): Value | undefined {
    const decl = this.functions.get(call.callee.text);
    if (decl === undefined) return undefined;
    const positional = call.args.filter((a) => a.name === undefined).map((a) => this.evaluate(a.value));
    const named = new Map(
      call.args.flatMap((a) => (a.name === undefined || a.name.text === LABEL ? [] : [[a.name.text, this.evaluate(a.value)]])),
    );
    const label = this.labelOf(call, hint);
    // A cycle is reported where names are resolved.
    if (label === undefined || this.active.has(decl)) return POISON;
    if (this.active.size >= LIMITS.callDepth) {
      this.problem('MRL3004', `calls are nested deeper than ${LIMITS.callDepth} levels`, call.callee, [
        'Call fewer functions within functions.',
      ]);
      throw new LimitReached(decl.name.text);
    }
    const caller = this.frame;
    // A path that ends in "." would double the dot: an empty label adds nothing.
    const path = label === '' || label.endsWith('.') ? label : `${label}.`;
    const frame: Frame = { scopes: [new Map()], path, loop: [], caller: { frame: caller, callee: decl.name.text, place: call } };
    this.active.add(decl);
    this.step(call, 10);
    this.enter(call);
    decl.parameters.forEach((p, i) => this.argument(decl, p, positional[i] ?? named.get(p.name.text), frame, caller, call));
    this.frame = frame;
    const value = this.body(decl);
    this.frame = caller;
    this.leave();
    this.active.delete(decl);
    return value;
  }

  /** Binds one argument in the frame of the call; a default may use the arguments before it. */
  private argument(decl: FunctionDecl, p: Parameter, given: Value | undefined, frame: Frame, caller: Frame, call: Call): void {
    this.frame = frame;
    const value = given ?? (p.default === undefined ? POISON : this.evaluate(p.default));
    this.frame = given === undefined ? frame : caller;
    const type = p.type?.text ?? 'tensor';
    const converted = value.kind === 'poison' || !isArgumentType(type) ? POISON : convertArgument(type, value);
    if (converted === undefined) {
      const message = `${decl.name.text}: ${p.name.text} takes ${type} but has ${describeValue(value)}`;
      const arg = call.args.find((a) => a.name?.text === p.name.text) ?? call.args[decl.parameters.indexOf(p)];
      this.problem(value.kind === 'symbol' ? 'MRL2011' : 'MRL2003', message, given === undefined ? (p.default ?? p) : (arg?.value ?? call));
    }
    this.frame = frame;
    this.define(p.name.text, converted ?? POISON);
  }

  private body(decl: FunctionDecl): Value {
    for (const s of decl.body) {
      if (s.kind !== 'return') {
        this.statement(s);
        continue;
      }
      this.step(s);
      const values = s.values.map((value) => this.evaluate(value));
      const [only] = values;
      return values.length === 1 && only !== undefined ? only : this.makeList(values, s);
    }
    return POISON;
  }
}

const typeProblem = (wanted: StaticType, given: Tensor): string | undefined => {
  const dtypeFits = given.dtype === wanted.dtype || given.dtype === STORED_AS[wanted.dtype];
  const shapeFits = given.shape.length === wanted.shape.length && given.shape.every((d, i) => d === wanted.shape[i]);
  if (!dtypeFits || !shapeFits) return `the model wants ${formatType(wanted)} but the data is ${formatType(given)}`;
  const count = elementCount(wanted.shape);
  if (given instanceof StoredTensor) return undefined;
  return given.data.length === count ? undefined : `${formatType(wanted)} has ${count} elements but the data has ${given.data.length}`;
};
