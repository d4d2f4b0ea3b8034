import { elementCount } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { attrText, type Graph, type Term } from '../isomorphism/graph.ts';

/** Weights of a row that are looked at. */
const SAMPLED = 64;
const TOLERANCE = 1e-4;

/** What each row of B is multiplied by to be that of A, as far as samples of them tell; undefined when they are no multiples. */
const factorsOf = (a: Term, b: Term): Float64Array | undefined => {
  const [x, y] = [a.constant, b.constant];
  if (x === undefined || y === undefined) return undefined;
  const rows = x.type.shape[0] ?? 1;
  const length = elementCount(x.type.shape) / Math.max(1, rows);
  const step = Math.max(1, Math.floor(length / SAMPLED));
  const [u, v] = [x.values(), y.values()];
  const factors = new Float64Array(rows);
  for (let r = 0; r < rows; r++) {
    let [uv, uu, vv] = [0, 0, 0];
    for (let i = r * length; i < (r + 1) * length; i += step) {
      const [p, q] = [u[i] ?? 0, v[i] ?? 0];
      uv += p * q;
      uu += p * p;
      vv += q * q;
    }
    if (Math.abs(Math.abs(uv) - Math.sqrt(uu * vv)) > TOLERANCE * Math.sqrt(uu * vv)) return undefined;
    factors[r] = vv > 0 ? uv / vv : 1;
  }
  return factors;
};

/** A layer that another one stands for. */
export interface Twin {
  readonly of: Term;
  /** All rows have one factor. */
  readonly uniform: boolean;
}

/**
 * Layers of a graph in normal form that are one layer of the network, by the first of them: a factor of each use was drawn into weights of
 * its own, so that all of them take the same value and their rows are multiples of each other.
 */
export const twinLayers = ({ terms }: Graph): ReadonlyMap<Term, Twin> => {
  const seen = new Map<string, Term[]>();
  const twins = new Map<Term, Twin>();
  for (const t of terms) {
    const [x, w] = t.operands;
    if ((t.op !== 'conv' && t.op !== 'dense') || x === undefined || w?.constant === undefined) continue;
    const key = `${t.op} ${attrText(t.op, t.attrs)} ${x.id} ${w.type.shape.join('x')}`;
    const others = seen.get(key) ?? [];
    let twin: Twin | undefined;
    for (const o of others) {
      const factors = twin === undefined ? factorsOf(at(o.operands, 1), w) : undefined;
      if (factors !== undefined) twin = { of: o, uniform: factors.every((f) => Math.abs(f - at(factors, 0)) <= TOLERANCE * Math.abs(f)) };
    }
    if (twin === undefined) seen.set(key, [...others, t]);
    else twins.set(t, twin);
  }
  return twins;
};
