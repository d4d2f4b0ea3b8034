/** Words that threads share lie this many bytes apart: two cache lines of 64 bytes, since processors fetch them in pairs. */
const APART = 128;

/**
 * Where the words of a program with threads lie, in bytes from the start of its control page; all are i32. `work` is generation * 256 +
 * threads: it changes whenever there is a step to do together, and 0 threads end the work. A step is done when `done` is threads - 1.
 */
export const CONTROL = {
  work: 0,
  /** The step that is done together. */
  step: 4,
  /** Threads, beyond the caller's, that have come; each takes its number from here. */
  joined: APART,
  done: 2 * APART,
  /** Threads that sleep until there is work. */
  idle: 3 * APART,
  /** 1 while the caller's thread sleeps until the step is done. */
  waiting: 3 * APART + 4,
  /** Not 0: a thread has met an error, or was not heard of for too long. Nothing in this memory may be used any more. */
  failed: 4 * APART,
  /** 1: all are sent away, also those that have not come yet. */
  closed: 4 * APART + 20,
  /** Threads that could not start. */
  absent: 4 * APART + 4,
  /** Rounds of looking before a thread goes to sleep. */
  spins: 4 * APART + 8,
  /** 1 when the caller's thread may sleep: in a page's main thread it has to keep looking. */
  maySleep: 4 * APART + 12,
  /** Sleeps of `SLEEP_MS` after which a thread that is waited for counts as lost. */
  patience: 4 * APART + 16,
} as const;

export type ControlWord = keyof typeof CONTROL;

/** The control block has a page of its own. */
export const CONTROL_PAGES = 1;
/** Bits of `work` that hold the number of threads. */
export const THREAD_BITS = 8;
export const MOST_THREADS = 2 ** THREAD_BITS - 1;
/** How long the caller's thread sleeps at most before it asks whether the others still live. */
export const SLEEP_MS = 100;
/** Rounds of looking that take the place of such a sleep where sleeping is forbidden. */
export const SLEEP_ROUNDS = 2 ** 26;
