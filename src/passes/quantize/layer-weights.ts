import type { Tensor, TensorData } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { type Affine, powerOfTwoAbove } from './affine.ts';
import { type LayerFeedback, roundNearest } from './rounding.ts';

/** Bits of a weight. */
export type WeightBits = 6 | 8 | 16;

/** The greatest code: weights are symmetric, the most negative code is unused (NUMERICS §1.2). */
const LIMIT = { 6: 31, 8: 127, 16: 32767 } as const satisfies Record<WeightBits, number>;

/** Limits of a bias before the zero point of the input is folded in (NUMERICS §1.2). */
const MAX_BIAS = 2 ** 30;
const INT32_MAX = 2 ** 31 - 1;

/** Step by which a weight scale grows until the accumulator fits int32. */
const WIDEN = 1.0625;

/** Integer weights of one layer, and the scale of its accumulator per output channel. */
export interface LinearWeights {
  readonly weights: Int8Array;
  readonly bias: Int32Array;
  /** Sx * Sw[c]; 0 for a channel that is always 0. */
  readonly scales: readonly number[];
}

/** A layer as the quantizer sees it. */
export interface Linear {
  readonly weights: Tensor;
  readonly bias: Tensor | undefined;
  readonly input: Affine;
  /** Mean of each input channel over calibration; undefined leaves biases uncorrected. */
  readonly means?: Float64Array | undefined;
  /** Rounds rows with regard to what the layer reads; undefined rounds each weight to its nearest code. */
  readonly feedback?: LayerFeedback | undefined;
  readonly groups?: number;
  readonly bits: WeightBits;
  /** Scales are powers of two: the rescale after the layer is a shift. */
  readonly powerOfTwo?: boolean;
}

/** How one row is rounded and its bias corrected. */
interface RowRule {
  readonly round: (w: TensorData, scale: number, limit: number, row: Int8Array) => void;
  /** Mean of each input of a row: per tap, or per channel of equally many taps; undefined leaves biases alone. */
  readonly means: Float64Array | undefined;
}

/**
 * What rounding the weights takes from the channel's mean output: sum of (w - scale q) E[x]. Added to the bias, the mean
 * stays (NUMERICS §5.7).
 */
const meanLoss = (w: TensorData, row: Int8Array, scale: number, means: Float64Array): number => {
  const taps = means.length === 0 ? 0 : row.length / means.length;
  let loss = 0;
  for (let i = 0; i < row.length; i++) loss += ((w[i] ?? 0) - (row[i] ?? 0) * scale) * (means[Math.floor(i / taps)] ?? 0);
  return loss;
};

/**
 * A bias with the input's zero point folded in; undefined when int32 could overflow.
 * @param b - the bias in units of the accumulator
 */
export const foldBias = (row: Int8Array, b: number, x: Affine): number | undefined => {
  let sum = 0;
  let lo = 0;
  let hi = 0;
  for (const q of row) {
    sum += q;
    lo += q >= 0 ? q * -128 : q * 127;
    hi += q >= 0 ? q * 127 : q * -128;
  }
  const folded = b - x.zero * sum;
  const fits = Math.abs(b) <= MAX_BIAS && Math.abs(folded) <= INT32_MAX && folded + lo >= -INT32_MAX && folded + hi <= INT32_MAX;
  return fits ? folded : undefined;
};

/** Shrinkings of a channel's greatest weight that are tried for 6 bits: 1, 0.99, … 0.5 (NUMERICS §5). */
const SHRINKINGS = 51;

