import type { Executable } from '../../backends/index.ts';
import type { Tensor } from '../../ir/index.ts';
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

/**
 * Runs a classifier over labelled samples. Input and output have a batch of one.
 * @param prepare - turns a float32 sample into the program's input
 */
export const measureAccuracy = (
  executable: Executable,
  samples: readonly Tensor[],
  labels: readonly number[],
  options: { readonly prepare?: (sample: Tensor) => Tensor; readonly progress?: Progress; readonly phase?: string } = {},
): Accuracy => {
  const { prepare = (sample) => sample, progress, phase = 'accuracy' } = options;
  let top1 = 0;
  let top5 = 0;
  const predictions: number[] = [];
  samples.forEach((sample, i) => {
    const { data } = at(executable.run([prepare(sample)]), 0);
    const rank = rankOf(data, at(labels, i));
    if (rank === 0) top1++;
    if (rank < 5) top5++;
    predictions.push(argmax(data));
    progress?.step(phase, i + 1, samples.length);
  });
  const share = (n: number): number => (samples.length === 0 ? 0 : n / samples.length);
  return { samples: samples.length, top1: share(top1), top5: share(top5), predictions };
};
