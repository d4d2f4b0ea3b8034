import { isCommutative, type Graph, type Term } from './graph.ts';

/** Constants longer than this are sampled. */
const SAMPLED = 4096;

/** A number for a constant that small changes of its elements, and their order, change little. */
const constantSignature = (term: Term): number => {
  const values = term.constant?.values() ?? [];
  const step = Math.max(1, Math.floor(values.length / SAMPLED));
  let [sum, size, n] = [0, 0, 0];
  for (let i = 0; i < values.length; i += step, n++) {
    const v = values[i] ?? 0;
    sum += v;
    size += Math.abs(v);
  }
  return n === 0 ? 0 : (size + 0.37 * sum) / n;
};

/** Keeps numbers in a range where they can be told apart, whatever the depth of the graph. */
const squash = (x: number): number => (Number.isFinite(x) ? x / (1 + Math.abs(x)) : 1);

/**
 * A real number for each term that depends on the constants below it, continuously: of terms that structure alone cannot tell
 * apart, those with near numbers are tried first. Only the order of trials depends on it, never a verdict.
 */
export const signatures = (graph: Graph): ReadonlyMap<Term, number> => {
  const result = new Map<Term, number>();
  for (const term of graph.terms) {
    if (term.op === 'constant') {
      result.set(term, constantSignature(term));
      continue;
    }
    const ordered = !isCommutative(term.op);
    const sum = term.operands.reduce((s, o, i) => s + (result.get(o) ?? 0) * (ordered ? 1 / (1 + 0.61 * i) : 1), 0.1);
    result.set(term, 3 * squash(sum));
  }
  return result;
};
