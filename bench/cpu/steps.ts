import { attempt, type Bench } from '../rows.ts';

/** A part of a long run. */
export interface Step {
  readonly name: string;
  /** What it takes on two cores of 2020, roughly: only the proportions matter, for the time that is left. */
  readonly seconds: number;
  readonly run: (bench: Bench) => Promise<void>;
}

const MINUTE = 60;

/** `4 min 05 s`, `12 s` */
export const durationText = (seconds: number): string => {
  const whole = Math.round(seconds);
  return whole < MINUTE ? `${whole} s` : `${Math.floor(whole / MINUTE)} min ${String(whole % MINUTE).padStart(2, '0')} s`;
};

/** Steps that took less found all they make in the cache, and say nothing about the pace. */
const LEAST_SECONDS = 0.2;
/** The estimates count as so many seconds of experience: a few quick steps do not turn the forecast. */
const PRIOR_SECONDS = 60;

/**
 * Runs steps one after another. What they say has the place and the time that is left before it: the estimates of the steps to come,
 * by the pace of those that are done. A step that fails is a row, and the rest goes on. Gives the seconds that all took.
 */
export const runSteps = async (bench: Bench, title: string, steps: readonly Step[]): Promise<number> => {
  const now = (): number => performance.now() / 1000;
  const started = now();
  let [estimated, taken] = [0, 0];
  for (const [i, step] of steps.entries()) {
    const begun = now();
    const later = steps.slice(i + 1).reduce((sum, s) => sum + s.seconds, 0);
    const left = (): number => {
      const pace = (taken + PRIOR_SECONDS) / (estimated + PRIOR_SECONDS);
      return pace * later + Math.max(0, pace * step.seconds - (now() - begun));
    };
    const place = `${title} ${i + 1} of ${steps.length}`;
    const told: Bench = { ...bench, say: (text) => bench.say(`${place}, about ${durationText(left())} left: ${text}`) };
    await attempt(told, step.name, () => step.run(told));
    const seconds = now() - begun;
    if (seconds < LEAST_SECONDS) continue;
    estimated += step.seconds;
    taken += seconds;
  }
  return now() - started;
};
