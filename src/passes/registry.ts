import type { Program } from '../ir/index.ts';
import { closest, diagnostic, fail, ok, type Progress, type Result, silentProgress } from '../support/index.ts';
import { canonicalize } from './transform/canonicalize.ts';
import { cse } from './transform/cse.ts';
import { dce } from './transform/dce.ts';
import { expand } from './transform/expand.ts';
import { foldBatchNorm } from './transform/fold-batch-norm.ts';
import { foldPad } from './transform/fold-pad.ts';
import { fold } from './transform/fold.ts';
import { hoistClamp } from './transform/hoist-clamp.ts';

/** A transformation of a whole program. */
export interface Pass {
  readonly name: string;
  /** One line. */
  readonly help: string;
  /** Why results may change in the last bits; absent for a pass that keeps them bit for bit. */
  readonly inexact?: string;
  /** A new program, or the same object when nothing changes. */
  readonly run: (program: Program) => Program;
}

/** Every pass, by name order. A pass is one file and one row here. */
export const PASSES: readonly Pass[] = [
  { name: 'canonicalize', help: 'Remove no-ops and give equal computations one spelling.', run: canonicalize },
  { name: 'cse', help: 'Compute equal expressions once; merge equal parameters.', run: cse },
  { name: 'dce', help: 'Drop nodes and parameters that no output needs.', run: dce },
  { name: 'expand', help: 'Replace composite ops by their definitions.', run: expand },
  { name: 'fold', help: 'Evaluate nodes whose operands are constants.', run: fold },
  {
    name: 'fold-batch-norm',
    help: 'Fold batch_norm and per-channel arithmetic into the conv or dense before it.',
    inexact: 'weights are multiplied ahead of time in float64 and rounded once, where the model rounds after each step',
    run: foldBatchNorm,
  },
  { name: 'fold-pad', help: 'Fold a zero pad into the pads of the conv after it.', run: foldPad },
  { name: 'hoist-clamp', help: 'Move relu and clip before max_pool and movement ops, to the layer that can absorb them.', run: hoistClamp },
];

const byName = (name: string): Pass | undefined => PASSES.find((p) => p.name === name);

export interface RunPassesOptions {
  /** Sees the program after each pass (--print-after-all). */
  readonly afterEach?: (pass: Pass, program: Program) => void;
  readonly progress?: Progress;
}

/** Runs passes in the given order; unknown names are all reported and nothing runs. */
export const runPasses = (
  program: Program,
  names: readonly string[],
  { afterEach, progress = silentProgress }: RunPassesOptions = {},
): Result<Program> => {
  const unknown = names.filter((name) => byName(name) === undefined);
  if (unknown.length > 0) {
    const known = PASSES.map((p) => p.name);
    return fail(
      ...unknown.map((name) => {
        const guess = closest(name, known);
        const notes = [...(guess === undefined ? [] : [`Did you mean ${guess}?`]), `The passes are ${known.join(', ')}.`];
        return diagnostic('OPT0001', `there is no pass ${name}`, { notes });
      }),
    );
  }
  let current = program;
  names.forEach((name, i) => {
    const pass = byName(name);
    if (pass === undefined) return;
    progress.step('passes', i, names.length, name);
    current = pass.run(current);
    afterEach?.(pass, current);
  });
  progress.step('passes', names.length, names.length);
  return ok(current);
};
