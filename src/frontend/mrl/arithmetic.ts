import type { Code } from '../../support/index.ts';
import type { BinaryOperator, UnaryOperator } from './ast.ts';
import { LIMITS } from './limits.ts';
import { bool, depthOf, describeValue, float, int, isNumber, sameValue, type Value } from './values.ts';

/** A value, or why there is none. */
export type Outcome = { readonly value: Value } | { readonly code: Code; readonly message: string; readonly notes?: readonly string[] };

const wrong = (message: string): Outcome => ({ code: 'MRL2003', message });

const symbolNote = (...values: readonly Value[]): Outcome | undefined => {
  const symbol = values.find((v) => v.kind === 'symbol');
  return symbol?.kind === 'symbol'
    ? {
        code: 'MRL2011',
        message: `the dimension ${symbol.name} has no number here`,
        notes: ['Write a number in the type of the input, or -1 or 0 in reshape.'],
      }
    : undefined;
};

const integer = (value: number, operator: string): Outcome =>
  Number.isSafeInteger(value)
    ? { value: int(value === 0 ? 0 : value) }
    : { code: 'MRL2007', message: `the result of ${operator} is beyond 2^53 - 1` };

const real = (value: number, operator: string): Outcome =>
  value === value ? { value: float(value) } : { code: 'MRL2007', message: `the result of ${operator} is not a number` };

/** Integers: / rounds down and % has the sign of the divisor, so that a = (a / b) * b + a % b. */
const intArithmetic = (operator: '+' | '-' | '*' | '/' | '%', a: number, b: number): Outcome => {
  switch (operator) {
    case '+':
      return integer(a + b, operator);
    case '-':
      return integer(a - b, operator);
    case '*':
      return integer(a * b, operator);
    case '/':
    case '%': {
      if (b === 0) return { code: 'MRL2007', message: `${a} ${operator} 0 has no result` };
      const rest = a % b;
      const modulo = rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
      return integer(operator === '%' ? modulo : (a - modulo) / b, operator);
    }
    default:
      return operator satisfies never;
  }
};

const floatArithmetic = (operator: '+' | '-' | '*' | '/' | '%', a: number, b: number): Outcome => {
  switch (operator) {
    case '+':
      return real(a + b, operator);
    case '-':
      return real(a - b, operator);
    case '*':
      return real(a * b, operator);
    case '/':
      return b === 0 ? { code: 'MRL2007', message: `${a} / 0 has no result` } : real(a / b, operator);
    case '%':
      return wrong('% takes integers');
    default:
      return operator satisfies never;
  }
};

const compare = (operator: '<' | '<=' | '>' | '>=', a: number, b: number): boolean => {
  switch (operator) {
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
    default:
      return operator satisfies never;
  }
};

const joinLists = (a: readonly Value[], b: readonly Value[]): Outcome =>
  a.length + b.length > LIMITS.listLength
    ? { code: 'MRL3006', message: `the list would have ${a.length + b.length} elements but ${LIMITS.listLength} is the limit` }
    : { value: { kind: 'list', items: [...a, ...b], depth: Math.max(depthOf(a), depthOf(b)) } };

export const joinTexts = (a: string, b: string): Outcome =>
  a.length + b.length > LIMITS.textLength
    ? { code: 'MRL3006', message: `the text would have ${a.length + b.length} characters but ${LIMITS.textLength} is the limit` }
    : { value: { kind: 'text', value: a + b } };

/** One binary operator on compile-time values. `&&` and `||` come here with both sides evaluated. */
export const binary = (operator: BinaryOperator, a: Value, b: Value): Outcome => {
  if (operator === '==' || operator === '!=') {
    const same = sameValue(a, b);
    return same === undefined
      ? wrong(`${operator} compares compile-time values but has ${describeValue(a)} and ${describeValue(b)}`)
      : { value: bool(same === (operator === '==')) };
  }
  if (operator === '&&' || operator === '||') {
    if (a.kind !== 'bool' || b.kind !== 'bool') return wrong(`${operator} takes bools but has ${describeValue(a)} and ${describeValue(b)}`);
    return { value: bool(operator === '&&' ? a.value && b.value : a.value || b.value) };
  }
  if (isNumber(a) && isNumber(b)) {
    if (operator === '<' || operator === '<=' || operator === '>' || operator === '>=')
      return { value: bool(compare(operator, a.value, b.value)) };
    return (a.kind === 'int' && b.kind === 'int' ? intArithmetic : floatArithmetic)(operator, a.value, b.value);
  }
  if (operator === '+' && a.kind === 'list' && b.kind === 'list') return joinLists(a.items, b.items);
  if (operator === '+' && a.kind === 'text' && b.kind === 'text') return joinTexts(a.value, b.value);
  if (a.kind === 'tensor' || b.kind === 'tensor') {
    return {
      code: 'MRL2003',
      message: `${operator} computes at compile time but has ${describeValue(a)} and ${describeValue(b)}`,
      notes: ['Tensors are computed by ops: add(x, y), mul(x, y).'],
    };
  }
  return symbolNote(a, b) ?? wrong(`${operator} takes numbers but has ${describeValue(a)} and ${describeValue(b)}`);
};

/** One sign before a compile-time value. -0.0 is the negative zero. */
export const unary = (operator: UnaryOperator, v: Value): Outcome => {
  if (operator === '!') return v.kind === 'bool' ? { value: bool(!v.value) } : wrong(`! takes a bool but has ${describeValue(v)}`);
  if (v.kind === 'int') return { value: int(v.value === 0 ? 0 : -v.value) };
  if (v.kind === 'float') return { value: float(-v.value) };
  if (v.kind === 'tensor') return { code: 'MRL2003', message: '- takes a number but has a tensor', notes: ['Write neg(x).'] };
  return symbolNote(v) ?? wrong(`- takes a number but has ${describeValue(v)}`);
};

/** `list[index]`; negative indices count from the end. */
export const index = (base: Value, at: Value): Outcome => {
  if (base.kind !== 'list') return wrong(`[…] takes a list but has ${describeValue(base)}`);
  if (at.kind !== 'int') return symbolNote(at) ?? wrong(`an index is an integer but this is ${describeValue(at)}`);
  const item = base.items.at(at.value);
  return item === undefined || at.value >= base.items.length
    ? { code: 'MRL2015', message: `index ${at.value} is outside a list of ${base.items.length}` }
    : { value: item };
};

export const extreme = (name: 'min' | 'max', values: readonly Value[]): Outcome => {
  const numbers = values.filter(isNumber);
  if (numbers.length < values.length)
    return symbolNote(...values) ?? wrong(`${name} takes numbers but has ${values.map(describeValue).join(', ')}`);
  const best = numbers.reduce(
    (n, v) => (name === 'min' ? Math.min(n, v.value) : Math.max(n, v.value)),
    name === 'min' ? Infinity : -Infinity,
  );
  return { value: numbers.every((v) => v.kind === 'int') ? int(best) : float(best) };
};
