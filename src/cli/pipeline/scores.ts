import type { Tensor } from '../../ir/index.ts';
import { type Affine, decibels, dequantizeTensor, quantizeTensor, type Run, type SampleSource } from '../../passes/index.ts';
import { at } from '../../support/index.ts';
import { type Guess, guessOf } from './accuracy.ts';

/** How good the answers of a model are. `top1` compares with class numbers, the others with expected outputs. */
export const EVAL_METRICS = ['top1', 'mse', 'psnr', 'cosine'] as const;
export type EvalMetric = (typeof EVAL_METRICS)[number];
export type OutputMetric = Exclude<EvalMetric, 'top1'>;

/** Samples that are scored as one piece; float sums are added in order of the pieces. */
export const SCORE_CHUNK = 16;

/** What answers are compared with. Plain data. */
export type ScoreRequest =
  | { readonly kind: 'classes'; readonly labels: readonly number[] }
  | { readonly kind: 'outputs'; readonly expected: Float32Array; readonly each: number };

/** Sums over a chunk, for mean squared error and cosine. */
export interface OutputSums {
  /** Sum of (got - expected)^2. */
  readonly error: number;
  /** Sum over samples of the cosine between got and expected. */
  readonly cosine: number;
  readonly samples: number;
}

/** What a chunk of samples gave: one guess a sample, or sums. */
export interface Scores {
  readonly guesses: readonly Guess[];
  readonly sums: OutputSums | undefined;
}

const cosineOf = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [at(a, i), at(b, i)];
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  // two zero vectors point the same way
  return aa === 0 || bb === 0 ? (aa === bb ? 1 : 0) : dot / Math.sqrt(aa * bb);
};

const squaredError = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (at(a, i) - at(b, i)) * (at(a, i) - at(b, i));
  return sum;
};

/** Codes of the input and the first output of a quantized program; undefined where they are real. */
export interface PortCodes {
  readonly input: Affine | undefined;
  readonly output: Pick<Affine, 'scale' | 'zero'> | undefined;
}

export interface ScoredModel extends PortCodes {
  readonly run: Run;
}

/** The first output as real numbers. */
const answerOf = ({ run, input, output }: ScoredModel, sample: Tensor): ArrayLike<number> => {
  const x = input === undefined ? sample : quantizeTensor(sample, input);
  const answer = at(run([x]), 0);
  return output === undefined || answer.dtype === 'f32' ? answer.data : dequantizeTensor(answer, output).data;
};

/** Runs the samples of a chunk. */
export const scoreChunk = (
  model: ScoredModel,
  samples: SampleSource,
  request: ScoreRequest,
  chunk: number,
  finished: () => void,
): Scores => {
  const last = Math.min(samples.count, (chunk + 1) * SCORE_CHUNK);
  const guesses: Guess[] = [];
  let [error, cosine, count] = [0, 0, 0];
  for (let s = chunk * SCORE_CHUNK; s < last; s++) {
    const got = answerOf(model, at(samples.read(s), 0));
    if (request.kind === 'classes') guesses.push(guessOf(got, at(request.labels, s)));
    else {
      const expected = request.expected.subarray(s * request.each, (s + 1) * request.each);
      error += squaredError(expected, got);
      cosine += cosineOf(expected, got);
      count++;
    }
    finished();
  }
  return { guesses, sums: request.kind === 'classes' ? undefined : { error, cosine, samples: count } };
};

/** PSNR of outputs that equal what is expected. */
const EXACT_DECIBELS = 200;

/**
 * The metric over all samples, from the sums of chunks in order. MSE = sum (y - e)^2 / elements; PSNR = 10 log10(p^2 / MSE) with p
 * the range (greatest less least) of the expected outputs, 200 dB when MSE = 0; cosine: mean over samples.
 */
export const qualityOf = (
  metric: OutputMetric,
  { expected }: Extract<ScoreRequest, { kind: 'outputs' }>,
  scores: readonly Scores[],
): number => {
  let [error, cosine, samples] = [0, 0, 0];
  for (const { sums } of scores) {
    error += sums?.error ?? 0;
    cosine += sums?.cosine ?? 0;
    samples += sums?.samples ?? 0;
  }
  if (metric === 'cosine') return cosine / Math.max(1, samples);
  const mse = error / Math.max(1, expected.length);
  if (metric === 'mse') return mse;
  let [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of expected) {
    least = Math.min(least, v);
    greatest = Math.max(greatest, v);
  }
  const peak = greatest > least ? greatest - least : 1;
  return mse === 0 ? EXACT_DECIBELS : decibels((peak * peak) / mse);
};
