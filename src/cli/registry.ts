import type { Command } from './command.ts';
import { bench } from './commands/bench.ts';
import { bind } from './commands/bind.ts';
import { compile } from './commands/compile.ts';
import { completion } from './commands/completion.ts';
import { conformance } from './commands/conformance.ts';
import { devices } from './commands/devices.ts';
import { dis } from './commands/dis.ts';
import { doctor } from './commands/doctor.ts';
import { emit } from './commands/emit.ts';
import { estimate } from './commands/estimate.ts';
import { explain } from './commands/explain.ts';
import { fmt } from './commands/fmt.ts';
import { fuzz } from './commands/fuzz.ts';
import { index } from './commands/index-models.ts';
import { inspect } from './commands/inspect.ts';
import { iso } from './commands/iso.ts';
import { models } from './commands/models.ts';
import { node } from './commands/node.ts';
import { opt } from './commands/opt.ts';
import { publish } from './commands/publish.ts';
import { rebuild } from './commands/rebuild.ts';
import { run } from './commands/run.ts';
import { selftest } from './commands/selftest.ts';
import { similarity } from './commands/similarity.ts';
import { trace } from './commands/trace.ts';

/** Every command, in the order of the help. A command loads what it works with when it runs, so that `--help` stays fast. */
export const COMMANDS: readonly Command[] = [
  doctor,
  compile,
  run,
  bench,
  emit,
  inspect,
  estimate,
  iso,
  similarity,
  index,
  rebuild,
  dis,
  fmt,
  opt,
  node,
  publish,
  models,
  trace,
  bind,
  conformance,
  fuzz,
  selftest,
  devices,
  explain,
  completion,
];
