import { at, type Progress } from '../../support/index.ts';
import { medianOf } from '../report/latency.ts';
import { type Times, timesOf } from './bench-statistics.ts';

/** Something to time. */
export interface Contender {
  readonly name: string;
  readonly run: () => void;
  /** Samples that a run takes; rows are compared by the time of one. */
  readonly samples: number;
}

export interface MeasureOptions {
  /** Runs of each before its clock counts. */
  readonly warmUp: number;
  /** Counted runs of each; by `seconds` when absent. */
  readonly runs?: number | undefined;
  /** Counted time of each. */
  readonly seconds: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly progress: Progress;
}

export interface Measured {
  readonly times: Times;
  /** How many times as fast as the first one, by the time of a sample: the median over the rounds. */
  readonly ratio: number;
}

/** Runs of one contender in a row, in milliseconds: long enough for the clock, short enough to meet the same machine as the others. */
const SLICE_MS = 25;
/** Engines compile hot code anew in the background: let them. */
const WARM_MS = 300;
const LEAST_ROUNDS = 5;
const MOST_ROUNDS = 1000;

const timeOnce = (run: () => void, now: () => number): number => {
  const started = now();
  run();
  return now() - started;
};

/** The time of a run when it is warm. */
const warm = ({ run }: Contender, { warmUp, now }: MeasureOptions): number => {
  const began = now();
  let least = timeOnce(run, now);
  for (let i = 1; i < warmUp || (warmUp > 0 && now() - began < WARM_MS); i++) least = Math.min(least, timeOnce(run, now));
  return least;
};

const roundsFor = (sliceMs: readonly number[], perSlice: readonly number[], { runs, seconds }: MeasureOptions): number => {
  if (runs !== undefined) return Math.max(...perSlice.map((n) => Math.ceil(runs / n)));
  const budget = seconds * 1000 * sliceMs.length;
  const round = sliceMs.reduce((sum, ms) => sum + ms, 0);
  return Math.min(MOST_ROUNDS, Math.max(LEAST_ROUNDS, Math.round(budget / Math.max(round, 1e-3))));
};

/**
 * Times contenders side by side: in every round each one runs for a short while, beginning with another one each time, so that
 * whatever else the machine does meets all of them alike.
 */
export const measureTogether = (contenders: readonly Contender[], options: MeasureOptions): readonly Measured[] => {
  const { now, progress, runs } = options;
  const single = contenders.map((c, i) => {
    progress.step('warming up', i, contenders.length, c.name);
    return warm(c, options);
  });
  const perSlice = single.map((ms) => Math.min(runs ?? Number.POSITIVE_INFINITY, Math.max(1, Math.round(SLICE_MS / Math.max(ms, 1e-3)))));
  const rounds = roundsFor(
    single.map((ms, i) => ms * at(perSlice, i)),
    perSlice,
    options,
  );
  const times = contenders.map((): number[] => []);
  const ratios = contenders.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    const perSample = contenders.map(() => 0);
    for (let k = 0; k < contenders.length; k++) {
      const i = (k + round) % contenders.length;
      const contender = at(contenders, i);
      progress.step('measuring', round * contenders.length + k, rounds * contenders.length, contender.name);
      const slice = Array.from({ length: at(perSlice, i) }, () => timeOnce(contender.run, now));
      at(times, i).push(...slice);
      perSample[i] = medianOf(slice) / contender.samples;
    }
    perSample.forEach((ms, i) => at(ratios, i).push(at(perSample, 0) / ms));
  }
  return contenders.map((_, i) => ({ times: timesOf(at(times, i)), ratio: medianOf(at(ratios, i)) }));
};
