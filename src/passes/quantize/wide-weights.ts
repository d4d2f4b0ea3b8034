import { POW2, type Tensor } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { powerOfTwoAbove } from './affine.ts';
import { type Linear, quantizeLinear } from './layer-weights.ts';

/**
 * Weights of layers that read i16 (NUMERICS §4: HP16). Sums are exact in I53; one shift of all channels brings them into int32,
 * where the bias, in units of the shifted sum, is added.
 */
interface WideWeights {
  readonly weights: Int8Array | Int16Array;
  readonly bias: Int32Array;
  /** Sx * Sw[c] * 2^shift; 0 for a channel that is always 0. */
  readonly scales: readonly number[];
  readonly shift: number;
}

const GREATEST = 32767;
const INT32_MAX = 2 ** 31 - 1;
const MAX_BIAS = 2 ** 30;
const MAX_SHIFT = 31;
/** A bias of more steps than this would take bits from all other channels: its channel takes coarser weights instead. */
const MOST_BIAS_STEPS = 2 ** 42;

interface Rows {
  readonly weights: Int8Array | Int16Array;
  /** Weight scale of each channel. */
  readonly scales: readonly number[];
  /** Real bias of each channel. */
  readonly biases: readonly number[];
}

/** 16-bit weights, each rounded to its nearest. */
const wideRows = ({ weights: w, bias, input, powerOfTwo = false }: Linear): Rows => {
  const [channels = 0] = w.shape;
  const per = channels === 0 ? 0 : w.data.length / channels;
  const weights = new Int16Array(w.data.length);
  const scales: number[] = [];
  const biases: number[] = [];
  for (let c = 0; c < channels; c++) {
    let absmax = 0;
    for (let i = c * per; i < (c + 1) * per; i++) absmax = Math.max(absmax, Math.abs(at(w.data, i)));
    const b = bias === undefined ? 0 : at(bias.data, c);
    const exact = Math.max(absmax / GREATEST, Math.abs(b) / (input.scale * MOST_BIAS_STEPS));
    const scale = exact > 0 && powerOfTwo ? powerOfTwoAbove(exact) : exact;
    if (scale > 0)
      for (let i = c * per; i < (c + 1) * per; i++) {
        const q = Math.floor(at(w.data, i) / scale + 0.5);
        weights[i] = q > GREATEST ? GREATEST : q < -GREATEST ? -GREATEST : q;
      }
    scales.push(scale);
    biases.push(b);
  }
  return { weights, scales, biases };
};

/** Steps of the input that one step of an 8-bit input of the same range has. */
const NARROWER = 256;

/** 8-bit and 6-bit weights as a layer of 8-bit input has them: rounding and bias correction do not depend on the input's bits. */
const narrowRows = (layer: Linear): Rows => {
  const scale = layer.input.scale * NARROWER;
  const made = quantizeLinear({ ...layer, input: { scale, zero: 0, dtype: 'i8' } });
  return {
    weights: made.weights,
    scales: made.scales.map((s) => s / scale),
    biases: made.scales.map((s, c) => at(made.bias, c) * s),
  };
};

const sumOfMagnitudes = (weights: Int8Array | Int16Array, from: number, to: number): number => {
  let sum = 0;
  for (let i = from; i < to; i++) sum += Math.abs(at(weights, i));
  return sum;
};

/**
 * Weights, biases and the least shift with which no channel overflows: sum |w| 2^15 / 2^shift + |bias| < 2^31.
 * @param layer - its input is i16 with zero point 0
 */
export const quantizeWide = (layer: Linear): WideWeights => {
  const { weights, scales, biases } = layer.bits === 16 ? wideRows(layer) : narrowRows(layer);
  const channels = scales.length;
  const per = channels === 0 ? 0 : weights.length / channels;
  const units = scales.map((s) => s * layer.input.scale);
  const reach = units.map((_, c) => sumOfMagnitudes(weights, c * per, (c + 1) * per) * (GREATEST + 1));
  const biasAt = (c: number, shift: number): number => {
    const unit = at(units, c) * POW2[shift]!;
    return unit === 0 ? 0 : Math.floor(at(biases, c) / unit + 0.5);
  };
  const fits = (c: number, shift: number): boolean => {
    const bias = Math.abs(biasAt(c, shift));
    return bias <= MAX_BIAS && Math.ceil(at(reach, c) / POW2[shift]!) + 1 + bias <= INT32_MAX;
  };
  let shift = 0;
  for (let c = 0; c < channels; c++) while (shift < MAX_SHIFT && !fits(c, shift)) shift++;
  return {
    weights,
    bias: Int32Array.from(units, (_, c) => Math.max(-MAX_BIAS, Math.min(MAX_BIAS, biasAt(c, shift)))),
    scales: units.map((u) => u * POW2[shift]!),
    shift,
  };
};

/** The shift of a product of two run-time matrices of i16: n products of 2^30 each fit int32. */
export const shiftOfProducts = (n: number): number => {
  let shift = 0;
  while (shift < MAX_SHIFT && (n * POW2[30]!) / POW2[shift]! > INT32_MAX) shift++;
  return shift;
};

/** The dtype of a layer's weights. */
const weightDType = (bits: Linear['bits']): 'i6' | 'i8' | 'i16' => (bits === 6 ? 'i6' : bits === 8 ? 'i8' : 'i16');

/** A tensor of integer weights. */
export const weightTensor = (bits: Linear['bits'], shape: readonly number[], data: Int8Array | Int16Array): Tensor => ({
  dtype: weightDType(bits),
  shape,
  data,
});
