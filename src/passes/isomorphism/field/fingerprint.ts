import { at } from '../../../support/index.ts';
import type { Graph, Term } from '../graph.ts';
import type { Pair } from '../match.ts';
import { shapeOf } from '../normal/shapes.ts';
import { type Elements, evaluateInField, NoValue, workOf } from './evaluate.ts';

/** What two graphs are to each other over a finite field. */
export type Fingerprint =
  | { readonly kind: 'same'; readonly pairs: readonly Pair[]; readonly trials: number }
  | { readonly kind: 'different' }
  | { readonly kind: 'undecided'; readonly reason: string };

/** Each leaves a chance of about degree / 2^31 that different graphs look the same (Schwartz and Zippel). */
const TRIALS = 3;
/** Graphs that take more multiplications are not evaluated: a second or two. */
const MOST_WORK = 2e8;

const sameElements = (a: Elements, b: Elements): boolean => a.length === b.length && a.every((v, i) => v === b[i]);

/** Values with the same elements, first come first served. */
const pairsOf = (a: ReadonlyMap<Term, Elements>, b: ReadonlyMap<Term, Elements>): readonly Pair[] => {
  const keyOf = (v: Elements): string => `${v.length} ${v.subarray(0, 4).join(' ')}`;
  const free = new Map<string, { readonly term: Term; readonly value: Elements }[]>();
  for (const [term, value] of b) {
    if (term.constant !== undefined) continue;
    free.set(keyOf(value), [...(free.get(keyOf(value)) ?? []), { term, value }]);
  }
  return [...a].flatMap(([term, value]): readonly Pair[] => {
    if (term.constant !== undefined) return [];
    const others = free.get(keyOf(value)) ?? [];
    const i = others.findIndex((o) => sameElements(o.value, value));
    const [found] = i < 0 ? [] : others.splice(i, 1);
    return found === undefined ? [] : [[term, found.term]];
  });
};

/**
 * Whether two graphs compute the same over a finite field, weights as they are: what they then also do for real numbers, but for a chance of
 * about 2^-60, whatever the functions are that are no polynomials. Equal values of both are pairs.
 * @param inputs - for each input of A the index of its counterpart; @param outputs - the same for outputs
 * @param seed - that neither party chose
 */
export const compareInField = (a: Graph, b: Graph, inputs: readonly number[], outputs: readonly number[], seed: number): Fingerprint => {
  const work = Math.max(workOf(a), workOf(b));
  if (work > MOST_WORK) return { kind: 'undecided', reason: `${work.toExponential(1)} multiplications are too many for a finite field` };
  const keysB = b.inputs.map((_, j) => inputs.indexOf(j));
  const fits = a.inputs.every((p, i) => {
    const q = b.inputs[at(inputs, i)];
    return q !== undefined && shapeOf(p.term).join() === shapeOf(q.term).join();
  });
  if (!fits || keysB.includes(-1)) return { kind: 'undecided', reason: 'inputs have no counterparts of their shape' };
  let pairs: readonly Pair[] = [];
  try {
    for (let trial = 0; trial < TRIALS; trial++) {
      const [va, vb] = [evaluateInField(a, [...a.inputs.keys()], seed, trial), evaluateInField(b, keysB, seed, trial)];
      const same = a.outputs.every(({ term }, i) => {
        const [x, y] = [va.get(term), vb.get(at(b.outputs, at(outputs, i)).term)];
        return x !== undefined && y !== undefined && sameElements(x, y);
      });
      if (!same) return { kind: 'different' };
      if (trial === 0) pairs = pairsOf(va, vb);
    }
  } catch (error) {
    if (error instanceof NoValue) return { kind: 'undecided', reason: error.message };
    throw error;
  }
  return { kind: 'same', pairs, trials: TRIALS };
};
