import type { Command } from './command.ts';
import { completion } from './commands/completion.ts';
import { dis } from './commands/dis.ts';
import { explain } from './commands/explain.ts';
import { inspect } from './commands/inspect.ts';
import { run } from './commands/run.ts';

/** Every command, in the order of the help. A command loads what it works with when it runs, so that `--help` stays fast. */
export const COMMANDS: readonly Command[] = [run, inspect, dis, explain, completion];
