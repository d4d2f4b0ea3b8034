import { at } from '../../../support/index.ts';
import { type Assignment } from './ladder.ts';
import type { Sensitivity } from './sensitivity.ts';

/** One layer that goes up, and what for. */
export interface Step {
  readonly layer: number;
  readonly from: number;
  readonly to: number;
  /** Loss that the step takes away, by what it costs. */
  readonly worth: number;
}

/** Assignments from all layers on the lowest rung to all on the highest. */
export interface Path {
  /** One more than steps. */
  readonly assignments: readonly Assignment[];
  readonly steps: readonly Step[];
}

/** What an assignment is expected to lose, and to take. */
export interface Estimate {
  readonly loss: number;
  /** Bytes of the package. */
  readonly bytes: number;
  readonly operations: number;
}

export const estimate = ({ layers, operations, size }: Sensitivity, assignment: Assignment): Estimate => {
  const sum = (of: (i: number, rung: number) => number): number => assignment.reduce((total, rung, i) => total + of(i, rung), 0);
  return {
    loss: sum((i, rung) => at(at(layers, i).losses, rung)),
    bytes: size + sum((i, rung) => at(at(layers, i).effects, rung).size),
    operations: operations + sum((i, rung) => at(at(layers, i).effects, rung).operations),
  };
};

/** Steps that cost nothing come first, the most useful of them before the others. */
const FREE = 1e300;

/**
 * Raises layer after layer, each time where the most loss is taken away for the cost, in shares of what the highest rungs add
 * in bytes and operations: the greedy solution of the knapsack of NUMERICS §5.8, whose every prefix is best for its cost.
 * A layer may skip a rung that is not worth it. Equal steps are taken in the order of the layers.
 * @param stages - rungs that all layers reach before any goes higher, ascending; the highest is added
 */
export const greedyPath = (sensitivity: Sensitivity, stages: readonly number[] = []): Path => {
  const { layers } = sensitivity;
  const top = (layers[0]?.losses.length ?? 1) - 1;
  const least = estimate(
    sensitivity,
    layers.map(() => 0),
  );
  const most = estimate(
    sensitivity,
    layers.map(() => top),
  );
  const bytesSpan = Math.max(1, most.bytes - least.bytes);
  const operationsSpan = Math.max(1, most.operations - least.operations);
  const worthOf = (layer: number, from: number, to: number): number => {
    const { losses, effects } = at(layers, layer);
    const gain = at(losses, from) - at(losses, to);
    const size = (at(effects, to).size - at(effects, from).size) / bytesSpan;
    const work = (at(effects, to).operations - at(effects, from).operations) / operationsSpan;
    const cost = size + Math.max(0, work);
    return cost <= 0 ? FREE * (1 + gain) : gain / cost;
  };
  const current = layers.map(() => 0);
  const assignments: Assignment[] = [[...current]];
  const steps: Step[] = [];
  for (const stage of [...stages.filter((rung) => rung < top), top]) {
    for (;;) {
      let best: Step | undefined;
      for (const [layer, from] of current.entries()) {
        for (let to = from + 1; to <= stage; to++) {
          const worth = worthOf(layer, from, to);
          if (best === undefined || worth > best.worth) best = { layer, from, to, worth };
        }
      }
      if (best === undefined) break;
      current[best.layer] = best.to;
      steps.push(best);
      assignments.push([...current]);
    }
  }
  return { assignments, steps };
};
