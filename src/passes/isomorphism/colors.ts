import { formatType } from '../../ir/index.ts';
import { attrText, type Graph, isCommutative, type Term } from './graph.ts';

/** Numbers for texts; two graphs that are compared share one, so that equal numbers mean equal texts, without collisions. */
export class Interner {
  readonly #numbers = new Map<string, number>();

  number(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}

/** What inputs are told apart by: a key each in the order of inputs; their type alone when the order is not known. */
export type InputKeys = readonly string[] | undefined;

/** What a term is, without its operands and without the numbers of constants. */
export const labelOf = (term: Term): string => {
  if (term.op === 'constant') return `constant ${formatType(term.type)}`;
  const result = term.result === 0 ? '' : `#${term.result}`;
  return `${term.op}${result} ${attrText(term.op, term.attrs)}`;
};

/**
 * The color of each term: equal exactly when the trees of ops below are, up to the order of commutative operands, the numbers in
 * constants and what is shared. Linear in the graph.
 */
export const colorsOf = (graph: Graph, interner: Interner, inputKeys: InputKeys): ReadonlyMap<Term, number> => {
  const colors = new Map<Term, number>();
  graph.inputs.forEach(({ term }, i) => {
    colors.set(term, interner.number(`input ${formatType(term.type)} ${inputKeys?.[i] ?? ''}`));
  });
  for (const term of graph.terms) {
    if (term.op === 'input') continue;
    const below = term.operands.map((o) => colors.get(o) ?? -1);
    if (isCommutative(term.op)) below.sort((a, b) => a - b);
    colors.set(term, interner.number(`${labelOf(term)}|${below.join(',')}`));
  }
  return colors;
};

export const colorOf = (colors: ReadonlyMap<Term, number>, term: Term): number => colors.get(term) ?? -1;
