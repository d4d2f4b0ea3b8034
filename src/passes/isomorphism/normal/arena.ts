import {
  type AnyAttrs,
  completeAttrs,
  decompositionOf,
  DTYPE_INFO,
  elementCount,
  evaluateNode,
  inferNode,
  isStaticType,
  type OpName,
  type Program,
  type StaticType,
  type Tensor,
  type TensorType,
} from '../../../ir/index.ts';
import { at, invariant, unwrap } from '../../../support/index.ts';
import { Interner } from '../colors.ts';
import { type Constant, derivedConstant, mergeNames, parameterConstant, scalarConstant } from '../constant.ts';
import { attrText, isCommutative, type Term, type TermOp } from '../graph.ts';
import { sameSizes, shapeOf } from './shapes.ts';

/**
 * How far a rule keeps results: EXACT, the same bits; REAL, equal in real arithmetic, roundings apart; QUANTIZATION, equal but for
 * the steps of quantized activations.
 */
export type Exactness = 'EXACT' | 'REAL' | 'QUANTIZATION';

/** A node about to be built, operands in normal form. */
export interface Draft {
  readonly op: TermOp;
  readonly attrs: AnyAttrs;
  readonly operands: readonly Term[];
  readonly type: TensorType;
  readonly origin: string;
}

/** One rule of the rewriter: what stands for a node, or undefined where it does not apply. */
export interface Rule {
  readonly name: string;
  readonly exactness: Exactness;
  readonly ops: readonly TermOp[];
  readonly apply: (arena: Arena, draft: Draft) => Term | undefined;
}

/** A use of a rule, at the node of the user's model where it applied. */
export interface Rewrite {
  readonly rule: string;
  readonly exactness: Exactness;
  readonly at: string;
}

/** Raised when a model needs more rewriting than any honest one; becomes an undecided verdict. */
export class BudgetError extends Error {
  override readonly name = 'BudgetError';
}

const MAX_KEY = 64;
const MAX_OPERATIONS_BASE = 200_000;
const MAX_OPERATIONS_PER_NODE = 400;

const tensorOf = (constant: Constant): Tensor => {
  const data = DTYPE_INFO[constant.type.dtype].make(constant.values().length);
  data.set(constant.values());
  return { ...constant.type, data };
};

/** Constants last, the others in order of definition. */
const byKind = (a: Term, b: Term): number => Number(a.op === 'constant') - Number(b.op === 'constant') || a.id - b.id;

/** Terms in normal form. Building a node applies the rules to it, so a value that was built is normal, and equal values are one term. */
export class Arena {
  readonly trace: Rewrite[] = [];
  private readonly known = new Map<string, Term>();
  private readonly keys = new Interner();
  private readonly rules: ReadonlyMap<TermOp, readonly Rule[]>;
  private readonly expanded: ReadonlySet<OpName>;
  private readonly limit: number;
  private operations = 0;
  private nextId = 0;

  constructor(rules: readonly Rule[], expanded: ReadonlySet<OpName>, nodes: number) {
    const byOp = new Map<TermOp, Rule[]>();
    for (const rule of rules) for (const op of rule.ops) byOp.set(op, [...(byOp.get(op) ?? []), rule]);
    this.rules = byOp;
    this.expanded = expanded;
    this.limit = MAX_OPERATIONS_BASE + MAX_OPERATIONS_PER_NODE * nodes;
  }

  private intern(key: string, make: (id: number) => Term): Term {
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const term = make(this.nextId++);
    this.known.set(key, term);
    return term;
  }

  input(index: number, type: TensorType, origin: string): Term {
    return this.intern(`input ${index}`, (id) => ({ id, op: 'input', attrs: {}, operands: [], result: 0, type, origin }));
  }

  /** A quantized input as the real numbers that it stands for. */
  realInput(input: Term): Term {
    const type: TensorType = { dtype: 'f32', shape: input.type.shape };
    return this.intern(`real ${input.id}`, (id) => ({ ...input, id, type }));
  }

  constant(given: Constant): Term {
    // keys name how a constant was made: long ones are numbered, since they would grow with every use
    const constant = given.key.length <= MAX_KEY ? given : { ...given, key: `#${this.keys.number(given.key)}` };
    const { type, names } = constant;
    const key = `${constant.key}:${type.dtype}${type.shape.join('x')}`;
    const origin = names.join(' * ') || 'constant';
    return this.intern(key, (id) => ({ id, op: 'constant', attrs: {}, operands: [], result: 0, type, origin, constant }));
  }

  scalar(value: number): Term {
    return this.constant(scalarConstant(value));
  }

  /** A term as it is; rules have had their say. */
  leaf(draft: Draft, result = 0): Term {
    const { op, attrs, type, origin } = draft;
    const operands = isCommutative(op) ? [...draft.operands].sort(byKind) : draft.operands;
    const key = `${op}#${result} ${attrText(op, attrs)}|${operands.map((o) => o.id).join(',')}`;
    return this.intern(key, (id) => ({ id, op, attrs, operands, result, type, origin }));
  }

  /** Builds a node of known type in normal form. */
  build(draft: Draft): Term {
    if (++this.operations > this.limit) throw new BudgetError(`more than ${this.limit} rewriting steps`);
    for (const rule of this.rules.get(draft.op) ?? []) {
      const term = rule.apply(this, draft);
      if (term === undefined) continue;
      this.trace.push({ rule: rule.name, exactness: rule.exactness, at: draft.origin });
      return term;
    }
    return this.leaf(draft);
  }

