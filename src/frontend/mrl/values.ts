import type { DType, ValueId } from '../../ir/index.ts';

/** What an expression is while elaborating: a value of the program, or something known at compile time. */
export type Value =
  | { readonly kind: 'tensor'; readonly id: ValueId }
  | { readonly kind: 'int' | 'float'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'dtype'; readonly value: DType }
  /** A symbolic dimension. */
  | { readonly kind: 'symbol'; readonly name: string }
  /** `depth` counts lists within: 1 for a list without lists. */
  | { readonly kind: 'list'; readonly items: readonly Value[]; readonly depth: number }
  /** What a reported problem leaves; using it reports nothing. */
  | { readonly kind: 'poison' };

export const POISON: Value = { kind: 'poison' };
export const int = (value: number): Value => ({ kind: 'int', value });
export const float = (value: number): Value => ({ kind: 'float', value });
export const bool = (value: boolean): Value => ({ kind: 'bool', value });

export const depthOf = (items: readonly Value[]): number => items.reduce((n, v) => Math.max(n, v.kind === 'list' ? v.depth : 0), 0) + 1;
export const list = (items: readonly Value[]): Value => ({ kind: 'list', items, depth: depthOf(items) });

export const isNumber = (v: Value): v is Extract<Value, { kind: 'int' | 'float' }> => v.kind === 'int' || v.kind === 'float';

/** A value in words, for messages. */
export const describeValue = (v: Value): string => {
  switch (v.kind) {
    case 'tensor':
      return 'a tensor';
    case 'int':
      return `the integer ${v.value}`;
    case 'float':
      return `the float ${v.value}`;
    case 'bool':
      return String(v.value);
    case 'text':
      return `the text "${v.value.slice(0, 40)}"`;
    case 'dtype':
      return `the dtype ${v.value}`;
    case 'symbol':
      return `the symbolic dimension ${v.name}`;
    case 'list':
      return `a list of ${v.items.length}`;
    case 'poison':
      return 'an unknown value';
    default:
      return v satisfies never;
  }
};

/** A value as text inserts it; undefined for tensors and lists. */
export const textOf = (v: Value): string | undefined => {
  switch (v.kind) {
    case 'int':
    case 'float':
    case 'bool':
    case 'text':
    case 'dtype':
      return String(v.value);
    case 'symbol':
      return v.name;
    default:
      return undefined;
  }
};

/** Equality of compile-time values; int and float compare as numbers. Undefined when tensors are involved. */
export const sameValue = (a: Value, b: Value): boolean | undefined => {
  if (a.kind === 'tensor' || b.kind === 'tensor' || a.kind === 'poison' || b.kind === 'poison') return undefined;
  if (a.kind === 'list' || b.kind === 'list') {
    if (a.kind !== 'list' || b.kind !== 'list') return false;
    if (a.items.length !== b.items.length) return false;
    let all = true;
    for (const [i, item] of a.items.entries()) {
      const other = b.items[i];
      const same = other === undefined ? false : sameValue(item, other);
      if (same === undefined) return undefined;
      all &&= same;
    }
    return all;
  }
  if (a.kind === 'symbol' || b.kind === 'symbol') return a.kind === 'symbol' && b.kind === 'symbol' && a.name === b.name;
  return a.value === b.value;
};
