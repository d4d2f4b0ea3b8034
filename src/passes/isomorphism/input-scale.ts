import { at } from '../../support/index.ts';
import { type Graph, isLayer } from './graph.ts';
import type { Pair } from './match.ts';
import { closeNumbers } from './match.ts';
import { shapeOf } from './normal/shapes.ts';
import { compareWeights } from './weights.ts';

/**
 * Models whose weights are equal but that the first layer of one is a multiple of the other's: they take the same input in other
 * units, as when one divides pictures by 255 and the other does not. A sentence about it; undefined when that is not so.
 */
export const inputScale = (pairs: readonly Pair[], graph: Graph, tolerance: number): string | undefined => {
  const [input] = graph.inputs;
  if (input === undefined || graph.inputs.length !== 1 || shapeOf(input.term).length < 2) return undefined;
  const partner = new Map(pairs);
  for (const [a, b] of pairs) {
    if (!isLayer(a) || a.operands[0] !== input.term) continue;
    const [wa, wb] = [at(a.operands, 1).constant?.values() ?? [], at(b.operands, 1).constant?.values() ?? []];
    const i = Array.from(wa).findIndex((v, k) => v !== 0 && (wb[k] ?? 0) !== 0);
    if (i < 0) return undefined;
    const k = at(wb, i) / at(wa, i);
    if (closeNumbers(k, 1, tolerance)) return undefined;
    const verdict = compareWeights(
      pairs,
      graph.outputs.map((o) => o.term),
      tolerance,
      1 / k,
    );
    const name = partner.get(input.term)?.origin ?? '';
    if (verdict.kind === 'equal')
      return `weights are equal when the input ${name} of B is ${Number((1 / k).toPrecision(6))} times that of A`;
    return undefined;
  }
  return undefined;
};
