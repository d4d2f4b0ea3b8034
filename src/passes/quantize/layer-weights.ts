import type { Tensor, TensorData } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { Affine } from './affine.ts';

/** Limits of a bias before the zero point of the input is folded in (NUMERICS §1.2). */
const MAX_BIAS = 2 ** 30;
const INT32_MAX = 2 ** 31 - 1;

/** Step by which a weight scale grows until the accumulator fits int32. */
const WIDEN = 1.0625;

/** Integer weights of one layer, and the scale of its accumulator per output channel. */
interface LinearWeights {
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
  readonly groups?: number;
  readonly bits: 6 | 8;
}

/** Rounds one channel's weights with scale `scale`. */
const roundRow = (w: TensorData, scale: number, limit: number, row: Int8Array): void => {
  for (let i = 0; i < row.length; i++) row[i] = Math.min(limit, Math.max(-limit, Math.floor((w[i] ?? 0) / scale + 0.5)));
};

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

/** The bias in accumulator units with the input's zero point folded in; undefined when int32 could overflow. */
const foldBias = (row: Int8Array, bias: number, x: Affine, scale: number): number | undefined => {
  const b = Math.floor(bias / (x.scale * scale) + 0.5);
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

/** The weight scale of least squared rounding and clipping error; with 8 bits absmax is as good. */
const scaleOfLeastError = (row: TensorData, absmax: number, limit: number): number => {
  let best = absmax / limit;
  let least = Number.POSITIVE_INFINITY;
  for (let step = 0; step < SHRINKINGS; step++) {
    const scale = (absmax * (1 - step / 100)) / limit;
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

/** One channel: fills `row`; the bias to store and the weight scale. A scale of 0 means that the channel is always 0. */
const quantizeChannel = (layer: Linear, w: TensorData, bias: number, means: Float64Array | undefined, row: Int8Array) => {
  const { input, bits } = layer;
  const limit = bits === 8 ? 127 : 31;
  const absmax = absmaxOf(w);
  if (absmax === 0 && bias === 0) return { bias: 0, scale: 0 };
  let scale = Math.max(bits === 8 ? absmax / limit : scaleOfLeastError(w, absmax, limit), scaleForBias(bias, input));
  for (;;) {
    roundRow(w, scale, limit, row);
    const corrected = means === undefined ? bias : bias + meanLoss(w, row, scale, means);
    const folded = foldBias(row, corrected, input, scale);
    if (folded !== undefined) return { bias: folded, scale };
    scale *= WIDEN;
  }
};

/**
 * Symmetric weights per output channel (absmax for 8 bits, least squared error for 6), bias in accumulator units with
 * the input's zero point folded in and, where means are given, the mean rounding error added back. A channel whose bias or accumulator would
 * overflow takes a wider scale.
 */
export const quantizeLinear = (layer: Linear): LinearWeights => {
  const { weights: w, bias, means, groups = 1, input } = layer;
  const [channels = 0] = w.shape;
  const per = channels === 0 ? 0 : w.data.length / channels;
  const weights = new Int8Array(w.data.length);
  const biases = new Int32Array(channels);
  const scales: number[] = [];
  for (let c = 0; c < channels; c++) {
    const inputs = (means?.length ?? 0) / groups;
    const first = Math.floor((c * groups) / channels) * inputs;
    const row = weights.subarray(c * per, (c + 1) * per);
    const b = bias === undefined ? 0 : at(bias.data, c);
    const made = quantizeChannel(layer, w.data.subarray(c * per, (c + 1) * per), b, means?.subarray(first, first + inputs), row);
    biases[c] = made.bias;
    scales.push(input.scale * made.scale);
  }
  return { weights, bias: biases, scales };
};
