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
  /** Weights that lost a step, because int8 weights begin at -127. */
  readonly clamped: number;
}

/** A layer of given weights. Each weight is `offset` greater than the int8 weight that stands for it. */
export interface GivenWeights extends LinearWeights {
  readonly offset: number;
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

/** What is taken off codes of a wider range so that they are int8; undefined when their range is too wide. */
const offsetOf = (codes: ArrayLike<number>): number | undefined => {
  let [least, greatest] = [0, 0];
  for (let i = 0; i < codes.length; i++) [least, greatest] = [Math.min(least, at(codes, i)), Math.max(greatest, at(codes, i))];
  if (least >= DTYPE_INFO.i8.lo && greatest <= LIMIT) return 0;
  return greatest - least <= 2 * LIMIT + 1 ? greatest - LIMIT : undefined;
};

/** The sum of the inputs, `offset` times, must leave the accumulator in int32 too. */
const INT32_MAX = 2 ** 31 - 1;

/**
 * The layer with the integers that the model stores, biases in units of the accumulator with the input's zero point folded in.
 * Weights with a zero point of their own are int8 after an offset: sum (w + offset)(x - z) = sum w (x - z) + offset sum (x - z),
 * and what remains to be added is offset sum x. A weight below -127 then becomes -127. A text says why when the integers have
 * no such form.
 */
export const givenLinear = (layer: GivenLayer, canOffset: boolean): { readonly made: GivenWeights; readonly clamped: number } | string => {
  const { codes, scales } = layer.weights;
  const { input } = layer;
  const [channels = 0] = codes.shape;
  const offset = offsetOf(codes.data);
  if (offset === undefined || (offset !== 0 && !canOffset)) return 'with their zero point they have no form as int8 weights in -127..127';
  let clamped = 0;
  const weights = Int8Array.from(codes.data, (q) => {
    if (q - offset < -LIMIT) clamped++;
    return Math.max(-LIMIT, q - offset);
  });
  const per = channels === 0 ? 0 : weights.length / channels;
  const biases = new Int32Array(channels);
  const units = scales.map((s) => input.scale * s);
  for (let c = 0; c < channels; c++) {
    const bias = biasOf(layer, c, at(units, c)) - offset * input.zero * per;
    const folded = foldBias(weights.subarray(c * per, (c + 1) * per), bias, input);
    const room = offset === 0 || per * 128 * (LIMIT + Math.abs(offset)) + Math.abs(folded ?? 0) <= INT32_MAX;
    if (folded === undefined || !room) return `the sum of output channel ${c} could leave int32`;
    biases[c] = folded;
  }
  return { made: { weights, bias: biases, scales: units, offset }, clamped };
};
