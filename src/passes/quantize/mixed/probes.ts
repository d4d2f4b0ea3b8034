import { exp64, log64, type Program, programCost, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { withOutputs } from '../../observe.ts';
import type { CalibrationSample, Compile } from '../calibrate.ts';
import { firstSamples, type Samples } from '../sample-source.ts';
import type { QuantizedModel } from '../model.ts';
import { targetsOf } from '../search.ts';
import { decibels, quantizeInputs } from '../sqnr.ts';

/** Samples that a layer's sensitivity is measured on, at most. */
const MOST_PROBES = 32;
const FEWEST_PROBES = 4;
/** Operations of the float program that one measurement may take: large models have fewer probes. */
const OPERATIONS = 4e9;

/** What a model says on the probes: for each probe the real values of its targets, one after another. */
export type Answers = readonly Float64Array[];

/** How far answers are from others. */
export interface Distance {
  /** Power of the difference as a share of the power of the wanted answers. */
  readonly noise: number;
  /** Mean Kullback-Leibler divergence, in nats, of softmax of the answers from that of the wanted; of classifiers only. */
  readonly divergence: number | undefined;
}

/** 10 log10(1 / noise); 200 when there is none. */
export const decibelsOf = ({ noise }: Pick<Distance, 'noise'>): number => (noise <= 0 ? 200 : -decibels(noise));

/**
 * Whether the model says one class out of several: its only output is f32[1, n], n > 1, with axes of 1 behind or not, and no
 * sigmoid or tanh, which speak of each class by itself.
 */
export const isClassifier = (float: Program): boolean => {
  const [output] = float.outputs;
  if (output === undefined || float.outputs.length > 1) return false;
  const { dtype, shape } = at(float.types, output.value);
  const producer = float.nodes.find((n) => n.results.some((r) => r === output.value));
  const [batch, classes, ...more] = shape;
  const several = typeof classes === 'number' && classes > 1 && more.every((d) => d === 1);
  return dtype === 'f32' && batch === 1 && several && producer?.op !== 'sigmoid' && producer?.op !== 'tanh';
};

/** log softmax of x, in float64. */
const logSoftmax = (x: Float64Array): Float64Array => {
  let most = Number.NEGATIVE_INFINITY;
  for (const v of x) most = Math.max(most, v);
  let sum = 0;
  for (const v of x) sum += exp64(v - most);
  const total = most + log64(sum);
  return x.map((v) => v - total);
};

/** sum of p (log p - log q), p = softmax(wanted), q = softmax(got); never below 0. */
const divergenceOf = (wanted: Float64Array, got: Float64Array): number => {
  const [p, q] = [logSoftmax(wanted), logSoftmax(got)];
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += exp64(at(p, i)) * (at(p, i) - at(q, i));
  return Math.max(0, sum);
};

/** The float program's answers on a few calibration samples, and how quantized models compare with them. */
export class AnswerProbes {
  readonly float: Answers;
  readonly classifier: boolean;
  private readonly samples: readonly CalibrationSample[];
  private readonly compile: Compile;
  private readonly targets: readonly ValueId[];

  /** @param model - any quantized form of the float program: it tells which float values have integer ones */
  constructor(model: QuantizedModel, samples: Samples, compile: Compile) {
    const { float } = model;
    const affordable = Math.floor(OPERATIONS / Math.max(1, programCost(float)));
    this.samples = firstSamples(samples, Math.max(FEWEST_PROBES, Math.min(MOST_PROBES, affordable)));
    this.compile = compile;
    this.classifier = isClassifier(float);
    const wanted = targetsOf(float);
    const known = model.layers.map((l) => l.float);
    const targets = known.filter((v) => wanted.has(v));
    this.targets = [...new Set(targets.length > 0 ? targets : known)];
    const run = compile(withOutputs(float, this.targets));
    this.float = this.samples.map((sample) => {
      const results = run(sample);
      return Float64Array.from(results.flatMap((t) => Array.from(t.data)));
    });
  }

  get count(): number {
    return this.samples.length;
  }

  answers(model: QuantizedModel): Answers {
    const layers = this.targets.map((v) =>
      at(
        model.layers.filter((l) => l.float === v),
        0,
      ),
    );
    const run = this.compile(
      withOutputs(
        model.program,
        layers.map((l) => l.int),
      ),
    );
    return this.samples.map((sample) => {
      const results = run(quantizeInputs(model, sample));
      return Float64Array.from(layers.flatMap(({ scale, zero }, i) => Array.from(at(results, i).data, (q) => (q - zero) * scale)));
    });
  }

  distance(wanted: Answers, got: Answers): Distance {
    let signal = 0;
    let noise = 0;
    let divergence = 0;
    wanted.forEach((w, s) => {
      const g = at(got, s);
      for (let i = 0; i < w.length; i++) {
        const error = at(g, i) - at(w, i);
        signal += at(w, i) * at(w, i);
        noise += error * error;
      }
      if (this.classifier) divergence += divergenceOf(w, g);
    });
    return {
      noise: noise === 0 ? 0 : noise / Math.max(signal, Number.MIN_VALUE),
      divergence: this.classifier ? divergence / Math.max(1, wanted.length) : undefined,
    };
  }
}
