import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../rows.ts';

/** Something that runs on request, here or in another process. */
export interface Contender {
  readonly name: string;
  /** Milliseconds of each of so many runs. */
  readonly times: (runs: number) => Promise<readonly number[]>;
}

/** One contender after another, round after round. */
export interface Rounds {
  /** Median milliseconds of a run. */
  readonly ms: (contender: Contender) => number;
  /** How many times as fast `a` is as `b`: the median over the rounds of time of b / time of a, each pair measured within moments. */
  readonly ratio: (a: Contender, b: Contender) => number;
}

export interface RoundOptions {
  /** Time that each contender has, at least three rounds. */
  readonly seconds: number;
}

/** Runs of one contender in a row: long enough for the clock, short enough that the next one meets the same machine. */
const SLICE_MS = 50;
/** Threads of some runtimes spin for a while after a run. */
const SETTLE_MS = 10;
const LEAST_ROUNDS = 3;
const MOST_ROUNDS = 40;
const WARM_UP_MS = 400;

/** Warm when a while has passed: WebAssembly engines compile hot code anew. Gives the time of a run. */
const warmUp = async ({ times }: Contender): Promise<number> => {
  let last = median(await times(1));
  for (let spent = last; spent < WARM_UP_MS; ) {
    const runs = Math.max(1, Math.min(20, Math.floor(100 / last)));
    const slice = await times(runs);
    last = median(slice);
    spent += slice.reduce((sum, ms) => sum + ms, 0);
  }
  return last;
};

/**
 * Times contenders side by side: in each round every one runs for a moment, in turn, beginning with another one each time. What else the machine
 * does then weighs on neighbours alike, and their ratio within a round stands.
 */
export const interleave = async (contenders: readonly Contender[], { seconds }: RoundOptions): Promise<Rounds> => {
  const slices = new Map<Contender, number>();
  let roundMs = 0;
  for (const contender of contenders) {
    const ms = await warmUp(contender);
    const runs = Math.max(1, Math.round(SLICE_MS / ms));
    slices.set(contender, runs);
    roundMs += runs * ms + SETTLE_MS;
  }
  const rounds = Math.min(MOST_ROUNDS, Math.max(LEAST_ROUNDS, Math.round((seconds * 1000 * contenders.length) / roundMs)));
  const found = new Map<Contender, number[]>(contenders.map((c) => [c, []]));
  for (let round = 0; round < rounds; round++)
    for (let k = 0; k < contenders.length; k++) {
      const contender = contenders[(k + round) % contenders.length];
      if (contender === undefined) continue;
      await sleep(SETTLE_MS);
      found.get(contender)?.push(median(await contender.times(slices.get(contender) ?? 1)));
    }
  const of = (contender: Contender): readonly number[] => found.get(contender) ?? [];
  return { ms: (c) => median(of(c)), ratio: (a, b) => median(of(a).map((ms, i) => (of(b)[i] ?? Number.NaN) / ms)) };
};
