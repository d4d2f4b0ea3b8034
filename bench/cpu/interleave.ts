import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../rows.ts';

/** Something that runs on request, here or in another process. */
export interface Contender {
  readonly name: string;
  /** Milliseconds of each of so many runs. */
  readonly times: (runs: number) => Promise<readonly number[]>;
}

/** How many times as fast one contender is as another: over the rounds in which both ran. */
export interface Ratio {
  readonly median: number;
  /** The middle half of the rounds lies between these. */
  readonly quartiles: readonly [number, number];
  readonly rounds: number;
}

/** One contender after another, round after round. */
export interface Rounds {
  /** Median milliseconds of a run. */
  readonly ms: (contender: Contender) => number;
  /** Time of b / time of a, each pair measured within moments. */
  readonly ratio: (a: Contender, b: Contender) => Ratio;
  /** Why a contender dropped out; undefined when it ran to the end. */
  readonly failure: (contender: Contender) => string | undefined;
}

export interface RoundOptions {
  /** Time that each contender has, at least three rounds. */
  readonly seconds: number;
  /** Of the contenders. */
  readonly threads?: number;
}

/** Runs of one contender in a row: long enough for the clock, short enough that the next one meets the same machine. */
const SLICE_MS = 50;
/** Before a contender's turn. Worker threads of onnxruntime go on spinning for 20 to 40 ms after a run: with more threads than one the next waits. */
const SETTLE_MS = { alone: 10, threads: 60 } as const;
const LEAST_ROUNDS = 3;
const MOST_ROUNDS = 40;
const WARM_UP_MS = 400;
/** A contender whose runs take longer sits rounds out, so that the others have more of them. */
const LONG_MS = 150;

interface Seat {
  readonly contender: Contender;
  /** Runs in a round, and the milliseconds that they take. */
  readonly runs: number;
  readonly sliceMs: number;
  /** Takes part in every n-th round. */
  every: number;
  /** Milliseconds of a run in each round; undefined where it sat out. */
  readonly found: (number | undefined)[];
  failure: string | undefined;
}

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

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const seated = async (contender: Contender): Promise<Seat> => {
  try {
    const ms = await warmUp(contender);
    const runs = Math.max(1, Math.round(SLICE_MS / ms));
    return { contender, runs, sliceMs: runs * ms, every: Math.max(1, Math.floor((runs * ms) / LONG_MS)), found: [], failure: undefined };
  } catch (error) {
    return { contender, runs: 0, sliceMs: 0, every: 1, found: [], failure: reasonOf(error) };
  }
};

/** The number of rounds that fit the time; those who sit out do so seldom enough to have the least number of them. */
const planRounds = (seats: readonly Seat[], seconds: number, settleMs: number): number => {
  const roundMs = seats.reduce((sum, s) => sum + s.sliceMs / s.every + settleMs, 0);
  const rounds = Math.min(MOST_ROUNDS, Math.max(LEAST_ROUNDS, Math.round((seconds * 1000 * seats.length) / Math.max(1, roundMs))));
  for (const seat of seats) seat.every = Math.max(1, Math.min(seat.every, Math.floor(rounds / LEAST_ROUNDS)));
  return rounds;
};

const takePart = async (seat: Seat, round: number, settleMs: number): Promise<void> => {
  if (seat.failure !== undefined || round % seat.every !== 0) return;
  await sleep(settleMs);
  try {
    seat.found[round] = median(await seat.contender.times(seat.runs));
  } catch (error) {
    seat.failure = reasonOf(error);
  }
};

const quantile = (sorted: readonly number[], share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;

const ratioOf = (a: Seat | undefined, b: Seat | undefined): Ratio => {
  const ratios = (a?.found ?? []).flatMap((ms, round) => {
    const other = b?.found[round];
    return ms === undefined || other === undefined ? [] : [other / ms];
  });
  const sorted = ratios.sort((x, y) => x - y);
  return { median: median(sorted), quartiles: [quantile(sorted, 1 / 4), quantile(sorted, 3 / 4)], rounds: sorted.length };
};

/**
 * Times contenders side by side: in each round every one runs for a moment, in turn, beginning with another one each time. What else the machine
 * does then weighs on neighbours alike, and their ratio within a round stands. One that fails drops out; the others go on.
 */
export const interleave = async (contenders: readonly Contender[], { seconds, threads = 1 }: RoundOptions): Promise<Rounds> => {
  const settleMs = threads === 1 ? SETTLE_MS.alone : SETTLE_MS.threads;
  const seats: Seat[] = [];
  for (const contender of contenders) seats.push(await seated(contender));
  const rounds = planRounds(
    seats.filter((s) => s.failure === undefined),
    seconds,
    settleMs,
  );
  for (let round = 0; round < rounds; round++)
    for (let k = 0; k < seats.length; k++) {
      const seat = seats[(k + round) % seats.length];
      if (seat !== undefined) await takePart(seat, round, settleMs);
    }
  const of = (contender: Contender): Seat | undefined => seats.find((s) => s.contender === contender);
  return {
    ms: (c) => median((of(c)?.found ?? []).filter((ms) => ms !== undefined)),
    ratio: (a, b) => ratioOf(of(a), of(b)),
    failure: (c) => of(c)?.failure,
  };
};
