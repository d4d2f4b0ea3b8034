import { elementCount } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { Expr } from './ast.ts';
import type { Variable } from './graphical-network.ts';
import { describeValue, isNumber, type Value } from './values.ts';

/** The numbers of a list, flat or nested as the shape is; a sentence when it does not fit. */
export const numbersOf = (value: Value, shape: readonly number[]): readonly number[] | string => {
  const out: number[] = [];
  const count = elementCount(shape);
  const nested = (v: Value, axis: number): string | undefined => {
    if (axis === shape.length) {
      if (!isNumber(v)) return `element ${out.length} is ${describeValue(v)}, not a number`;
      out.push(v.value);
      return undefined;
    }
    if (v.kind !== 'list') return `the list is not nested ${shape.length} deep`;
    if (v.items.length !== shape[axis]) return `a list at depth ${axis + 1} has ${v.items.length} elements but ${shape[axis]} are wanted`;
    for (const item of v.items) {
      const problem = nested(item, axis + 1);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
  if (value.kind !== 'list') return `a table is a list but this is ${describeValue(value)}`;
  if (value.items.some((v) => v.kind === 'list')) return nested(value, 0) ?? out;
  if (value.items.length !== count) return `the list has ${value.items.length} elements but the table has ${count}`;
  const other = value.items.findIndex((v) => !isNumber(v));
  if (other >= 0) return `element ${other} is ${describeValue(at(value.items, other))}, not a number`;
  return value.items.flatMap((v) => (isNumber(v) ? [v.value] : []));
};

export const list = (variables: readonly Variable[]): string => variables.map((v) => `${v.name}[${v.size}]`).join(', ');

export const sameSizes = (a: readonly (number | string)[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i]);

/** `Rain=yes, Wet=no` for a flat index into a table over variables. */
export const entryOf = (variables: readonly Variable[], index: number): string => {
  let rest = index;
  const parts = variables.toReversed().map((v) => {
    const state = rest % v.size;
    rest = (rest - state) / v.size;
    return `${v.name}=${v.states[state] ?? state}`;
  });
  return parts.length === 0 ? 'of all states' : parts.toReversed().join(', ');
};

/** The index of the state that a lone name or a word such as true stands for; undefined when it is none. */
export const stateOf = (variable: Variable, expr: Expr): number | undefined => {
  const name = expr.kind === 'name' ? expr.name : expr.kind === 'bool' ? String(expr.value) : undefined;
  const index = name === undefined ? -1 : variable.states.indexOf(name);
  return index < 0 ? undefined : index;
};
