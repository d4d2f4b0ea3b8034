import { preparedWarnings } from '../backends/index.ts';
import { type Diagnostic, silentProgress } from '../support/index.ts';
import type { Before } from './app.ts';
import { run } from './commands/run.ts';
import { createContext } from './context.ts';
import type { Io } from './io.ts';
import { runPrepared } from './pipeline/prepared-run.ts';
import type { RunArgs } from './pipeline/run-args.ts';
import { quickArgs } from './quick-args.ts';
import { diagnosticPrinter } from './show-diagnostics.ts';
import { colorOf, printReport } from './show-report.ts';

/** What an early run gave: the exit code when it was all there was to do, and what the whole program should know else. */
export interface Early extends Before {
  readonly exit?: number;
  readonly told: readonly Diagnostic[];
}

/**
 * Runs `cortexc run` where an earlier process has prepared everything, by what is loaded in a few milliseconds. Nothing was done or told
 * when there is no exit code: then `runCli` does it all.
 * @param build - names the build that runs; the files of the code are looked at where there is none
 */
export const runEarly = (words: readonly string[], io: Io, build?: string): Early => {
  const args = words[0] === 'run' ? quickArgs(run, words.slice(1)) : undefined;
  if (args === undefined) return { told: [], build };
  const context = createContext(io, silentProgress, () => Promise.resolve(''), build);
  let report: ReturnType<typeof runPrepared>;
  try {
    // by the declared options, as in `command`
    report = runPrepared(args as unknown as RunArgs, context);
  } catch {
    // whatever it is, the whole program meets it again and tells it properly
  }
  const told = preparedWarnings();
  if (report === undefined) return { told, build };
  const style = { json: args['json'] === true, quiet: args['quiet'] === true, color: false };
  const shown = told.length + (report.warnings?.length ?? 0) > 0;
  const color = shown ? colorOf(undefined, io) : undefined;
  const show = diagnosticPrinter(io, color?.ok === true && color.value);
  return { exit: printReport(io, style, show, report, told), told: [] };
};
