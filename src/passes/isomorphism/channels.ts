import { elementCount } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { Term } from './graph.ts';
import { axisMap, moveAttrs, sourceIndex } from './normal/movement.ts';
import { shapeOf } from './normal/shapes.ts';

/**
 * How a value of one model relates to its counterpart: index c along `axis` is index order[c] there, multiplied by factor[c].
 * Undefined stands for the same values.
 */
export interface Channels {
  readonly axis: number;
  readonly order: Int32Array;
  readonly factor: Float64Array;
}

export type Relation = Channels | undefined;

/** Why a relation cannot be followed through an op. */
export class Untracked {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

const isPlain = ({ order, factor }: Channels): boolean => order.every((o, i) => o === i) && factor.every((f) => f === 1);

/** The relation, or undefined when it says that the values are the same. */
export const relation = (axis: number, order: Int32Array, factor: Float64Array): Relation => {
  const channels = { axis, order, factor };
  return isPlain(channels) ? undefined : channels;
};

export const isScaled = (r: Relation): boolean => r?.factor.some((f) => f !== 1) ?? false;

const FACTOR_TOLERANCE = 1e-4;

export const sameRelation = (a: Relation, b: Relation): boolean =>
  a === b ||
  (a !== undefined &&
    b !== undefined &&
    a.axis === b.axis &&
    a.order.every((o, i) => o === b.order[i]) &&
    a.factor.every((f, i) => Math.abs(f - at(b.factor, i)) <= FACTOR_TOLERANCE * Math.abs(f)));

/** The relation after elements were moved. */
export const movedRelation = (move: Term, r: Relation): Relation | Untracked => {
  if (r === undefined) return undefined;
  const source = shapeOf(at(move.operands, 0));
  const target = shapeOf(move);
  const map = axisMap(move);
  const kept = target.findIndex((_, i) => map?.axisOf(i) === r.axis);
  if (kept >= 0) return { ...r, axis: kept };
  if (target.length !== 2 || source[0] !== target[0]) return new Untracked(`channels are mixed by ${move.origin}`);
  // flattened: every element of a sample is a channel
  const count = at(target, 1);
  const attrs = moveAttrs(move);
  const from = sourceIndex(attrs);
  const inner = elementCount(source.slice(r.axis + 1));
  const size = at(source, r.axis);
  const [order, factor, place] = [new Int32Array(count), new Float64Array(count), new Int32Array(count)];
  for (let i = 0; i < count; i++) place[from(i) % count] = i;
  for (let i = 0; i < count; i++) {
    const s = from(i) % count;
    const c = Math.floor(s / inner) % size;
    order[i] = at(place, s + (at(r.order, c) - c) * inner);
    factor[i] = at(r.factor, c);
  }
  return { axis: 1, order, factor };
};

/** The relation of values joined along an axis. */
export const joinedRelation = (join: Term, parts: readonly Relation[]): Relation | Untracked => {
  if (parts.every((p) => p === undefined)) return undefined;
  const { axis } = join.attrs as { readonly axis: number };
  if (parts.some((p) => p !== undefined && p.axis !== axis)) {
    return parts.every((p) => sameRelation(p, parts[0])) ? parts[0] : new Untracked(`${join.origin} joins values whose channels differ`);
  }
  const order = new Int32Array(at(shapeOf(join), axis));
  const factor = new Float64Array(order.length).fill(1);
  let offset = 0;
  join.operands.forEach((operand, k) => {
    const size = at(shapeOf(operand), axis);
    for (let c = 0; c < size; c++) {
      order[offset + c] = offset + (parts[k]?.order[c] ?? c);
      factor[offset + c] = parts[k]?.factor[c] ?? 1;
    }
    offset += size;
  });
  return relation(axis, order, factor);
};

/** The relation after a reduction without kept axes. */
export const reducedRelation = (reduce: Term, r: Relation): Relation | Untracked => {
  if (r === undefined) return undefined;
  const { axes } = reduce.attrs as { readonly axes: readonly number[] };
  if (!axes.includes(r.axis)) return { ...r, axis: r.axis - axes.filter((a) => a < r.axis).length };
  return isScaled(r) ? new Untracked(`${reduce.origin} adds up channels with different factors`) : undefined;
};
