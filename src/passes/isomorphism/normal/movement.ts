import { elementCount, stridesOf } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Constant } from '../constant.ts';
import type { Term } from '../graph.ts';
import { picked, reshaped, sameSizes, shapeOf } from './shapes.ts';

/** A run of indices that moves as one. */
interface Atom {
  size: number;
}

/** A movement of elements: the same atoms in the order of the source and in the order of the result. */
export interface Movement {
  readonly source: Atom[];
  readonly target: Atom[];
}

/** Splits atoms until `order` groups into `sizes`; undefined when a boundary falls inside a factor. Both orders stay the same atoms. */
const groupInto = (order: Atom[], other: Atom[], sizes: readonly number[]): Atom[][] | undefined => {
  const groups: Atom[][] = [];
  let next = 0;
  for (const size of sizes) {
    const group: Atom[] = [];
    let need = size;
    while (need > 1) {
      const atom = order[next];
      if (atom === undefined) return undefined;
      if (need % atom.size !== 0) {
        if (atom.size % need !== 0) return undefined;
        const low: Atom = { size: atom.size / need };
        atom.size = need;
        order.splice(next + 1, 0, low);
        other.splice(other.indexOf(atom) + 1, 0, low);
      }
      group.push(atom);
      need /= atom.size;
      next++;
    }
    groups.push(group);
  }
  return groups;
};

export const movementOf = (from: readonly number[], perm: readonly number[]): Movement => {
  const source = from.map((size): Atom => ({ size }));
  const target = perm.map((p) => at(source, p)).filter((a) => a.size !== 1);
  return { source: source.filter((a) => a.size !== 1), target };
};

/** The factors and permutation of a movement, runs that stay together merged. */
export const canonicalMovement = ({ source, target }: Movement): { from: number[]; perm: number[] } => {
  const place = new Map(source.map((a, i) => [a, i]));
  const runs: { first: number; size: number }[] = [];
  let previous = -2;
  for (const atom of target) {
    const i = place.get(atom) ?? -1;
    const run = runs.at(-1);
    if (run !== undefined && i === previous + 1) run.size *= atom.size;
    else runs.push({ first: i, size: atom.size });
    previous = i;
  }
  const sorted = [...runs].sort((a, b) => a.first - b.first);
  return { from: sorted.map((r) => r.size), perm: runs.map((r) => sorted.indexOf(r)) };
};

interface MoveAttrs {
  readonly from: readonly number[];
  readonly perm: readonly number[];
  readonly shape: readonly number[];
}

export const moveAttrs = (term: { readonly attrs: unknown }): MoveAttrs => term.attrs as MoveAttrs;

/** The movement of a `move` followed by another; undefined when their factors do not fit. */
export const composed = (first: MoveAttrs, second: MoveAttrs): Movement | undefined => {
  const movement = movementOf(first.from, first.perm);
  const groups = groupInto(movement.target, movement.source, second.from);
  return groups === undefined ? undefined : { source: movement.source, target: second.perm.flatMap((p) => at(groups, p)) };
};

/** Which axes of the operand of a `move` the axes of its result are. */
export interface AxisMap {
  readonly movement: Movement;
  readonly sourceGroups: readonly (readonly Atom[])[];
  readonly targetGroups: readonly (readonly Atom[])[];
  /** The axis of the operand with exactly the elements of this axis of the result; undefined when there is none. */
  readonly axisOf: (axis: number) => number | undefined;
}

export const axisMap = (move: Term): AxisMap | undefined => {
  const { from, perm, shape } = moveAttrs(move);
  const movement = movementOf(from, perm);
  const operand = shapeOf(at(move.operands, 0));
  if (elementCount(shape) === 0) return undefined;
  // splitting for the result may cut an atom of the operand, so the operand is grouped again after it
  if (groupInto(movement.source, movement.target, operand) === undefined) return undefined;
  const targetGroups = groupInto(movement.target, movement.source, shape);
  const sourceGroups = groupInto(movement.source, movement.target, operand);
  if (targetGroups === undefined || sourceGroups === undefined) return undefined;
  const axisOf = (axis: number): number | undefined => {
    const wanted = targetGroups[axis] ?? [];
    if (wanted.length === 0) return undefined;
    const found = sourceGroups.findIndex((g) => g.length === wanted.length && g.every((a, i) => a === wanted[i]));
    return found < 0 ? undefined : found;
  };
  return { movement, sourceGroups, targetGroups, axisOf };
};

/** The permutation of a `move` that is a transpose: axis i of the result is axis perm[i] of the operand. */
export const transpositionOf = (move: Term): readonly number[] | undefined => {
  const map = axisMap(move);
  const operand = shapeOf(at(move.operands, 0));
  const { shape } = moveAttrs(move);
  if (map === undefined || operand.length !== shape.length) return undefined;
  const ones = operand.flatMap((d, i) => (d === 1 ? [i] : []));
  const perm = shape.map((d, i) => (d === 1 ? ones.shift() : map.axisOf(i)));
  return perm.every((p) => p !== undefined) && new Set(perm).size === perm.length ? (perm as number[]) : undefined;
};

/** For each element of the result of a `move`, the element of its operand. */
export const sourceIndex = (attrs: MoveAttrs): ((i: number) => number) => {
  const strides = stridesOf(attrs.from);
  const sizes = attrs.perm.map((p) => at(attrs.from, p)).reverse();
  const steps = attrs.perm.map((p) => at(strides, p)).reverse();
  return (i) => {
    let [rest, index] = [i, 0];
    for (let d = 0; d < sizes.length; d++) {
      const size = at(sizes, d);
      index += (rest % size) * at(steps, d);
      rest = Math.floor(rest / size);
    }
    return index;
  };
};

/** A constant that is broadcast to the result of a `move`, as it is broadcast to the operand; undefined when there is no such. */
export const movedBack = (move: Term, constant: Constant): Constant | undefined => {
  const { shape } = moveAttrs(move);
  if (elementCount(constant.type.shape) === 1) return constant;
  const lead = shape.length - constant.type.shape.length;
  const map = axisMap(move);
  if (lead < 0 || map === undefined) return undefined;
  const axes = constant.type.shape.flatMap((d, i) => (d === 1 ? [] : [{ size: d, to: map.axisOf(i + lead), of: shape[i + lead] }]));
  if (axes.some((a) => a.to === undefined || a.size !== a.of)) return undefined;
  const operand = shapeOf(at(move.operands, 0));
  const target = operand.map((_, d) => axes.find((a) => a.to === d)?.size ?? 1);
  const strides = stridesOf(axes.map((a) => a.size));
  const order = operand.flatMap((_, d) => {
    const i = axes.findIndex((a) => a.to === d);
    return i < 0 ? [] : [{ size: at(axes, i).size, stride: at(strides, i) }];
  });
  const name = `back${axes.map((a) => a.to).join('.')}`;
  if (axes.every((a, i) => i === 0 || (a.to ?? 0) > (at(axes, i - 1).to ?? 0))) {
    return sameSizes(target, constant.type.shape) ? constant : reshaped(constant, target);
  }
  return picked(name, constant, target, (i) => {
    let [rest, index] = [i, 0];
    for (let d = order.length - 1; d >= 0; d--) {
      const { size, stride } = at(order, d);
      index += (rest % size) * stride;
      rest = Math.floor(rest / size);
    }
    return index;
  });
};
