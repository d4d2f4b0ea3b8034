import type { Program, Tensor } from '../../ir/index.ts';
import {
  type CalibrationSample,
  type Compile,
  firstSamples,
  isClassifier,
  mapSamples,
  quantizeInputs,
  type QuantizedModel,
} from '../../passes/index.ts';
import { at, type Progress, sha256Hex } from '../../support/index.ts';
import type { Accuracy } from './accuracy.ts';
import type { Calibration } from './calibration.ts';
import { floatAccuracy, type Labelled, quantizedAccuracy } from './evaluation.ts';
import { argmax } from './execute.ts';

/** How the loss of accuracy of a quantized model is measured. */
export interface DropMeter {
  readonly kind: 'top-1' | 'disagreement' | 'output error';
  /** In words, for those who read the result. */
  readonly what: string;
  readonly samples: number;
  /** Of the samples and labels. */
  readonly digest: string;
  /** The float model's, where labels are at hand. */
  readonly float: Accuracy | undefined;
  readonly drop: (model: QuantizedModel) => number;
}

/** Top-1 of the float model less that of the quantized one, on labelled samples. */
export const labelledMeter = (float: Program, labelled: Labelled, compile: Compile, progress: Progress): DropMeter => {
  const accuracy = floatAccuracy(float, labelled, compile, progress);
  const { samples, labels } = labelled;
  return {
    kind: 'top-1',
    what: `top-1 lost on ${samples.count} labelled samples`,
    samples: samples.count,
    digest: sha256Hex(samples.digest(), labels.join(',')),
    float: accuracy,
    drop: (model) => accuracy.top1 - quantizedAccuracy(model, labelled, compile).top1,
  };
};

/** Copies of results: executables use their memory again. */
const copies = (results: readonly Tensor[]): readonly Float64Array[] => results.map((t) => Float64Array.from(t.data));

/** Share of calibration samples of which the quantized model says another class than the float model. */
const disagreementMeter = (float: Program, { samples, digest }: Calibration, compile: Compile): DropMeter => {
  const run = compile(float);
  const wanted = mapSamples(samples, (sample) => argmax(at(run(sample), 0).data));
  return {
    kind: 'disagreement',
    what: `${samples.count} calibration samples: share whose first choice is another than the float model's`,
    samples: samples.count,
    digest: digest(),
    float: undefined,
    drop: (model) => {
      const quantized = compile(model.program);
      const said = mapSamples(samples, (sample) => argmax(at(quantized(quantizeInputs(model, sample)), 0).data));
      return said.filter((choice, i) => choice !== wanted[i]).length / Math.max(1, samples.count);
    },
  };
};

/** Samples on which outputs of any kind are compared: every element counts, so that few tell. */
const MOST_COMPARED = 64;

const powerOf = (samples: readonly CalibrationSample[], run: (sample: CalibrationSample) => readonly Float64Array[]): number => {
  let power = 0;
  for (const sample of samples) for (const values of run(sample)) for (const v of values) power += v * v;
  return power;
};

/** Root of the power of the outputs' error over that of the float outputs. */
const outputMeter = (float: Program, calibration: Calibration, compile: Compile): DropMeter => {
  const samples = firstSamples(calibration.samples, MOST_COMPARED);
  const run = compile(float);
  const signal = powerOf(samples, (sample) => copies(run(sample)));
  return {
    kind: 'output error',
    what: `relative error of the outputs on ${samples.length} calibration samples`,
    samples: samples.length,
    digest: calibration.digest(),
    float: undefined,
    drop: (model) => {
      const quantized = compile(model.program);
      const noise = powerOf(samples, (sample) => {
        const wanted = copies(run(sample));
        const got = quantized(quantizeInputs(model, sample));
        return wanted.map((values, o) => {
          const { scale, zero } = at(model.outputs, o);
          const { data } = at(got, o);
          return values.map((v, i) => (at(data, i) - zero) * scale - v);
        });
      });
      return noise === 0 ? 0 : Math.sqrt(noise / Math.max(signal, Number.MIN_VALUE));
    },
  };
};

/** Without labels: whether the model still says what the float model says. */
export const unlabelledMeter = (float: Program, calibration: Calibration, compile: Compile): DropMeter =>
  isClassifier(float) ? disagreementMeter(float, calibration, compile) : outputMeter(float, calibration, compile);
