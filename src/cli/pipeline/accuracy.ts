import type { Executable } from '../../backends/index.ts';
import type { Tensor } from '../../ir/index.ts';
import type { SampleSource } from '../../passes/index.ts';
import { at, type Progress } from '../../support/index.ts';
import { argmax } from './execute.ts';

/** Share of samples whose class is the first, or among the first five, of the model's first output. */
export interface Accuracy {
  readonly samples: number;
  readonly top1: number;
  readonly top5: number;
  /** Predicted class of each sample. */
  readonly predictions: readonly number[];
}

/** What a classifier says of one sample: its first choice, and how many elements beat the labelled one. */
export interface Guess {
  readonly choice: number;
  readonly rank: number;
}

/** How many elements beat the labelled one; equal ones with a lower index count. */
const rankOf = (data: ArrayLike<number>, label: number): number => {
  const score = data[label] ?? Number.NEGATIVE_INFINITY;
  let rank = 0;
  for (let i = 0; i < data.length; i++) {
    const v = data[i] ?? 0;
    if (v > score || (v === score && i < label)) rank++;
  }
  return rank;
};

export const guessOf = (data: ArrayLike<number>, label: number): Guess => ({ choice: argmax(data), rank: rankOf(data, label) });

export const accuracyOf = (guesses: readonly Guess[]): Accuracy => {
  const share = (within: number): number => guesses.filter((g) => g.rank < within).length / Math.max(1, guesses.length);
  return { samples: guesses.length, top1: share(1), top5: share(5), predictions: guesses.map((g) => g.choice) };
};

/** Tensors of a model with one input, in memory or read on demand. */
export const tensorSource = (
  samples: SampleSource | readonly Tensor[],
): { readonly count: number; readonly read: (i: number) => Tensor } =>
  'count' in samples
    ? { count: samples.count, read: (i) => at(samples.read(i), 0) }
    : { count: samples.length, read: (i) => at(samples, i) };

/**
 * Runs a classifier over labelled samples. Input and output have a batch of one.
 * @param prepare - turns a float32 sample into the program's input
 */
export const measureAccuracy = (
  executable: Executable,
  samples: SampleSource | readonly Tensor[],
  labels: readonly number[],
  options: { readonly prepare?: (sample: Tensor) => Tensor; readonly progress?: Progress; readonly phase?: string } = {},
): Accuracy => {
  const { prepare = (sample) => sample, progress, phase = 'accuracy' } = options;
  const { count, read } = tensorSource(samples);
  const guesses = Array.from({ length: count }, (_, i) => {
    const guess = guessOf(at(executable.run([prepare(read(i))]), 0).data, at(labels, i));
    progress?.step(phase, i + 1, count);
    return guess;
  });
  return accuracyOf(guesses);
};
