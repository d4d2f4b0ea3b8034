import {
  type AttrScalar,
  arity,
  type AttrSpec,
  type DType,
  isOpName,
  type OpName,
  opOf,
  type TensorType,
  type ValueId,
} from '../../ir/index.ts';
import { binary, extreme, index, joinTexts, type Outcome, unary } from './arithmetic.ts';
import type { Argument, Call, Expr, Place } from './ast.ts';
import { toAttr } from './attributes.ts';
import { type Builtin, isBuiltin } from './builtins.ts';
import { LIMITS } from './limits.ts';
import { Machine } from './machine.ts';
import { describeValue, float, int, isNumber, list, POISON, textOf, type Value } from './values.ts';

interface Operands {
  readonly operands: ValueId[];
  readonly attrs: Record<string, AttrScalar>;
}

/** Expressions: compile-time values are computed, op calls become nodes. */
export abstract class Evaluator extends Machine {
  /** Expands a function; undefined when the file declares none of that name. */
  protected abstract callFunction(call: Call, hint: string | undefined): Value | undefined;

  /** @param hint - the name the value will get, for naming what the expression adds */
  protected evaluate(e: Expr, hint?: string): Value {
    this.step(e);
    this.enter(e);
    const value = this.evaluateInner(e, hint);
    this.leave();
    return value;
  }

  private evaluateInner(e: Expr, hint?: string): Value {
    switch (e.kind) {
      case 'int':
        return Number.isSafeInteger(e.value) ? int(e.value) : POISON;
      case 'float':
        return float(e.value);
      case 'bool':
        return { kind: 'bool', value: e.value };
      case 'dtype':
        return { kind: 'dtype', value: e.value as DType };
      case 'text':
        return this.text(e, e.parts);
      case 'name':
        return this.lookup(e.name) ?? POISON;
      case 'list':
        return this.list(e, e.items);
      case 'index': {
        const [base, at] = [this.evaluate(e.base), this.evaluate(e.index)];
        return base.kind === 'poison' || at.kind === 'poison' ? POISON : this.settle(index(base, at), e);
      }
      case 'unary': {
        const operand = this.evaluate(e.operand);
        return operand.kind === 'poison' ? POISON : this.settle(unary(e.operator, operand), e);
      }
      case 'binary': {
        const left = this.evaluate(e.left);
        if (left.kind === 'bool' && ((e.operator === '&&' && !left.value) || (e.operator === '||' && left.value))) return left;
        const right = this.evaluate(e.right);
        if (left.kind === 'poison' || right.kind === 'poison') return POISON;
        if (left.kind === 'list' && right.kind === 'list') this.step(e, left.items.length + right.items.length);
        return this.settle(binary(e.operator, left, right), e);
      }
      case 'call':
        return this.call(e, hint);
      case 'broken':
        return POISON;
      default:
        return e satisfies never;
    }
  }

  private text(place: Place, parts: Extract<Expr, { kind: 'text' }>['parts']): Value {
    let text = '';
    for (const part of parts) {
      const value: Value = typeof part === 'string' ? { kind: 'text', value: part } : (this.lookup(part.text) ?? POISON);
      if (value.kind === 'poison') return POISON;
      const piece = textOf(value);
      if (piece === undefined) return this.problem('MRL2003', `text takes compile-time values but has ${describeValue(value)}`, place);
      const joined = joinTexts(text, piece);
      if (!('value' in joined) || joined.value.kind !== 'text') return this.settle(joined, place);
      text = joined.value.value;
    }
    return { kind: 'text', value: text };
  }

  private list(place: Place, exprs: readonly Expr[]): Value {
    if (exprs.length > LIMITS.listLength) {
      return this.problem('MRL3006', `the list has ${exprs.length} elements but ${LIMITS.listLength} is the limit`, place, ['Use a blob.']);
    }
    return this.makeList(
      exprs.map((item) => this.evaluate(item)),
      place,
    );
  }

  protected makeList(items: readonly Value[], place: Place): Value {
    if (items.some((v) => v.kind === 'poison')) return POISON;
    const value = list(items);
    if (value.kind === 'list' && value.depth > LIMITS.listDepth) {
      return this.problem('MRL3006', `lists are nested deeper than ${LIMITS.listDepth} levels`, place);
    }
    return value;
  }

  private call(call: Call, hint?: string): Value {
    const name = call.callee.text;
    const expanded = this.callFunction(call, hint);
    if (expanded !== undefined) return expanded;
    if (isOpName(name)) return this.callOp(call, name, hint);
    if (isBuiltin(name)) return this.callBuiltin(call, name);
    for (const { value } of call.args) this.evaluate(value);
    return POISON;
  }

  /** Adds a node. One result gives the tensor, several give a list of them. */
  private callOp(call: Call, op: OpName, hint?: string): Value {
    const given = this.opArguments(call, op);
    if (given === undefined) return POISON;
    const { min, max } = arity(opOf(op).operands);
    const count = given.operands.length;
    if (count < min || count > max) {
      const wanted = min === max ? String(min) : max === Number.POSITIVE_INFINITY ? `${min} or more` : `${min} to ${max}`;
      return this.problem('MRL2005', `${op} takes ${wanted} operands (${opOf(op).operands.join(', ')}) but has ${count}`, call.callee);
    }
    this.countNode(call);
    const emitted = this.builder.tryEmit(op, given.operands, given.attrs, this.fullName(hint ?? op));
    if (!emitted.ok) {
      for (const d of emitted.diagnostics) this.problem(d.code, d.message, call.callee, d.notes);
      return POISON;
    }
    this.countValues(emitted.value.length, call);
    const tensors = emitted.value.map((id): Value => ({ kind: 'tensor', id }));
    return tensors.length === 1 ? (tensors[0] ?? POISON) : list(tensors);
  }

