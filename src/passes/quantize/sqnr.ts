import { clamp, log64, type Tensor } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { withOutputs } from '../observe.ts';
import { quantizeTensor } from './affine.ts';
import type { CalibrationSample, Compile } from './calibrate.ts';
import type { LayerInfo, QuantizedModel } from './model.ts';

/** How well one quantized value follows its float value. */
export interface LayerSqnr extends LayerInfo {
  /** 10 log10(signal / noise) over all samples; infinite when there is no noise. */
  readonly decibels: number;
  /** Greatest absolute difference. */
  readonly worst: number;
}

const TEN_OVER_LN10 = 10 / log64(10);

/** 10 log10 of a ratio of powers. */
export const decibels = (ratio: number): number => TEN_OVER_LN10 * log64(ratio);

/** Real inputs in the quantization of the model's inputs; integer inputs stay as they are. */
export const quantizeInputs = (model: QuantizedModel, inputs: readonly Tensor[]): readonly Tensor[] =>
  inputs.map((t, i) => {
    const { scale, zero } = at(model.inputs, i);
    const { dtype } = at(model.program.types, at(model.program.inputs, i).value);
    return t.dtype === 'f32' ? quantizeTensor(t, { scale, zero, dtype: dtype === 'i16' ? 'i16' : 'i8' }) : t;
  });

/**
 * What an element is measured against: the float value, within the range where only functions read it, because those give what is
 * beyond the range up knowingly.
 */
const wantedOf = ({ method, range }: Pick<LayerInfo, 'method' | 'range'>, v: number): number =>
  method === 'function' ? clamp(v, range[0], range[1]) : v;

/** Power of what a layer should give and of what it misses, over the samples that are added. */
export class NoiseSum {
  signal = 0;
  noise = 0;
  /** Greatest absolute difference. */
  worst = 0;
  private readonly layer: LayerInfo;

  constructor(layer: LayerInfo) {
    this.layer = layer;
  }

  add(float: Tensor, int: Tensor): void {
    const { layer } = this;
    const { scale, zero } = layer;
    float.data.forEach((found, i) => {
      const v = wantedOf(layer, found);
      const error = (at(int.data, i) - zero) * scale - v;
      this.signal += v * v;
      this.noise += error * error;
      this.worst = Math.max(this.worst, Math.abs(error));
    });
  }
}

/** Signal-to-quantization-noise ratio of every layer, over samples, run one after another. */
export const measureSqnr = (model: QuantizedModel, samples: Iterable<CalibrationSample>, compile: Compile): readonly LayerSqnr[] => {
  const { layers } = model;
  const runFloat = compile(
    withOutputs(
      model.float,
      layers.map((l) => l.float),
    ),
  );
  const runInt = compile(
    withOutputs(
      model.program,
      layers.map((l) => l.int),
    ),
  );
  const sums = layers.map((layer) => new NoiseSum(layer));
  for (const sample of samples) {
    const float = runFloat(sample);
    const int = runInt(quantizeInputs(model, sample));
    sums.forEach((sum, l) => sum.add(at(float, l), at(int, l)));
  }
  return layers.map((layer, l) => {
    const { signal, noise, worst } = at(sums, l);
    return { ...layer, decibels: noise === 0 ? Number.POSITIVE_INFINITY : decibels(signal / noise), worst };
  });
};