/** The candidate of least squared rounding and clipping error; the first of equals. */
const leastError = (row: TensorData, limit: number, candidates: readonly number[]): number => {
  let best = candidates[0] ?? 1;
  let least = Number.POSITIVE_INFINITY;
  for (const scale of candidates) {
    let error = 0;
    for (let i = 0; i < row.length && error < least; i++) {
      const w = row[i] ?? 0;
      const q = Math.floor(w / scale + 0.5);
      const d = (q > limit ? limit : q < -limit ? -limit : q) * scale - w;
      error += d * d;
    }
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
};

/** The least scale at which a bias keeps within MAX_BIAS, with a factor of 2 to spare. */
const scaleForBias = (bias: number, x: Affine): number => (2 * Math.abs(bias)) / (x.scale * MAX_BIAS);

const absmaxOf = (w: TensorData): number => {
  let absmax = 0;
  for (let i = 0; i < w.length; i++) absmax = Math.max(absmax, Math.abs(w[i] ?? 0));
  return absmax;
};

/** The scale of a channel's weights: absmax for 8 bits and more, where clipping gains nothing; least error for 6 bits. */
const scaleOf = ({ bits, powerOfTwo = false, input }: Linear, w: TensorData, absmax: number, bias: number): number => {
  const limit = LIMIT[bits];
  const full = absmax / limit;
  if (powerOfTwo) {
    const above = powerOfTwoAbove(Math.max(full, Number.MIN_VALUE));
    return Math.max(leastError(w, limit, [above, above / 2, above / 4]), powerOfTwoAbove(scaleForBias(bias, input)));
  }
  const shrunk = Array.from({ length: SHRINKINGS }, (_, step) => (absmax * (1 - step / 100)) / limit);
  return Math.max(bits === 6 ? leastError(w, limit, shrunk) : full, scaleForBias(bias, input));
};

/** One channel: fills `row`; the bias to store and the weight scale. A scale of 0 means that the channel is always 0. */
const quantizeChannel = (layer: Linear, w: TensorData, bias: number, rule: RowRule, row: Int8Array) => {
  const absmax = absmaxOf(w);
  if (absmax === 0 && bias === 0) return { bias: 0, scale: 0 };
  const limit = LIMIT[layer.bits];
  let scale = scaleOf(layer, w, absmax, bias);
  for (;;) {
    rule.round(w, scale, limit, row);
    const corrected = rule.means === undefined ? bias : bias + meanLoss(w, row, scale, rule.means);
    const folded = foldBias(row, Math.floor(corrected / (layer.input.scale * scale) + 0.5), layer.input);
    if (folded !== undefined) return { bias: folded, scale };
    scale *= layer.powerOfTwo === true ? 2 : WIDEN;
  }
};

const ruleOf = ({ feedback, means, groups = 1 }: Linear, channel: number, group: number): RowRule => {
  if (feedback !== undefined)
    return {
      round: (w, scale, limit, row) => feedback.round(channel, group, w, scale, limit, row),
      means: means && feedback.meansOf(group),
    };
  const inputs = (means?.length ?? 0) / groups;
  return { round: roundNearest, means: means?.subarray(group * inputs, (group + 1) * inputs) };
};

/**
 * Symmetric weights per output channel (absmax for 8 bits, least squared error for 6), bias in accumulator units with
 * the input's zero point folded in and, where means are given, the mean rounding error added back. A channel whose bias or
 * accumulator would overflow takes a wider scale.
 */
export const quantizeLinear = (layer: Linear): LinearWeights => {
  const { weights: w, bias, groups = 1, input } = layer;
  const [channels = 0] = w.shape;
  const per = channels === 0 ? 0 : w.data.length / channels;
  const weights = new Int8Array(w.data.length);
  const biases = new Int32Array(channels);
  const scales: number[] = [];
  for (let c = 0; c < channels; c++) {
    const row = weights.subarray(c * per, (c + 1) * per);
    const b = bias === undefined ? 0 : at(bias.data, c);
    const made = quantizeChannel(
      layer,
      w.data.subarray(c * per, (c + 1) * per),
      b,
      ruleOf(layer, c, Math.floor((c * groups) / channels)),
      row,
    );
    biases[c] = made.bias;
    scales.push(input.scale * made.scale);
  }
  layer.feedback?.rest();
  return { weights, bias: biases, scales };
};