  /** Operands and attributes; undefined when something about them is wrong, which is reported. */
  private opArguments(call: Call, op: OpName): Operands | undefined {
    const schema = opOf(op).attrs;
    const result: Operands = { operands: [], attrs: {} };
    let complete = true;
    for (const arg of call.args) {
      const value = this.evaluate(arg.value);
      if (value.kind === 'list') this.step(arg.value, value.items.length);
      const spec = arg.name === undefined ? undefined : schema[arg.name.text];
      if (value.kind === 'poison' || (arg.name !== undefined && spec === undefined)) complete = false;
      else if (spec === undefined) complete = this.addOperand(op, arg, value, result.operands) && complete;
      else complete = this.addAttr(op, arg, spec, value, result.attrs) && complete;
    }
    const missing = Object.keys(schema).some((name) => schema[name]?.default === undefined && !Object.hasOwn(result.attrs, name));
    return complete && !missing ? result : undefined;
  }

  /** A tensor; a variadic op also takes lists of tensors. */
  private addOperand(op: OpName, arg: Argument, value: Value, operands: ValueId[]): boolean {
    const names = opOf(op).operands;
    const variadic = names.at(-1)?.startsWith('...') ?? false;
    const items = value.kind === 'list' && variadic ? value.items : [value];
    for (const item of items) {
      if (item.kind !== 'tensor') {
        const name = (names[operands.length] ?? names.at(-1) ?? 'x').replace(/^\.\.\.|\?$/g, '');
        const attrs = Object.keys(opOf(op).attrs);
        const notes = attrs.length === 0 ? [] : [`Attributes are given by name: ${attrs.map((a) => `${a}: …`).join(', ')}.`];
        this.problem('MRL2003', `${op}: ${name} is a tensor but this is ${describeValue(item)}`, arg.value, notes);
        return false;
      }
      operands.push(item.id);
    }
    return true;
  }

  private addAttr(op: OpName, arg: Argument, spec: AttrSpec, value: Value, attrs: Record<string, AttrScalar>): boolean {
    const name = arg.name?.text ?? '';
    const converted = toAttr(op, name, spec, value);
    if ('value' in converted) attrs[name] = converted.value;
    else this.problem(converted.code, converted.message, arg.value, converted.notes);
    return 'value' in converted;
  }

  private callBuiltin(call: Call, name: Builtin): Value {
    const args = call.args.map((arg) => this.evaluate(arg.value));
    const [first, second] = args;
    if (first === undefined || args.some((v) => v.kind === 'poison')) return POISON;
    const wrong = (wanted: string): Outcome => ({ code: 'MRL2003', message: `${name} takes ${wanted} but has ${describeValue(first)}` });
    const ofTensor = (f: (type: TensorType) => Outcome): Outcome =>
      first.kind === 'tensor' ? f(this.typeOf(first.id)) : wrong('a tensor');
    return this.settle(this.builtin(name, first, second, args, wrong, ofTensor), call);
  }

  private builtin(
    name: Builtin,
    first: Value,
    second: Value | undefined,
    args: readonly Value[],
    wrong: (wanted: string) => Outcome,
    ofTensor: (f: (type: TensorType) => Outcome) => Outcome,
  ): Outcome {
    const dim = (d: number | string): Value => (typeof d === 'number' ? int(d) : { kind: 'symbol', name: d });
    switch (name) {
      case 'dim':
        return second === undefined ? { value: POISON } : ofTensor(({ shape }) => dimOf(shape.map(dim), second));
      case 'channels':
        return ofTensor(({ shape }) => dimOf(shape.map(dim), int(1)));
      case 'rank':
        return ofTensor(({ shape }) => ({ value: int(shape.length) }));
      case 'shape':
        return ofTensor(({ shape }) => ({ value: list(shape.map(dim)) }));
      case 'dtype':
        return ofTensor(({ dtype }) => ({ value: { kind: 'dtype', value: dtype } }));
      case 'len':
        return first.kind === 'list' ? { value: int(first.items.length) } : wrong('a list');
      case 'min':
      case 'max':
        return extreme(name, args);
      case 'int':
        if (!isNumber(first)) return wrong('a number');
        return Number.isSafeInteger(Math.trunc(first.value))
          ? { value: int(Math.trunc(first.value) + 0) }
          : { code: 'MRL2007', message: `${first.value} is beyond 2^53 - 1` };
      case 'float':
        return isNumber(first) ? { value: float(first.value) } : wrong('a number');
      case 'text': {
        const text = textOf(first);
        return text === undefined ? wrong('a single compile-time value') : { value: { kind: 'text', value: text } };
      }
      default:
        return name satisfies never;
    }
  }
}

const dimOf = (dims: readonly Value[], at: Value): Outcome => {
  if (at.kind !== 'int') return { code: 'MRL2003', message: `a dimension is counted by an integer but this is ${describeValue(at)}` };
  const dim = dims.at(at.value);
  return dim === undefined || at.value >= dims.length
    ? { code: 'MRL2015', message: `dimension ${at.value} is outside a tensor of ${dims.length} dimensions` }
    : { value: dim };
};
