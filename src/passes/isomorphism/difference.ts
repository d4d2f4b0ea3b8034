import { type AttrScalar, formatType } from '../../ir/index.ts';
import { colorOf, labelOf } from './colors.ts';
import { type Graph, isCommutative, type Term } from './graph.ts';

/** One side of a difference. */
export interface Side {
  /** The user's own name of the node, parameter or port; empty when the model has no counterpart. */
  readonly name: string;
  readonly op: string;
  /** What differs, as text. */
  readonly value: string;
}

/** The first place, in the order of execution, where two models differ. */
export interface Difference {
  readonly kind: 'op' | 'attribute' | 'operand' | 'shape' | 'constant' | 'sharing' | 'inputs' | 'outputs' | 'weights' | 'behaviour';
  /** The attribute, operand or port that differs; empty when the whole node does. */
  readonly what: string;
  readonly a: Side;
  readonly b: Side;
}

export const formatAttr = (value: AttrScalar | undefined): string =>
  value === undefined ? 'absent' : typeof value === 'object' ? `(${value.join(', ')})` : String(value);

const nothing: Side = { name: '', op: '', value: 'absent' };
const describe = (term: Term): string => (term.op === 'constant' ? `constant ${formatType(term.type)}` : labelOf(term).trim());
export const sideOf = (term: Term | undefined, value?: string): Side =>
  term === undefined ? nothing : { name: term.origin, op: term.op, value: value ?? describe(term) };

const firstAttribute = (a: Term, b: Term): Difference | undefined => {
  for (const name of [...new Set([...Object.keys(a.attrs), ...Object.keys(b.attrs)])].sort()) {
    const [va, vb] = [formatAttr(a.attrs[name]), formatAttr(b.attrs[name])];
    if (va !== vb) return { kind: 'attribute', what: name, a: sideOf(a, va), b: sideOf(b, vb) };
  }
  return undefined;
};

/** Operands whose types differ where both are constants: a weight of another size says more than two sources. */
const constantShape = (a: Term, b: Term): Difference | undefined => {
  for (const [i, x] of a.operands.entries()) {
    const y = b.operands[i];
    if (x.constant === undefined || y?.constant === undefined || formatType(x.type) === formatType(y.type)) continue;
    const [ta, tb] = [formatType(x.type), formatType(y.type)];
    const named = (user: Term, value: string): Side => ({ name: user.origin, op: user.op, value });
    return { kind: 'shape', what: `${x.origin} / ${y.origin}`, a: named(a, ta), b: named(b, tb) };
  }
  return undefined;
};

export type Colors = ReadonlyMap<Term, number>;

const operandDifference = (a: Term, b: Term, ca: Colors, cb: Colors): Difference | undefined => {
  const inB = b.operands.map((o) => colorOf(cb, o));
  const free = [...inB];
  for (const [i, operand] of a.operands.entries()) {
    const color = colorOf(ca, operand);
    const position = isCommutative(a.op) ? free.indexOf(color) : inB[i] === color ? i : -1;
    if (position >= 0) {
      if (isCommutative(a.op)) free[position] = -2;
      continue;
    }
    const left = isCommutative(a.op) ? free.findIndex((c) => c !== -2 && !a.operands.some((o) => colorOf(ca, o) === c)) : i;
    const other = b.operands[left < 0 ? i : left];
    return {
      kind: 'operand',
      what: `operand ${i}`,
      a: sideOf(a, `${operand.origin} (${describe(operand)})`),
      b: sideOf(b, other === undefined ? 'absent' : `${other.origin} (${describe(other)})`),
    };
  }
  return b.operands.length > a.operands.length
    ? { kind: 'operand', what: 'number of operands', a: sideOf(a, String(a.operands.length)), b: sideOf(b, String(b.operands.length)) }
    : undefined;
};

/** How two terms differ, given the colors of what is below them. */
export const compareTerms = (a: Term, b: Term, ca: Colors, cb: Colors): Difference => {
  if (a.op !== b.op || a.result !== b.result) return { kind: 'op', what: '', a: sideOf(a), b: sideOf(b) };
  if (a.op === 'input' || a.op === 'constant') {
    return { kind: a.op === 'input' ? 'inputs' : 'shape', what: '', a: sideOf(a, formatType(a.type)), b: sideOf(b, formatType(b.type)) };
  }
  return (
    firstAttribute(a, b) ??
    constantShape(a, b) ??
    operandDifference(a, b, ca, cb) ?? { kind: 'sharing', what: 'how often it is computed', a: sideOf(a), b: sideOf(b) }
  );
};

/** Terms without a counterpart whose operands all have one, in order of execution. Leaves say little alone: their users tell them. */
const frontier = (graph: Graph, own: Colors, other: Colors): readonly Term[] => {
  const known = new Set(other.values());
  const unmatched = (t: Term): boolean => !known.has(colorOf(own, t));
  return graph.terms.filter((t) => t.op !== 'constant' && unmatched(t) && t.operands.every((o) => o.op === 'constant' || !unmatched(o)));
};

/** How alike two terms without counterparts are: they are told as one difference when they stand at the same place. */
const likeness = (a: Term, b: Term, ca: Colors, cb: Colors): number => {
  const below = (t: Term, c: Colors): string => t.operands.map((o) => (o.op === 'constant' ? '' : colorOf(c, o))).join(',');
  return (below(a, ca) === below(b, cb) ? 2 : 0) + (a.op === b.op ? 1 : 0);
};

/** The first difference of two graphs whose outputs have different colors. */
export const firstDifference = (a: Graph, b: Graph, ca: Colors, cb: Colors): Difference => {
  const [left, right] = [frontier(a, ca, cb), frontier(b, cb, ca)];
  const first = left[0];
  const best = right.reduce<Term | undefined>(
    (chosen, t) =>
      first !== undefined && (chosen === undefined || likeness(first, t, ca, cb) > likeness(first, chosen, ca, cb)) ? t : chosen,
    right[0],
  );
  if (first !== undefined && best !== undefined) return compareTerms(first, best, ca, cb);
  if (first !== undefined || best !== undefined) return { kind: 'op', what: '', a: sideOf(first), b: sideOf(best) };
  const i = a.outputs.findIndex((o, k) => {
    const other = b.outputs[k];
    return other === undefined || colorOf(ca, o.term) !== colorOf(cb, other.term);
  });
  const [pa, pb] = [a.outputs[i], b.outputs[i]];
  return { kind: 'outputs', what: `output ${pa?.name ?? ''} / ${pb?.name ?? ''}`, a: sideOf(pa?.term), b: sideOf(pb?.term) };
};
