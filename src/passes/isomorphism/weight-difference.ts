import type { Difference } from './difference.ts';
import { elementCount, stridesOf } from '../../ir/index.ts';
import type { Term } from './graph.ts';
import { shapeOf } from './normal/shapes.ts';
import type { WeightVerdict } from './weights.ts';

/** The indices of a flat position, as [2, 0, 1]. */
const place = (term: Term, index: number): string => {
  const shape = shapeOf(term);
  if (elementCount(shape) <= index) return `[${index}]`;
  const strides = stridesOf(shape);
  return `[${shape.map((d, i) => Math.floor(index / (strides[i] ?? 1)) % d).join(', ')}]`;
};

/** The first weights that differ, as a difference of the two models. */
export const weightDifference = (weights: Extract<WeightVerdict, { readonly kind: 'different' }>): Difference => {
  const found = weights.at;
  if (found === undefined)
    return { kind: 'weights', what: weights.reason, a: { name: '', op: '', value: '' }, b: { name: '', op: '', value: '' } };
  const [layerA, layerB] = found.user;
  const worst = found.direct ?? found.worst;
  const side = (layer: Term, term: Term, value: number): Difference['a'] => ({
    name: layer.origin,
    op: layer.op,
    value: `${term.origin}${place(found.a, worst.index)} = ${value}`,
  });
  return { kind: 'weights', what: '', a: side(layerA, found.a, worst.a), b: side(layerB, found.b, worst.b) };
};
