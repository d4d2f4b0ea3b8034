import { type AnyNode, type ValueId } from '../../ir/index.ts';
import { at, invariant } from '../../support/index.ts';
import { affineOfRange, quantizeValue } from './affine.ts';
import { centreOf, type Histogram } from './histogram.ts';
import type { Plan } from './plan.ts';
import type { ChosenRange } from './ranges.ts';
import { probeRegion, regionOf } from './region.ts';

/** A function of one value, element by element and the same for every channel. */
export type PointFunction = (inputs: Float64Array) => ArrayLike<number>;

/**
 * The functions that are all that reads a value, such as hard swish after a conv; undefined when something else reads it too, or
 * when a function differs between channels.
 */
export const functionsOf = (plan: Plan, value: ValueId): readonly PointFunction[] | undefined => {
  const users = plan.nodes.filter((n) => n.operands.includes(value));
  const within = (node: AnyNode): boolean => node.results.every((r) => plan.tableSourceOf(r) === value);
  if (users.length === 0 || !users.every(within) || plan.program.outputs.some((o) => o.value === value)) return undefined;
  const results = plan.nodes
    .flatMap((n) => n.results)
    .filter((r) => plan.needed.has(r) && plan.tableSourceOf(r) === value && plan.isFloat(r));
  const { shape } = plan.typeOf(value);
  const functions = results.map((result): PointFunction | undefined => {
    const region = regionOf(
      value,
      result,
      (v) => plan.producerOf(v),
      (v) => plan.constantOf(v) !== undefined,
    );
    const probe: PointFunction = (inputs) => {
      const probed = probeRegion(region, shape, inputs, (v) => plan.constantOf(v)).get(result);
      invariant(probed !== undefined, 'a region computes its value');
      return probed.data;
    };
    return probe(new Float64Array(1)).length === 1 ? probe : undefined;
  });
  return results.length === 0 || functions.includes(undefined) ? undefined : functions.filter((f) => f !== undefined);
};

/** Shares of each extreme that are tried: 1, 0.93, … down to a tenth. */
const STEPS = 32;
const RATIO = 0.93;

const limitsOf = (extreme: number): readonly number[] => {
  if (extreme === 0) return [0];
  const limits = [extreme];
  for (let k = 1; k < STEPS; k++) limits.push(at(limits, k - 1) * RATIO);
  return limits;
};

/** What was seen, and what the functions make of it. */
interface Seen {
  readonly centres: Float64Array;
  readonly counts: Float64Array;
  readonly wanted: readonly ArrayLike<number>[];
  /** By function: one over the power of its results, so that functions weigh alike. */
  readonly weights: readonly number[];
}

const seenOf = (h: Histogram, functions: readonly PointFunction[]): Seen => {
  const places = Array.from(h.bins.keys()).filter((i) => at(h.bins, i) > 0);
  const centres = Float64Array.from(places, (i) => centreOf(h, i));
  const counts = Float64Array.from(places, (i) => at(h.bins, i));
  const wanted = functions.map((f) => f(centres));
  const weights = wanted.map((values) => {
    let power = 0;
    for (let i = 0; i < counts.length; i++) power += at(counts, i) * at(values, i) * at(values, i);
    return power > 0 ? 1 / power : 0;
  });
  return { centres, counts, wanted, weights };
};

/** Squared error of the functions' results when their argument has the int8 code of a range, each as a share of its power. */
const errorOf = ({ centres, counts, wanted, weights }: Seen, functions: readonly PointFunction[], lo: number, hi: number): number => {
  const affine = affineOfRange(lo, hi);
  const codes = Float64Array.from({ length: 256 }, (_, q) => (q - 128 - affine.zero) * affine.scale);
  const given = functions.map((f) => f(codes));
  let error = 0;
  for (let i = 0; i < centres.length; i++) {
    const code = quantizeValue(at(centres, i), affine) + 128;
    for (const [f, values] of wanted.entries()) {
      const d = at(at(given, f), code) - at(values, i);
      error += at(weights, f) * at(counts, i) * d * d;
    }
  }
  return error;
};

/**
 * The range that makes the error behind the functions least, and not that of the value itself: hard swish is 0 below -3, so codes
 * for less are wasted. One side is settled after the other, twice.
 */
export const rangeThroughFunctions = (h: Histogram, functions: readonly PointFunction[]): ChosenRange | undefined => {
  const seen = seenOf(h, functions);
  if (seen.weights.every((w) => w === 0)) return undefined;
  let [lo, hi] = [Math.min(h.min, 0), Math.max(h.max, 0)];
  let least = errorOf(seen, functions, lo, hi);
  if (!Number.isFinite(least)) return undefined;
  for (let sweep = 0; sweep < 2; sweep++) {
    for (const limit of limitsOf(Math.max(h.max, 0))) {
      const error = errorOf(seen, functions, lo, limit);
      if (error < least) [least, hi] = [error, limit];
    }
    for (const limit of limitsOf(Math.min(h.min, 0))) {
      const error = errorOf(seen, functions, limit, hi);
      if (error < least) [least, lo] = [error, limit];
    }
  }
  let outside = 0;
  for (let i = 0; i < seen.centres.length; i++) {
    const v = at(seen.centres, i);
    if ((v < lo && lo > h.min) || (v > hi && hi < h.max)) outside += at(seen.counts, i);
  }
  return { lo, hi, method: 'function', clipped: h.count === 0 ? 0 : outside / h.count };
};