  /** Builds a node of a normal form. */
  form(op: TermOp, operands: readonly Term[], shape: readonly number[], origin: string, attrs: AnyAttrs = {}): Term {
    return this.build({ op, attrs, operands, type: { dtype: 'f32', shape }, origin });
  }

  /** Builds a node of the IR with one result; its type is inferred. */
  emit(op: OpName, operands: readonly Term[], attrs: AnyAttrs, origin: string): Term {
    return at(this.emitAll(op, operands, attrs, origin), 0);
  }

  /** As `emit`; undefined when the operands break one of the op's constraints. */
  tryEmit(op: OpName, operands: readonly Term[], attrs: AnyAttrs, origin: string): Term | undefined {
    const complete = completeAttrs(op, attrs, origin);
    const types = operands.map((o) => o.type);
    return complete.ok && inferNode(op, types, complete.value, origin).ok ? this.emit(op, operands, attrs, origin) : undefined;
  }

  emitAll(op: OpName, operands: readonly Term[], given: AnyAttrs, origin: string): readonly Term[] {
    const attrs = unwrap(completeAttrs(op, given, origin));
    const types = unwrap(
      inferNode(
        op,
        operands.map((o) => o.type),
        attrs,
        origin,
      ),
    );
    const folded = this.fold(op, operands, attrs, types);
    if (folded !== undefined) return folded;
    if (this.expanded.has(op)) return this.expand(op, operands, attrs, origin);
    if (types.length === 1) return [this.build({ op, attrs, operands, type: at(types, 0), origin })];
    return types.map((type, result) => {
      const draft: Draft = { op, attrs, operands, type, origin };
      return op === 'split' ? this.part(draft, result) : this.leaf(draft, result);
    });
  }

  /** One part of a split, as a slice. */
  private part({ attrs, operands, origin }: Draft, result: number): Term {
    const x = at(operands, 0);
    const rank = x.type.shape.length;
    const { axis, sizes } = attrs as { readonly axis: number; readonly sizes: readonly number[] };
    const cut = (axis + rank) % rank;
    const begin = sizes.slice(0, result).reduce((n, s) => n + s, 0);
    const starts = x.type.shape.map((_, i) => (i === cut ? begin : 0));
    const kept = shapeOf(x).map((d, i) => (i === cut ? at(sizes, result) : d));
    return this.emit('slice', [x], { starts, sizes: kept, steps: starts.map(() => 1) }, origin);
  }

  /** A node whose operands are constants is a constant, computed when somebody asks. */
  private fold(op: OpName, operands: readonly Term[], attrs: AnyAttrs, types: readonly TensorType[]): readonly Term[] | undefined {
    const constants = operands.map((o) => o.constant);
    if (constants.length === 0 || !constants.every((c) => c !== undefined) || !types.every(isStaticType)) return undefined;
    const statics: readonly StaticType[] = types;
    const key = `${op} ${attrText(op, attrs)}(${constants.map((c) => c.key).join(',')})`;
    const names = mergeNames(...constants.map((c) => c.names));
    return statics.map((type, i) =>
      this.constant(
        derivedConstant(type, `${key}#${i}`, names, () => at(evaluateNode(op, constants.map(tensorOf), attrs, statics), i).data),
      ),
    );
  }

  /** The definition of a composite. */
  private expand(op: OpName, operands: readonly Term[], attrs: AnyAttrs, origin: string): readonly Term[] {
    const definition = decompositionOf(
      op,
      operands.map((o) => o.type),
      attrs,
    );
    this.trace.push({ rule: `definition of ${op}`, exactness: 'EXACT', at: origin });
    return this.inline(definition, operands, (name) => `${origin}/${name}`, origin);
  }

  /** The outputs of a program over given terms. */
  inline(program: Program, inputs: readonly Term[], paramKey: (name: string) => string, origin?: string): readonly Term[] {
    const terms: (Term | undefined)[] = new Array(program.types.length);
    program.inputs.forEach((port, i) => {
      terms[port.value] = at(inputs, i);
    });
    program.params.forEach((param, i) => {
      const small = origin !== undefined;
      const constant = parameterConstant(param.name, i, param.tensor);
      const ownKey = small ? `d${Array.from(param.tensor.data).join(',')}` : paramKey(constant.key);
      terms[param.value] = this.constant({ ...constant, key: ownKey, names: small ? [] : constant.names });
    });
    const termAt = (v: number): Term => {
      const term = terms[v];
      invariant(term !== undefined, `value ${v} is defined before it is used`);
      return term;
    };
    for (const node of program.nodes) {
      const results = this.emitAll(node.op, node.operands.map(termAt), node.attrs as AnyAttrs, origin ?? node.origin ?? node.op);
      node.results.forEach((v, i) => {
        terms[v] = at(results, i);
      });
    }
    return program.outputs.map((port) => termAt(port.value));
  }

  // Short hands for rules.

  sum(operands: readonly Term[], shape: readonly number[], origin: string): Term {
    return this.form('sum', operands, shape, origin);
  }

  product(operands: readonly Term[], shape: readonly number[], origin: string): Term {
    return this.form('product', operands, shape, origin);
  }

  /** The elements of x at other places: x as `from`, transposed by `perm`, as `shape`. */
  move(x: Term, from: readonly number[], perm: readonly number[], shape: readonly number[], origin: string): Term {
    return this.build({ op: 'move', attrs: { from, perm, shape }, operands: [x], type: { dtype: x.type.dtype, shape }, origin });
  }

  /** The elements of x in row-major order under another shape. */
  reshape(x: Term, shape: readonly number[], origin: string): Term {
    return sameSizes(shapeOf(x), shape) ? x : this.move(x, [elementCount(shape)], [0], shape, origin);
  }
}
