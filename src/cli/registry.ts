import type { Command } from './command.ts';
import { completion } from './commands/completion.ts';
import { explain } from './commands/explain.ts';

/** Every command. A command loads what it works with when it runs, so that `--help` stays fast. */
export const COMMANDS: readonly Command[] = [explain, completion];
