import { type AnyNode, elementCount, type ValueId } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { Affine } from './affine.ts';
import type { Plan } from './plan.ts';

/** Values whose extremes matter more than their bulk: inputs, sums, and what softmax or sigmoid read. */
export const keepsExtremes = (plan: Plan): ReadonlySet<ValueId> => {
  const keep = new Set<ValueId>(plan.program.inputs.map((p) => p.value));
  for (const node of plan.nodes) {
    if (plan.isInteger(node)) continue;
    const result = at(node.results, 0);
    const [x] = node.operands;
    if (plan.roleOf(node).wholeRange === true && plan.rootOf(result) === result) keep.add(plan.leaderOf(plan.targetOf(result).value));
    const saturating = node.op === 'softmax' || node.op === 'log_softmax' || node.op === 'sigmoid' || node.op === 'tanh';
    if (saturating && x !== undefined) keep.add(plan.leaderOf(plan.rootOf(x)));
  }
  return keep;
};

/** The quantization of ops that define their own; undefined for the rest. */
export const fixedAffine = (plan: Plan, value: ValueId): Affine | undefined => {
  const producer = plan.producerOf(value);
  const fixed = producer === undefined ? undefined : plan.roleOf(producer).fixed;
  if (fixed === undefined) return undefined;
  return plan.wide.has(value) ? { ...fixed.wide, dtype: 'i16' } : { ...fixed.narrow, dtype: 'i8' };
};

/** The values that get a quantization of their own. */
export const leadersOf = (plan: Plan): readonly ValueId[] => {
  const leaders = new Set<ValueId>();
  for (const v of plan.needed) if (plan.isFloat(v)) leaders.add(plan.leaderOf(v));
  for (const port of plan.program.inputs) if (plan.isFloat(port.value)) leaders.add(plan.leaderOf(port.value));
  return [...leaders].filter((v) => plan.constantOf(v) === undefined).sort((a, b) => a - b);
};

/** The user's name of a value. */
export const nameOfValue = (plan: Plan, value: ValueId): string => {
  const node = plan.producerOf(value);
  return node === undefined ? (plan.program.inputs.find((p) => p.value === value)?.name ?? `value ${value}`) : plan.nameOf(node);
};

/** A layer with weights, and its name: the user's, made unique. */
export interface WeightedLayer {
  readonly name: string;
  readonly node: AnyNode;
}

/** Every conv and dense with a run-time input and constant weights, in program order. */
export const weightedLayers = (plan: Plan): readonly WeightedLayer[] => {
  const seen = new Map<string, number>();
  return plan.nodes.flatMap((node) => {
    const [x, w] = node.operands;
    const weighted = (node.op === 'conv' || node.op === 'dense') && x !== undefined && w !== undefined && plan.isFloat(x);
    if (!weighted || plan.constantOf(x) !== undefined || plan.constantOf(w) === undefined) return [];
    const name = plan.nameOf(node);
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return [{ name: count === 1 ? name : `${name} #${count}`, node }];
  });
};

/** The run-time inputs of conv and dense, with their channel axis: their means correct the biases. */
export const layerInputs = (plan: Plan): ReadonlyMap<ValueId, number> =>
  new Map(
    weightedLayers(plan).map(({ node }) => {
      const x = at(node.operands, 0);
      return [x, node.op === 'conv' ? 1 : plan.typeOf(x).shape.length - 1];
    }),
  );

/** Columns of each layer's input that are taken over all samples, and bytes of all of them together, at most. */
const MOST_COLUMNS = 1024;
const COLUMN_BYTES = 2 ** 28;

/** How many columns of its input each layer takes, by its result: as many as fit in memory; layers of one weight take parts. */
export const columnsOf = (plan: Plan): ReadonlyMap<ValueId, number> => {
  const layers = weightedLayers(plan).map(({ node }) => {
    const x = plan.typeOf(at(node.operands, 0)).shape;
    const kernel = plan.typeOf(at(node.operands, 1)).shape.slice(2);
    const width = node.op === 'conv' ? (x[1] ?? 1) * elementCount(kernel) : (x.at(-1) ?? 1);
    return { result: at(node.results, 0), weight: at(node.operands, 1), width };
  });
  const total = layers.reduce((n, { width }) => n + 4 * width, 0);
  const rows = Math.max(1, Math.min(MOST_COLUMNS, Math.floor(COLUMN_BYTES / Math.max(1, total))));
  const shares = (weight: ValueId): number => layers.filter((l) => l.weight === weight).length;
  return new Map(layers.map(({ result, weight }) => [result, Math.ceil(rows / shares(weight))]));
};
