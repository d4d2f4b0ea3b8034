import { colorOf, colorsOf, Interner } from './colors.ts';
import type { Comparison } from './compare.ts';
import type { Term } from './graph.ts';

/** A line of two graphs beside each other, in order of execution. */
export interface Row {
  readonly a: Term | undefined;
  readonly b: Term | undefined;
  /** The two are counterparts. */
  readonly same: boolean;
}

/** Counterparts by the mapping, or, without one, by what is below them. */
const counterparts = ({ graphs: { a, b }, pairs, ports }: Comparison): ReadonlyMap<Term, Term> => {
  if (pairs.length > 0) return new Map(pairs);
  const interner = new Interner();
  const ca = colorsOf(
    a,
    interner,
    a.inputs.map((_, i) => String(i)),
  );
  const cb = colorsOf(
    b,
    interner,
    b.inputs.map((_, j) => String(ports.inputs.order.indexOf(j))),
  );
  const free = new Map<number, Term[]>();
  for (const t of b.terms) free.set(colorOf(cb, t), [...(free.get(colorOf(cb, t)) ?? []), t]);
  const map = new Map<Term, Term>();
  for (const t of a.terms) {
    const other = free.get(colorOf(ca, t))?.shift();
    if (other !== undefined) map.set(t, other);
  }
  return map;
};

/** The two graphs as rows; constants are left out. */
export const sideBySide = (comparison: Comparison): readonly Row[] => {
  const map = counterparts(comparison);
  const shown = (t: Term): boolean => t.op !== 'constant';
  const taken = new Set(map.values());
  const lonely = comparison.graphs.b.terms.filter((t) => shown(t) && !taken.has(t));
  const rows: Row[] = [];
  let next = 0;
  const flush = (before: number): void => {
    for (let t = lonely[next]; t !== undefined && t.id < before; t = lonely[++next]) {
      const last = rows.at(-1);
      // a term without counterpart stands beside one that has none either
      if (last !== undefined && last.b === undefined) rows[rows.length - 1] = { a: last.a, b: t, same: false };
      else rows.push({ a: undefined, b: t, same: false });
    }
  };
  for (const a of comparison.graphs.a.terms.filter(shown)) {
    const b = map.get(a);
    if (b !== undefined) flush(b.id);
    rows.push({ a, b, same: b !== undefined });
  }
  flush(Number.POSITIVE_INFINITY);
  return rows;
};
