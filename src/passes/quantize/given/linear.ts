import { DTYPE_INFO, pow2, type Tensor } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Affine } from '../affine.ts';
import { foldBias, type LinearWeights } from '../layer-weights.ts';
import type { GivenIntegers } from './given-scales.ts';

/** What came of the integers that a model stores for one layer. */
export interface KeptIntegers {
  /** The user's name of the layer. */
  readonly layer: string;
  /** Why they were not kept; undefined when they were. */
  readonly reason?: string;
  /** Weights of -128 that became -127. */
  readonly clamped: number;
}

interface GivenLayer {
  readonly weights: GivenIntegers;
  readonly bias: Tensor | undefined;
  readonly biasIntegers: GivenIntegers | undefined;
  readonly input: Affine;
}

/** The least code is -127: -128 is no weight (NUMERICS §1.2). */
const LIMIT = 127;

/** A stored bias is in the accumulator's units when its scale is that of input times weights, up to float rounding. */
const SAME_UNIT = pow2(-16);

/** The bias of channel c in units of the accumulator. */
const biasOf = ({ bias, biasIntegers }: GivenLayer, c: number, unit: number): number => {
  const own = biasIntegers?.scales[c];
  if (own !== undefined && biasIntegers !== undefined && Math.abs(own / unit - 1) <= SAME_UNIT) return at(biasIntegers.codes.data, c);
  return bias === undefined ? 0 : Math.floor(at(bias.data, c) / unit + 0.5);
};

/**
 * The layer with the integers that the model stores: weights unchanged (-128 becomes -127), biases in units of the
 * accumulator with the input's zero point folded in. A text says why when the integers are no int8 weights.
 */
export const givenLinear = (layer: GivenLayer): { readonly made: LinearWeights; readonly clamped: number } | string => {
  const { codes, scales } = layer.weights;
  const [channels = 0] = codes.shape;
  const { lo, hi } = DTYPE_INFO.i8;
  let [least, greatest] = [0, 0];
  for (const q of codes.data) [least, greatest] = [Math.min(least, q), Math.max(greatest, q)];
  if (least < lo || greatest > hi) return `without their zero point they are in ${least}..${greatest}, and int8 weights are in -127..127`;
  let clamped = 0;
  const weights = Int8Array.from(codes.data, (q) => {
    if (q < -LIMIT) clamped++;
    return Math.max(-LIMIT, q);
  });
  const per = channels === 0 ? 0 : weights.length / channels;
  const biases = new Int32Array(channels);
  const units = scales.map((s) => layer.input.scale * s);
  for (let c = 0; c < channels; c++) {
    const folded = foldBias(weights.subarray(c * per, (c + 1) * per), biasOf(layer, c, at(units, c)), layer.input);
    if (folded === undefined) return `the sum of output channel ${c} could leave int32`;
    biases[c] = folded;
  }
  return { made: { weights, bias: biases, scales: units }, clamped };
};
