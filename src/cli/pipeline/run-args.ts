import { type Diagnostic } from '../../support/index.ts';
import { optionsConflict, optionValue } from '../diagnostics.ts';
import type { ModelArgs } from './load.ts';
import type { PreparationArgs } from './preparation.ts';

const MOST_BATCH = 4096;
/** A day. */
const MOST_SECONDS = 86_400;

export interface RunArgs extends ModelArgs, PreparationArgs {
  readonly model: string;
  readonly inputs?: readonly string[] | undefined;
  readonly input?: readonly string[] | undefined;
  readonly 'random-input'?: number | undefined;
  readonly backend: string;
  /** False: none. */
  readonly fallback: string | false;
  readonly isolate: boolean;
  readonly 'time-limit'?: number | undefined;
  readonly isa?: string | undefined;
  readonly threads?: number | undefined;
  readonly batch: number;
  readonly profile: boolean;
  readonly 'profile-output'?: string | undefined;
  readonly top: number;
  readonly labels?: string | undefined;
  readonly output?: string | undefined;
  readonly 'out-dir'?: string | undefined;
  readonly raw: boolean;
  readonly verify: boolean;
  readonly 'self-test': boolean;
}

/** What is wrong with the options by themselves; all problems. */
export const runArgsProblems = (args: RunArgs): readonly Diagnostic[] => {
  const problems: Diagnostic[] = [];
  const seed = args['random-input'];
  if (!Number.isInteger(args.top) || args.top < 0 || args.top > 1e6)
    problems.push(optionValue('top', `is ${args.top} but takes a whole number from 0`));
  if (seed !== undefined && (!Number.isSafeInteger(seed) || seed < 0))
    problems.push(optionValue('random-input', `is ${seed} but takes a whole number from 0`));
  if (seed !== undefined && (args.inputs?.length ?? 0) + (args.input?.length ?? 0) > 0) {
    problems.push(optionsConflict('--random-input and input files are both given', 'Leave one of them out.'));
  }
  if (args.output !== undefined && args['out-dir'] !== undefined) {
    problems.push(optionsConflict('--output and --out-dir are both given', 'Leave one of them out.'));
  }
  if (!Number.isInteger(args.batch) || args.batch < 1 || args.batch > MOST_BATCH)
    problems.push(optionValue('batch', `is ${args.batch} but takes a whole number from 1 to ${MOST_BATCH}`));
  const limit = args['time-limit'];
  if (limit !== undefined && !(limit > 0 && limit <= MOST_SECONDS))
    problems.push(optionValue('time-limit', `is ${limit} but takes seconds, more than 0 and at most ${MOST_SECONDS}`));
  const picture = args['profile-output'];
  if (picture !== undefined && !/[.](svg|html)$/i.test(picture))
    problems.push(optionValue('profile-output', `is ${picture} but takes a name that ends in .svg or .html`));
  return problems;
};
