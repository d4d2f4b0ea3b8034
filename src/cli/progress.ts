import type { Progress } from '../support/index.ts';
import type { Io } from './io.ts';
import { formatDuration } from './text.ts';

const BAR_INTERVAL_MS = 100;
const LINE_INTERVAL_MS = 3000;
const BAR_WIDTH = 24;
const NARROWEST = 40;

/** Progress that can be told to leave the terminal clean. */
export interface CliProgress extends Progress {
  /** Removes the bar, so that other text can be written. */
  clear(): void;
}

interface Pace {
  readonly rate: number;
  readonly etaMs: number;
}

/** Rate in steps a second and time left, from the steps since the phase began. */
const paceOf = (done: number, total: number, elapsedMs: number): Pace | undefined =>
  done > 0 && elapsedMs > 0 ? { rate: (done * 1000) / elapsedMs, etaMs: (elapsedMs * (total - done)) / done } : undefined;

const formatRate = (rate: number): string => (rate >= 100 ? rate.toFixed(0) : rate >= 1 ? rate.toFixed(1) : rate.toFixed(2));

const describe = (phase: string, done: number, total: number, pace: Pace | undefined): string => {
  const share = total > 0 ? Math.floor((100 * done) / total) : 100;
  const tail = pace === undefined || done >= total ? '' : `, ${formatRate(pace.rate)}/s, ${formatDuration(pace.etaMs)} left`;
  return `${phase} ${done}/${total} (${share} %)${tail}`;
};

const bar = (done: number, total: number): string => {
  const filled = total > 0 ? Math.min(BAR_WIDTH, Math.floor((BAR_WIDTH * done) / total)) : BAR_WIDTH;
  return `[${'='.repeat(filled)}${' '.repeat(BAR_WIDTH - filled)}]`;
};

/**
 * A bar with rate and time left on a terminal, redrawn at most ten times a second; elsewhere a plain line at most every
 * three seconds, so that logs stay short and short work says nothing.
 */
export const createProgress = ({ stderr, now }: Pick<Io, 'stderr' | 'now'>): CliProgress => {
  const terminal = stderr.isTTY === true;
  const started = now();
  let phaseNow = '';
  let phaseStarted = started;
  let lastShown = terminal ? Number.NEGATIVE_INFINITY : started;
  let drawn = false;
  const clear = (): void => {
    if (drawn) stderr.write('\r\u001b[2K');
    drawn = false;
  };
  return {
    clear,
    step(phase, done, total, what) {
      const time = now();
      if (phase !== phaseNow) {
        phaseNow = phase;
        phaseStarted = time;
      }
      // A line that says that nothing is done yet tells nothing.
      if (time - lastShown < (terminal ? BAR_INTERVAL_MS : LINE_INTERVAL_MS) || (!terminal && done === 0)) return;
      lastShown = time;
      const text = describe(phase, done, total, paceOf(done, total, time - phaseStarted));
      if (!terminal) {
        stderr.write(`${text}\n`);
        return;
      }
      const line = `${bar(done, total)} ${text}${what === undefined ? '' : ` ${what}`}`;
      stderr.write(`\r\u001b[2K${line.slice(0, Math.max(NARROWEST, stderr.columns ?? 80) - 1)}`);
      drawn = true;
    },
  };
};
