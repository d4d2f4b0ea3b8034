import type { AnyNode, Attrs, Program, ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Settings } from '../calibrated.ts';
import { type LayerBits, PROFILES } from '../model.ts';
import type { WeightedLayer } from '../sites.ts';

/** One precision that a layer may have. */
export interface Rung {
  readonly name: string;
  readonly bits: LayerBits;
}

/** The precisions a layer climbs, the smallest package first. The second is where sensitivity is measured from. */
export const LADDER = [
  { name: 'W6A8', bits: PROFILES[6] },
  { name: 'W8A8', bits: PROFILES[8] },
  { name: 'W8A16', bits: { weights: 8, activations: 16 } },
  { name: 'W16A16', bits: PROFILES[16] },
] as const satisfies readonly Rung[];

/** The rung of `LADDER` with 8 bits everywhere. */
export const BASE = 1;

/** Layers that use one weight tensor, such as the steps of an unrolled recurrent layer: they have one precision. */
export interface Unit {
  /** The first layer's. */
  readonly name: string;
  readonly node: AnyNode;
  readonly layers: readonly string[];
}

/** The precision of a unit. */
export interface UnitBits {
  readonly layers: readonly string[];
  readonly bits: LayerBits;
}

export const unitsOf = (layers: readonly WeightedLayer[]): readonly Unit[] => {
  const byWeights = new Map<ValueId, { name: string; node: AnyNode; layers: string[] }>();
  for (const { name, node } of layers) {
    const weights = at(node.operands, 1);
    const unit = byWeights.get(weights);
    if (unit === undefined) byWeights.set(weights, { name, node, layers: [name] });
    else unit.layers.push(name);
  }
  return [...byWeights.values()];
};

/** The rung of each unit, in the order of `unitsOf`. */
export type Assignment = readonly number[];

/** One digit a unit: what names an assignment in records. */
export const assignmentKey = (assignment: Assignment): string => assignment.map((r) => r.toString(36)).join('');

/** All units on one rung. */
export const uniform = (units: readonly Unit[], rung: number): Assignment => units.map(() => rung);

/**
 * Bits by layer as the settings of the quantizer have them. What is no layer has 8 bits, but 16 where every layer's result
 * has: nothing would be gained from wide layers behind a narrow input.
 */
export const settingsOf = (layers: ReadonlyMap<string, LayerBits>): Pick<Settings, 'bits' | 'layers'> => {
  const wide = layers.size > 0 && [...layers.values()].every(({ activations }) => activations === 16);
  return { bits: wide ? PROFILES[16] : PROFILES[8], layers };
};

/** The precision that an assignment gives each unit. */
export const unitBits = (units: readonly Unit[], ladder: readonly Rung[], assignment: Assignment): readonly UnitBits[] =>
  units.map(({ layers }, i) => ({ layers, bits: at(ladder, at(assignment, i)).bits }));

/** The assignment as the settings of the quantizer have it. */
export const bitsOf = (units: readonly Unit[], ladder: readonly Rung[], assignment: Assignment): Pick<Settings, 'bits' | 'layers'> =>
  settingsOf(
    new Map(unitBits(units, ladder, assignment).flatMap(({ layers, bits }) => layers.map((name): [string, LayerBits] => [name, bits]))),
  );

/** Every channel has a filter of its own. */
const isDepthwise = (program: Program, node: AnyNode): boolean => {
  if (node.op !== 'conv') return false;
  const { groups } = node.attrs as Attrs<'conv'>;
  return groups > 1 && at(program.types, at(node.operands, 1)).shape[1] === 1;
};

/**
 * 6 bits for all but the first convolution, the last dense layer (the last of all where none is dense) and depthwise
 * convolutions: they have few weights, and each of those matters (NUMERICS §3).
 */
export const customary = (program: Program, units: readonly Unit[]): Assignment => {
  const first = units.findIndex(({ node }) => node.op === 'conv');
  const dense = units.findLastIndex(({ node }) => node.op === 'dense');
  const last = dense < 0 ? units.length - 1 : dense;
  return units.map(({ node }, i) => (i === first || i === last || isDepthwise(program, node) ? BASE : 0));
};
