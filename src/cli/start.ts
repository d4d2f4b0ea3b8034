import { type Io, processIo } from './io.ts';

/** Runs a command line in this process: words, streams and exit code are the process's own. */
export const start = async (run: (words: readonly string[], io: Io) => Promise<number>): Promise<void> => {
  // SIGINT keeps its default action: the work is synchronous, so a handler would only run after it, and Ctrl-C must stop
  // at once. Nothing half-written stays behind because outputs are renamed into place when they are complete.
  process.exitCode = await run(process.argv.slice(2), processIo());
};
