import type { Executable, Peak, StepTime } from '../../backends/index.ts';
import type { Tensor } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { Json } from '../json.ts';
import { medianOf } from '../report/latency.ts';
import { formatCount, formatTable, visible } from '../text.ts';

/** The time of each step of a run on one thread. */
export interface Profile {
  /** In the order of execution; milliseconds are medians over the runs. */
  readonly steps: readonly StepTime[];
  readonly runs: number;
  readonly totalMs: number;
  readonly peak: Peak | undefined;
}

/** Engines compile hot code anew on another thread, which wants a core, too: runs with rests between them, before the clock counts. */
const WARM_MS = 1000;
const REST_MS = 5;
const LEAST_RUNS = 3;
const MOST_RUNS = 50;
const BUDGET_MS = 1500;

/** Profiles a program that can be profiled. @param now - milliseconds */
export const profileRuns = (
  profile: NonNullable<Executable['profile']>,
  inputs: readonly Tensor[],
  peak: Peak | undefined,
  now: () => number,
): Profile => {
  const rest = new Int32Array(new SharedArrayBuffer(4));
  for (const warmed = now() + WARM_MS; now() < warmed; ) {
    profile(inputs);
    Atomics.wait(rest, 0, 0, REST_MS);
  }
  const began = now();
  const runs: (readonly StepTime[])[] = [];
  while (runs.length < LEAST_RUNS || (runs.length < MOST_RUNS && now() - began < BUDGET_MS)) runs.push(profile(inputs));
  const steps = at(runs, 0).map((step, i) => ({ ...step, milliseconds: medianOf(runs.map((r) => at(r, i).milliseconds)) }));
  return { steps, runs: runs.length, totalMs: steps.reduce((n, s) => n + s.milliseconds, 0), peak };
};

/** 10^9 multiply-accumulates a second of a step; undefined where there are none. */
export const gmacsOf = ({ macs, milliseconds }: Pick<StepTime, 'macs' | 'milliseconds'>): number | undefined =>
  macs === 0 || milliseconds === 0 ? undefined : macs / (milliseconds * 1e6);

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const stepRow = (step: Pick<StepTime, 'macs' | 'milliseconds'>, { totalMs, peak }: Profile): readonly string[] => {
  const gmacs = gmacsOf(step);
  return [
    step.milliseconds.toFixed(3),
    percent(totalMs === 0 ? 0 : step.milliseconds / totalMs),
    step.macs === 0 ? '' : formatCount(step.macs),
    gmacs === undefined ? '' : gmacs.toFixed(1),
    gmacs === undefined || peak === undefined ? '' : percent(gmacs / peak.gmacs),
  ];
};

/** Sums by op, the most time first. */
const byOp = (steps: readonly StepTime[]): readonly (Pick<StepTime, 'op' | 'macs' | 'milliseconds'> & { readonly count: number })[] => {
  const sums = new Map<StepTime['op'], { macs: number; milliseconds: number; count: number }>();
  for (const s of steps) {
    const sum = sums.get(s.op) ?? { macs: 0, milliseconds: 0, count: 0 };
    sums.set(s.op, { macs: sum.macs + s.macs, milliseconds: sum.milliseconds + s.milliseconds, count: sum.count + 1 });
  }
  return Array.from(sums, ([op, sum]) => ({ op, ...sum })).sort((a, b) => b.milliseconds - a.milliseconds);
};

/** Nodes without a name have the op in their place; it has a column of its own. */
const shownPlace = ({ place, op }: StepTime): string => visible(place.endsWith(` (${op})`) ? place.slice(0, -op.length - 3) : place);

/** A table of the steps in order, and one of the ops. */
export const profileText = (profile: Profile): string => {
  const figures = ['ms', 'share', 'MACs', 'GMAC/s', 'of peak'];
  const right = figures.map(() => 'right' as const);
  const steps = profile.steps.map((s) => [shownPlace(s), s.op, ...stepRow(s, profile)]);
  const ops = byOp(profile.steps).map((s) => [s.op, String(s.count), ...stepRow(s, profile)]);
  const { peak } = profile;
  const against = peak === undefined ? '' : `; the peak of a core is ${peak.gmacs.toFixed(1)} GMAC/s (${peak.instruction}, registers only)`;
  return [
    formatTable(['place', 'op', ...figures], steps, ['left', 'left', ...right]),
    formatTable(['op', 'steps', ...figures], ops, ['left', 'right', ...right]),
    `profile of ${profile.runs} runs on one thread, medians: ${profile.totalMs.toFixed(3)} ms in ${profile.steps.length} steps${against}\n`,
  ].join('\n');
};

export const profileJson = (profile: Profile): Json => ({
  runs: profile.runs,
  ms: profile.totalMs,
  ...(profile.peak === undefined ? {} : { peak: { ...profile.peak } }),
  steps: profile.steps.map((s) => {
    const gmacs = gmacsOf(s);
    return { place: s.place, op: s.op, ms: s.milliseconds, macs: s.macs, ...(gmacs === undefined ? {} : { gmacs }) };
  }),
});
